"""Time and LogStash::Timestamp."""

from __future__ import annotations

import re
import time as clock
from collections.abc import Callable
from typing import Any

from ..timestamp import Timestamp, civil_from_days, days_from_civil
from .dispatch import CLASS_OF, define, singleton
from .errors import ArgumentError, TypeError_
from .inspection import class_name, integer, text, to_s
from .objects import STRINGS, Symbol

BILLION = 1_000_000_000


class Time:
    """A moment: nanoseconds since 1970, and the offset in which it is shown; None is local time."""

    __slots__ = ("nanos", "offset", "utc")

    def __init__(self, nanos: int, offset: int | None = None, utc: bool = False) -> None:
        self.nanos, self.utc = nanos, utc
        if utc:
            offset = 0
        self.offset = _local_offset(nanos) if offset is None else offset

    def __eq__(self, other: object) -> bool:
        return type(other) is Time and self.nanos == other.nanos

    def __hash__(self) -> int:
        return hash(self.nanos)

    def civil(self) -> tuple[int, int, int, int, int, int]:
        """Year, month, day, hour, minute, second as shown."""
        seconds = self.nanos // BILLION + self.offset
        days, rest = divmod(seconds, 86_400)
        return (*civil_from_days(days), rest // 3600, rest // 60 % 60, rest % 60)

    def days(self) -> int:
        """Days since 1970 as shown."""
        return (self.nanos // BILLION + self.offset) // 86_400


CLASS_OF[Time] = "Time"


def _local_offset(nanos: int) -> int:
    try:
        return clock.localtime(nanos // BILLION).tm_gmtoff
    except (OverflowError, ValueError, OSError):
        return 0


def nanos_of(value: Any) -> int:
    """Seconds, whole or not, as nanoseconds."""
    if type(value) is int:
        return value * BILLION
    if type(value) is float:
        from fractions import Fraction
        from math import floor

        return floor(Fraction(value) * BILLION)
    raise TypeError_(f"can't convert {class_name(value)} into an exact number")


_UNITS = {"millisecond": 1_000_000, "microsecond": 1000, "usec": 1000, "nanosecond": 1, "nsec": 1}


@singleton("Time", "at")
def at(value: Any, part: Any = None, unit: Any = None, **named: Any) -> Time:
    """The moment of a number of seconds."""
    zone = named.get("in")
    if type(value) is Time:
        return Time(value.nanos, value.offset, value.utc)
    if type(value) is Timestamp:
        return Time(value.nanos())
    nanos = nanos_of(value)
    if part is not None:
        factor = _UNITS[unit.name] if type(unit) is Symbol else 1000
        nanos += int(part * factor)
    return Time(nanos) if zone is None else _in_zone(nanos, zone)


def _in_zone(nanos: int, zone: Any) -> Time:
    if zone == "UTC" or to_s(zone) in ("UTC", "Z"):
        return Time(nanos, utc=True)
    return Time(nanos, offset_of(zone))


def offset_of(zone: Any) -> int:
    if type(zone) is int:
        return zone
    given = text(zone)
    found = re.fullmatch(r"([+-])(\d\d):?(\d\d)(?::?(\d\d))?", given)
    if found is None:
        if given in ("UTC", "Z", "GMT"):
            return 0
        raise ArgumentError(
            f'"+HH:MM", "-HH:MM", "UTC" or "A".."I","K".."Z" expected for utc_offset: {given}'
        )
    seconds = int(found[2]) * 3600 + int(found[3]) * 60 + int(found[4] or 0)
    return -seconds if found[1] == "-" else seconds


MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
FULL_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]


def _parts(values: tuple[Any, ...]) -> tuple[int, int]:
    """Seconds and nanoseconds of year, month and so on, without an offset."""
    given = [0 if v is None else v for v in values]
    year, month, day, hour, minute, second = [*given, *[1, 1, 1, 0, 0, 0][len(given) :]][:6]
    month = (
        MONTHS.index(to_s(month).lower()) + 1
        if type(month) in STRINGS and not to_s(month).isdigit()
        else month
    )
    numbers = [int(to_s(v)) if type(v) in STRINGS else v for v in (year, month, day, hour, minute)]
    if not 1 <= numbers[1] <= 12:
        raise ArgumentError("mon out of range")
    if not (1 <= numbers[2] <= 31 and 0 <= numbers[3] <= 24 and 0 <= numbers[4] <= 59):
        raise ArgumentError("argument out of range")
    nanos = nanos_of(int(to_s(second)) if type(second) in STRINGS else second)
    days = days_from_civil(*[integer(n) for n in numbers[:3]])
    return days * 86_400 + integer(numbers[3]) * 3600 + integer(numbers[4]) * 60, nanos


@singleton("Time", "utc", "gm")
def utc(*values: Any) -> Time:
    """The moment of a date and time in UTC."""
    seconds, nanos = _parts(values)
    return Time(seconds * BILLION + nanos, utc=True)


@singleton("Time", "local", "mktime")
def local(*values: Any) -> Time:
    """The moment of a date and time in local time."""
    seconds, nanos = _parts(values)
    return localized(seconds, nanos)


def localized(seconds: int, nanos: int) -> Time:
    guess = _local_offset((seconds - _local_offset(seconds * BILLION)) * BILLION)
    return Time((seconds - guess) * BILLION + nanos)


def new_time(now: Any) -> Any:
    """``Time.new``: now, or the moment of a date and time."""

    def new(*values: Any, **named: Any) -> Any:
        zone = named.get("in")
        if not values:
            return now(**named)
        if len(values) > 6:
            zone, values = values[6], values[:6]
        if zone is None:
            return local(*values)
        seconds, nanos = _parts(values)
        moment = seconds * BILLION + nanos
        return (
            Time(moment, utc=True)
            if to_s(zone) in ("UTC", "Z")
            else Time(moment - offset_of(zone) * BILLION, offset_of(zone))
        )

    return new


def now_of(read: Any) -> Any:
    """``Time.now``, by a clock that gives nanoseconds."""

    def now(**named: Any) -> Time:
        zone = named.get("in")
        return Time(read()) if zone is None else _in_zone(read(), zone)

    return now


COMPOSED = {
    "F": "%Y-%m-%d",
    "T": "%H:%M:%S",
    "X": "%H:%M:%S",
    "D": "%m/%d/%y",
    "R": "%H:%M",
    "x": "%m/%d/%y",
    "c": "%a %b %e %H:%M:%S %Y",
    "r": "%I:%M:%S %p",
}


def _civil(name: str, place: int) -> None:
    define("Time", *name.split())(lambda self: self.civil()[place])


for _at, _name in enumerate(("year", "month mon", "day mday", "hour", "min", "sec")):
    _civil(_name, _at)


@define("Time", "wday")
def weekday(self: Time) -> int:
    """The day of the week, Sunday 0."""
    return (self.days() + 4) % 7


@define("Time", "yday")
def yday(self: Time) -> int:
    """The day of the year."""
    return self.days() - days_from_civil(self.civil()[0], 1, 1) + 1


@define("Time", "zone")
def zone(self: Time) -> Any:
    """The name of the zone."""
    if self.utc:
        return "UTC"
    local_ = clock.localtime(self.nanos // BILLION)
    return local_.tm_zone if local_.tm_gmtoff == self.offset else None


for _at, _name in enumerate(DAYS):
    define("Time", f"{_name.lower()}?")(lambda self, day=_at: weekday(self) == day)
_READERS: dict[str, Callable[..., Any]] = {
    "to_i": lambda self: self.nanos // BILLION,
    "tv_sec": lambda self: self.nanos // BILLION,
    "to_f": lambda self: float(self.nanos) / 1e9,
    "usec": lambda self: self.nanos % BILLION // 1000,
    "tv_usec": lambda self: self.nanos % BILLION // 1000,
    "nsec": lambda self: self.nanos % BILLION,
    "tv_nsec": lambda self: self.nanos % BILLION,
    "utc_offset": lambda self: self.offset,
    "gmt_offset": lambda self: self.offset,
    "gmtoff": lambda self: self.offset,
    "utc?": lambda self: self.utc,
    "gmt?": lambda self: self.utc,
    "utc": lambda self: Time(self.nanos, utc=True),
    "gmtime": lambda self: Time(self.nanos, utc=True),
    "getutc": lambda self: Time(self.nanos, utc=True),
    "getgm": lambda self: Time(self.nanos, utc=True),
    "to_time": lambda self: self,
    "to_a": lambda self: [*self.civil()[::-1], weekday(self), yday(self), False, zone(self)],
    "hash": lambda self: hash(self.nanos),
}
for _name, _function in _READERS.items():
    define("Time", _name)(_function)


@define("Time", "localtime", "getlocal")
def localtime(self: Time, offset: Any = None) -> Time:
    """The moment in local time, or at an offset."""
    return Time(self.nanos) if offset is None else _in_zone(self.nanos, offset)


@define("Time", "+")
def add(self: Time, seconds: Any) -> Time:
    """Some seconds later."""
    if type(seconds) is Time:
        raise TypeError_("time + time?")
    return Time(self.nanos + nanos_of(seconds), self.offset, self.utc)


@define("Time", "-")
def subtract(self: Time, other: Any) -> Any:
    """The seconds between two moments, or a moment before."""
    nanos = moment_of(other)
    if nanos is not None:
        return (self.nanos - nanos) / BILLION
    return Time(self.nanos - nanos_of(other), self.offset, self.utc)


def moment_of(value: Any) -> int | None:
    if type(value) is Time:
        return value.nanos
    return value.nanos() if type(value) is Timestamp else None


@define("Time", "<=>")
def spaceship(self: Time, other: Any) -> int | None:
    """Which is earlier."""
    nanos = moment_of(other)
    return None if nanos is None else (self.nanos > nanos) - (self.nanos < nanos)


@define("Time", "==", "eql?")
def time_equal(self: Time, other: Any) -> bool:
    """Whether it is the same moment."""
    return moment_of(other) == self.nanos


@define("Time", "round", "floor")
def rounded(self: Time, places: Any = 0) -> Time:
    """With fewer digits."""
    unit = 10 ** (9 - integer(places))
    return Time((self.nanos + unit // 2) // unit * unit, self.offset, self.utc)
