"""The cache of look-ups: what it keeps, forgets and counts."""
from penstock.plugins.clients.cache import Cache


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_entry_used_longest_ago_makes_room() -> None:
    cache = Cache[str](2, 10)
    for key in "ab":
        cache.put(key, key.upper())
    cache.get("a")
    cache.put("c", "C")
    assert [cache.get(key) for key in "abc"] == ["A", None, "C"]
    assert len(cache) == 2


def test_an_entry_is_forgotten_when_its_time_is_over_used_or_not() -> None:
    clock = Clock()
    cache = Cache[int](9, 10, clock)
    cache.put("a", 1)
    clock.now = 10
    assert cache.get("a") == 1
    clock.now = 10.1
    assert cache.get("a") is None
    assert len(cache) == 0


def test_an_entry_that_is_put_again_lives_anew() -> None:
    clock = Clock()
    cache = Cache[int](1, 10, clock)
    cache.put("a", 1)
    clock.now = 9
    cache.put("a", 2)
    clock.now = 18
    assert cache.get("a") == 2


def test_hits_and_misses_are_counted() -> None:
    cache = Cache[int](9, 10)
    cache.put(("k", 1), 1)
    for key in (("k", 1), ("k", 2), ("k", 1)):
        cache.get(key)
    cache.peek(("k", 1))
    cache.peek(("k", 2))
    assert cache.stats("rows") == {"rows_hits": 2, "rows_misses": 1, "rows_entries": 1}


def test_what_is_dropped_is_forgotten() -> None:
    cache = Cache[int](9, 10)
    cache.put("a", 1)
    for key in "ab":
        cache.drop(key)
    assert cache.get("a") is None


def test_a_cache_of_size_0_keeps_nothing() -> None:
    cache = Cache[int](0, 10)
    cache.put("a", 1)
    assert cache.get("a") is None
    assert cache.stats()["cache_entries"] == 0
