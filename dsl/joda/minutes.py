"""Reading texts that differ in their time of day only, without reading them anew.

The one hard idea: of two texts that are alike but for the digits of hours, minutes and seconds, the
second needs no parsing. A day whose first and last second lie 86,399 seconds apart has one offset:
what the hours and minutes mean comes from a table for that offset, and the seconds, since offsets
are whole minutes (for all that happened since 1970), go over into the result as they are. On days
when clocks change, and where hours, minutes and seconds do not follow each other in the text, the
minutes that were read are known instead. With AM and PM half a day is known. Where the digits stand
is learned from the first text of each length that is read the long way.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

from ..timestamp import Timestamp

Evaluate = Callable[[re.Match[str]], int | None]
"""From a match to milliseconds since 1970; None for a date that does not exist."""

_Spot = tuple[int, int, int, int]
"""Where hours, minutes and seconds start, and where the seconds end; see ``Place``."""

_LONGEST = 64
_KEPT = 4096
_DAYS_KEPT = 4096
_TAILS = {f"{second:02d}": f"{second:02d}.000Z" for second in range(60)}


_MILLIS = {f"{milli:03d}": f".{milli:03d}Z" for milli in range(1000)}


def _tail_after(separator: str, digits: int) -> Callable[[str], str | None]:
    """From seconds with a fraction of so many digits, told apart by this character or nothing, to
    how they end a canonical text.
    """
    first = 2 + len(separator)
    last = first + 3
    if digits not in (3, 6):
        fits = re.compile(f"[0-5][0-9]{re.escape(separator)}[0-9]+").fullmatch
        return lambda piece: f"{piece[:2]}.{piece[first:last]:0<3}Z" if fits(piece) else None
    second_of = {f"{second}{separator}": second for second in _TAILS}.get
    milli_of = _MILLIS.get

    def tail(piece: str) -> str | None:
        second, milli = second_of(piece[:first]), milli_of(piece[first:last])
        if second is None or milli is None or (digits == 6 and piece[last:] not in _MILLIS):
            return None
        return second + milli

    return tail


class _Times(dict[str, tuple[int, str] | None]):
    """From hours and minutes as they stand in texts (``13:45:``) to whether they fall on the first
    UTC day or the next (0 or 1), and what stands there in a canonical text; None for other texts.
    Filled in as they come.
    """

    def __init__(
        self, after_hours: str, after_minutes: str, midnight: int, halves: bool = False
    ) -> None:
        """``midnight``: the minute of the UTC day at which the day of the texts begins, or the half
        of a day, whose hours are 12 and 1 to 11.
        """
        super().__init__()
        self._separators, self._midnight = (after_hours, after_minutes), midnight
        self._hours = _HALF_DAY_HOURS if halves else _DAY_HOURS

    def __missing__(self, piece: str) -> tuple[int, str] | None:
        at = 2 + len(self._separators[0])
        hour, minute = self._hours.get(piece[:2]), _NUMBERS.get(piece[at : at + 2])
        if hour is None or minute is None:
            return None
        if (piece[2:at], piece[at + 2 :]) != self._separators:
            return None
        day, of_day = divmod(self._midnight + hour * 60 + minute, 1440)
        found = self[piece] = day, f"T{of_day // 60:02d}:{of_day % 60:02d}:"
        return found


_NUMBERS = {f"{number:02d}": number for number in range(60)}
_DAY_HOURS = {f"{hour:02d}": hour for hour in range(24)}
_HALF_DAY_HOURS = {f"{hour:02d}": hour % 12 for hour in range(1, 13)}
_times = lru_cache(maxsize=64)(_Times)

Day = tuple[_Times, tuple[str, str]]
"""What a day's hours and minutes mean, and the dates of the UTC days on which they fall."""


class _Uneven(_Times):
    """Of a day that has no one offset nothing is known."""

    def __missing__(self, piece: str) -> None:
        return None


_UNEVEN: Day = _Uneven("", "", 0), ("", "")
_DAY = "00", "23", 86_399_000
_HALF_DAY = "12", "11", 43_199_000
"""The first and the last hour, and how far the first second is from the last."""
_LAST_SECOND = 59_000

