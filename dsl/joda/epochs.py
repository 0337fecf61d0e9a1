"""Instants written as counts: seconds (UNIX) or milliseconds (UNIX_MS) since 1970, and TAI64N
labels.

Source: the documentation of Logstash's date filter, and D. J. Bernstein's description of TAI64N.
"""

from __future__ import annotations

import re

from ..timestamp import Timestamp

_SECONDS = re.compile(r"([+-]?[0-9]{1,18})(?:\.([0-9]+))?")
_MILLIS = re.compile(r"[+-]?[0-9]{1,19}")
_TAI64N = re.compile(r"@?([0-7][0-9a-f]{15})([0-7][0-9a-f]{7})", re.IGNORECASE)

_MOST_SECONDS = 2**31 - 1
_MOST_MILLIS = 2**63
_FEW = 18
"""So many digits are within what all of these formats take, or are looked at as a number."""
_TAI_LEAP_SECONDS = (
    10  # what TAI was ahead of UTC in 1970; the leap seconds since are not looked at
)


def _within(millis: int) -> Timestamp | None:
    return Timestamp.of_millis(millis) if -_MOST_MILLIS <= millis < _MOST_MILLIS else None


def unix(text: str) -> Timestamp | None:
    """Seconds since 1970, until 2038; of a fraction three digits count, forward from the whole
    second.
    """
    if len(text) <= _FEW and text.isdecimal() and text.isascii():
        seconds = int(text)
        return Timestamp.of_millis(seconds * 1000) if seconds <= _MOST_SECONDS else None
    match = _SECONDS.fullmatch(text)
    if match is None or int(match[1]) > _MOST_SECONDS:
        return None
    return _within(int(match[1]) * 1000 + int((match[2] or "0")[:3].ljust(3, "0")))


def unix_number(value: float) -> Timestamp | None:
    """The same for a number."""
    if not -_MOST_MILLIS < value < _MOST_SECONDS + 1:
        return None
    if isinstance(value, int):
        return Timestamp.of_millis(value * 1000) if value >= 0 else _within(value * 1000)
    # 1.001 * 1000 is 1000.9999…: half a microsecond keeps the millisecond that was written.
    return _within(int(value * 1000 + (0.0005 if value > 0 else -0.0005)))


def unix_ms(text: str) -> Timestamp | None:
    """Milliseconds since 1970."""
    if len(text) <= _FEW and text.isdecimal() and text.isascii():
        return Timestamp.of_millis(int(text))
    return _within(int(text)) if _MILLIS.fullmatch(text) else None


def unix_ms_number(value: float) -> Timestamp | None:
    """The same for a number; a fraction is cut off."""
    return _within(int(value)) if -_MOST_MILLIS <= value < _MOST_MILLIS else None


def tai64n(text: str) -> Timestamp | None:
    """A TAI64N label: sixteen hexadecimal digits of seconds, eight of nanoseconds, perhaps after
    `@`.
    """
    match = _TAI64N.match(text)
    if match is None:
        return None
    seconds = (int(match[1], 16) & (2**62 - 1)) - _TAI_LEAP_SECONDS
    return _within(seconds * 1000 + int(match[2], 16) // 1_000_000)
