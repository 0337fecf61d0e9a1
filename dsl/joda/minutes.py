"""Reading texts that differ in their time of day only, without reading them anew.

The one hard idea: of two texts that are alike but for the digits of hours, minutes and seconds, the
second needs no parsing. A day whose first and last second lie 86,399 seconds apart has one offset:
what the hours and minutes mean comes from a table for that offset, and the seconds, since offsets
are whole minutes (for all that happened since 1970), go over into the result as they are. On days
when clocks change, and where hours, minutes and seconds do not follow each other in the text, the
minutes that were read are known instead. With AM and PM half a day is known. Where the digits stand
is learned from the first texts of each length that are read the long way; where days, months or
hours have one digit or two, texts of one length have them in several places. A time without
seconds, or without minutes, is one whose seconds are no character long.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

from ..timestamp import Timestamp
from .spots import Spot, TimeGroups, spot_of

Evaluate = Callable[[re.Match[str]], int | None]
"""From a match to milliseconds since 1970; None for a date that does not exist."""


_LONGEST = 64
_KEPT = 4096
_DAYS_KEPT = 4096
_MOST_PLACES = 8
"""In how many places the texts of one length may have their time: each is looked at in turn."""
_TAILS = {f"{second:02d}": f"{second:02d}.000Z" for second in range(60)}
_NO_TAIL = {"": "00.000Z"}

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
        self,
        separators: tuple[str, str],
        midnight: int,
        halves: bool = False,
        width: int = 2,
        has_minutes: bool = True,
    ) -> None:
        """``separators``: what follows the hours and the minutes. ``midnight``: the minute of the
        UTC day at which the day of the texts begins, or the half of a day, whose hours are 12 and
        1 to 11. ``width``: how many digits an hour has.
        """
        super().__init__()
        self._separators, self._midnight, self._width = separators, midnight, width
        self._hours = _HALF_DAY_HOURS if halves else _DAY_HOURS
        self._minutes = _NUMBERS if has_minutes else _NO_MINUTES
        self._minute_width = 2 if has_minutes else 0

    def __missing__(self, piece: str) -> tuple[int, str] | None:
        width = self._width
        at = width + len(self._separators[0])
        end = at + self._minute_width
        hour = self._hours.get(piece[:width].zfill(2)) if len(piece) >= width else None
        minute = self._minutes.get(piece[at:end])
        if hour is None or minute is None:
            return None
        if (piece[width:at], piece[end:]) != self._separators:
            return None
        day, of_day = divmod(self._midnight + hour * 60 + minute, 1440)
        found = self[piece] = day, f"T{of_day // 60:02d}:{of_day % 60:02d}:"
        return found


_NUMBERS = {f"{number:02d}": number for number in range(60)}
_NO_MINUTES = {"": 0}
_DAY_HOURS = {f"{hour:02d}": hour for hour in range(24)}
_HALF_DAY_HOURS = {f"{hour:02d}": hour % 12 for hour in range(1, 13)}
_times = lru_cache(maxsize=64)(_Times)

Day = tuple[_Times, tuple[str, str]]
"""What a day's hours and minutes mean, and the dates of the UTC days on which they fall."""


class _Uneven(_Times):
    """Of a day that has no one offset nothing is known."""

    def __missing__(self, piece: str) -> None:
        return None


