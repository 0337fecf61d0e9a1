"""Bytes to a descriptor, with the knowledge of how many were taken.

A disk that fills, or a pipe that does not block, may take a part of what it is given, which ends in
the middle of a line. What follows there must be the rest of that line, and nothing else: not the
whole batch once more, nor what another output has to say.
"""

from __future__ import annotations

import errno
import os
import select
import threading
from collections.abc import Hashable
from typing import Any
from weakref import WeakValueDictionary

from ..batch import Payload
from ..errors import Disconnected

_POLL_MS = 1000


class Rests:
    """By lane, what is still to be written of a payload that was taken in part: it is delivered
    again whole, and must not be written twice.
    """

    def __init__(self) -> None:
        self._left: dict[Hashable, tuple[Payload, Any]] = {}

    def get(self, payload: Payload) -> Any:
        """What is to be written of a payload."""
        whose, rest = self._left.get(payload.lane, (None, None))
        return rest if whose is payload else payload.data

    def keep(self, payload: Payload, rest: Any) -> None:
        """So much is still to be written."""
        self._left[payload.lane] = payload, rest

    def forget(self, payload: Payload) -> None:
        """All was written."""
        if self._left:
            self._left.pop(payload.lane, None)


class PartlyWritten(Disconnected):
    """A part of what was to be written was taken; ``rest`` is what is still to be."""

    def __init__(self, message: str, rest: Any) -> None:
        super().__init__(message)
        self.rest = rest


class Target:
    """What a descriptor leads to; all outputs of this process that write there share it.
    ``midway``: the output that has a line to end. ``cut_off``: it ends in a line that nobody will
    end.
    """

    __slots__ = ("__weakref__", "cut_off", "lock", "midway")

    def __init__(self, cut_off: bool) -> None:
        self.lock = threading.Lock()
        self.midway: object | None = None
        self.cut_off = cut_off

    def write(self, descriptor: int, data: Any, writer: object) -> None:
        """Write all of it; raises OSError where nothing was taken, PartlyWritten with the rest
        where a part was.
        """
        with self.lock:
            if self.midway is not None and self.midway is not writer:
                raise OSError(errno.EBUSY, "another output must first finish its line there")
            if self.cut_off and data[-1:] == b"\n":
                _taken(descriptor, b"\n")
            self.cut_off = False
            left = memoryview(data)
            try:
                while left:
                    left = left[_taken(descriptor, left) :]
            except BrokenPipeError:
                raise
            except OSError as error:
                if len(left) == len(data):
                    raise
                self.midway = writer
                raise PartlyWritten(error.strerror or str(error), left) from error
            self.midway = None

    def leave(self, writer: object) -> None:
        """A writer will not end the line that it began, if it did."""
        with self.lock:
            if self.midway is writer:
                self.midway, self.cut_off = None, True


def _taken(descriptor: int, data: memoryview | bytes) -> int:
    """How many bytes a write took; waits where the descriptor would block."""
    while True:
        try:
            return os.write(descriptor, data)
        except BlockingIOError:
            poll = select.poll()
            poll.register(descriptor, select.POLLOUT)
            poll.poll(_POLL_MS)


_targets: WeakValueDictionary[tuple[int, int], Target] = WeakValueDictionary()
_targets_lock = threading.Lock()


def target_of(descriptor: int, cut_off: bool = False) -> Target:
    """The target of an open descriptor; ``cut_off`` is believed where nobody in this process writes
    there yet.
    """
    found = os.fstat(descriptor)
    with _targets_lock:
        return _targets.setdefault((found.st_dev, found.st_ino), Target(cut_off))


def forget(descriptor: int) -> None:
    """A file that is open was deleted: its number may soon be another's."""
    found = os.fstat(descriptor)
    with _targets_lock:
        _targets.pop((found.st_dev, found.st_ino), None)
