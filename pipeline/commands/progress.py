"""A progress line on the terminal: events, events a second, and for files the part done.

It is drawn where stderr is a terminal and no output writes to the same one; it counts all pipelines
of the process.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Sequence

from ..compile.instantiate import Assembly
from ..observe.counters import Counts

_EVERY = 0.2


class ProgressLine:
    """Redraws the line a few times a second. ``total``: the bytes that there are to read, where
    that is known.
    """

    def __init__(self, total: int | None) -> None:
        self._total, self._last = total, 0.0
        self._all: dict[int, Counts] = {}

    def draw(self, counts: Counts) -> None:
        """A pipeline has gone on; its counts are the same object each time."""
        now = time.monotonic()
        self._all[id(counts)] = counts
        if now - self._last < _EVERY:
            return
        self._last = now
        all_counts = list(self._all.values())
        events = sum(one.events_in for one in all_counts)
        seconds = max(now - min(one.started for one in all_counts), 1e-9)
        text = f"{events:,} events  {events / seconds:,.0f}/s"
        if self._total:
            done = sum(one.bytes_in for one in all_counts)
            text += f"  {min(100 * done / self._total, 100):.0f} %"
        _write(f"\r\x1b[K{text}")

    def end(self) -> None:
        """Take the line away."""
        _write("\r\x1b[K")


def _write(text: str) -> None:
    """Write to the terminal; where it has gone the run goes on until it is told so by a signal."""
    with contextlib.suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()


def progress_line(assemblies: Sequence[Assembly], total: int | None) -> ProgressLine | None:
    """The line; None where no one would see it, or events come to the terminal too."""
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    outputs = [p for one in assemblies for p in one.plugins(one.program.outputs)]
    writes_there = any(output.name == "stdout" for output in outputs)
    if writes_there and sys.stdout is not None and sys.stdout.isatty():
        return None
    return ProgressLine(total)
