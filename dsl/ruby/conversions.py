"""``Integer(…)`` and ``Float(…)``: values as numbers, or an error."""

from __future__ import annotations

import re
from typing import Any

from .dispatch import find, singleton
from .errors import ArgumentError, RubyException, TypeError_
from .inspection import class_name, floating, in_range, inspect, integer, text
from .objects import STRINGS


@singleton("Kernel", "Integer")
def integer_of(value: Any, base: Any = None, exception: Any = True) -> Any:
    """A value as an integer; raises ArgumentError."""
    try:
        return _integer_of(value, base)
    except RubyException:
        if exception is False:
            return None
        raise


_INTEGER = re.compile(
    r"\s*([+-]?)"
    r"(0[xX](?=[0-9a-fA-F])|0[bB](?=[01])|0[oO]?(?=[0-7_])|0[dD](?=\d))?"
    r"([0-9a-zA-Z]+(?:_[0-9a-zA-Z]+)*)\s*\Z"
)


def _integer_of(value: Any, base: Any) -> int:
    kind = type(value)
    if kind is int:
        return value  # type: ignore[no-any-return]
    if kind is float:
        return in_range(value)
    if kind not in STRINGS:
        if value is None:
            raise TypeError_("can't convert nil into Integer")
        shown = inspect(value) if value is True or value is False else class_name(value)
        own = find(kind, "to_i")
        if own is not None:
            return int(own(value))
        raise TypeError_(f"can't convert {shown} into Integer")
    found = _INTEGER.match(text(value))
    bases = {"x": 16, "b": 2, "o": 8, "d": 10, "0": 8}
    try:
        if found is None:
            raise ValueError
        prefix = (found[2] or "").lower()
        number = 10 if base is None else integer(base)
        chosen = bases[prefix[-1]] if prefix and base is None else number
        if prefix and base is not None and bases[prefix[-1]] != number and prefix != "0":
            raise ValueError
        if not prefix and base is None and found[3][0] == "0" and len(found[3]) > 1:
            chosen = 8
        return int(found[1] + found[3].replace("_", ""), chosen)
    except ValueError:
        raise ArgumentError(f"invalid value for Integer(): {inspect(value)}") from None


_FLOAT = re.compile(r"\s*[+-]?(?:\d+(?:_\d+)*)(?:\.\d+(?:_\d+)*)?(?:[eE][+-]?\d+)?\s*\Z", re.ASCII)


@singleton("Kernel", "Float")
def float_of(value: Any, exception: Any = True) -> Any:
    """A value as a float; raises ArgumentError."""
    try:
        if type(value) not in STRINGS:
            return floating(value)
        given = text(value)
        if _FLOAT.match(given):
            return float(given.replace("_", ""))
        if re.fullmatch(r"\s*[+-]?0[xX][0-9a-fA-F.]+(?:p[+-]?\d+)?\s*", given):
            return float.fromhex(given.strip())
        raise ArgumentError(f"invalid value for Float(): {inspect(value)}")
    except RubyException:
        if exception is False:
            return None
        raise