_UNEVEN: Day = _Uneven(("", ""), 0), ("", "")
_DAY = "00", "23", 82_800_000
_HALF_DAY = "12", "11", 39_600_000
"""The first and the last hour, and how far they are apart."""
_LAST_MINUTE = 3_540_000
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
    in front of the seconds, minutes and seconds in two digits each. Seconds that are not there
    begin and end behind the minutes, minutes that are not there behind the hours. ``halves``: the
    hours are those of half a day; then the days are halves, which the texts tell apart elsewhere.
    """

    __slots__ = ("days", "end", "halves", "hours", "known", "minutes", "spot", "start", "tail")

    def __init__(self, text: str, spot: Spot, halves: bool) -> None:
        self.spot = spot
        self.hours, self.minutes, self.start, self.end, _ = spot
        self.halves = halves
        self.known: dict[str, str] = {}
        self.days: dict[str, Day] = {}
        self.tail = self._tail(text[self.start : self.end])

    @staticmethod
    def _tail(piece: str) -> Callable[[str], str | None]:
        if len(piece) <= 2:
            return (_TAILS if piece else _NO_TAIL).get
        separator = "" if piece[2].isdecimal() else piece[2]
        return _tail_after(separator, len(piece) - 2 - len(separator))

    @property
    def has_minutes(self) -> bool:
        return self.minutes < self.start

    @property
    def has_seconds(self) -> bool:
        return self.start < self.end

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
        return self._is_usual(stamp) and stamp[17:] == self.tail(text[self.start : self.end])

    @staticmethod
    def _is_usual(stamp: Timestamp) -> bool:
        return len(stamp) == 24 and stamp >= "1970"

    def _is_even_minute(self, text: str, millis_of: Callable[[str], int | None]) -> bool:
        """Whether clocks do not change within the minute of a text, as in Monrovia in 1972."""
        if not self.has_seconds:
            return True
        before, after = text[: self.start], text[self.start + 2 :]
        first, last = (millis_of(f"{before}{second}{after}") for second in ("00", "59"))
        return first is not None and last is not None and last - first == _LAST_SECOND

    def _day(self, text: str, millis_of: Callable[[str], int | None]) -> Day:
        """The day of a text, by what its first and last second are read as, with two digits of
        hours.
        """
        first_hour, last_hour, span = _HALF_DAY if self.halves else _DAY
        span += _LAST_MINUTE * self.has_minutes + _LAST_SECOND * self.has_seconds
        midnight = self.at(text, first_hour, "00", "00")
        last_second = self.at(text, last_hour, "59", "59")
        first, last = millis_of(midnight), millis_of(last_second)
        if first is None or last is None or last - first != span:
            return _UNEVEN
        stamp, end = Timestamp.of_millis(first), Timestamp.of_millis(last)
        if not (self._is_usual(stamp) and self._is_usual(end)):
            return _UNEVEN
        tail, seconds = text[self.start + 2 : self.end], ("00", "59")
        pieces = [second + tail for second in seconds] if self.has_seconds else ["", ""]
        if [stamp[17:], end[17:]] != list(map(self.tail, pieces)):
            return _UNEVEN
        minute = int(stamp[11:13]) * 60 + int(stamp[14:16])
        times = _times(
            self._separators(text), minute, self.halves, self.spot.width, self.has_minutes
        )
        return times, (stamp[:10], end[:10])

    def _separators(self, text: str) -> tuple[str, str]:
        """What stands behind the hours and behind the minutes."""
        behind_minutes = self.minutes + 2 if self.has_minutes else self.minutes
        behind_hours = self.hours + self.spot.width
        return text[behind_hours : self.minutes], text[behind_minutes : self.start]

    def at(self, text: str, hours: str, minutes: str, seconds: str) -> str:
        """The text with another time of the day, of which it gets what it has."""
        after_hours, after_minutes = self._separators(text)
        time = hours + after_hours + (minutes if self.has_minutes else "") + after_minutes
        rest = text[self.start + 2 :] if self.has_seconds else text[self.end :]
        return text[: self.hours] + time + (seconds if self.has_seconds else "") + rest


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


class Reader:
    """Texts to instants by a regular expression and arithmetic; ``forget`` when the arithmetic has
    changed.
    """

    __slots__ = ("_evaluate", "_fullmatch", "_groups", "_learns", "_places", "_quick_ways", "read")

    def __init__(self, regex: str, evaluate: Evaluate, groups: TimeGroups) -> None:
        self._places: dict[int, list[Place]] = {}
        self._quick_ways: dict[int, list[_QuickWay]] = {}
        self._fullmatch = re.compile(regex).fullmatch
        self._evaluate, self._groups = evaluate, groups
        self._learns = bool(groups.second or groups.hour)
        self.read = self._quick() if self._learns else self._slow

    def forget(self) -> None:
        self._places.clear()
        self._quick_ways.clear()

    def known_day(self, text: str) -> KnownDay | None:
        """What is known of the day of a text, or of half of it; None where nothing is, or clocks
        change on it.
        """
        for place in self._places.get(len(text), ()):
            if place.hours >= 0:
                key = text[: place.hours] + text[place.end :]
                day = place.days.get(key)
                if day is not None and day[0][text[place.hours : place.start]] is not None:
                    return KnownDay(place, key, day)
        return None

    def _quick(self) -> Callable[[str], Timestamp | None]:
        ways_of, slow = self._quick_ways.get, self._slow

        def read(text: str) -> Timestamp | None:
            for hours, start, end, day_of, minute_of, tail_of in ways_of(len(text), ()):
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
        if self._learns:
            self._learn(text, stamp, spot_of(match, self._groups))
        return stamp

    def _learn(self, text: str, stamp: Timestamp, spot: Spot | None) -> None:
        if spot is None or len(text) > _LONGEST:
            return
        places = self._places.setdefault(len(text), [])
        place = next((place for place in places if place.spot == spot), None)
        if place is None:
            if len(places) >= _MOST_PLACES:
                return
            place = Place(text, spot, self._groups.halves)
            places.append(place)
            self._quick_ways.setdefault(len(text), []).append(place.quick_way)
        place.learn(text, stamp, partial(self._millis, spots=(spot, spot.widened)))

    def _millis(self, text: str, spots: tuple[Spot, Spot]) -> int | None:
        """What a text is read as, if its time stands where it should."""
        match = self._fullmatch(text)
        if match is None or spot_of(match, self._groups) not in spots:
            return None
        return self._evaluate(match)
