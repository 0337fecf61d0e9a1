"""Where windows begin and end: fixed lengths since 1970, or days, weeks, months and hours by the
wall clock of a zone.

Time is cut into *panes* that every window consists of: windows that do not overlap are one pane
each, sliding ones several. Both kinds of calendar number the panes; a pane that the clock leaves no
time (an hour that is jumped over) has no length and does not exist.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache
from math import gcd
from typing import Protocol

from ...dsl.joda.zones import Zone
from ...dsl.timestamp import civil_from_days, days_from_civil

SECOND = 1000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
WEEK = 7 * DAY
_PANES = 1024  # whose windows are kept
_MONDAY = 4 * DAY  # 1970-01-05; the first of January 1970 was a Thursday

Span = tuple[int, int]
"""Start and end, half-open, in milliseconds since 1970."""


class Windows(Protocol):
    """The windows of one filter. ``sliding``: a pane lies in more windows than one."""

    sliding: bool
    of_pane: Callable[[int], list[Span]]
    """The windows that contain the pane with a start, earliest first; not to be changed."""

    def pane(self, time: int) -> Span:
        """The pane that a time lies in."""
        ...

    def after(self, window: Span) -> Span:
        """The window that begins next after one."""
        ...


class FixedWindows:
    """Windows of one length, one every so many milliseconds."""

    def __init__(self, size: int, every: int | None = None, offset: int = 0) -> None:
        self.size, self.every = size, every or size
        base = _MONDAY if self.every % WEEK == 0 else 0
        self.base = base + offset
        self.step = gcd(self.size, self.every)
        self.sliding = self.size != self.every
        self.of_pane: Callable[[int], list[Span]] = lru_cache(maxsize=_PANES)(self._of_pane)

    def pane(self, time: int) -> Span:
        start = time - (time - self.base) % self.step
        return start, start + self.step

    def _of_pane(self, start: int) -> list[Span]:
        last = start - (start - self.base) % self.every
        first = start + self.step - self.size
        first += (self.base - first) % self.every
        return [(at, at + self.size) for at in range(first, last + 1, self.every)]

    def after(self, window: Span) -> Span:
        return window[0] + self.every, window[1] + self.every


class CalendarWindows:
    """Windows by the wall clock of a zone: ``unit`` is ``M`` for months or a number of
    milliseconds; a window is ``count`` units long.
    """

    def __init__(self, zone: Zone, unit: int | str, count: int = 1, offset: int = 0) -> None:
        self.zone, self.unit, self.count, self.offset = zone, unit, count, offset
        self.sliding = count > 1
        self._base = _MONDAY if unit == WEEK else 0
        self._first = 0
        self._bounds: list[int] = []
        self.of_pane: Callable[[int], list[Span]] = lru_cache(maxsize=_PANES)(self._of_pane)

    def pane(self, time: int) -> Span:
        index = self._index(time)
        return self._instant(index), self._instant(index + 1)

    def _of_pane(self, start: int) -> list[Span]:
        last = self._index(start)
        spans = [self._span(index) for index in range(last - self.count + 1, last + 1)]
        return [(start, end) for start, end in spans if start < end]

    def after(self, window: Span) -> Span:
        index = self._index(window[0])
        while self._instant(index - 1) == window[0]:
            index -= 1
        while (found := self._span(index)) <= window or found[0] == found[1]:
            index += 1
        return found

    def _span(self, index: int) -> Span:
        return self._instant(index), self._instant(index + self.count)

    def _index(self, time: int) -> int:
        """The number of the pane that a time lies in."""
        if not self._bounds or not self._bounds[0] <= time < self._bounds[-1]:
            self._tabulate(time)
        return self._first + bisect_right(self._bounds, time) - 1

    def _instant(self, index: int) -> int:
        """Where the pane of a number begins."""
        if not 0 <= index - self._first < len(self._bounds):
            return self._begin(index)
        return self._bounds[index - self._first]

    def _tabulate(self, time: int) -> None:
        """Note the beginnings of the panes around a time."""
        wall = time + self.zone.offset_at(time) - self.offset
        guess = self._number(wall)
        around = 3 if self.unit == "M" else 2 + DAY // min(int(self.unit), DAY)
        self._first = guess - around
        self._bounds = [self._begin(index) for index in range(guess - around, guess + around + 1)]

    def _number(self, wall: int) -> int:
        if self.unit != "M":
            return (wall - self._base) // int(self.unit)
        year, month, _ = civil_from_days(wall // DAY)
        return year * 12 + month - 1

    def _begin(self, index: int) -> int:
        """The instant at which the wall clock first shows the beginning of a pane, or jumps over
        it.
        """
        if self.unit == "M":
            wall = days_from_civil(index // 12, index % 12 + 1, 1) * DAY + self.offset
        else:
            wall = index * int(self.unit) + self._base + self.offset
        found = self.zone.to_utc(wall)
        return self._jump(wall) if found is None else found

    def _jump(self, wall: int) -> int:
        """The instant at which the clock jumps over a local time."""
        after = self.zone.nearest_utc(wall)
        before = after - DAY
        while after - before > 1:
            middle = (before + after) // 2
            if middle + self.zone.offset_at(middle) < wall:
                before = middle
            else:
                after = middle
        return after
