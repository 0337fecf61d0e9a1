"""How an input of files works, as its options say, and the clock that it goes by."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ..wake_pipe import WakePipe


@dataclass(frozen=True, slots=True)
class FileOptions:
    """The options of the input, in seconds and bytes. ``turn``: the most that is read of a file
    before the next one's turn.
    """

    read: bool = False
    from_end: bool = True
    exit_after_read: bool = False
    check_archives: bool = False
    stat_interval: float = 1.0
    discover_interval: float = 15.0
    close_older: float = 3600.0
    ignore_older: float | None = None
    max_open: int = 4095
    turn: int = 1 << 62
    by_path: bool = False
    descending: bool = False
    write_interval: float = 15.0
    clean_after: float = 14 * 86400.0


class Clock:
    """The time, and waiting for it to pass; tests have another."""

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def time(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def wait(
        self, seconds: float, pipe: WakePipe, descriptors: Sequence[int] = ()
    ) -> Sequence[int]:
        """Wait; which of the descriptors have something to read."""
        return pipe.wait(seconds, descriptors)
