"""Texts to moments: ``Time.parse``, ``Time.strptime``, ``Time.iso8601``."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from ..timestamp import civil_from_days, days_from_civil
from .dispatch import singleton
from .errors import ArgumentError, NotCompiled
from .inspection import text
from .times import BILLION, COMPOSED, MONTHS, Time, localized, offset_of

_CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
    r"(?:\s*(?P<half>[ap])\.?m\.?)?"
)
_ZONE = r"(?:\s*(?P<zone>Z|[A-Z]{3,4}|(?:UTC|GMT)?[+-]\d\d:?\d\d|[+-]\d\d))?"
_DATES = (
    r"(?P<year>-?\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})",
    r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)",
    r"(?:[A-Za-z]{3,9},?\s+)?(?P<day>\d{1,2})[\s/-](?P<mon>[A-Za-z]{3,9})[\s/-](?P<year>\d{4})",
    r"(?:[A-Za-z]{3,9},?\s+)?(?P<mon>[A-Za-z]{3,9})\s+(?P<day>\d{1,2}),?\s+(?P<year>\d{4})",
    r"(?P<day>\d{1,2})/(?P<month>\d{1,2})/(?P<year>\d{4})",
)
_FORMS = [re.compile(rf"\s*{d}(?:[T\s:,]+{_CLOCK}{_ZONE})?\s*\Z", re.IGNORECASE) for d in _DATES]
_FORMS.append(
    re.compile(
        r"\s*(?:[A-Za-z]{3}\s+)?(?P<mon>[A-Za-z]{3})\s+(?P<day>\d{1,2})\s+"
        rf"{_CLOCK}{_ZONE}(?:\s+(?P<year>\d{{4}}))?\s*\Z",
        re.IGNORECASE,
    )
)
_FORMS.append(
    re.compile(
        r"\s*(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)T?(?P<hour>\d\d)(?P<minute>\d\d)"
        r"(?P<second>\d\d)?(?:[.,](?P<fraction>\d+))?(?P<zone>Z|[+-]\d\d:?\d\d)?\s*\Z"
    )
)
_ABBREVIATIONS = {
    "utc": 0,
    "gmt": 0,
    "z": 0,
    "est": -5,
    "edt": -4,
    "cst": -6,
    "cdt": -5,
    "mst": -7,
    "mdt": -6,
    "pst": -8,
    "pdt": -7,
    "cet": 1,
    "cest": 2,
}


@singleton("Time", "parse")
def parse(value: Any, now: Any = None) -> Time:
    """The moment that a text means."""
    given = text(value)
    for form in _FORMS:
        found = form.match(given)
        if found is not None:
            return _built(found.groupdict(), given)
    if not re.search(r"\d", given):
        raise ArgumentError(f"no time information in {to_quoted(given)}")
    raise NotCompiled(f"Time.parse of {to_quoted(given)}")


def to_quoted(value: str) -> str:
    """A text as code writes it."""
    from .inspection import quoted

    return quoted(value)


def _built(parts: dict[str, Any], given: str) -> Time:
    month = int(parts["month"]) if parts.get("month") else _month(parts["mon"], given)
    year = int(parts["year"]) if parts.get("year") else datetime.now().year
    day, hour, minute = (
        int(parts["day"]),
        int(parts.get("hour") or 0),
        int(parts.get("minute") or 0),
    )
    if parts.get("half"):
        hour = hour % 12 + (12 if parts["half"].lower() == "p" else 0)
    second = int(parts.get("second") or 0)
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour <= 24 and minute < 60 and second <= 60):
        raise ArgumentError("argument out of range")
    nanos = int((parts.get("fraction") or "0").ljust(9, "0")[:9])
    seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second
    zone = parts.get("zone")
    if zone is None:
        return localized(seconds, nanos)
    return _zoned(seconds, nanos, zone)


def _zoned(seconds: int, nanos: int, zone: str) -> Time:
    folded = zone.lower()
    if folded in ("z", "utc", "-00:00"):
        return Time(seconds * BILLION + nanos, utc=True)
    if folded in _ABBREVIATIONS:
        offset = _ABBREVIATIONS[folded] * 3600
    else:
        bare = re.sub(r"^(utc|gmt)", "", folded)
        offset = offset_of(bare if len(bare) > 3 else f"{bare}:00")
    if folded == "gmt":
        return Time(seconds * BILLION + nanos, utc=True)
    return Time((seconds - offset) * BILLION + nanos, offset)


def _month(name: str, given: str) -> int:
    if name[:3].lower() not in MONTHS:
        raise ArgumentError(f"no time information in {to_quoted(given)}")
    return MONTHS.index(name[:3].lower()) + 1


@singleton("Time", "iso8601", "xmlschema")
def parse_iso(value: Any) -> Time:
    """The moment that a text in ISO 8601 means."""
    given = text(value)
    form = rf"\s*{_DATES[0]}T{_CLOCK}(?P<zone>Z|[+-]\d\d:?\d\d)?\s*\Z"
    found = re.match(form, given, re.IGNORECASE)
    if found is None:
        raise ArgumentError(f"invalid xmlschema date: {to_quoted(given)}")
    return _built(found.groupdict(), given)


_FIELDS = {
    "Y": r"(?P<year>[+-]?\d{4,})",
    "m": r"(?P<month>\d{1,2})",
    "d": r"\s*(?P<day>\d{1,2})",
    "e": r"\s*(?P<day>\d{1,2})",
    "H": r"\s*(?P<hour>\d{1,2})",
    "k": r"\s*(?P<hour>\d{1,2})",
    "I": r"\s*(?P<hour>\d{1,2})",
    "l": r"\s*(?P<hour>\d{1,2})",
    "M": r"(?P<minute>\d{1,2})",
    "S": r"(?P<second>\d{1,2})",
    "L": r"(?P<fraction>\d+)",
    "N": r"(?P<fraction>\d+)",
    "b": r"(?P<mon>[A-Za-z]{3,9})",
    "B": r"(?P<mon>[A-Za-z]{3,9})",
    "h": r"(?P<mon>[A-Za-z]{3,9})",
    "a": r"[A-Za-z]{3,9}",
    "A": r"[A-Za-z]{3,9}",
    "z": r"(?P<zone>Z|[+-]\d\d:?\d\d|[A-Za-z]{3,4})",
    "Z": r"(?P<zone>[A-Za-z]{3,4}|Z|[+-]\d\d:?\d\d)",
    "p": r"(?P<half>[AaPp])[Mm]",
    "P": r"(?P<half>[AaPp])[Mm]",
    "y": r"(?P<short>\d\d)",
    "j": r"(?P<yday>\d{1,3})",
    "s": r"(?P<epoch>-?\d+)",
    "%": "%",
    "n": r"\s+",
    "t": r"\s+",
}


@singleton("Time", "strptime")
def strptime(value: Any, form: Any) -> Time:
    """The moment that a text means, by a form."""
    given, pattern = text(value), text(form)
    for letter, whole in COMPOSED.items():
        pattern = pattern.replace(f"%{letter}", whole)
    built = re.sub(r"%([-0^]?)(.)|(\s+)|(.)", _form_part, pattern, flags=re.DOTALL)
    found = re.match(built, given)
    if found is None or found.end() != len(given):
        raise ArgumentError(f"invalid date or strptime format - `{given}' `{text(form)}'")
    parts = found.groupdict()
    if parts.get("epoch"):
        return Time(int(parts["epoch"]) * BILLION)
    if parts.get("short"):
        short = int(parts["short"])
        parts["year"] = str(short + (1900 if short >= 69 else 2000))
    if parts.get("yday"):
        _, month, day = civil_from_days(
            days_from_civil(int(parts["year"]), 1, 1) + int(parts["yday"]) - 1
        )
        parts |= {"month": str(month), "day": str(day)}
    if not parts.get("month") and not parts.get("mon"):
        parts["month"] = "1" if parts.get("year") else str(datetime.now().month)
    parts["day"] = parts.get("day") or ("1" if parts.get("year") else str(datetime.now().day))
    return _built(parts, given)


def _form_part(found: re.Match[str]) -> str:
    letter, space, other = found[2], found[3], found[4]
    if space:
        return r"\s*"
    if other:
        return re.escape(other)
    if letter not in _FIELDS:
        raise NotCompiled(f"Time.strptime with %{letter}")
    return _FIELDS[letter]
