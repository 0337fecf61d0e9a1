"""Memory that a worker shares with the main process: for each job under way a place for its input
and one for its output.

Pages that are not used cost nothing. What does not fit, or is not bytes, goes through the pipe.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from typing import Any, NamedTuple

JOBS = 2
"""How many jobs a worker has at most: one that it works on and one that waits."""

_IN, _OUT = 1 << 19, 1 << 22
_SIZE = JOBS * (_IN + _OUT)


class Slice(NamedTuple):
    """Bytes that stand in the shared memory."""

    start: int
    size: int


def new_memory() -> int:
    """A descriptor of memory for one worker."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("penstock-worker")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, _SIZE)
    return descriptor


class SharedBuffers:
    """The places of one worker. ``free`` are the slots that no job has."""

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, _SIZE)
        self.free = list(range(JOBS))

    def write_input(self, slot: int, data: bytes) -> Slice | bytes:
        """Write a job's input; what to send for it."""
        return self.write(slot * _IN, _IN, data) or data

    def arena(self, slot: int) -> OutputArena:
        """Where the output of a job is written."""
        return OutputArena(self, JOBS * _IN + slot * _OUT)

    def read(self, sent: Any) -> Any:
        """What was sent: a view of bytes where they stand, good until the slot is free again, or
        what went through the pipe.
        """
        if type(sent) is not Slice:
            return sent
        return memoryview(self._memory)[sent.start : sent.start + sent.size]

    def write(self, start: int, room: int, data: bytes) -> Slice | None:
        """Write bytes at a place; None where they do not fit."""
        if len(data) > room:
            return None
        self._memory[start : start + len(data)] = data
        return Slice(start, len(data))


class OutputArena:
    """Takes what outputs packed for one job, one behind the other."""

    def __init__(self, buffers: SharedBuffers, start: int) -> None:
        self._buffers, self._start, self._room = buffers, start, _OUT

    def write(self, data: Any) -> Any:
        """Write it, if it is bytes and fits; what to send for it."""
        if type(data) is not bytes:
            return data
        written = self._buffers.write(self._start, self._room, data)
        if written is None:
            return data
        self._start += written.size
        self._room -= written.size
        return written
