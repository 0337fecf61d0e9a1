"""ISO 8601 as the date filter reads it: a date, perhaps with a time, perhaps with an offset, in
more forms than are seen.

    2001-12-07T23:54:54.123Z   2001-12-07   2001-341   2001-W49-5   2001   T23:54
    2001-12-07T23,5+01:00

Beside them, because logs have them, a space in place of the T, if there is a fraction of a second.
Source: org.joda.time.format.ISODateTimeFormat.dateTimeParser and the formats that Logstash's date
filter adds to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .fields import FieldValueError, civil, resolve
from .minutes import Evaluate, Reader
from .spots import TimeGroups
from .zones import OFFSET, Zone, parse_offset

_TIME = "([0-9]{1,2})(?::([0-9]{1,2})(?::([0-9]{1,2}))?)?(?:[.,]([0-9]{1,9}))?"
_DATE = (
    "([+-]?[0-9]{1,9})"
    "(?:-(?:([0-9]{1,2})(?:-([0-9]{1,2}))?|([0-9]{1,3})|[Ww]([0-9]{1,2})(?:-([0-9]))?))?"
)
_SPACED = (
    "([+-]?[0-9]{1,9})-([0-9]{1,2})-([0-9]{1,2})"
    " ([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})[.,]([0-9]{1,3})"
)

_FIELDS = ("y", "M", "d", "D", "w", "e", "H", "m", "s")
_UNITS = {"H": 3_600_000, "m": 60_000, "s": 1_000}


def readers(zone: Zone) -> list[Reader]:
    """What reads ISO 8601, to be tried in turn; ``zone`` is that of texts without an offset."""
    dated = Reader(
        f"{_DATE}(?:[Tt](?:{_TIME})?({OFFSET})?)?",
        _evaluator(_dated, 11, zone),
        TimeGroups(7, 8, 9, 10),
    )
    timed = Reader(f"[Tt]{_TIME}({OFFSET})?", _evaluator(_timed, 5, zone), TimeGroups(1, 2, 3, 4))
    spaced = Reader(f"{_SPACED}({OFFSET})?", _evaluator(_spaced, 8, zone), TimeGroups(4, 5, 6, 7))
    return [dated, timed, spaced]


Groups = tuple[str | None, ...]


def _dated(groups: Groups) -> int:
    if groups[2] is not None:
        year, month, day, _, _, _, hour, minute, second, fraction, _ = groups
        finest = "H" if minute is None else "m"
        if second is not None:
            finest = "s"
        clock = int(hour or 0), int(minute or 0), int(second or 0), _fraction(fraction, finest)
        return civil(int(year or 0), int(month or 0), int(day or 0), *clock)
    fields = [
        (letter, int(text))
        for letter, text in zip(_FIELDS, groups, strict=False)
        if text is not None
    ]
    if groups[4] is not None:
        fields[0] = ("x", fields[0][1])
    return resolve(fields) + _fraction(groups[9], fields[-1][0])


def _timed(groups: Groups) -> int:
    fields = [
        (letter, int(text)) for letter, text in zip("Hms", groups, strict=False) if text is not None
    ]
    return resolve(fields) + _fraction(groups[3], fields[-1][0])


def _spaced(groups: Groups) -> int:
    year, month, day, hour, minute, second = (int(text or 0) for text in groups[:6])
    return civil(year, month, day, hour, minute, second, _fraction(groups[6], "s"))


def _fraction(digits: str | None, of: str) -> int:
    """Milliseconds of a fraction of an hour, minute or second, cut off digit by digit as Joda-Time
    does.
    """
    unit, tenths = _UNITS.get(of, 0) * 10, 0
    for digit in digits or "":
        unit //= 10
        tenths += int(digit) * unit
    return tenths // 10


def _evaluator(local_of: Callable[[Groups], int], offset_group: int, zone: Zone) -> Evaluate:
    def evaluate(match: re.Match[str]) -> int | None:
        try:
            local = local_of(match.groups())
        except FieldValueError:
            return None
        offset = match[offset_group]
        return zone.to_utc(local) if offset is None else local - (parse_offset(offset) or 0)

    return evaluate
