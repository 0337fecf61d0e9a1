"""Time zones: what an id means, and how local time becomes UTC.

Offsets are in milliseconds east of UTC. Where clocks go back an hour is there twice, and the
earlier instant is meant; where they go forward an hour is missing, and a local time in it means
nothing, as in Joda-Time.
"""

from __future__ import annotations

import logging
import os
import re
import struct
from datetime import datetime, timedelta
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from ..diagnostics import PenstockError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

log = logging.getLogger("penstock")

_EPOCH = datetime(1970, 1, 1)
_SECOND = timedelta(seconds=1)
_CYCLE = 146_097 * 86_400  # the calendar and its weekdays repeat after 400 years
_FIRST, _PAST = (
    -62_135_596_800 + 86_400,
    253_402_300_800 - 86_400,
)  # what datetime can hold, less a day for offsets

OFFSET = (
    "(?>[Zz]|[+-](?:[01][0-9]|2[0-3])(?:"
    ":[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,3}|(?![.,]))|(?!:))"
    "|[0-5][0-9](?:[0-5][0-9](?:[0-9]{1,3})?|(?![0-9]))"
    "|(?![:0-9])))"
)
"""A regular expression for an offset within other text: `Z`, `+01`, `+0130`, `+01:30`, down to
milliseconds.
"""

_PARTS = re.compile(r"([+-])(\d\d):?(\d\d)?:?(\d\d)?[.,]?(\d{1,3})?", re.ASCII)
_WHOLE = re.compile(OFFSET)
_NAME = re.compile(r"(?!posix/|right/)[A-Za-z][\w+-]*(?:/[\w+-]+)*", re.ASCII)
_RULE = re.compile(r"(?:<[\w+-]{3,}>|[A-Za-z]{3,})[+-]?\d[\w:+,./<>-]*", re.ASCII)
_UTC_NAMES = frozenset({"UTC", "GMT", "UT", "Z", "Zulu", "Universal", "Etc/UTC", "Etc/GMT"})
_NO_ZONES = frozenset({"localtime", "posixrules", "Factory"})


class UnknownZoneError(PenstockError, ValueError):
    """A zone id that means none; ``help`` may name one that does."""

    def __init__(self, zone: str, help: str) -> None:
        super().__init__(f"`{zone}` is not a valid time zone")
        self.help = help


class Zone:
    """A time zone with one offset for all time."""

    __slots__ = ("_offset", "id")

    def __init__(self, zone_id: str, offset: int) -> None:
        self.id, self._offset = zone_id, offset

    def offset_at(self, utc: int) -> int:
        """The offset at an instant, in milliseconds since 1970."""
        return self._offset

    def to_utc(self, local: int) -> int | None:
        """The instant of a local time, both in milliseconds since 1970; None where clocks jump over
        it.
        """
        return local - self._offset

    def nearest_utc(self, local: int) -> int:
        """Like ``to_utc``, but a local time that clocks jump over is taken as if they had not."""
        return local - self._offset


