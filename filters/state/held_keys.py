"""What is held by key, whatever it is: how many keys there may be, which of them goes first, what
changed since it was last written.

Who holds something says how a key is written and read again, and what is told of one that goes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from itertools import islice
from typing import Any, Generic, Self, TypeVar

import msgspec

from ...dsl.reference import Event
from . import FOREVER, NEVER
from .keys import Key
from .plain import plain, revive
from .timers import Timers

_SAMPLE = 64
_BYTES, _BYTES_OF_KEY = 5, 400
"""Measured: bytes of memory for each byte of a state as it is written, and for each key."""

_encode = msgspec.msgpack.Encoder().encode

S = TypeVar("S")


class HeldKeys(ABC, Generic[S]):
    """States by key."""

    def __init__(
        self,
        order: Callable[[Key], Any] = str,
        most: int = FOREVER,
    ) -> None:
        """``order`` gives what sorts keys; among themselves, texts must be in their own order."""
        self.order, self.most = order, most
        self.states: dict[Key, S] = {}
        self.timers = Timers()
        self.changed: set[Key] | None = None
        self._oldest: list[tuple[int, int, Key]] | None = None
        self._count = 0
        self.evicted = 0

    # -- what each says -------------------------------------------------------------------------

    @abstractmethod
    def empty(self) -> Self:
        """One like this that holds nothing."""

    @abstractmethod
    def due(self, watermark: int, reason: str) -> list[Event]:
        """What is due at a watermark, by its time and then by key."""

    @abstractmethod
    def end(self, reason: str) -> list[Event]:
        """All that is held, as if time were over; nothing is held any more."""

    @abstractmethod
    def put_off(self, watermark: int) -> None:
        """Set the timers up to a watermark anew: what they wait for may come later by now."""

    @abstractmethod
    def latest(self, key: Key) -> int:
        """The time of the latest event of a key."""

    @abstractmethod
    def _last(self, key: Key, reason: str) -> list[Event]:
        """What is told of a key that goes before its time."""

    @abstractmethod
    def _dump(self, key: Key) -> list[Any]:
        """What is held of a key as a list, for ``plain``."""

    @abstractmethod
    def _load(self, key: Key, data: list[Any]) -> None:
        """Hold for a key what ``_dump`` gave, and set its timer."""

    # -- keys that come and go ------------------------------------------------------------------

    def room(self) -> int:
        """So many new keys may be put into ``states`` without ``begin``."""
        return max(self.most - len(self.states), 0) if self._oldest is None else 0

    def begin(self, key: Key, state: S) -> list[Event]:
        """Hold a state that was made for a new key. Where there are ``most`` already, those whose
        latest event is oldest go first, as if their time were up: their results.
        """
        results = self._make_room() if len(self.states) >= self.most else []
        self.states[key] = state
        if self._oldest is not None:
            self._note(key, NEVER)
        return results

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
            results += self._last(key, reason)
            self.forget(key)
            self.evicted += 1
        return results

    def size(self) -> int:
        """About how many bytes the states take in memory, judged by some of them."""
        if not self.states:
            return 0
        step = max(len(self.states) // _SAMPLE, 1)
        some = [*islice(self.states, 0, None, step)]
        written = sum(len(_encode(plain(self._dump(key)))) for key in some)
        return int(len(self.states) * (written / len(some) * _BYTES + _BYTES_OF_KEY))

    def _next_oldest(self) -> Key:
        """The key whose latest event is oldest. The heap's times may have been passed since: such a
        key is put back.
        """
        if self._oldest is None:
            self._oldest = []
            for key in self.states:
                self._note(key, self.latest(key))
            heapify(self._oldest)
        while True:
            at, _, key = heappop(self._oldest)
            if key not in self.states:
                continue
            latest = self.latest(key)
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
        rows = [[plain(key), self._written(key)] for key in keys]
        self.changed = set()
        return rows

    def _written(self, key: Key) -> Any:
        return plain(self._dump(key)) if key in self.states else None

    def dumped(self, key: Key) -> list[Any]:
        """A key with its state, as in a snapshot."""
        return [plain(key), self._written(key)]

    def restore(self, rows: Iterable[Any]) -> None:
        """Take over what a snapshot gave; of several, in their order. Timers come from the
        states.
        """
        for written, data in rows:
            key = revive(written)
            self.forget(key)
            if data is not None:
                self._load(key, revive(data))
                if self._oldest is not None:
                    self._note(key, self.latest(key))
