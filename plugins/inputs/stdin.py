"""The input stdin."""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from ...dsl.reference import Event
from ..batch import Batch, Chunk, Part
from ..codec import Codec
from ..contract import Ecs, EndOfInput, Input
from ..streams import Cutter, read_available, widen
from ..wake_pipe import WakePipe

_TERMINAL_IS_GONE = errno.EIO


class Stdin(Ecs, Input, name="stdin"):
    """Read events from standard input, line by line unless a codec says otherwise.

    Events get the name of this machine as `[host][hostname]` (`host` without ECS) unless they have
    a `host`. The pipeline ends when the input does; where standard input is closed, it has ended.
    """

    default_codec = "line"
    streams = True
    completes = True
    finite = True
    local = True
    reloads = False

    _descriptor: int | None = None
    _pipe: WakePipe | None = None

    @property
    def bounded(self) -> bool:
        return True

    @property
    def rests(self) -> bool:
        return self._cutter is not None  # else the codec may give by and by what it holds

    @cached_property
    def _whole(self) -> Codec:
        """The codec of the whole stream."""
        return self.new_codec(self._origin)

    @cached_property
    def _origin(self) -> Mapping[str, Any]:
        host = socket.gethostname()
        return {"host": {"hostname": host} if self.ecs else host}

    def decoder(self) -> Codec | None:
        codec = self._whole
        if codec.boundary() is None:
            return None
        codec.begun = True  # the cutter takes a byte order mark off
        return codec

    def open(self) -> None:
        boundary = self._whole.boundary()
        self._cutter = None if boundary is None else Cutter(boundary, self._whole.longest)
        self._pipe = WakePipe()
        # Where it is closed, its number may be that of another file by now.
        if sys.stdin is not None and not sys.stdin.closed:
            self._descriptor = sys.stdin.fileno()
            widen(self._descriptor)

    def read(self, timeout: float) -> Batch | None:
        if self._descriptor is None:
            raise EndOfInput
        assert self._pipe is not None
        if not self._pipe.wait(timeout, [self._descriptor]):
            return self._idle()
        data, ends = self._available()
        if ends:
            self._descriptor = None
            last = self._last(data)
            if last is None:
                raise EndOfInput
            return last
        if self._cutter is None:
            return self._batch(self._whole.decode(data), len(data))
        return self._cut(self._cutter.piece(data))

    def _available(self) -> tuple[bytes, bool]:
        assert self._descriptor is not None
        try:
            return read_available(self._descriptor, self.chunk_bytes)
        except BlockingIOError:  # another process reads from it too
            return b"", False
        except OSError as error:
            if error.errno != _TERMINAL_IS_GONE:
                self.context.log.error("standard input cannot be read: %s", error.strerror or error)
            return b"", True

    def _idle(self) -> Batch | None:
        return None if self._cutter is not None else self._batch(self._whole.idle(), 0)

    def _batch(self, events: list[Event], size: int) -> Batch | None:
        if not events and not size:
            return None
        events = self._whole.complete(events)
        return Batch(events, parts=[Part(self.name, events=len(events))], bytes=size)

    def _cut(self, piece: bytes) -> Batch | None:
        if not piece:
            return None
        chunks = [Chunk(piece, self._origin)]
        return Batch(chunks=chunks, parts=[Part(self.name)], bytes=len(piece))

    def _last(self, data: bytes) -> Batch | None:
        if self._cutter is None:
            events = self._whole.decode(data)
            return self._batch(events + self._whole.flush(), len(data))
        return self._cut(self._cutter.piece(data) + self._cutter.rest())

    def flush(self) -> Batch | None:
        return self._last(b"")

    def wake(self) -> None:
        pipe = self._pipe
        if pipe is not None:
            pipe.wake()

    def close(self) -> None:
        self._descriptor = self._pipe = None
