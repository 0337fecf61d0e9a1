"""Timers: which keys are due at which time.

Many keys are due at the same time (the end of a window), so the heap holds times, and each time has
the keys that asked for it. A key that asks for an earlier time leaves its later entry behind, which
is passed over when its turn comes.
"""

from __future__ import annotations

from heapq import heappop, heappush

from . import FOREVER
from .keys import Key


class Timers:
    """The timers of keys, one for each; ``first`` is the earliest time that anyone asked for."""

    __slots__ = ("_at", "_heap", "_keys", "first")

    def __init__(self) -> None:
        self._heap: list[int] = []
        self._keys: dict[int, list[Key]] = {}
        self._at: dict[Key, int] = {}
        self.first = FOREVER

    def at(self, key: Key) -> int:
        """When a key is due."""
        return self._at.get(key, FOREVER)

    def set(self, key: Key, at: int) -> None:
        """Let a key be due at a time, unless it is due before."""
        if self._at.get(key, FOREVER) <= at:
            return
        self._at[key] = at
        keys = self._keys.get(at)
        if keys is None:
            self._keys[at] = [key]
            heappush(self._heap, at)
            self.first = self._heap[0]
        else:
            keys.append(key)

    def set_all(self, keys: list[Key], at: int) -> None:
        """Let keys that have no timer be due at a time."""
        self._at.update(dict.fromkeys(keys, at))
        self._add(keys, at)

    def _add(self, keys: list[Key], at: int) -> None:
        """Have keys looked at when a time has come."""
        held = self._keys.get(at)
        if held is None:
            self._keys[at] = keys
            heappush(self._heap, at)
            self.first = self._heap[0]
        else:
            held += keys

    def pop(self, watermark: int) -> list[Key]:
        """The keys that are due at a watermark, earliest first; they have no timer any more."""
        due: list[Key] = []
        while self._heap and self._heap[0] <= watermark:
            at = heappop(self._heap)
            for key in self._keys.pop(at):
                if self._at.get(key) == at:
                    del self._at[key]
                    due.append(key)
        self.first = self._heap[0] if self._heap else FOREVER
        return due

    def drop(self, key: Key) -> None:
        """Forget the timer of a key."""
        self._at.pop(key, None)

    def drop_all(self, keys: list[Key]) -> None:
        """Forget the timers of keys."""
        for key in keys:
            self._at.pop(key, None)


class Rests(Timers):
    """Timers of keys of which nothing is told: one that is looked at too often does no harm, so
    that no key is known with its time, and none can be left out.
    """

    __slots__ = ()

    def at(self, key: Key) -> int:
        raise LookupError("it is not known when a key is due")

    def set(self, key: Key, at: int) -> None:
        self.set_all([key], at)

    def set_all(self, keys: list[Key], at: int) -> None:
        """Let keys be due at a time, whatever else they are due at."""
        self._add(keys, at)

    def pop(self, watermark: int) -> list[Key]:
        due: list[Key] = []
        while self._heap and self._heap[0] <= watermark:
            due += self._keys.pop(heappop(self._heap))
        self.first = self._heap[0] if self._heap else FOREVER
        return list(dict.fromkeys(due))

    def drop(self, key: Key) -> None:
        """A key that is gone is passed over when its time comes."""

    def drop_all(self, keys: list[Key]) -> None:
        """Keys that are gone are passed over when their time comes."""
