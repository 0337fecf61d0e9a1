"""Moments to texts: ``strftime`` and what stands on it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from .dispatch import define
from .inspection import integer, text
from .times import BILLION, COMPOSED, DAYS, FULL_MONTHS, Time, weekday, yday, zone


def _number(value: int, width: int, flag: str, pad: str = "0") -> str:
    if flag == "-":
        return str(value)
    fill = {"_": " ", "0": "0"}
    return str(value).rjust(width, fill.get(flag, pad))


_STRFTIME = re.compile(r"%([-0^#_:]*)(\d*)([a-zA-Z%+])")


@define("Time", "strftime")
def strftime(self: Time, form: Any) -> str:
    """The moment by a form."""
    return _STRFTIME.sub(lambda found: _shown(self, found), text(form))


def _shown(self: Time, found: re.Match[str]) -> str:
    flags, width, letter = found[1], found[2], found[3]
    if letter in COMPOSED:
        form = {"c": "%a %b %e %H:%M:%S %Y", "v": "%e-%^b-%Y"}.get(letter, COMPOSED[letter])
        shown = strftime(self, form)
    else:
        shown = _directive(self, letter, flags.replace("^", "").replace("#", "")[:1], width, flags)
    if "^" in flags:
        shown = shown.upper()
    elif "#" in flags:
        shown = shown.swapcase()
    if not width or letter in "LN":
        return shown
    return shown.rjust(int(width), "0" if shown[:1].isdigit() else " ")


def _directive(self: Time, letter: str, flag: str, width: str, flags: str) -> str:
    year, month, day, hour, minute, second = self.civil()
    rest = self.nanos % BILLION
    if letter in "LN":
        places = int(width or {"L": 3, "N": 9}[letter])
        return f"{rest:09d}"[:places].ljust(places, "0")
    if letter == "z":
        return _offset_text(self.offset, ":" if ":" in flags else "")
    texts = {
        "b": FULL_MONTHS[month - 1][:3],
        "h": FULL_MONTHS[month - 1][:3],
        "B": FULL_MONTHS[month - 1],
        "a": DAYS[weekday(self)][:3],
        "A": DAYS[weekday(self)],
        "p": "AM" if hour < 12 else "PM",
        "P": "am" if hour < 12 else "pm",
        "Z": "UTC" if self.utc else zone(self) or "",
        "s": str(self.nanos // BILLION),
        "%": "%",
        "n": "\n",
        "t": "\t",
        "u": str((weekday(self) + 6) % 7 + 1),
        "w": str(weekday(self)),
        "Q": str(self.nanos // 1_000_000),
        "v": f"{day:2d}-{FULL_MONTHS[month - 1][:3].upper()}-{year}",
    }
    if letter in texts:
        return texts[letter]
    numbers = {
        "Y": (year, 1, "0"),
        "C": (year // 100, 2, "0"),
        "y": (year % 100, 2, "0"),
        "m": (month, 2, "0"),
        "d": (day, 2, "0"),
        "e": (day, 2, " "),
        "H": (hour, 2, "0"),
        "k": (hour, 2, " "),
        "I": ((hour + 11) % 12 + 1, 2, "0"),
        "l": ((hour + 11) % 12 + 1, 2, " "),
        "M": (minute, 2, "0"),
        "S": (second, 2, "0"),
        "j": (yday(self), 3, "0"),
    }
    if letter in numbers:
        value, places, pad = numbers[letter]
        return _number(value, places, flag, pad)
    if letter in "GVUW":
        moment = datetime(year, month, day)
        return moment.strftime(f"%{letter}")
    return f"%{flags}{letter}"


def _offset_text(offset: int, colon: str) -> str:
    sign, rest = ("-", -offset) if offset < 0 else ("+", offset)
    return f"{sign}{rest // 3600:02d}{colon}{rest // 60 % 60:02d}"


@define("Time", "to_s")
def time_to_s(self: Time) -> str:
    """Date, time and offset."""
    return strftime(self, "%Y-%m-%d %H:%M:%S UTC" if self.utc else "%Y-%m-%d %H:%M:%S %z")


@define("Time", "inspect")
def time_inspect(self: Time) -> str:
    """Date, time with its fraction, and offset."""
    rest = f"{self.nanos % BILLION:09d}".rstrip("0")
    shown = strftime(self, "%Y-%m-%d %H:%M:%S") + (f".{rest}" if rest else "")
    return f"{shown} {'UTC' if self.utc else _offset_text(self.offset, '')}"


@define("Time", "iso8601", "xmlschema")
def iso8601(self: Time, places: Any = 0) -> str:
    """In ISO 8601."""
    number = integer(places)
    rest = "." + f"{self.nanos % BILLION:09d}"[:number].ljust(number, "0") if number else ""
    shown = strftime(self, "%Y-%m-%dT%H:%M:%S") + rest
    return shown + ("Z" if self.utc else _offset_text(self.offset, ":"))


@define("Time", "httpdate")
def httpdate(self: Time) -> str:
    """As HTTP writes it."""
    return strftime(Time(self.nanos, utc=True), "%a, %d %b %Y %H:%M:%S GMT")
