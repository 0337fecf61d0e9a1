"""Strings: the numbers that they start with."""

from __future__ import annotations

import re
from typing import Any

from .errors import ArgumentError
from .inspection import integer
from .strings import LEADING, plain

_INTEGER = re.compile(r"[\s\0]*([+-]?)(\d+(?:_\d+)*)", re.ASCII)
_FLOAT = re.compile(
    r"\s*([+-]?(?:\d+(?:_\d+)*(?:\.\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+(?:_\d+)*)?)",
    re.ASCII,
)


@plain("to_i")
def to_i(self: str, base: Any = 10) -> int:
    """The integer that it starts with, 0 if it starts with none."""
    if base != 10:
        return _to_i_in(self, integer(base))
    if self.isdecimal() and self.isascii():
        return int(self)
    found = _INTEGER.match(self)
    return int(found[1] + found[2]) if found else 0


_PREFIXES = {2: "0b", 8: "0o?", 16: "0x"}


def _to_i_in(value: str, base: int) -> int:
    if base < 0 or base == 1 or base > 36:
        raise ArgumentError(f"invalid radix {base}")
    stripped = value.lstrip(LEADING)
    sign, body = (stripped[0], stripped[1:]) if stripped[:1] in ("+", "-") else ("", stripped)
    if base == 0:
        base, body = _guessed_base(body)
    elif base in _PREFIXES:
        body = re.sub(f"^{_PREFIXES[base]}(?=[0-9a-f])", "", body, count=1, flags=re.IGNORECASE)
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"[:base]
    found = re.match(f"[{digits}]+(?:_[{digits}]+)*", body, re.IGNORECASE)
    number = int(found[0].replace("_", ""), base) if found else 0
    return -number if sign == "-" else number


def _guessed_base(body: str) -> tuple[int, str]:
    for prefix, base in (("0x", 16), ("0b", 2), ("0o", 8), ("0d", 10)):
        if body.lower().startswith(prefix):
            return base, body[2:]
    return (8, body[1:]) if re.match(r"0\d", body) else (10, body)


@plain("hex")
def hex_(self: str) -> int:
    """The hexadecimal number that it starts with."""
    return _to_i_in(self, 16)


@plain("oct")
def oct_(self: str) -> int:
    """The octal number that it starts with."""
    body = self.lstrip(LEADING).lower()
    unsigned = body.lstrip("+-")
    if unsigned.startswith(("0x", "0b", "0d")):
        return _to_i_in(self, 0)
    return _to_i_in(self, 8)


@plain("to_f")
def to_f(self: str) -> float:
    """The number that it starts with, 0.0 if it starts with none."""
    found = _FLOAT.match(self)
    return float(found[1].replace("_", "")) if found else 0.0
