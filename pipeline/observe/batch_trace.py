"""The way of single batches in time: which plugin worked on it when, and when it was acknowledged.

One batch in so many is traced. Filters that run in workers are not seen: of such a batch there is
the whole, from the moment that it was handed out until every output had it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from ...dsl.program import PluginUse

Done = Callable[[Exception | None], None]


class Mark(NamedTuple):
    """A plugin worked on a batch; times in nanoseconds since 1970."""

    use: PluginUse
    started: int
    ended: int
    events_in: int
    events_out: int


@dataclass(slots=True)
class BatchTrace:
    """One batch; ``source``: the name of its input; ``error``: why it was not delivered."""

    pipeline: str
    source: str
    started: int
    ended: int = 0
    error: str = ""
    marks: list[Mark] = field(default_factory=list)


class Tracer:
    """Chooses batches, and gives each to ``emit`` when it has ended, in whatever thread that was.
    ``every``: one in so many, 0 for none.
    """

    def __init__(self, every: int, emit: Callable[[BatchTrace], None]) -> None:
        self._every, self._emit = every, emit
        self._seen = 0

    def begin(self, pipeline: str, source: str) -> BatchTrace | None:
        """A batch begins; None where it is not chosen."""
        if not self._every:
            return None
        self._seen += 1
        if (self._seen - 1) % self._every:
            return None
        return BatchTrace(pipeline, source, time.time_ns())

    def ending(self, trace: BatchTrace, done: Done | None) -> Done:
        """What is to be called when it has ended, in the place of ``done``."""

        def ended(error: Exception | None) -> None:
            if done is not None:
                done(error)
            trace.ended = time.time_ns()
            trace.error = "" if error is None else str(error) or type(error).__name__
            self._emit(trace)

        return ended
