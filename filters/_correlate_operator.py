"""The operator of correlations: the events of one key that may make an alert together.

Events wait for ``within`` behind the watermark. Conditions that more events can only fulfil are
judged when an event arrives; those that few events fulfil when their aligned window is over;
``absent`` when the time for the missing event is.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from ..dsl.reference import Event
from ._correlate_rules import TAGS, TIME, Entry, time_of
from .state import FOREVER, NEVER
from .state.keys import Key

_REMEMBERED = 10
"""For how many windows after its last event a key is judged by few events."""


class Finding(msgspec.Struct):
    """What an alert says: its time, the span and entries that made it, and the number."""

    time: int
    start: int
    end: int
    entries: Sequence[Entry]
    number: Any


class CorrelateState:
    """One key: entries in order of time, then arrival; the times of alerts that keep it quiet;
    the end of the last aligned window that was judged, and of the last that had events.
    """

    __slots__ = ("alerts", "entries", "heard", "judged", "key", "latest")

    def __init__(
        self,
        key: Key,
        entries: list[Entry],
        alerts: list[int],
        latest: int = NEVER,
        judged: int = NEVER,
        heard: int = NEVER,
    ) -> None:
        self.key, self.entries, self.alerts = key, entries, alerts
        self.latest, self.judged, self.heard = latest, judged, heard


MakeAlert = Callable[[Key, Finding], Event]
Judge = Callable[[list[Entry], int], Finding | None]


class Correlation(msgspec.Struct, frozen=True):
    """What the three ways of judging share."""

    within: int
    again: int
    make: MakeAlert


class _Operator:
    """What is the same for all correlations."""

    def __init__(self, correlation: Correlation) -> None:
        self.within, self.again, self.make = (
            correlation.within,
            correlation.again,
            correlation.make,
        )
        self._step = max(self.within // 16, 1)

    def new(self, key: Key) -> CorrelateState:
        return CorrelateState(key, [], [])

    def late_by(self, time: int, watermark: int) -> int:
        """By how much an event came too late; 0 or less where it did not."""
        return watermark - time - self.within

    def latest(self, state: CorrelateState) -> int:
        return state.latest

    def _quiet(self, state: CorrelateState, time: int) -> bool:
        return any(abs(time - alert) < self.again for alert in state.alerts)

    def _alert(self, state: CorrelateState, finding: Finding) -> Event:
        if self.again:
            state.alerts.append(finding.time)
        return self.make(state.key, finding)

    def _prune(self, state: CorrelateState, watermark: int) -> None:
        """Let go of what is out of reach of any event that is not late."""
        bound = watermark - self.within
        entries = state.entries
        if entries and entries[0][TIME] < bound:
            del entries[: bisect_left(entries, bound, key=time_of)]
        if state.alerts:
            state.alerts = [at for at in state.alerts if at > bound - self.again]

    def _forget_at(self, state: CorrelateState) -> int:
        """When nothing of a key matters any more, rounded up: nothing is told then."""
        last = NEVER
        if state.entries:
            last = state.entries[-1][TIME] + self.within
        if state.alerts:
            last = max(last, max(state.alerts) + self.again + self.within)
        return NEVER if last == NEVER else (last // self._step + 1) * self._step

    def dump(self, state: CorrelateState) -> list[Any]:
        last = [state.latest, state.judged, state.heard]
        return [state.key, state.entries, state.alerts, *last]

    def load(self, data: list[Any]) -> CorrelateState:
        return CorrelateState(*data)


class ArrivalOperator(_Operator):
    """Correlations that are judged when an event arrives."""

    def __init__(self, correlation: Correlation, judge: Judge) -> None:
        super().__init__(correlation)
        self._judge = judge

    def take(self, state: CorrelateState, time: int, event: Any, watermark: int) -> list[Event]:
        """Take in an entry."""
        entries = state.entries
        if entries and entries[0][TIME] < watermark - self.within:
            self._prune(state, watermark)
        if time >= state.latest:
            state.latest = time
            at = len(entries)
            entries.append(event)
        else:
            at = bisect_right(entries, time, key=time_of)
            entries.insert(at, event)
        if state.alerts and self._quiet(state, time):
            return []
        finding = self._judge(entries, at)
        return [] if finding is None else [self._alert(state, finding)]

    def due(self, state: CorrelateState, watermark: int, reason: str) -> list[tuple[int, Event]]:
        self._prune(state, watermark)
        return []

    def next_timer(self, state: CorrelateState) -> int:
        return self._forget_at(state)


class CountOperator(_Operator):
    """``event_count``: holds times only, each as an entry of its own."""

    def __init__(self, correlation: Correlation, need: float) -> None:
        super().__init__(correlation)
        self.need = need

    def take(self, state: CorrelateState, time: int, event: Any, watermark: int) -> list[Event]:
        """Take in an entry."""
        times: list[Any] = state.entries
        bound = watermark - self.within
        if times and times[0] < bound:
            del times[: bisect_left(times, bound)]
        if time >= state.latest:
            state.latest = time
            times.append(time)
            if len(times) < self.need:
                return []
            first, end = bisect_left(times, time - self.within), len(times)
        else:
            insort(times, time)
            first, end = self._best(times, time)
        if end - first < self.need or (state.alerts and self._quiet(state, time)):
            return []
        if state.alerts:
            state.alerts = [at for at in state.alerts if at > bound - self.again]
        found = Finding(time, times[first], times[end - 1], (), end - first)
        return [self._alert(state, found)]

    def _best(self, times: list[Any], time: int) -> tuple[int, int]:
        """The interval around a time with the most events."""
        best = (0, 0)
        lowest = bisect_left(times, time - self.within)
        if bisect_right(times, time + self.within) - lowest < self.need:
            return best
        for first in range(lowest, bisect_right(times, time)):
            end = bisect_right(times, times[first] + self.within)
            if end - first > best[1] - best[0]:
                best = (first, end)
        return best

    def due(self, state: CorrelateState, watermark: int, reason: str) -> list[tuple[int, Event]]:
        bound = watermark - self.within
        del state.entries[: bisect_left(state.entries, bound)]
        state.alerts = [at for at in state.alerts if at > bound - self.again]
        return []

    def next_timer(self, state: CorrelateState) -> int:
        times: list[Any] = state.entries
        last = times[-1] + self.within if times else NEVER
        if state.alerts:
            last = max(last, max(state.alerts) + self.again + self.within)
        return NEVER if last == NEVER else (last // self._step + 1) * self._step


class AbsentOperator(_Operator):
    """``absent``: an event that is not followed by another one. Entries of the first tag wait;
    those of the second are kept for first ones that come out of order.
    """

    def take(self, state: CorrelateState, time: int, event: Any, watermark: int) -> list[Event]:
        """Take in an entry: tag 0 is the one that waits, tag 1 the one that it waits for."""
        entries = state.entries
        state.latest = max(state.latest, time)
        if 1 in event[TAGS]:
            for entry in entries:
                if 0 in entry[TAGS] and time - self.within <= entry[TIME] < time:
                    entry[TAGS] = [tag for tag in entry[TAGS] if tag != 0]
        if 0 in event[TAGS] and self._answered(entries, time):
            event[TAGS] = [tag for tag in event[TAGS] if tag != 0]
        state.entries = [entry for entry in entries if entry[TAGS]]
        if event[TAGS]:
            insort(state.entries, event, key=time_of)
        return []

    def _answered(self, entries: list[Entry], time: int) -> bool:
        later = [entry[TIME] for entry in entries if 1 in entry[TAGS]]
        return any(time < at <= time + self.within for at in later)

    def due(self, state: CorrelateState, watermark: int, reason: str) -> list[tuple[int, Event]]:
        results = []
        for entry in state.entries:
            end = entry[TIME] + self.within
            if 0 in entry[TAGS] and end < watermark and not self._quiet(state, entry[TIME]):
                finding = Finding(entry[TIME], entry[TIME], end, [[*entry[:1], [0], *entry[2:]]], 0)
                results.append((end, self._alert(state, finding)))
        self._prune(state, watermark)
        return results

    def next_timer(self, state: CorrelateState) -> int:
        if state.entries:
            return int(state.entries[0][TIME]) + self.within + 1
        if state.alerts:
            return max(state.alerts) + self.again + self.within + 1
        return NEVER


class AlignedOperator(_Operator):
    """Conditions that few events fulfil: judged for windows that begin at multiples of their
    length.
    """

    def __init__(
        self, correlation: Correlation, judge: Callable[[Sequence[Entry]], Any | None]
    ) -> None:
        super().__init__(correlation)
        self._judge = judge

    def late_by(self, time: int, watermark: int) -> int:
        return watermark - self._end(time) + 1

    def _end(self, time: int) -> int:
        return time - time % self.within + self.within

    def take(self, state: CorrelateState, time: int, event: Any, watermark: int) -> list[Event]:
        """Take in an entry."""
        state.latest = max(state.latest, time)
        end = self._end(time)
        if not state.entries and state.heard == NEVER:
            state.judged = end - self.within
        state.judged = min(state.judged, end - self.within)
        insort(state.entries, event, key=time_of)
        return []

    def due(self, state: CorrelateState, watermark: int, reason: str) -> list[tuple[int, Event]]:
        results = []
        while state.judged + self.within <= watermark:
            end = state.judged + self.within
            count = bisect_left(state.entries, end, key=time_of)
            if count:
                state.heard = end
            elif state.heard + _REMEMBERED * self.within < end or watermark == FOREVER:
                if not state.entries:
                    state.judged = NEVER
                    break
                if state.heard + _REMEMBERED * self.within < end:
                    state.judged = self._end(state.entries[0][TIME]) - self.within
                    continue
            entries = state.entries[:count]
            del state.entries[:count]
            state.judged = end
            results += self._judged(state, entries, end)
        return results

    def _judged(
        self, state: CorrelateState, entries: list[Entry], end: int
    ) -> list[tuple[int, Event]]:
        number = self._judge(entries)
        if number is None or end - 1 - max(state.alerts, default=NEVER) < self.again:
            return []
        state.alerts.clear()
        found = Finding(end - 1, end - self.within, end, entries, number)
        return [(end, self._alert(state, found))]

    def next_timer(self, state: CorrelateState) -> int:
        return NEVER if state.judged == NEVER else state.judged + self.within


def tags_of(entries: Sequence[Entry]) -> set[int]:
    """The numbers of the tags of entries."""
    return {tag for entry in entries for tag in entry[TAGS]}
