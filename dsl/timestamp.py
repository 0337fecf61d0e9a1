"""Instants: what `@timestamp` holds.

An instant is kept as its canonical ISO-8601 text, in a subclass of `str`: every encoder, comparison
and hash sees text, and only code that asks for the exact type tells an instant from text that looks
like one. Arithmetic is done on nanoseconds since 1970, in the proleptic Gregorian calendar, with
any number of years before and after: `datetime` ends at the years 1 and 9999, log data does not.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, SupportsIndex

_DAY = 86_400
_BILLION = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_ISO = re.compile(
    r"(?P<year>\d{4}|\+\d{5,9}|-(?!0000-)\d{4,9})-(?P<month>\d\d)-(?P<day>\d\d)"
    r"(?:[Tt](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{0,9}))?)?)?"
    r"(?P<zone>[Zz]|[+-]\d\d(?::?[0-5]\d(?::?[0-5]\d)?)?)?",
    re.ASCII,
)

_CANONICAL = re.compile(
    r"\d{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])"
    r"|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    r"T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z",
    re.ASCII,
)


def days_from_civil(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a day of the proleptic Gregorian calendar; a day past the month's end
    runs on.

    Source: the era arithmetic of H. Hinnant, "chrono-Compatible Low-Level Date Algorithms"; the
    year starts in March.
    """
    year -= month <= 2
    shifted = month - 3 if month > 2 else month + 9
    return (
        year * 365
        + year // 4
        - year // 100
        + year // 400
        + (153 * shifted + 2) // 5
        + day
        - 719_469
    )


def civil_from_days(days: int) -> tuple[int, int, int]:
    """Year, month and day of the day that lies `days` after 1970-01-01."""
    era, of_era = divmod(days + 719_468, 146_097)
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year + 400 * era + (month <= 2), month, of_year - (153 * shifted + 2) // 5 + 1


def is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def month_length(year: int, month: int) -> int:
    return 28 + is_leap(year) if month == 2 else 30 + (month in (1, 3, 5, 7, 8, 10, 12))


_SECOND_TEXT = [f":{second:02d}." for second in range(60)]
_MILLI_TEXT = [f"{milli:03d}Z" for milli in range(1000)]


@lru_cache(maxsize=4096)
def _date_text(days: int) -> str:
    year, month, day = civil_from_days(days)
    if 0 <= year <= 9999:
        return f"{year:04d}-{month:02d}-{day:02d}"
    return f"{year:+05d}-{month:02d}-{day:02d}"


