"""Where the time of the day stands in a text that an expression has matched, where it can be told
apart from the rest: hours, minutes and seconds behind each other, the latter two in two digits.

A time that ends with its minutes has seconds that are no character long, one that ends with its
hours such minutes as well: so nobody else needs to know three kinds of times.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Spot(NamedTuple):
    """Where hours, minutes and seconds start, where the seconds end, and how many digits the hours
    have; see ``Place``.
    """

    hours: int
    minutes: int
    start: int
    end: int
    width: int = 2

    @property
    def widened(self) -> Spot:
        """The place in the same text with two digits of hours."""
        more = 2 - self.width
        return Spot(self.hours, self.minutes + more, self.start + more, self.end + more)


class TimeGroups(NamedTuple):
    """The groups of an expression that hold hours, minutes, seconds and their fraction; 0 where
    there is none. ``halves``: the hours are those of half a day, which is told by another group.
    """

    hour: int = 0
    minute: int = 0
    second: int = 0
    fraction: int = 0
    halves: bool = False


def spot_of(match: re.Match[str], groups: TimeGroups) -> Spot | None:
    """Where hours, minutes and the two digits of the seconds start and where the seconds end, with
    the fraction if it follows at once or after one character; None without such seconds, unless
    there are none, nor a fraction, and the hours and minutes are such.
    """
    start, end = match.span(groups.second) if groups.second else (-1, -1)
    has_fraction = groups.fraction > 0 and match.start(groups.fraction) >= 0
    if start < 0:
        return None if has_fraction else _without_seconds(match, groups)
    if end - start != 2:
        return None
    if has_fraction and match.start(groups.fraction) in (end, end + 1):
        end = match.end(groups.fraction)
    if not groups.hour or not groups.minute:
        return Spot(-1, -1, start, end)
    hours, hours_end = match.span(groups.hour)
    minutes, minutes_end = match.span(groups.minute)
    is_time = hours_end - hours in (1, 2) and minutes_end - minutes == 2
    is_close = hours < minutes < start and minutes - hours_end <= 1 and start - minutes_end <= 1
    if is_time and is_close:
        return Spot(hours, minutes, start, end, hours_end - hours)
    return Spot(-1, -1, start, end)


def _without_seconds(match: re.Match[str], groups: TimeGroups) -> Spot | None:
    hours, hours_end = match.span(groups.hour) if groups.hour else (-1, -1)
    minutes, end = match.span(groups.minute) if groups.minute else (-1, -1)
    if hours < 0 or hours_end - hours > 2:
        return None
    if minutes < 0:
        return Spot(hours, hours_end, hours_end, hours_end, hours_end - hours)
    is_time = end - minutes == 2 and 0 <= minutes - hours_end <= 1
    return Spot(hours, minutes, end, end, hours_end - hours) if is_time else None
