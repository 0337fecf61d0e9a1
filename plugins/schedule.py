"""Schedules: `*/5 * * * *`, `0 6 * * * America/Chicago`, `every 10m`; when something is due next.

A cron line has five fields (minute, hour, day, month, weekday), or six with seconds in front, and
perhaps a time zone behind. Days are gone through one by one, which is quick enough for what happens
once a second at most. Where both day and weekday are restricted either will do, as in crontab(5).
Times that clocks skip are skipped; those that come twice count once, unless every hour is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from ..dsl.diagnostics import PenstockError
from ..dsl.durations import seconds_of
from ..dsl.joda.zones import UnknownZoneError, Zone, get_zone
from ..dsl.timestamp import civil_from_days

_DAY, _HOUR = 86_400, 3_600_000
_DAYS_AHEAD = 366 * 8 + 2
"""How far to look: 29 February may be eight years away."""


class ScheduleError(PenstockError, ValueError):
    """A text that is not a valid schedule; ``help`` says what one is."""

    help = (
        "write `every 10m`, or a cron line such as `*/5 * * * *`: minute, hour, day, month, weekday"
    )


class Schedule(Protocol):
    """When something is due."""

    def after(self, millis: int) -> int | None:
        """The next instant after one, both in milliseconds since 1970; None if there is none."""
        ...


def parse_schedule(text: str, zone: Zone) -> Schedule:
    """The schedule that a text means, in a zone unless it names one; raises ScheduleError."""
    words = text.split()
    if words[:1] == ["every"]:
        return Every(_span(" ".join(words[1:])))
    fields = _NICKNAMES.get(words[0], words[0]).split() if words else []
    fields += words[1:]
    if len(fields) > 5 and re.search("[A-Za-z]/|^[A-Z][A-Za-z]+$", fields[-1]):
        zone = _zone(fields.pop())
    if len(fields) == 5:
        fields.insert(0, "0")
    if len(fields) != 6:
        raise ScheduleError(f"`{text}` is not a valid schedule")
    cron = _cron(fields, zone)
    if cron.after(0) is None:
        raise ScheduleError(f"`{text}` never comes")
    return cron


@dataclass(frozen=True, slots=True)
class Every:
    """Again and again, after a number of seconds."""

    seconds: float

    def after(self, millis: int) -> int | None:
        """The instant one span later."""
        return millis + max(1, round(self.seconds * 1000))


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron line: the values of its fields, sorted; weekdays count from Sunday, 0."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    zone: Zone

    def after(self, millis: int) -> int | None:
        """The next instant after one, both in milliseconds since 1970; None if there is none for
        years.
        """
        local = (millis + self.zone.offset_at(millis)) // 1000
        today = local // _DAY
        for day in range(today, today + _DAYS_AHEAD):
            if self._comes_on(day):
                for second in self._times(local % _DAY // 3600 if day == today else 0):
                    for instant in self._instants((day * _DAY + second) * 1000):
                        if instant > millis:
                            return instant
        return None

    def _comes_on(self, day: int) -> bool:
        _, month, of_month = civil_from_days(day)
        by_day, by_weekday = of_month in self.days, (day + 4) % 7 in self.weekdays
        return month in self.months and (
            by_day or by_weekday if self.either_day else by_day and by_weekday
        )

    def _times(self, first_hour: int) -> Iterator[int]:
        """The seconds of a day, from an hour on."""
        for hour in self.hours:
            if hour >= first_hour:
                for minute in self.minutes:
                    for second in self.seconds:
                        yield hour * 3600 + minute * 60 + second

    def _instants(self, local: int) -> Iterator[int]:
        """The instants of a local time: none where clocks skip it, two where it comes twice and
        counts twice.
        """
        instant = self.zone.to_utc(local)
        if instant is None:
            return
        yield instant
        again = instant + _HOUR
        if len(self.hours) == 24 and again + self.zone.offset_at(again) == local:
            yield again


_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = {
    "jan": 1,
    "feb": 2,
    "mar": 3,
    "apr": 4,
    "may": 5,
    "jun": 6,
    "jul": 7,
    "aug": 8,
    "sep": 9,
    "oct": 10,
    "nov": 11,
    "dec": 12,
}
_WEEKDAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
_PART = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d+))?")


def _cron(fields: list[str], zone: Zone) -> Cron:
    seconds, minutes = (_values(field, 0, 59) for field in fields[:2])
    weekdays = frozenset(value % 7 for value in _values(fields[5], 0, 7, _WEEKDAYS))
    return Cron(
        tuple(sorted(seconds)),
        tuple(sorted(minutes)),
        tuple(sorted(_values(fields[2], 0, 23))),
        frozenset(_values(fields[3], 1, 31)),
        frozenset(_values(fields[4], 1, 12, _MONTHS)),
        weekdays,
        not fields[3].startswith("*") and not fields[5].startswith("*"),
        zone,
    )


def _values(field: str, least: int, most: int, names: dict[str, int] | None = None) -> set[int]:
    """The numbers that a field stands for; raises ScheduleError."""
    found: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ScheduleError(f"`{part}` is not valid in a cron line")
        first, last, step = match.group("first", "last", "step")
        start = least if first is None else _number(first, least, most, names)
        end = (
            _number(last, least, most, names)
            if last
            else start
            if first is not None and step is None
            else most
        )
        stride = int(step or 1)
        if not stride:
            raise ScheduleError(f"`{part}` is not a valid step")
        values = (
            range(start, end + 1)
            if start <= end
            else [*range(start, most + 1), *range(least, end + 1)]
        )
        found.update(values[::stride])
    return found


def _number(text: str, least: int, most: int, names: dict[str, int] | None) -> int:
    number = (names or {}).get(text.lower()[:3], -1) if not text.isdecimal() else int(text)
    if not least <= number <= most:
        raise ScheduleError(f"`{text}` is not between {least} and {most}")
    return number


def _zone(text: str) -> Zone:
    try:
        return get_zone(text)
    except UnknownZoneError as error:
        raise ScheduleError(str(error)) from None


def _span(text: str) -> float:
    """Seconds of `90s`, `1h30m`, `5 minutes`; raises ScheduleError."""
    seconds = seconds_of(text)
    if not seconds:
        raise ScheduleError(f"`every {text}` is not a valid schedule")
    return seconds
