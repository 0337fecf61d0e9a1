"""A progress line on the terminal: events, events a second, and for files the part done. Never
where stderr is no terminal.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from ..runtime.pipeline import Counts


def progress_line(total_bytes: int | None) -> Callable[[Counts], None] | None:
    """A function that redraws the line a few times a second; None where no one would see it, or
    events come to the terminal too.
    """
    if not sys.stderr.isatty() or sys.stdout.isatty():
        return None
    last = 0.0

    def draw(counts: Counts) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < 0.2:
            return
        last = now
        rate = counts.events_in / max(now - counts.started, 1e-9)
        part = f"  {min(100 * counts.bytes_in / total_bytes, 100):.0f} %" if total_bytes else ""
        sys.stderr.write(f"\r\x1b[K{counts.events_in:,} events  {rate:,.0f}/s{part}")
        sys.stderr.flush()

    return draw


def end_progress_line(draw: Callable[[Counts], None] | None) -> None:
    """Take the line away."""
    if draw is not None:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
