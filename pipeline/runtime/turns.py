"""How soon a thread of this process gets its turn.

A thread that has waited for an answer needs the interpreter to take the next request; the one that
filters gives it away only when asked for, after the switch interval. With Python's 5 ms a round
trip of 20 takes 25, so that eight requests in flight do a fifth less than they could. Where one
thread does all, nobody asks, and the interval costs nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_SECONDS = 0.001


@contextmanager
def short_turns() -> Iterator[None]:
    """Threads ask for their turn after a millisecond; for a process that runs pipelines and nothing
    else.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
