"""Durations as text: `90s`, `1h30m`, `5 minutes`, `250ms`; the one reader of them."""

from __future__ import annotations

import re

_UNITS = {
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86_400.0,
    "w": 604_800.0,
}
_NAMES = {
    "us": "us usec usecs micro microsecond microseconds",
    "ms": "ms msec msecs milli millisecond milliseconds",
    "s": "s sec secs second seconds",
    "m": "m min mins minute minutes",
    "h": "h hour hours",
    "d": "d day days",
    "w": "w week weeks",
}
_SECONDS = {name: _UNITS[unit] for unit, names in _NAMES.items() for name in names.split()}
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*")


def seconds_of(text: str) -> float | None:
    """The seconds of a duration, one or several numbers with their units; None where it is not
    one.
    """
    at, seconds = 0, 0.0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None or part[2] not in _SECONDS:
            return None
        at, seconds = part.end(), seconds + float(part[1]) * _SECONDS[part[2]]
    return seconds if text.strip() else None
