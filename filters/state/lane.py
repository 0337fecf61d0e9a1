"""The events of one partition in a batch, cut where time makes a difference.

The watermark moves after every event, but seldom does anything depend on it. A batch is cut into
*segments* within which nothing becomes due before the last event and no event can be late; so a
filter takes a segment in a tight loop, and looks at the watermark once behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from . import FOREVER, NEVER
from .watermarks import Partition, Watermarks

_ALL = 1 << 62
_LEAST = 16


class Lane:
    """A partition that speaks, and the times of its events, of which the earliest and the latest
    are known. An event later than ``limit`` runs ahead of the clock and does not move the
    watermark.
    """

    __slots__ = (
        "_width",
        "_woke",
        "earliest",
        "latest",
        "limit",
        "marks",
        "others",
        "progress",
        "times",
    )

    def __init__(
        self,
        marks: Watermarks,
        name: Partition,
        clock: int,
        limit: int,
        times: list[int],
        span: tuple[int, int],
    ) -> None:
        self.marks, self.limit, self.times = marks, limit, times
        self.earliest, self.latest = span
        self.progress, self.others = marks.enter(name, clock)
        self._width = _ALL
        self._woke = marks.is_behind(self.progress.top, self.others)

    def stop(self, start: int, first: int, delay: int, floor: int, slack: int) -> int:
        """Where the segment that begins at an index ends.

        It is looked no further ahead than twice as far as the segment before went: where segments
        are short, a batch would else be looked through for each of its events.

        ``first`` is the watermark at which something is due; events may set timers of their own, no
        earlier than ``delay`` after themselves. An event before ``floor``, or more than ``slack``
        behind the watermark, may be late: it becomes a segment of its own.
        """
        rest = self.times if self._width == _ALL else self.times[start : start + self._width]
        stop = start + self._length(rest, first, delay, floor, slack)
        self._width = max(2 * (stop - start), _LEAST)
        return stop

    def _length(self, rest: list[int], first: int, delay: int, floor: int, slack: int) -> int:
        """How many of the next times are one segment."""
        latest, earliest = self.latest, self.earliest
        if rest is not self.times:
            latest, earliest = max(rest), min(rest)
        if latest > self.limit:
            rest = rest[: max(_index_above(rest, self.limit), 1)]
            latest, earliest = max(rest), min(rest)
        if self.others == NEVER:
            return len(rest)
        if self.marks.watermark == NEVER or self._woke:
            return 1
        bound = max(floor, self.mark_at(latest) - slack)
        if earliest < bound:
            rest = rest[: max(_index_below(rest, bound), 1)]
            latest, earliest = max(rest), min(rest)
        threshold = min(first, earliest + delay) + self.marks.lateness
        if min(latest, self.others) < threshold:
            return len(rest)
        return min(_index_above(rest, threshold - 1) + 1, len(rest))

    def mark_at(self, latest: int) -> int:
        """The watermark when events up to a time have been taken in."""
        top = min(max(self.progress.top, latest), self.others)
        return max(self.marks.watermark, top - self.marks.lateness)

    def passed(self, start: int, stop: int) -> int:
        """The watermark behind a segment."""
        whole = stop - start == len(self.times)
        latest = self.latest if whole else max(self.times[start:stop])
        progress, marks = self.progress, self.marks
        if latest > progress.top and latest <= self.limit:
            progress.top = latest
        elif not self._woke:
            return marks.watermark
        self._woke = False
        mark = min(progress.top, self.others) - marks.lateness
        if mark > marks.watermark and self.others != NEVER:
            marks.watermark = mark
        return marks.watermark


def may_be_late(
    marks: Watermarks,
    name: Partition,
    times: Iterable[int],
    floor_at: Callable[[int], tuple[int, int]],
) -> bool:
    """Whether an event of a partition may be late, of some that follow each other. ``floor_at``
    gives the time before which one may be late at a watermark, and the watermark from which on that
    is another.
    """
    progress = marks.partitions.get(name)
    others = marks.least_but([] if progress is None else [progress])
    floor, turn = NEVER, NEVER if others > NEVER else FOREVER

    def pass_on(mark: int) -> None:
        nonlocal floor, turn
        floor, until = floor_at(mark)
        turn = until + marks.lateness if until + marks.lateness <= others else FOREVER

    # It may have come further than the watermark, where it waited for others that have ended.
    top = NEVER if progress is None else min(progress.top, others)
    mark = marks.watermark if top == NEVER else max(marks.watermark, top - marks.lateness)
    if mark > NEVER:
        pass_on(mark)
    for when in times:
        if when < floor:
            return True
        if when >= turn:
            pass_on(min(when, others) - marks.lateness)
    return False


def _index_above(times: list[int], bound: int) -> int:
    """The first index of a time above a bound, or the length."""
    return next((i for i, time in enumerate(times) if time > bound), len(times))


def _index_below(times: list[int], bound: int) -> int:
    return next((i for i, time in enumerate(times) if time < bound), len(times))
