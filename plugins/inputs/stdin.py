"""The input stdin."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any

from ..contract import Batch, Ecs, Input
from ..passthrough import Piece, RawBatch, RawStream
from ..streams import chunks, cut


class Stdin(Ecs, Input, name="stdin"):
    """Read events from standard input, line by line unless a codec says otherwise.

    Events get the name of this machine as `[host][hostname]` (`host` without ECS) unless they have
    a `host`. The pipeline ends when the input does.
    """

    default_codec = "line"
    streams = True

    completes = True

    def raw(self, stopping: Callable[[], bool], size: int) -> RawStream | None:
        codec = self.new_codec()
        boundary = codec.boundary()
        if boundary is None:
            return None
        origin, pieces = (
            self._origin(),
            cut(chunks(sys.stdin.fileno(), stopping, size), boundary, codec.longest),
        )
        batches = (
            None if data is None else RawBatch([Piece(data, origin)], bytes=len(data))
            for data in pieces
        )
        return RawStream(codec, batches)

    def _origin(self) -> dict[str, Any]:
        host = socket.gethostname()
        return {"host": {"hostname": host} if self.ecs else host}

    def batches(self, stopping: Callable[[], bool]) -> Iterator[Batch | None]:
        codec = self.new_codec(self._origin())
        for data in chunks(sys.stdin.fileno(), stopping):
            events = codec.complete(codec.idle() if data is None else codec.decode(data))
            yield Batch(events, bytes=len(data or b"")) if events or data else None
        held = codec.complete(codec.flush())
        if held:
            yield Batch(held)