class RegionalZone(Zone):
    """A time zone whose offset changes, by the rules of the tz database."""

    __slots__ = ("_info",)

    def __init__(self, zone_id: str, info: ZoneInfo) -> None:
        super().__init__(zone_id, 0)
        self._info = info

    def offset_at(self, utc: int) -> int:
        at = _EPOCH + timedelta(seconds=_within(utc // 1000))
        offset = self._info.fromutc(at.replace(tzinfo=self._info)).utcoffset()
        assert offset is not None
        return offset // _SECOND * 1000

    def to_utc(self, local: int) -> int | None:
        utc = self.nearest_utc(local)
        return utc if utc + self.offset_at(utc) == local else None

    def nearest_utc(self, local: int) -> int:
        at = _EPOCH + timedelta(seconds=_within(local // 1000))
        offset = at.replace(tzinfo=self._info).utcoffset()
        assert offset is not None
        return local - offset // _SECOND * 1000


def _within(seconds: int) -> int:
    """The same moment of the 400 years at the end that datetime can hold, for a moment beyond
    it.
    """
    if seconds < _FIRST:
        return _FIRST + (seconds - _FIRST) % _CYCLE
    return seconds if seconds < _PAST else _PAST - _CYCLE + (seconds - _PAST) % _CYCLE


UTC = Zone("UTC", 0)


@lru_cache(maxsize=512)
def parse_offset(text: str) -> int | None:
    """Milliseconds of an offset such as `Z`, `+01`, `-0730` or `+05:30:15`; None for other
    texts.
    """
    if not _WHOLE.fullmatch(text):
        return None
    parts = _PARTS.fullmatch(text)
    if parts is None:
        return 0
    sign, hours, minutes, seconds, fraction = parts.groups("0")
    millis = (int(hours) * 3600 + int(minutes) * 60 + int(seconds)) * 1000 + int(
        fraction.ljust(3, "0")
    )
    return -millis if sign == "-" else millis


@lru_cache(maxsize=2048)
def find_zone(zone_id: str) -> Zone | None:
    """The zone of an id as Joda-Time knows them: `Europe/Paris`, `EST`, `+05:30`, `UTC-03:00`; None
    if unknown.
    """
    if zone_id in _UTC_NAMES:
        return UTC
    named = named_zone(zone_id)
    if named is not None:
        return named
    offset = parse_offset(re.sub("^(UTC|GMT|UT)", "", zone_id))
    return None if offset is None else Zone(zone_id, offset)


@lru_cache(maxsize=2048)
def named_zone(zone_id: str) -> Zone | None:
    """The zone of a name in the tz database; None if there is none."""
    if zone_id in _UTC_NAMES:
        return UTC
    if zone_id in _NO_ZONES or not _NAME.fullmatch(zone_id):
        return None
    from zoneinfo import ZoneInfo

    try:
        return RegionalZone(zone_id, ZoneInfo(zone_id))
    except (KeyError, ValueError, OSError):
        return None


_ABBREVIATIONS = {
    "PST": "America/Los_Angeles",
    "PDT": "America/Los_Angeles",
    "MDT": "America/Denver",
    "CST": "America/Chicago",
    "CDT": "America/Chicago",
    "EDT": "America/New_York",
    "BST": "Europe/London",
    "CEST": "Europe/Paris",
    "EEST": "Europe/Athens",
    "IST": "Asia/Kolkata",
    "JST": "Asia/Tokyo",
    "AEST": "Australia/Sydney",
}


def get_zone(zone_id: str) -> Zone:
    """The zone of an id; raises UnknownZoneError."""
    zone = find_zone(zone_id)
    if zone is None:
        raise UnknownZoneError(zone_id, _help(zone_id))
    return zone


def _help(zone_id: str) -> str:
    if zone_id.upper() in _ABBREVIATIONS:
        return f"write `{_ABBREVIATIONS[zone_id.upper()]}`"
    from zoneinfo import available_timezones

    from ..diagnostics import did_you_mean

    names = {name.lower(): name for name in available_timezones()}
    near = names.get(zone_id.lower().replace(" ", "_"))
    if near is not None:
        return f"write `{near}` (case-sensitive)"
    hint = did_you_mean(zone_id, names)
    return (
        re.sub("`([^`]+)`", lambda match: f"`{names[match[1]]}`", hint)
        or "such as `Europe/Paris` or `+02:00`"
    )


def platform_zone() -> Zone:
    """The zone of this machine: the variable TZ, else what /etc/localtime is, else UTC."""
    return _from_environment() or _from_path(Path("/etc/localtime")) or UTC


def _from_environment() -> Zone | None:
    given = os.environ.get("TZ", "").lstrip(":")
    return _zone_of_variable(given) if given else None


@lru_cache(maxsize=8)
def _zone_of_variable(given: str) -> Zone:
    """What TZ means: a name, a file, or a rule of POSIX; UTC for anything else, as in C, Java."""
    zone = _from_path(Path(given)) if given.startswith("/") else find_zone(given)
    zone = zone or _from_rule(given)
    if zone is None:
        log.warning("TZ is `%s`, which is not a valid time zone: UTC is used instead", given)
    return zone or UTC


def _from_rule(rule: str) -> Zone | None:
    """The zone of a rule such as `CET-1CEST,M3.5.0,M10.5.0/3`, as the last line of a file of the
    tz database has it: so it is read as one, of version 2, with a single type and no transition.
    """
    if not _RULE.fullmatch(rule):
        return None
    from zoneinfo import ZoneInfo

    block = struct.pack(">5s15x6l", b"TZif2", 0, 0, 0, 0, 1, 4) + struct.pack(
        ">lbb4s", 0, 0, 0, b"UTC"
    )
    try:
        file = BytesIO(block * 2 + f"\n{rule}\n".encode("ascii"))
        return RegionalZone(rule, ZoneInfo.from_file(file))
    except ValueError:
        return None


def _from_path(path: Path) -> Zone | None:
    """The zone of a file or link: by its name in the tz database, else by what it holds."""
    try:
        named = find_zone(str(path.resolve()).partition("zoneinfo/")[2])
        return named or _from_file(path)
    except (OSError, RuntimeError):
        return None


def _from_file(path: Path) -> Zone | None:
    from zoneinfo import ZoneInfo

    try:
        with path.open("rb") as file:
            return RegionalZone("localtime", ZoneInfo.from_file(file))
    except (OSError, ValueError):
        return None
