"""Memory that a worker shares with the main process: for each job under way a place for its input
and one for its output.

Pages that are not used cost nothing. What does not fit, or is no bytes, goes through the pipe.
"""

from __future__ import annotations

import mmap
from typing import Any, NamedTuple

JOBS = 2
"""How many jobs a worker has at most: one that it works on and one that waits."""

_IN, _OUT = 1 << 19, 1 << 22


class Laid(NamedTuple):
    """Bytes that lie on the desk."""

    start: int
    size: int


class Desk:
    """The places of one worker. ``free`` are the slots that no job has."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, JOBS * (_IN + _OUT))
        self.free = list(range(JOBS))

    def put_in(self, slot: int, data: bytes) -> Laid | bytes:
        """Lay a job's input down; what to send for it."""
        return self._put(slot * _IN, _IN, data) or data

    def out(self, slot: int) -> OutTray:
        """Where the output of a job is laid down."""
        return OutTray(self, JOBS * _IN + slot * _OUT)

    def take(self, sent: Any) -> Any:
        """What was sent: a view of bytes where they lie, good until the slot is free again, or what
        went through the pipe.
        """
        return (
            memoryview(self._memory)[sent.start : sent.start + sent.size]
            if type(sent) is Laid
            else sent
        )

    def _put(self, start: int, room: int, data: bytes) -> Laid | None:
        if len(data) > room:
            return None
        self._memory[start : start + len(data)] = data
        return Laid(start, len(data))


class OutTray:
    """Takes what outputs packed for one job, one behind the other."""

    def __init__(self, desk: Desk, start: int) -> None:
        self._desk, self._start, self._room = desk, start, _OUT

    def put(self, packed: Any) -> Any:
        """Lay it down, if it is bytes and fits; what to send for it."""
        laid = self._desk._put(self._start, self._room, packed) if type(packed) is bytes else None
        if laid is None:
            return packed
        self._start += laid.size
        self._room -= laid.size
        return laid
