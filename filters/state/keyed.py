"""The states of many keys and the timers that wake them: what a runtime drives an operator with.

An operator knows one key at a time, and no engine. Here its states are held by key; a time, or the
watermark, is all that comes from outside. A batch, a Kafka group, Spark and Flink drive the same
class, and exchange the same snapshots.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from itertools import islice
from operator import itemgetter
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from ...dsl.reference import Event
from . import FOREVER, NEVER
from .keys import Key
from .plain import plain, revive
from .timers import Timers

VERSION = 1

_SAMPLE = 64
_BYTES, _BYTES_OF_KEY = 5, 400
"""Measured: bytes of memory for each byte of a state as it is written, and for each key."""

_time = itemgetter(0)
_TEXTS = frozenset({str})

_encode = msgspec.msgpack.Encoder().encode

S = TypeVar("S")

Over = Callable[[dict[Key, Any], list[Key], int], list[Key]]
Rest = Callable[[dict[Key, Any], list[Key], int], dict[int, list[Key]]]


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
        watermark)``: those of the keys that are forgotten without a word; and, where it tells
        nothing at all, ``rest(states, keys, watermark)``: the others by their next timer.)
        """
        ...

    def dump(self, state: S) -> list[Any]:
        """The state as a list, for ``plain``."""
        ...

    def load(self, data: list[Any]) -> S:
        """The state that ``dump`` gave."""
        ...


class Keyed(Generic[S]):
    """The states of an operator by key."""

    def __init__(
        self,
        operator: Operator[S],
        order: Callable[[Key], Any] = str,
        most: int = FOREVER,
    ) -> None:
        """``order`` gives what sorts keys; among themselves, texts must be in their own order."""
        self.operator, self.order, self.most = operator, order, most
        self.states: dict[Key, S] = {}
        self.timers = Timers()
        self.changed: set[Key] | None = None
        self._oldest: list[tuple[int, int, Key]] | None = None
        self._count = 0
        self.evicted = 0
        self._over: Over | None = getattr(operator, "over", None)
        self._rest: Rest | None = getattr(operator, "rest", None)

    def open(self, key: Key) -> tuple[S, list[Event]]:
        """A new state for a key. Where there are ``most`` already, those whose latest event is
        oldest go first, as if their time were up: their results.
        """
        state = self.operator.new(key)
        return state, self.begin(key, state)

    def room(self) -> int:
        """So many new keys may be put into ``states`` without ``begin``."""
        return max(self.most - len(self.states), 0) if self._oldest is None else 0

    def begin(self, key: Key, state: S) -> list[Event]:
        """Hold a state that was made for a new key, like ``open``; the results of those that go."""
        results = self._make_room() if len(self.states) >= self.most else []
        self.states[key] = state
        if self._oldest is not None:
            self._note(key, NEVER)
        return results

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
        """What is due at a watermark, by its time and then by key."""
        if watermark < self.timers.first:
            return []
        return self._sorted(self.timers.pop(watermark), watermark, reason)

    def put_off(self, watermark: int) -> None:
        """Set the timers up to a watermark anew: what they wait for may come later by now."""
        for key in self.timers.pop(watermark):
            state = self.states.get(key)
            if state is not None:
                self.timers.set(key, self.operator.next_timer(state))

    def end(self, reason: str) -> list[Event]:
        """All that is held, as if time were over; nothing is held any more."""
        results = self._sorted(list(self.states), FOREVER, reason)
        for key in list(self.states):
            self.forget(key)
        return results

    def _sorted(self, keys: Iterable[Key], watermark: int, reason: str) -> list[Event]:
        awake = self._awake(keys, watermark)
        if self._rest is not None:
            self._all_rest(self._rest(self.states, awake, watermark))
            return []
        found: list[tuple[int, Event]] = []
        states, due = self.states, self.operator.due
        for key in self._in_order(awake):
            state = states[key]
            found += due(state, watermark, reason)
            self._after(key, state)
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
        for key in over:
            del self.states[key]
        self.timers.drop_all(over)
        if self.changed is not None:
            self.changed.update(over)
        if len(over) == len(held):
            return []
        return [key for key in held if key in self.states]

    def _all_rest(self, timed: dict[int, list[Key]]) -> None:
        """Let keys that were woken sleep again, all of one time at once."""
        for at, keys in timed.items():
            self.timers.set_all(keys, at)
            if self.changed is not None:
                self.changed.update(keys)

    def _after(self, key: Key, state: S) -> None:
        """Let a key that was woken sleep again, or forget it."""
        timer = self.operator.next_timer(state)
        if timer == NEVER:
            self.forget(key)
        else:
            self.timers.set(key, timer)
            if self.changed is not None:
                self.changed.add(key)

    def forget(self, key: Key) -> None:
        """Let go of a key."""
        self.states.pop(key, None)
        self.timers.drop(key)
        if self.changed is not None:
            self.changed.add(key)

    def _make_room(self) -> list[Event]:
        return self.evict(len(self.states) - self.most + 1, "max_keys")

    def evict(self, count: int, reason: str) -> list[Event]:
        """Let go of so many keys, those whose latest event is oldest, as if their time were up;
        their results.
        """
        results: list[Event] = []
        for _ in range(count):
            key = self._next_oldest()
            due = self.operator.due(self.states[key], FOREVER, reason)
            results += [event for _, event in due]
            self.forget(key)
            self.evicted += 1
        return results

    def size(self) -> int:
        """About how many bytes the states take in memory, judged by some of them."""
        if not self.states:
            return 0
        step = max(len(self.states) // _SAMPLE, 1)
        some = [*islice(self.states.values(), 0, None, step)]
        written = sum(len(_encode(plain(self.operator.dump(state)))) for state in some)
        return int(len(self.states) * (written / len(some) * _BYTES + _BYTES_OF_KEY))

    def _next_oldest(self) -> Key:
        """The key whose latest event is oldest. The heap's times may have been passed since: such a
        key is put back.
        """
        if self._oldest is None:
            self._oldest = []
            for key, state in self.states.items():
                self._note(key, self.operator.latest(state))
            heapify(self._oldest)
        while True:
            at, _, key = heappop(self._oldest)
            held = self.states.get(key)
            if held is None:
                continue
            latest = self.operator.latest(held)
            if latest <= at:
                return key
            self._note(key, latest)

    def _note(self, key: Key, at: int) -> None:
        assert self._oldest is not None
        self._count += 1
        heappush(self._oldest, (at, self._count, key))

    def snapshot(self) -> list[Any]:
        """The keys that changed since the last call, each with its state, null where it is gone:
        all of them at the first one. Plain data.
        """
        keys = list(self.states) if self.changed is None else self.changed
        rows = [[plain(key), self._dump(key)] for key in keys]
        self.changed = set()
        return rows

    def _dump(self, key: Key) -> Any:
        state = self.states.get(key)
        return None if state is None else plain(self.operator.dump(state))

    def dumped(self, key: Key) -> list[Any]:
        """A key with its state, as in a snapshot."""
        return [plain(key), self._dump(key)]

    def restore(self, rows: Iterable[Any]) -> None:
        """Take over what a snapshot gave; of several, in their order. Timers come from the
        states.
        """
        for written, data in rows:
            key = revive(written)
            self.forget(key)
            if data is not None:
                state = self.states[key] = self.operator.load(revive(data))
                self.timers.set(key, self.operator.next_timer(state))
                if self._oldest is not None:
                    self._note(key, self.operator.latest(state))
