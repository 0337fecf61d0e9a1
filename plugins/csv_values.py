"""Values of CSV columns converted as Ruby's CSV library does; a text that is not such a value stays
as it is.

Dates without a time of day start in the platform's zone, times without an offset are in UTC: both
as in Ruby.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from ..dsl.joda.zones import Zone
from ..dsl.timestamp import Timestamp
from .strict_numbers import integer, number

Conversion = Callable[[str], Any]

_ISO_DATE = r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})"
_NAMED = r"(?:[A-Za-z]+,?\s+)?(?P<name>[A-Za-z]+)\s+(?P<named_day>\d{1,2})"
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{1,2}):(?P<second>\d{1,2})"
_DATE = re.compile(rf"{_ISO_DATE}|{_NAMED},?\s+(?P<named_year>\d{{2,4}})", re.ASCII)
_NAMED_TIME = re.compile(rf"{_NAMED}\s+{_CLOCK},?\s+(?P<named_year>\d{{2,4}})", re.ASCII)
_ISO_TIME = re.compile(
    rf"{_ISO_DATE}(?:[T\s](?P<hour>\d\d):(?P<minute>\d\d)"
    r"(?::(?P<second>\d\d)(?:\.(?P<fraction>\d+))?(?P<zone>[+-]\d\d:\d\d|\s(?:UTC|GMT)|Z)?)?)?",
    re.ASCII,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def conversions(zone: Zone) -> dict[str, Conversion]:
    """The conversions by name; ``zone`` is the platform's."""
    return {
        "integer": lambda text: text if (value := integer(text)) is None else value,
        "float": lambda text: text if (value := number(text)) is None else value,
        "boolean": _boolean,
        "date": lambda text: _date(text, zone),
        "date_time": _date_time,
    }


def _boolean(text: str) -> bool | str:
    """true or false; another text stripped and in lower case, as in Logstash."""
    word = text.strip().lower()
    return {"true": True, "false": False}.get(word, word)


def _date(text: str, zone: Zone) -> Timestamp | str:
    found = _DATE.fullmatch(text)
    day = _day(found) if found else None
    if day is None:
        return text
    return Timestamp.of_millis(zone.nearest_utc(Timestamp.of(day).millis()))


def _date_time(text: str) -> Timestamp | str:
    found = _ISO_TIME.fullmatch(text) or _NAMED_TIME.fullmatch(text)
    day = _day(found) if found else None
    if found is None or day is None:
        return text
    parts = found.groupdict()
    try:
        moment = day.replace(
            hour=int(parts["hour"] or 0),
            minute=int(parts["minute"] or 0),
            second=int(parts["second"] or 0),
            tzinfo=_offset(parts.get("zone") or ""),
        )
    except ValueError:
        return text
    return Timestamp.of_nanos(
        Timestamp.of(moment).nanos() + int((parts.get("fraction") or "0")[:9].ljust(9, "0"))
    )


def _day(found: re.Match[str]) -> datetime | None:
    parts = found.groupdict()
    try:
        if parts.get("year"):
            return datetime(int(parts["year"]), int(parts["month"]), int(parts["day"]))
        month = _MONTHS.index(parts["name"][:3].lower()) + 1
        return datetime(_year(parts["named_year"]), month, int(parts["named_day"]))
    except ValueError:
        return None


def _year(digits: str) -> int:
    """A year; one of two digits is between 1969 and 2068."""
    year = int(digits)
    if len(digits) > 2:
        return year
    return year + (1900 if year >= 69 else 2000)


def _offset(zone: str) -> timezone:
    if zone[:1] not in ("+", "-"):
        return UTC
    span = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
    return timezone(-span if zone[0] == "-" else span)
