"""Reading texts that differ in their time of day only, without reading them anew.

The one hard idea: of two texts that are alike but for the digits of hours, minutes and seconds, the
second needs no parsing. A day whose first and last second lie 86,399 seconds apart has one offset:
what the hours and minutes mean comes from a table for that offset, and the seconds, since offsets
are whole minutes (for all that happened since 1970), go over into the result as they are. On days
when clocks change, and where hours, minutes and seconds do not follow each other in the text, the
minutes that were read are known instead. Where the digits stand is learned from the first text of
each length that is read the long way.
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
    """From seconds with a fraction of so many digits, told apart by this character, to how they end
    a canonical text.
    """
    if digits not in (3, 6):
        fits = re.compile(f"[0-5][0-9]{re.escape(separator)}[0-9]+").fullmatch
        return lambda piece: f"{piece[:2]}.{piece[3:6]:0<3}Z" if fits(piece) else None
    second_of = {f"{second}{separator}": second for second in _TAILS}.get
    milli_of = _MILLIS.get

    def tail(piece: str) -> str | None:
        second, milli = second_of(piece[:3]), milli_of(piece[3:6])
        if second is None or milli is None or (digits == 6 and piece[6:] not in _MILLIS):
            return None
        return second + milli

    return tail


class _Times(dict[str, tuple[int, str] | None]):
    """From hours and minutes as they stand in texts (``13:45:``) to whether they fall on the first
    UTC day or the next (0 or 1), and what stands there in a canonical text; None for other texts.
    Filled in as they come.
    """

    def __init__(self, after_hours: str, after_minutes: str, midnight: int) -> None:
        """``midnight``: the minute of the UTC day at which the day of the texts begins."""
        super().__init__()
        self._separators, self._midnight = (after_hours, after_minutes), midnight

    def __missing__(self, piece: str) -> tuple[int, str] | None:
        at = 2 + len(self._separators[0])
        hour, minute = _NUMBERS.get(piece[:2], 24), _NUMBERS.get(piece[at : at + 2])
        if hour > 23 or minute is None or (piece[2:at], piece[at + 2 :]) != self._separators:
            return None
        day, of_day = divmod(self._midnight + hour * 60 + minute, 1440)
        found = self[piece] = day, f"T{of_day // 60:02d}:{of_day % 60:02d}:"
        return found


_NUMBERS = {f"{number:02d}": number for number in range(60)}
_times = lru_cache(maxsize=64)(_Times)

Day = tuple[_Times, tuple[str, str]]
"""What a day's hours and minutes mean, and the dates of the UTC days on which they fall."""


class _Uneven(_Times):
    """Of a day that has no one offset nothing is known."""

    def __missing__(self, piece: str) -> None:
        return None


_UNEVEN: Day = _Uneven("", "", 0), ("", "")
_MIDNIGHT_TO_LAST_SECOND = 86_399_000
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
    in front of the seconds, in two digits each.
    """

    __slots__ = ("days", "end", "hours", "known", "minutes", "start", "tail")

    def __init__(self, text: str, spot: _Spot) -> None:
        self.hours, self.minutes, self.start, self.end = spot
        self.known: dict[str, str] = {}
        self.days: dict[str, Day] = {}
        self.tail: Callable[[str], str | None] = (
            _TAILS.get
            if self.end - self.start == 2
            else _tail_after(text[self.start + 2], self.end - self.start - 3)
        )

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
        midnight, last_second = self.at(text, "00", "00", "00"), self.at(text, "23", "59", "59")
        first, last = millis_of(midnight), millis_of(last_second)
        if first is None or last is None or last - first != _MIDNIGHT_TO_LAST_SECOND:
            return _UNEVEN
        stamp, end = Timestamp.of_millis(first), Timestamp.of_millis(last)
        if not self._is_copied(midnight, stamp) or not self._is_copied(last_second, end):
            return _UNEVEN
        separators = text[self.hours + 2 : self.minutes], text[self.minutes + 2 : self.start]
        minute = int(stamp[11:13]) * 60 + int(stamp[14:16])
        return _times(*separators, minute), (stamp[:10], end[:10])

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
    there is none.
    """

    hour: int = 0
    minute: int = 0
    second: int = 0
    fraction: int = 0


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
        """What is known of the day of a text; None where nothing is, or clocks change on it."""
        place = self._places.get(len(text))
        if place is None or place.hours < 0:
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
            place = self._places[len(text)] = Place(text, spot)
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
    the fraction if it follows after one character; None without such seconds.
    """
    start, end = match.span(groups.second)
    if end - start != 2:
        return None
    if groups.fraction and match.start(groups.fraction) == end + 1:
        end = match.end(groups.fraction)
    if not groups.hour or not groups.minute:
        return -1, -1, start, end
    hours, hours_end = match.span(groups.hour)
    minutes, minutes_end = match.span(groups.minute)
    is_time = hours_end - hours == 2 == minutes_end - minutes and hours < minutes < start
    is_close = minutes - hours_end <= 1 and start - minutes_end <= 1
    return (hours, minutes, start, end) if is_time and is_close else (-1, -1, start, end)
