"""The format AUTO: dateutil guesses what a text means. Slower than a pattern, and for where there
is none.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from ..timestamp import Timestamp
from .clock import Clock
from .zones import Zone

_EPOCH = datetime(1970, 1, 1)
_MILLI = timedelta(milliseconds=1)
_HOURS = {
    "UTC": 0,
    "GMT": 0,
    "UT": 0,
    "Z": 0,
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "CET": 1,
    "CEST": 2,
    "EET": 2,
    "EEST": 3,
    "WET": 0,
    "WEST": 1,
    "MSK": 3,
    "JST": 9,
    "KST": 9,
}
# Two leap years: a date that is read differently by default has no year of its own.
_DEFAULTS = datetime(2000, 1, 1), datetime(2004, 1, 1)


def _zone_offset(name: str | None, offset: int | None) -> int | None:
    """Seconds east of UTC of a zone's name within a text; None for a name that dateutil should not
    mind.
    """
    if offset is not None:
        return offset
    hours = _HOURS.get((name or "").upper())
    return None if hours is None else hours * 3600


def guesser(zone: Zone, clock: Clock) -> Callable[[str], Timestamp | None]:
    """A reader of texts in any format that dateutil knows; a zone that is not said is `zone`, a
    year the clock's.
    """
    from dateutil.parser import parse

    def read(text: str) -> Timestamp | None:
        try:
            moment, other = (
                parse(text, default=default, tzinfos=_zone_offset) for default in _DEFAULTS
            )
            if moment.year != other.year:
                moment = moment.replace(year=clock.year_of(moment.month))
            offset = moment.utcoffset()
        except (ValueError, ArithmeticError, TypeError):
            return None
        local = (moment.replace(tzinfo=None) - _EPOCH) // _MILLI
        utc = zone.to_utc(local) if offset is None else local - offset // _MILLI
        return None if utc is None else Timestamp.of_millis(utc)

    return read
