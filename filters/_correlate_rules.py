"""The conditions of correlations: what of the events of one key, near each other, makes an alert.

An event asks whether an interval of the length ``within`` contains it whose events fulfil the
condition. What is in such an interval changes only where it begins or ends at an event, so only
those intervals are looked at. Counts grow with the interval: there, those that begin at an event
are enough.
"""

from __future__ import annotations

import operator
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from .state.sketches import rank
from .state.sums import exact_parts, mean, total

Entry = list[Any]
"""An event of a key: its time, the numbers of its tags, its value, and what is collected of it."""

TIME, TAGS, VALUE, COLLECTED = range(4)

Measure = Callable[[Sequence[Entry]], Any]
"""The number that a condition is about, of the entries of an interval; None where there is none."""

time_of = itemgetter(TIME)

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "neq": operator.ne,
}
AT_ONCE = frozenset({"gt", "gte"})
"""The comparisons that can be judged when an event arrives."""


def fulfils(conditions: Sequence[tuple[str, float]], number: Any) -> bool:
    """Whether a number fulfils all conditions."""
    return number is not None and all(COMPARISONS[name](number, n) for name, n in conditions)


def count(entries: Sequence[Entry]) -> int:
    return len(entries)


def distinct_values(entries: Sequence[Entry]) -> int:
    return len({entry[VALUE] for entry in entries})


def distinct_tags(entries: Sequence[Entry]) -> int:
    return len({tag for entry in entries for tag in entry[TAGS]})


def value_sum(entries: Sequence[Entry]) -> Any:
    whole = sum(entry[VALUE] for entry in entries if type(entry[VALUE]) is int)
    floats = [entry[VALUE] for entry in entries if type(entry[VALUE]) is float]
    return total(whole, exact_parts(floats) if floats else [])


def value_mean(entries: Sequence[Entry]) -> Any:
    return mean(value_sum(entries), len(entries)) if entries else None


def value_percentile(percent: tuple[int, int]) -> Measure:
    """The measure of a percentile, by nearest rank."""

    def measure(entries: Sequence[Entry]) -> Any:
        values = sorted(entry[VALUE] for entry in entries)
        return values[rank(percent, len(values))] if values else None

    return measure


def growing(
    entries: list[Entry],
    at: int,
    within: int,
    measure: Measure,
    holds: Callable[[Any], bool],
) -> tuple[list[Entry], Any] | None:
    """The interval around an entry with the greatest number, and that number, for measures that
    grow with the interval; None where it does not hold.
    """
    when = entries[at][TIME]
    first = bisect_left(entries, when - within, key=time_of)
    best: tuple[list[Entry], Any] | None = None
    last = -1
    for begin in range(first, at + 1):
        end = bisect_right(entries, entries[begin][TIME] + within, key=time_of)
        if end == last:
            continue
        last = end
        found = entries[begin:end]
        number = measure(found)
        if best is None or number > best[1]:
            best = (found, number)
    return best if best is not None and holds(best[1]) else None


def any_interval(
    entries: list[Entry],
    at: int,
    within: int,
    measure: Measure,
    holds: Callable[[Any], bool],
) -> tuple[list[Entry], Any] | None:
    """The earliest interval around an entry whose number holds, for measures that may fall as the
    interval grows.
    """
    for begin in _beginnings(entries, entries[at][TIME], within):
        low = bisect_left(entries, begin, key=time_of)
        high = bisect_right(entries, begin + within, key=time_of)
        number = measure(entries[low:high])
        if holds(number):
            return entries[low:high], number
    return None


def _beginnings(entries: list[Entry], when: int, within: int) -> Iterator[int]:
    """Where intervals that contain a time may begin so that each set of entries is met."""
    first = bisect_left(entries, when - within, key=time_of)
    last = bisect_right(entries, when + within, key=time_of)
    found = {when - within, when}
    for entry in entries[first:last]:
        for begin in (entry[TIME], entry[TIME] + 1, entry[TIME] - within, entry[TIME] - within - 1):
            if when - within <= begin <= when:
                found.add(begin)
    return iter(sorted(found))


def ordered(
    entries: list[Entry], at: int, within: int, need: int
) -> tuple[list[Entry], Any] | None:
    """The entries from the first to the last of a chain of so many tags in their order, of which
    one entry is a part, within the length; None where there is none.

    Chains are kept by their outermost tag and number of tags, each with the entry that makes it
    shortest.
    """
    when = entries[at][TIME]
    best: tuple[int, int, int] | None = None
    for tag in entries[at][TAGS]:
        before = _chains(entries, range(at - 1, -1, -1), at, tag, operator.lt, when - within)
        after = _chains(entries, range(at + 1, len(entries)), at, tag, operator.gt, when + within)
        for left, begin in before.items():
            for right, end in after.items():
                length = left + right - 1
                spans = entries[end][TIME] - entries[begin][TIME]
                if length >= need and spans <= within and (best is None or length > best[2]):
                    best = (begin, end, length)
    return None if best is None else (entries[best[0] : best[1] + 1], best[2])


def _chains(
    entries: list[Entry],
    places: range,
    at: int,
    tag: int,
    precedes: Callable[[int, int], bool],
    bound: int,
) -> dict[int, int]:
    """By length, the nearest entry at which a chain of tags that leads away from one ends."""
    reached: dict[tuple[int, int], int] = {(tag, 1): at}
    for place in places:
        when, tags = entries[place][TIME], entries[place][TAGS]
        if (when < bound) if places.step < 0 else (when > bound):
            break
        for (outer, length), _ in list(reached.items()):
            for own in tags:
                if precedes(own, outer):
                    reached.setdefault((own, length + 1), place)
    nearest: dict[int, int] = {}
    for (_, length), place in reached.items():
        known = nearest.get(length)
        if known is None or abs(place - at) < abs(known - at):
            nearest[length] = place
    return nearest