_QuickWay = tuple[
    int,
    int,
    int,
    Callable[[str], Day | None],
    Callable[[str], str | None],
    Callable[[str], str | None],
]
"""Of a place: where its hours start (its seconds, where no days are known), where its seconds start
and end; from a text without hours, minutes and seconds to its day; from a text without seconds to
its minute; from what stands there to its tail.
"""


class Place:
    """Where hours, minutes and seconds (and perhaps their fraction) stand in texts of one length,
    and the days and minutes known so far. ``hours`` and ``minutes`` are -1 where they do not stand
    in front of the seconds, in two digits each. ``halves``: the hours are those of half a day; then
    the days are halves, which the texts tell apart elsewhere.
    """

    __slots__ = ("days", "end", "halves", "hours", "known", "minutes", "start", "tail")

    def __init__(self, text: str, spot: _Spot, halves: bool) -> None:
        self.hours, self.minutes, self.start, self.end = spot
        self.halves = halves
        self.known: dict[str, str] = {}
        self.days: dict[str, Day] = {}
        self.tail: Callable[[str], str | None] = (
            _TAILS.get if self.end - self.start == 2 else self._tail(text[self.start : self.end])
        )

    @staticmethod
    def _tail(piece: str) -> Callable[[str], str | None]:
        separator = "" if piece[2].isdecimal() else piece[2]
        return _tail_after(separator, len(piece) - 2 - len(separator))

    @property
    def quick_way(self) -> _QuickWay:
        hours = self.start if self.hours < 0 else self.hours
        return hours, self.start, self.end, self.days.get, self.known.get, self.tail

    def learn(self, text: str, stamp: Timestamp, millis_of: Callable[[str], int | None]) -> None:
        """Keep the day of a text that was read, or its minute, if its seconds could have been
        copied.
        """
        if not self._is_copied(text, stamp):
            return
        if self.hours >= 0:
            key = text[: self.hours] + text[self.end :]
            if key not in self.days:
                _keep(self.days, key, self._day(text, millis_of), _DAYS_KEPT)
            if self.days[key] is _UNEVEN and not self._is_even_minute(text, millis_of):
                return
        _keep(self.known, text[: self.start] + text[self.end :], stamp[:17], _KEPT)

    def _is_copied(self, text: str, stamp: Timestamp) -> bool:
        is_usual = len(stamp) == 24 and stamp >= "1970"
        return is_usual and stamp[17:] == self.tail(text[self.start : self.end])

    def _is_even_minute(self, text: str, millis_of: Callable[[str], int | None]) -> bool:
        """Whether clocks do not change within the minute of a text, as in Monrovia in 1972."""
        before, after = text[: self.start], text[self.start + 2 :]
        first, last = (millis_of(f"{before}{second}{after}") for second in ("00", "59"))
        return first is not None and last is not None and last - first == _LAST_SECOND

    def _day(self, text: str, millis_of: Callable[[str], int | None]) -> Day:
        """The day of a text, by what its first and last second are read as."""
        first_hour, last_hour, span = _HALF_DAY if self.halves else _DAY
        midnight = self.at(text, first_hour, "00", "00")
        last_second = self.at(text, last_hour, "59", "59")
        first, last = millis_of(midnight), millis_of(last_second)
        if first is None or last is None or last - first != span:
            return _UNEVEN
        stamp, end = Timestamp.of_millis(first), Timestamp.of_millis(last)
        if not self._is_copied(midnight, stamp) or not self._is_copied(last_second, end):
            return _UNEVEN
        separators = text[self.hours + 2 : self.minutes], text[self.minutes + 2 : self.start]
        minute = int(stamp[11:13]) * 60 + int(stamp[14:16])
        return _times(*separators, minute, self.halves), (stamp[:10], end[:10])

    def at(self, text: str, hours: str, minutes: str, seconds: str) -> str:
        """The text with another time of the day."""
        between = text[self.hours + 2 : self.minutes], text[self.minutes + 2 : self.start]
        time = f"{hours}{between[0]}{minutes}{between[1]}{seconds}"
        return text[: self.hours] + time + text[self.start + 2 :]


def _keep(kept: dict[str, Any], key: str, value: Any, most: int) -> None:
    if len(kept) >= most:
        kept.clear()
    kept[key] = value


