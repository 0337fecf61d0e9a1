"""Waiting for descriptors in a way that another thread, or a signal's handler, can end."""

from __future__ import annotations

import contextlib
import os
import select
import weakref
from collections.abc import Sequence


class WakePipe:
    """A pipe to oneself. It is closed when nobody holds it any more: closed by hand, its number
    could be another file's by the time that a late ``wake`` writes to it.
    """

    def __init__(self) -> None:
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        os.set_blocking(self._write_end, False)
        self._is_written = False
        weakref.finalize(self, _close, self._read_end, self._write_end)

    def wake(self) -> None:
        """End the wait that is under way, or else the next one. From any thread."""
        if not self._is_written:
            self._is_written = True
            with contextlib.suppress(BlockingIOError):
                os.write(self._write_end, b"\0")

    def wait(
        self, timeout: float, descriptors: Sequence[int] = (), writing: Sequence[int] = ()
    ) -> Sequence[int]:
        """Wait up to so many seconds; which of the descriptors have something to read, or, of those
        that are ``writing``, room.
        """
        poll = select.poll()  # `select` takes no descriptor above 1023
        for descriptor in (self._read_end, *descriptors):
            room = select.POLLOUT if descriptor in writing else 0
            poll.register(descriptor, select.POLLIN | room)
        ready = [descriptor for descriptor, _ in poll.poll(max(timeout, 0.0) * 1000)]
        if self._read_end not in ready:
            return ready
        # The flag goes last: who wakes in between need not write, for this wait has ended.
        with contextlib.suppress(BlockingIOError):
            os.read(self._read_end, 4096)
        self._is_written = False
        ready.remove(self._read_end)
        return ready


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
