"""The operator of dedupe: which events of one key have passed, and how many were held back because
of each.

Where nobody asks, and duplicates do not lengthen the time, ``_passed_times`` does the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from ..dsl.reference import Event
from .state import FOREVER, NEVER
from .state.keys import Key

MANY = 4
"""From how many events that passed on it is looked whether some are over."""


class Passed(msgspec.Struct):
    """An event that passed, and its duplicates: the span of times that others are measured against
    (one instant, unless duplicates lengthen it), how many there were, their first and last time,
    and how many of them the latest summary told.
    """

    low: int
    high: int
    count: int
    first: int
    last: int
    told: int = 0


class DedupeState(msgspec.Struct):
    """The events of a key that passed, in order of time."""

    key: Key
    passed: list[Passed] = []


Summarize = Callable[[Key, Passed], Event]


class DedupeOperator:
    """Duplicates of a key, with what a summary tells."""

    def __init__(self, within: int, refresh: bool, summarize: Summarize | None) -> None:
        self.within, self.refresh, self.summarize = within, refresh, summarize
        self._step = max(within // 2, 1)

    def new(self, key: Key) -> DedupeState:
        return DedupeState(key)

    def is_duplicate(self, state: DedupeState, time: int, watermark: int) -> bool:
        """Whether an event of this time is a duplicate of one that passed; notes it either way."""
        within, before = self.within, None
        for passed in state.passed:
            near = passed.low - within <= time <= passed.high + within
            if near and (before is None or passed.low <= time):
                before = passed
        if before is None:
            if len(state.passed) >= MANY:
                self.prune(state, watermark)
            state.passed.append(Passed(time, time, 0, time, time))
            state.passed.sort(key=_low)
            return False
        self._note(before, time)
        return True

    def _note(self, passed: Passed, time: int) -> None:
        passed.count += 1
        passed.first, passed.last = min(passed.first, time), max(passed.last, time)
        if self.refresh:
            passed.low, passed.high = min(passed.low, time), max(passed.high, time)

    def take(self, state: DedupeState, time: int, event: Event, watermark: int) -> list[Event]:
        """The event, if it passes."""
        return [] if self.is_duplicate(state, time, watermark) else [event]

    def over(self, states: dict[Key, DedupeState], keys: list[Key], watermark: int) -> list[Key]:
        """The keys of which nothing matters any more, and nothing is told."""
        if self.summarize is not None:
            return []
        bound = watermark - 2 * self.within
        return [key for key in keys if states[key].passed[-1].high < bound]

    def due(self, state: DedupeState, watermark: int, reason: str) -> list[tuple[int, Event]]:
        results: list[tuple[int, Event]] = []
        summarize = self.summarize
        for passed in state.passed:
            end = passed.high + self.within
            if summarize is not None and passed.count > passed.told and end < watermark:
                passed.told = passed.count
                results.append((end, summarize(state.key, passed)))
        self.prune(state, watermark)
        return results

    def prune(self, state: DedupeState, watermark: int) -> None:
        """Let go of events that no other one can be a duplicate of any more."""
        state.passed = [p for p in state.passed if p.high + 2 * self.within >= watermark]

    def next_timer(self, state: DedupeState) -> int:
        if not state.passed:
            return NEVER
        if self.summarize is None:  # nothing is told: it need not be looked at before its end
            last = state.passed[-1].high + 2 * self.within
            return (last // self._step + 1) * self._step
        first = FOREVER
        for passed in state.passed:
            first = min(first, passed.high + 2 * self.within + 1)
            if passed.count > passed.told:
                first = min(first, passed.high + self.within + 1)
        return first

    def latest(self, state: DedupeState) -> int:
        return max((passed.last for passed in state.passed), default=NEVER)

    def dump(self, state: DedupeState) -> list[Any]:
        return [state.key, [list(msgspec.structs.astuple(passed)) for passed in state.passed]]

    def load(self, data: list[Any]) -> DedupeState:
        return DedupeState(data[0], [Passed(*row) for row in data[1]])


def _low(passed: Passed) -> int:
    return passed.low