class KnownDay(NamedTuple):
    """What is known of the day of a text: where its time stands, the text without it, and what its
    hours and minutes mean.
    """

    place: Place
    key: str
    day: Day


class TimeGroups(NamedTuple):
    """The groups of an expression that hold hours, minutes, seconds and their fraction; 0 where
    there is none. ``halves``: the hours are those of half a day, which is told by another group.
    """

    hour: int = 0
    minute: int = 0
    second: int = 0
    fraction: int = 0
    halves: bool = False


class Reader:
    """Texts to instants by a regular expression and arithmetic; ``forget`` when the arithmetic has
    changed.
    """

    __slots__ = ("_evaluate", "_fullmatch", "_groups", "_places", "_quick_ways", "read")

    def __init__(self, regex: str, evaluate: Evaluate, groups: TimeGroups) -> None:
        self._places: dict[int, Place] = {}
        self._quick_ways: dict[int, _QuickWay] = {}
        self._fullmatch = re.compile(regex).fullmatch
        self._evaluate, self._groups = evaluate, groups
        self.read = self._quick() if groups.second else self._slow

    def forget(self) -> None:
        self._places.clear()
        self._quick_ways.clear()

    def known_day(self, text: str) -> KnownDay | None:
        """What is known of the day of a text; None where nothing is, where only half a day is, or
        clocks change on it.
        """
        place = self._places.get(len(text))
        if place is None or place.hours < 0 or place.halves:
            return None
        key = text[: place.hours] + text[place.end :]
        day = place.days.get(key)
        if day is None or day is _UNEVEN:
            return None
        return KnownDay(place, key, day)

    def _quick(self) -> Callable[[str], Timestamp | None]:
        way_of, slow = self._quick_ways.get, self._slow

        def read(text: str) -> Timestamp | None:
            way = way_of(len(text))
            if way is None:
                return slow(text)
            hours, start, end, day_of, minute_of, tail_of = way
            day = day_of(text[:hours] + text[end:])
            if day is not None:
                times, dates = day
                time = times[text[hours:start]]
                tail = tail_of(text[start:end])
                if time is not None and tail is not None:
                    return Timestamp(dates[time[0]] + time[1] + tail)
            minute = minute_of(text[:start] + text[end:])
            if minute is not None:
                tail = tail_of(text[start:end])
                if tail is not None:
                    return Timestamp(minute + tail)
            return slow(text)

        return read

    def _slow(self, text: str) -> Timestamp | None:
        match = self._fullmatch(text)
        millis = None if match is None else self._evaluate(match)
        if match is None or millis is None:
            return None
        stamp = Timestamp.of_millis(millis)
        if self._groups.second:
            self._learn(text, stamp, _spot(match, self._groups))
        return stamp

    def _learn(self, text: str, stamp: Timestamp, spot: _Spot | None) -> None:
        if spot is None or len(text) > _LONGEST:
            return
        place = self._places.get(len(text))
        if place is None:
            place = self._places[len(text)] = Place(text, spot, self._groups.halves)
            self._quick_ways[len(text)] = place.quick_way
        if (place.hours, place.minutes, place.start, place.end) == spot:
            place.learn(text, stamp, partial(self._millis, spot=spot))

    def _millis(self, text: str, spot: _Spot) -> int | None:
        """What a text is read as, if its time stands where it should."""
        match = self._fullmatch(text)
        if match is None or _spot(match, self._groups) != spot:
            return None
        return self._evaluate(match)


def _spot(match: re.Match[str], groups: TimeGroups) -> _Spot | None:
    """Where hours, minutes and the two digits of the seconds start and where the seconds end, with
    the fraction if it follows at once or after one character; None without such seconds.
    """
    start, end = match.span(groups.second)
    if end - start != 2:
        return None
    if groups.fraction and match.start(groups.fraction) in (end, end + 1):
        end = match.end(groups.fraction)
    if not groups.hour or not groups.minute:
        return -1, -1, start, end
    hours, hours_end = match.span(groups.hour)
    minutes, minutes_end = match.span(groups.minute)
    is_time = hours_end - hours == 2 == minutes_end - minutes and hours < minutes < start
    is_close = minutes - hours_end <= 1 and start - minutes_end <= 1
    return (hours, minutes, start, end) if is_time and is_close else (-1, -1, start, end)
