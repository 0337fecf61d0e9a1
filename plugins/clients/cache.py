"""What was looked up, kept for a while: the entries used latest, each for some seconds, with hits
and misses counted.

A log repeats itself: of the look-ups of a stream most have been made a moment ago.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

V = TypeVar("V")


class Cache(Generic[V]):
    """Up to ``size`` entries for ``seconds`` each; a size of 0 keeps none. Null is not a value: it
    says that nothing is kept.
    """

    __slots__ = ("_clock", "_entries", "_seconds", "hits", "misses", "size")

    def __init__(
        self, size: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.size, self._seconds, self._clock = size, seconds, clock
        self._entries: OrderedDict[Hashable, tuple[float, V]] = OrderedDict()
        self.hits = self.misses = 0

    def get(self, key: Hashable) -> V | None:
        """What is kept, None for nothing; counted as a hit or a miss."""
        value = self.peek(key)
        if value is None:
            self.misses += 1
            return None
        self._entries.move_to_end(key)
        self.hits += 1
        return value

    def peek(self, key: Hashable) -> V | None:
        """What is kept, None for nothing; counted as nothing."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        until, value = entry
        if until >= self._clock():
            return value
        del self._entries[key]
        return None

    def put(self, key: Hashable, value: V) -> None:
        """Keep a value; the one used longest ago makes room."""
        if self.size < 1:
            return
        self._entries[key] = self._clock() + self._seconds, value
        self._entries.move_to_end(key)
        while len(self._entries) > self.size:
            self._entries.popitem(last=False)

    def drop(self, key: Hashable) -> None:
        """Forget what is kept under a key."""
        self._entries.pop(key, None)

    def __len__(self) -> int:
        return len(self._entries)

    def stats(self, name: str = "cache") -> dict[str, int | float]:
        """Hits, misses and entries, each under a name that starts with this one."""
        return {
            f"{name}_hits": self.hits,
            f"{name}_misses": self.misses,
            f"{name}_entries": len(self._entries),
        }


class CacheInfo(Protocol):
    """What ``functools.lru_cache`` counts."""

    @property
    def hits(self) -> int: ...

    @property
    def misses(self) -> int: ...

    @property
    def currsize(self) -> int: ...


def lru_stats(info: CacheInfo) -> dict[str, int | float]:
    """What a function with ``lru_cache`` counts, under the names that ``Cache.stats`` has."""
    return {
        "cache_hits": info.hits,
        "cache_misses": info.misses,
        "cache_entries": info.currsize,
    }
