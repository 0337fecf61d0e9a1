"""Numbers as Ruby's ``Integer()`` and ``Float()`` read them: the whole text is one, or there is
none.
"""

from __future__ import annotations

import re

_DIGITS = r"[0-9]+(?:_[0-9]+)*"
_INTEGER = re.compile(
    rf"(?P<sign>[+-]?)(?:0[xX](?P<x>[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)|0[bB](?P<b>[01]+(?:_[01]+)*)"
    rf"|0[oO]?_?(?P<o>[0-7]+(?:_[0-7]+)*)|0[dD](?P<d>{_DIGITS})|(?P<n>0|[1-9][0-9]*(?:_[0-9]+)*))"
)
_BASES = {"x": 16, "b": 2, "o": 8, "d": 10, "n": 10}
_FLOAT = re.compile(rf"[+-]?(?:{_DIGITS}(?:\.{_DIGITS})?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?")
_HEX_FLOAT = re.compile(r"[+-]?0[xX][0-9a-fA-F]+(?:\.[0-9a-fA-F]+)?(?:[pP][+-]?[0-9]+)?")
_BLANK = " \t\n\v\f\r"


def integer(text: str) -> int | None:
    """The integer that a string is: ``12``, ``1_000``, ``0x1f``, ``0b1``, ``017`` (octal); None
    if it is none.
    """
    found = _INTEGER.fullmatch(text.strip(_BLANK))
    if found is None:
        return None
    kind = found.lastgroup
    assert kind is not None
    value = int(found[kind].replace("_", ""), _BASES[kind])
    return -value if found["sign"] == "-" else value


def number(text: str) -> float | None:
    """The number that a text is: ``1.5``, ``1e3``, ``1_000.25``, ``0x1.8p1``; None if it is
    none.
    """
    text = text.strip(_BLANK)
    if _FLOAT.fullmatch(text):
        return float(text.replace("_", ""))
    return float.fromhex(text) if _HEX_FLOAT.fullmatch(text) else None
