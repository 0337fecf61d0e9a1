"""The fields of a date as Joda-Time sets them, one upon the other, until they are a local time.

The one hard idea: a text may give fields that overlap or contradict each other (a weekday beside a
date, a week beside a month). They are set from the largest to the smallest, on midnight of
1970-01-01, and then once more, so that a field that was cut short by an unlucky start (the 31st,
while the month was still February) comes out right. The smallest wins. Source: the behaviour of
org.joda.time.format.DateTimeParserBucket.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..diagnostics import PenstockError
from ..timestamp import civil_from_days, days_from_civil, is_leap, month_length
from .moment import iso_week, iso_year_start

DAY, HALF, HOUR, MINUTE, SECOND = 86_400_000, 43_200_000, 3_600_000, 60_000, 1_000
_LAST_YEAR = 292_278_993


class FieldValueError(PenstockError, ValueError):
    """A field's value that the calendar does not have, such as the 31st of April."""


class LocalTime:
    """A local time being put together: days since 1970 and the millisecond of the day."""

    __slots__ = ("days", "millis")

    def __init__(self) -> None:
        self.days = self.millis = 0


Setter = Callable[[LocalTime, int, bool], None]
"""Sets a field; with True, what is smaller than the field goes back to its start."""


def _check(value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise FieldValueError(f"{value} is not between {least} and {most}")


def civil(year: int, month: int, day: int, hour: int, minute: int, second: int, milli: int) -> int:
    """Local milliseconds since 1970 of fields that cannot contradict each other; raises
    FieldValueError.
    """
    _check(year, -_LAST_YEAR, _LAST_YEAR)
    if month > 12 or hour > 23 or minute > 59 or second > 59 or month == 0 or day == 0:
        raise FieldValueError("no such time")
    days = days_from_civil(year, month, day)
    if day > 28 and days >= days_from_civil(year + (month == 12), month % 12 + 1, 1):
        raise FieldValueError("no such day")
    return days * DAY + (hour * 3600 + minute * 60 + second) * 1000 + milli


def move_to_year(days: int, year: int) -> int:
    """The same day of another year; February 29th becomes the 28th where there is none."""
    old, month, day = civil_from_days(days)
    if (month, day) == (2, 29) and not is_leap(year):
        day = 28
    return days if old == year else days_from_civil(year, month, day)


def _year(at: LocalTime, year: int, floor: bool) -> None:
    _check(year, -_LAST_YEAR, _LAST_YEAR)
    at.days = days_from_civil(year, 1, 1) if floor else move_to_year(at.days, year)


def _year_of_era(at: LocalTime, year: int, floor: bool) -> None:
    _check(year, 1, _LAST_YEAR)
    _year(at, year if civil_from_days(at.days)[0] > 0 else 1 - year, floor)


def _era(at: LocalTime, era: int, floor: bool) -> None:
    year = civil_from_days(at.days)[0]
    if (year > 0) != bool(era):
        _year(at, -year, False)
    if floor:
        at.days = days_from_civil(1 if era else -1, 1, 1)


def _century(at: LocalTime, century: int, floor: bool) -> None:
    _check(century, 0, _LAST_YEAR // 100)
    year = civil_from_days(at.days)[0]
    of_era = century * 100 + (0 if floor else abs(year) % 100)
    _year(at, of_era if year >= 0 else -of_era, floor)


def _month(at: LocalTime, month: int, floor: bool) -> None:
    _check(month, 1, 12)
    year, _, day = civil_from_days(at.days)
    at.days = days_from_civil(year, month, 1 if floor else min(day, month_length(year, month)))


def _day(at: LocalTime, day: int, floor: bool) -> None:
    year, month, old = civil_from_days(at.days)
    _check(day, 1, month_length(year, month))
    at.days += day - old


def _day_of_year(at: LocalTime, day: int, floor: bool) -> None:
    year = civil_from_days(at.days)[0]
    _check(day, 1, 365 + is_leap(year))
    at.days = days_from_civil(year, 1, day)


def _week_year(at: LocalTime, year: int, floor: bool) -> None:
    _check(year, -_LAST_YEAR, _LAST_YEAR)
    old, week = iso_week(at.days)
    start = iso_year_start(year)
    if floor:
        at.days = start
    elif old != year:
        week = min(week, _weeks_in(old), _weeks_in(year))
        at.days = start + (week - 1) * 7 + (at.days + 3) % 7


def _weeks_in(week_year: int) -> int:
    return (iso_year_start(week_year + 1) - iso_year_start(week_year)) // 7


def _week(at: LocalTime, week: int, floor: bool) -> None:
    year, old = iso_week(at.days)
    _check(week, 1, _weeks_in(year))
    at.days += (week - old) * 7
    if floor:
        at.days -= (at.days + 3) % 7


def _weekday(at: LocalTime, weekday: int, floor: bool) -> None:
    _check(weekday, 1, 7)
    at.days += weekday - 1 - (at.days + 3) % 7


def _part(unit: int, count: int, first: int = 0) -> Setter:
    """A field of the day's time: the `unit`, of which `count` make the next larger; the last may be
    written for 0.
    """

    def put(at: LocalTime, value: int, floor: bool) -> None:
        _check(value, first, count - 1 + first)
        at.millis += (value % count - at.millis // unit % count) * unit
        if floor:
            at.millis -= at.millis % unit

    return put


SETTERS: Mapping[str, Setter] = {
    "G": _era,
    "C": _century,
    "y": _year,
    "Y": _year_of_era,
    "x": _week_year,
    "M": _month,
    "w": _week,
    "D": _day_of_year,
    "d": _day,
    "e": _weekday,
    "a": _part(HALF, 2),
    "H": _part(HOUR, 24),
    "k": _part(HOUR, 24, first=1),
    "K": _part(HOUR, 12),
    "h": _part(HOUR, 12, first=1),
    "m": _part(MINUTE, 60),
    "s": _part(SECOND, 60),
    "S": _part(1, SECOND),
}

# Fields in the order in which they are set; those of one rank are set as they stand in the pattern.
_RANKED = ("G", "C", "yYx", "M", "w", "D", "d", "e", "a", "Hk", "Kh", "m", "s", "S")
_RANKS = {letter: rank for rank, letters in enumerate(_RANKED) for letter in letters}
_DATES_WITHOUT_YEAR = frozenset("MwDde")


def setting_order(letters: Sequence[str]) -> list[int]:
    """The places of the letters in the order in which their fields are set."""
    return sorted(range(len(letters)), key=lambda place: _RANKS[letters[place]])


def lacks_year(letters: Sequence[str]) -> bool:
    """Whether the largest of these fields is a part of a year, so that the default year comes
    in.
    """
    return bool(letters) and min(letters, key=_RANKS.__getitem__) in _DATES_WITHOUT_YEAR


def resolve(fields: Sequence[tuple[str, int]], year: int | None = None) -> int:
    """Local milliseconds since 1970 of fields (letter, value) in the order of setting, of a year
    that is not among them if one is given; raises FieldValueError.
    """
    at = LocalTime()
    if year is not None:
        fields = [("y", year), *fields]
    for letter, value in fields:
        SETTERS[letter](at, value, True)
    for place, (letter, value) in enumerate(fields, 1):
        SETTERS[letter](at, value, place == len(fields))
    return at.days * DAY + at.millis
