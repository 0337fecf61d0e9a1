"""What dedupe holds where nobody asks how many duplicates there were, and these do not lengthen the
time: of each key a few times, and nothing else.

Most events cost a look for their key and a comparison or two. What is held of a key is written as
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


class Times:
    """Of one key, in milliseconds: the latest event (``last``), up to when the latest one that
    passed keeps others from passing (``until``), and those that passed before, while they matter.
    """

    # Not one of msgspec's structs: the interpreter reads slots sooner.
    __slots__ = ("last", "older", "until")

    def __init__(self, last: int, until: int, older: tuple[int, ...] = ()) -> None:
        self.last, self.until, self.older = last, until, older


class PassedTimes(HeldKeys[Times]):
    """The times of each key."""

    def __init__(self, within: int, order: Callable[[Key], Any] = str, most: int = FOREVER) -> None:
        super().__init__(order, most)
        self.timers = Rests()
        self._within = within
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
        within, states, room, reach = self._within, self.states, self.room(), 2 * self._within
        earliest, latest = span
        self._top = max(self._top, latest + within)
        # What no event of these can be too early for is not asked for each of them.
        are_near = earliest + reach >= self._top
        at, passing, opened = -1, list[int](), list[Key]()
        # Looked up one by one: an event may have the key of one before it.
        for when, held in zip(times, map(states.get, keys), strict=True):
            at += 1
            if held is None:
                key = keys[at]
                if room:
                    states[key] = Times(when, when + within)
                    opened.append(key)
                    room -= 1
                else:
                    self._open(key, when)
                passing.append(at)
            elif when > held.last:
                held.last = when
                if when > held.until:
                    latest = held.until - within
                    held.older = (latest,) if mark >= latest else self._still(held, mark)
                    held.until = when + within
                    passing.append(at)
            elif are_near or when + reach >= held.until:
                continue
            elif not self.is_duplicate(keys[at], when, mark):
                passing.append(at)
        if opened:
            self.timers.set_all(opened, self._rest_of(span[1] + within))
        return passing

    def is_duplicate(self, key: Key, time: int, mark: int) -> bool:
        """Whether an event of this time, which is not late, is a duplicate of one that passed;
        notes it either way.
        """
        within, held = self._within, self.states.get(key)
        if held is None:
            self._open(key, time)
            return False
        held.last = max(held.last, time)
        if any(abs(time - other) <= within for other in (held.until - within, *held.older)):
            return True
        if time > held.until:
            held.older = self._still(held, mark)
            held.until = time + within
            self._top = max(self._top, held.until)
        else:
            held.older = (*held.older, time)
        return False

    def _open(self, key: Key, time: int) -> None:
        until = time + self._within
        self.begin(key, Times(time, until))
        self._top = max(self._top, until)
        self.timers.set(key, self._rest_of(until))

    def _still(self, held: Times, mark: int) -> tuple[int, ...]:
        """The times of events that passed and still matter when one later than the latest of them
        does. Those before this one keep events from passing that lie ``within`` before it, at the
        most: where the watermark has come as far as it, these are late.
        """
        latest = held.until - self._within
        if mark >= latest:
            return (latest,)
        older = held.older
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
        for key, held in zip(keys, map(self.states.get, keys), strict=True):
            if held is None:
                continue
            if held.until < bound:
                gone.append(key)
            else:
                timed[(held.until + within) // step].append(key)
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

    def latest(self, key: Key) -> int:
        return self.states[key].last

    def _last(self, key: Key, reason: str) -> list[Event]:
        return []

    def _dump(self, key: Key) -> list[Any]:
        held = self.states[key]
        older = [[time, time, 0, time, time, 0] for time in sorted(held.older)]
        top = held.until - self._within
        return [key, [*older, [top, top, 0, top, held.last, 0]]]

    def _load(self, key: Key, data: list[Any]) -> None:
        times = sorted(row[0] for row in data[1])
        until = times[-1] + self._within if times else NEVER
        last = max((row[4] for row in data[1]), default=NEVER)
        self.states[key] = Times(last, until, tuple(times[:-1]))
        self._top = max(self._top, until)
        self.timers.set(key, self._rest_of(until))
