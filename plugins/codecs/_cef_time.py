"""Instants as the Common Event Format writes them: milliseconds since 1970, or ``Sep 07 2018
14:50:39.123 UTC``.

The year and the zone may be missing. The zone is then the device's or the codec's; the year is the
one that puts the instant in the past, or no more than two days ahead, for clocks that are wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ...dsl.joda.zones import Zone, find_zone
from ...dsl.timestamp import Timestamp, days_from_civil, month_length

_DAY = 86_400_000
_MILLIS = re.compile(r"([1-9][0-9]{0,17})(?:\.[0-9]+)?", re.ASCII)
_WRITTEN = re.compile(
    r"(?P<month>\D+?) {1,2}(?P<day>\d{1,2})(?: (?P<year>\d{4}))? (?P<clock>\d\d:\d\d:\d\d)"
    r"(?:\.(?P<fraction>\d{9}|\d{6}|\d{3}))?(?: (?P<zone>\S+))?",
    re.ASCII,
)
# What Java knows beside the ids of the tz database.
_ABBREVIATIONS = {
    "EST": "America/New_York",
    "EDT": "America/New_York",
    "CST": "America/Chicago",
    "CDT": "America/Chicago",
    "MST": "America/Denver",
    "MDT": "America/Denver",
    "PST": "America/Los_Angeles",
    "PDT": "America/Los_Angeles",
    "CEST": "Europe/Paris",
    "EEST": "Europe/Athens",
    "BST": "Europe/London",
    "WEST": "Europe/Lisbon",
    "MSK": "Europe/Moscow",
    "JST": "Asia/Tokyo",
    "KST": "Asia/Seoul",
    "IST": "Asia/Kolkata",
    "AEST": "Australia/Sydney",
    "AEDT": "Australia/Sydney",
}


def cef_time(text: str, zone: Zone, months: Mapping[str, int], now: Timestamp) -> Timestamp:
    """The instant that a text means; ``zone`` is the one where the text has none. Raises
    ValueError.
    """
    millis = _MILLIS.fullmatch(text)
    if millis is not None:
        return Timestamp.of_millis(int(millis[1]))
    found = _WRITTEN.fullmatch(text)
    if found is None or found["month"] not in months:
        raise ValueError(f"`{text}` is not a valid time")
    zone = device_zone(found["zone"]) if found["zone"] else zone
    day = months[found["month"]], int(found["day"]), _clock(found["clock"])
    at = (
        _instant(int(found["year"]), *day, zone)
        if found["year"]
        else _of_recent_year(*day, zone, now)
    )
    return Timestamp.of_nanos(at * 1_000_000 + int((found["fraction"] or "").ljust(9, "0")))


def device_zone(name: str) -> Zone:
    """The zone of a name, an id or an offset; raises ValueError."""
    zone = find_zone(_ABBREVIATIONS.get(name, name))
    if zone is None:
        raise ValueError(f"`{name}` is not a valid time zone")
    return zone


def _clock(text: str) -> int:
    hour, minute, second = map(int, text.split(":"))
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"`{text}` is not a valid time of day")
    return ((hour * 60 + minute) * 60 + second) * 1000


def _instant(year: int, month: int, day: int, clock: int, zone: Zone) -> int:
    if not 1 <= day <= 31:
        raise ValueError(f"no such day: {day}")
    return zone.nearest_utc(
        days_from_civil(year, month, min(day, month_length(year, month))) * _DAY + clock
    )


def _of_recent_year(month: int, day: int, clock: int, zone: Zone, now: Timestamp) -> int:
    present = now.millis()
    here = Timestamp.of_millis(present + zone.offset_at(present))
    year, limit = int(here[:4]), present + 2 * _DAY
    if _instant(year, month, day, clock, zone) > limit:
        return _instant(year - 1, month, day, clock, zone)
    if here[5:7] == "12":
        following = _instant(year + 1, month, day, clock, zone)
        if following <= limit:
            return following
    return _instant(year, month, day, clock, zone)