@lru_cache(maxsize=1440)
def _minute_text(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


@lru_cache(maxsize=4096)
def _date_days(date: str) -> int:
    return days_from_civil(int(date[:-6]), int(date[-5:-3]), int(date[-2:]))


def _to_the_minute(minutes: int) -> str:
    """The date and the time of so many minutes after 1970."""
    days, minute = divmod(minutes, 1440)
    return f"{_date_text(days)}T{_minute_text(minute)}"


def _fraction_text(nanos: int) -> str:
    """A fraction of a second in three digits, or in six or nine where fewer would lose some."""
    if nanos % 1_000_000 == 0:
        return f"{nanos // 1_000_000:03d}"
    return f"{nanos // 1_000:06d}" if nanos % 1_000 == 0 else f"{nanos:09d}"


class Timestamp(str):
    """An instant in UTC, as text such as `2015-10-01T00:00:00.000Z`.

    `Timestamp(text)` trusts that the text is canonical; use `parse_timestamp` for text from
    outside. Years before 0 and after 9999 carry a sign. Equal instants have equal texts.
    """

    __slots__ = ()

    @classmethod
    def of_millis(cls, millis: int) -> Timestamp:
        """The instant `millis` milliseconds after 1970."""
        minutes, rest = divmod(millis, 60_000)
        second, milli = divmod(rest, 1000)
        return cls(_to_the_minute(minutes) + _SECOND_TEXT[second] + _MILLI_TEXT[milli])

    @classmethod
    def of_nanos(cls, nanos: int) -> Timestamp:
        """The instant `nanos` nanoseconds after 1970."""
        seconds, nano = divmod(nanos, _BILLION)
        days, second = divmod(seconds, _DAY)
        time = f"{_minute_text(second // 60)}:{second % 60:02d}.{_fraction_text(nano)}"
        return cls(f"{_date_text(days)}T{time}Z")

    @classmethod
    def of(cls, moment: datetime) -> Timestamp:
        """The instant of a datetime; one without a zone is taken as UTC."""
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return cls.of_nanos((moment - _EPOCH) // timedelta(microseconds=1) * 1000)

    @classmethod
    def now(cls) -> Timestamp:
        """The present, to the millisecond."""
        return cls.of_millis(time.time_ns() // 1_000_000)

    def seconds(self) -> int:
        """Whole seconds since 1970, rounded down."""
        at = self.index("T")
        clock = (
            int(self[at + 1 : at + 3]) * 3600
            + int(self[at + 4 : at + 6]) * 60
            + int(self[at + 7 : at + 9])
        )
        return _date_days(self[:at]) * _DAY + clock

    def millis(self) -> int:
        """Milliseconds since 1970, rounded down."""
        at = self.index(".") + 1
        return self.seconds() * 1000 + int(self[at : at + 3])

    def nanos(self) -> int:
        """Nanoseconds since 1970."""
        at = self.index(".") + 1
        return self.seconds() * _BILLION + int(self[at:-1].ljust(9, "0"))

    # Texts of other lengths (a far year, more digits) do not stand in the order of time.
    def __lt__(self, other: str) -> bool:
        if isinstance(other, Timestamp) and not len(self) == len(other) == 24:
            return self.nanos() < other.nanos()
        return str.__lt__(self, other)

    def __gt__(self, other: str) -> bool:
        if isinstance(other, Timestamp) and not len(self) == len(other) == 24:
            return self.nanos() > other.nanos()
        return str.__gt__(self, other)

    def __le__(self, other: str) -> bool:
        return self == other or self < other

    def __ge__(self, other: str) -> bool:
        return self == other or self > other

    def __copy__(self) -> Timestamp:
        return self

    def __deepcopy__(self, memo: object) -> Timestamp:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[type[Timestamp], tuple[str]]:
        return type(self), (str(self),)


_MOST_MINUTES = 4096
_minutes: set[str] = set()
"""The starts (``2015-10-01T00:00:``) of the latest texts that were canonical: the texts of a log
share few of them.
"""

_REST_OF_MINUTE = re.compile(r"[0-5][0-9]\.[0-9]{3}Z").fullmatch


def parse_timestamp(text: str) -> Timestamp | None:
    """The instant that a text means where an event's `@timestamp` is set from text; None if it
    means none.

    Accepted is what Logstash coerces: an ISO-8601 date, then perhaps `T` and a time of day down to
    nanoseconds, then perhaps an offset (`Z`, `+02`, `+0200`, `+02:00`). Without an offset the time
    is in UTC.
    """
    if text[:17] in _minutes and _REST_OF_MINUTE(text, 17):
        return Timestamp(text)
    if _CANONICAL.fullmatch(text):
        if len(_minutes) >= _MOST_MINUTES:
            _minutes.clear()
        _minutes.add(text[:17])
        return Timestamp(text)
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    year, month, day = int(match["year"]), int(match["month"]), int(match["day"])
    hour, minute, second = (
        int(match["hour"] or 0),
        int(match["minute"] or 0),
        int(match["second"] or 0),
    )
    nano = int((match["fraction"] or "").ljust(9, "0"))
    offset = _offset_seconds(match["zone"])
    if not (
        1 <= month <= 12
        and 1 <= day <= 31
        and minute < 60
        and second < 60
        and abs(offset) <= 64_800
    ):
        return None
    if hour > 23 and (hour, minute, second, nano) != (24, 0, 0, 0):
        return None
    days = days_from_civil(year, month, min(day, month_length(year, month)))
    seconds = days * _DAY + hour * 3600 + minute * 60 + second - offset
    return Timestamp.of_nanos(seconds * _BILLION + nano)


_STRIDE = len("2015-10-01T00:00:00.000Z\n")
_FEW = 8


def parse_together(texts: Sequence[Any]) -> list[Timestamp] | None:
    """The instants of many texts, where all of them are canonical and of one minute, as those of a
    log mostly are: what is to be seen of each is then seen of all at once, at a third of the cost.
    None where one of them is not, or is not text.
    """
    count = len(texts)
    if count < _FEW:
        return None
    try:
        joined = "\n".join(texts)
    except TypeError:
        return None
    minute = joined[:17]
    if len(joined) != _STRIDE * count - 1 or not joined.isascii() or not _is_known(joined[:24]):
        return None
    # Column by column: each line has the minute, its seconds, a point, milliseconds and Z.
    if joined[24::_STRIDE] != "\n" * (count - 1) or joined.count(f"\n{minute}") != count - 1:
        return None
    if joined[19::_STRIDE] != "." * count or joined[23::_STRIDE] != "Z" * count:
        return None
    digits = [joined[column::_STRIDE] for column in (18, 20, 21, 22)]
    if joined[17::_STRIDE].strip("012345") or not "".join(digits).isdigit():
        return None
    return list(map(Timestamp, texts))


def _is_known(text: str) -> bool:
    """Whether the minute of a text is that of canonical ones."""
    return text[:17] in _minutes or (parse_timestamp(text) == text and text[:17] in _minutes)


def _offset_seconds(zone: str | None) -> int:
    if zone is None or zone in "Zz":
        return 0
    digits = zone[1:].replace(":", "").ljust(6, "0")
    seconds = int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:])
    return -seconds if zone[0] == "-" else seconds
