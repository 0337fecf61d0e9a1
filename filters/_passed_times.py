"""What dedupe holds where nobody asks how many duplicates there were, and these do not lengthen the
time: of each key times, and nothing else.

An event costs little more than looks into two dicts of integers: there are many keys, an object of
each is seldom in the nearest cache, and an integer is one object less on the way. It is written as
what ``DedupeOperator`` holds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, Self

from ..dsl.reference import Event
from .state import FOREVER, NEVER
from .state.held_keys import HeldKeys
from .state.keys import Key
from .state.timers import Rests

MANY = 4
"""From how many earlier events that passed on it is looked whether some are over."""


class PassedTimes(HeldKeys[int]):
    """By key: up to when the latest event that passed keeps others from passing (``states``), the
    time of the latest event, and the times of events that passed before, while they matter. Times
    are milliseconds.
    """

    def __init__(self, within: int, order: Callable[[Key], Any] = str, most: int = FOREVER) -> None:
        super().__init__(order, most)
        self.timers = Rests()
        self._within = within
        self._lasts: dict[Key, int] = {}
        self._older: dict[Key, tuple[int, ...]] = {}
        self._top = NEVER
        self._step = max(within // 2, 1)

    def empty(self) -> Self:
        return type(self)(self._within, self.order, self.most)

    # -- events ---------------------------------------------------------------------------------

    def passing(
        self, times: list[int], keys: list[Key], span: tuple[int, int], mark: int
    ) -> list[int]:
        """Which of some events pass, by index; ``span`` has their earliest and latest time. None of
        them is late, and they begin less than ``within`` and the lateness apart.
        """
        within, lasts, older = self._within, self._lasts, self._older
        states, room, reach = self.states, self.room(), 2 * self._within
        earliest, latest = span
        self._top = max(self._top, latest + within)
        # What no event of these can be too early for is not asked for each of them.
        are_near = earliest + reach >= self._top
        at, passing, opened = -1, list[int](), list[Key]()
        # Looked up one by one: an event may have the key of one before it.
        for key, when, until in zip(keys, times, map(states.get, keys), strict=True):
            at += 1
            if until is None:
                if room:
                    states[key] = when + within
                    lasts[key] = when
                    opened.append(key)
                    room -= 1
                else:
                    self._open(key, when)
                passing.append(at)
            elif when > until:
                latest = until - within
                older[key] = (latest,) if mark >= latest else self._still(key, latest, mark)
                states[key] = when + within
                lasts[key] = when
                passing.append(at)
            elif when > lasts[key]:
                lasts[key] = when
            elif are_near or when + reach >= until:
                continue
            elif not self.is_duplicate(key, when, mark):
                passing.append(at)
        if opened:
            self.timers.set_all(opened, self._rest_of(span[1] + within))
        return passing

    def is_duplicate(self, key: Key, time: int, mark: int) -> bool:
        """Whether an event of this time, which is not late, is a duplicate of one that passed;
        notes it either way.
        """
        within, until = self._within, self.states.get(key)
        if until is None:
            self._open(key, time)
            return False
        self._lasts[key] = max(self._lasts[key], time)
        older = self._older.get(key, ())
        if any(abs(time - other) <= within for other in (until - within, *older)):
            return True
        if time > until:
            self._older[key] = self._still(key, until - within, mark)
            self.states[key] = time + within
            self._top = max(self._top, time + within)
        else:
            self._older[key] = (*older, time)
        return False

    def _open(self, key: Key, time: int) -> None:
        until = time + self._within
        self.begin(key, until)
        self._lasts[key] = time
        self._top = max(self._top, until)
        self.timers.set(key, self._rest_of(until))

    def _still(self, key: Key, latest: int, mark: int) -> tuple[int, ...]:
        """The times of events that passed and still matter when one later than ``latest`` does.
        Those before ``latest`` keep events from passing that lie ``within`` before it, at the
        most: where the watermark has come as far as it, these are late.
        """
        if mark >= latest:
            return (latest,)
        older = self._older.get(key, ())
        if len(older) >= MANY:
            bound = mark - 2 * self._within
            older = tuple([time for time in older if time >= bound])
        return (*older, latest)

    # -- keys that come and go ------------------------------------------------------------------

    def _rest_of(self, until: int) -> int:
        """When it is looked whether a key is over, which is not told: so many share a time."""
        return ((until + self._within) // self._step + 1) * self._step

    def due(self, watermark: int, reason: str) -> list[Event]:
        """Let go of keys of which nothing matters any more; nothing is told."""
        keys, bound = self.timers.pop(watermark), watermark - self._within
        within, step = self._within, self._step
        gone, timed = list[Key](), defaultdict[int, list[Key]](list)
        for key, until in zip(keys, map(self.states.get, keys), strict=True):
            if until is None:
                continue
            if until < bound:
                gone.append(key)
            else:
                timed[(until + within) // step].append(key)
        for at, some in timed.items():
            self.timers.set_all(some, (at + 1) * step)
        for key in gone:
            self.forget(key)
        return []

    def end(self, reason: str) -> list[Event]:
        for key in list(self.states):
            self.forget(key)
        return []

    def put_off(self, watermark: int) -> None:
        self.due(watermark, "")

    def forget(self, key: Key) -> None:
        super().forget(key)
        self._lasts.pop(key, None)
        self._older.pop(key, None)

    def latest(self, key: Key) -> int:
        return self._lasts[key]

    def _last(self, key: Key, reason: str) -> list[Event]:
        return []

    def _dump(self, key: Key) -> list[Any]:
        older = [[time, time, 0, time, time, 0] for time in sorted(self._older.get(key, ()))]
        top = self.states[key] - self._within
        return [key, [*older, [top, top, 0, top, self._lasts[key], 0]]]

    def _load(self, key: Key, data: list[Any]) -> None:
        rows = data[1]
        times = sorted(row[0] for row in rows)
        until = times[-1] + self._within if times else NEVER
        self.states[key] = until
        self._lasts[key] = max((row[4] for row in rows), default=NEVER)
        if len(times) > 1:
            self._older[key] = tuple(times[:-1])
        self._top = max(self._top, until)
        self.timers.set(key, self._rest_of(until))
