"""The states of many keys and the timers that wake them: what a runtime drives an operator with.

An operator knows one key at a time, and no engine. Here its states are held by key; a time, or the
watermark, is all that comes from outside. A batch, a Kafka group, Spark and Flink drive the same
class, and exchange the same snapshots.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any, Protocol, Self

from ...dsl.reference import Event
from . import FOREVER, NEVER
from .held_keys import HeldKeys, S
from .keys import Key
from .timers import Rests

VERSION = 1

_time = itemgetter(0)
_TEXTS = frozenset({str})

Over = Callable[[dict[Key, Any], list[Key], int], list[Key]]


class Operator(Protocol[S]):
    """What a filter does with the events of one key. ``state`` is plain data; times are
    milliseconds.
    """

    def new(self, key: Key) -> S:
        """The state of a key that has none."""
        ...

    def take(self, state: S, time: int, event: Event, watermark: int) -> list[Event]:
        """Take an event in; the results that stand right behind it."""
        ...

    def due(self, state: S, watermark: int, reason: str) -> list[tuple[int, Event]]:
        """The results that are due at a watermark, each with the time that they are sorted by."""
        ...

    def next_timer(self, state: S) -> int:
        """The watermark at which ``due`` must be called; FOREVER when the end will do, and
        NEVER where nothing is held any more.
        """
        ...

    def latest(self, state: S) -> int:
        """The time of the key's latest event. (An operator may also have ``over(states, keys,
        watermark)``: those of the keys that are forgotten without a word; and where it tells
        nothing of any, ``silent``.)
        """
        ...

    def dump(self, state: S) -> list[Any]:
        """The state as a list, for ``plain``."""
        ...

    def load(self, data: list[Any]) -> S:
        """The state that ``dump`` gave."""
        ...


class Keyed(HeldKeys[S]):
    """The states of an operator by key."""

    def __init__(
        self,
        operator: Operator[S],
        order: Callable[[Key], Any] = str,
        most: int = FOREVER,
    ) -> None:
        super().__init__(order, most)
        self.operator = operator
        if getattr(operator, "silent", False):
            self.timers = Rests()
        self._over: Over | None = getattr(operator, "over", None)

    def empty(self) -> Self:
        return type(self)(self.operator, self.order, self.most)

    def open(self, key: Key) -> tuple[S, list[Event]]:
        """A new state for a key. Where there are ``most`` already, those whose latest event is
        oldest go first, as if their time were up: their results.
        """
        state = self.operator.new(key)
        return state, self.begin(key, state)

    def take(self, time: int, key: Key, event: Event, watermark: int) -> list[Event]:
        """Take one event in; the results right behind it."""
        results: list[Event] = []
        state = self.states.get(key)
        if state is None:
            state, results = self.open(key)
        results += self.operator.take(state, time, event, watermark)
        self.settle(key, state)
        return results

    def settle(self, key: Key, state: S) -> None:
        """Set the timer of a key whose state changed."""
        self.timers.set(key, self.operator.next_timer(state))
        if self.changed is not None:
            self.changed.add(key)

    def due(self, watermark: int, reason: str) -> list[Event]:
        if watermark < self.timers.first:
            return []
        return self._sorted(self.timers.pop(watermark), watermark, reason)

    def put_off(self, watermark: int) -> None:
        for key in self.timers.pop(watermark):
            state = self.states.get(key)
            if state is not None:
                self.timers.set(key, self.operator.next_timer(state))

    def end(self, reason: str) -> list[Event]:
        results = self._sorted(list(self.states), FOREVER, reason)
        for key in list(self.states):
            self.forget(key)
        return results

    def _sorted(self, keys: Iterable[Key], watermark: int, reason: str) -> list[Event]:
        awake = self._awake(keys, watermark)
        found: list[tuple[int, Event]] = []
        over: list[Key] = []
        states, due, next_timer = self.states, self.operator.due, self.operator.next_timer
        for key in self._in_order(awake):
            state = states[key]
            found += due(state, watermark, reason)
            timer = next_timer(state)
            if timer == NEVER:
                over.append(key)
            else:
                self._sleep(key, timer)
        self._forget_all(over)
        found.sort(key=_time)  # of one time, they stay in the order of keys
        return [event for _, event in found]

    def _in_order(self, keys: list[Key]) -> list[Key]:
        """Keys in the order of their results."""
        if _TEXTS.issuperset(map(type, keys)):
            return sorted(keys)
        return sorted(keys, key=self.order)

    def _awake(self, keys: Iterable[Key], watermark: int) -> list[Key]:
        """Those of some keys that are held and matter; the others are forgotten, many at once."""
        held = [key for key in keys if key in self.states]
        if self._over is None:
            return held
        over = self._over(self.states, held, watermark)
        self._forget_all(over)
        if len(over) == len(held):
            return []
        return [key for key in held if key in self.states]

    def _sleep(self, key: Key, timer: int) -> None:
        """Let a key that was woken sleep again."""
        self.timers.set(key, timer)
        if self.changed is not None:
            self.changed.add(key)

    def _forget_all(self, keys: list[Key]) -> None:
        """Let go of keys that are held."""
        for key in keys:
            del self.states[key]
        self.timers.drop_all(keys)
        if self.changed is not None:
            self.changed.update(keys)

    def latest(self, key: Key) -> int:
        return self.operator.latest(self.states[key])

    def _last(self, key: Key, reason: str) -> list[Event]:
        return [event for _, event in self.operator.due(self.states[key], FOREVER, reason)]

    def _dump(self, key: Key) -> list[Any]:
        return self.operator.dump(self.states[key])

    def _load(self, key: Key, data: list[Any]) -> None:
        state = self.states[key] = self.operator.load(data)
        self.timers.set(key, self.operator.next_timer(state))
