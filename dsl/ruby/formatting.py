"""``format`` and ``%``: Ruby's way to write numbers and texts by a template."""

from __future__ import annotations

import re
from typing import Any

from .conversions import float_of, integer_of
from .errors import ArgumentError, FloatDomainError, KeyError_, TypeError_
from .inspection import class_name, float_text, inspect, integer, text, to_s
from .numbers import digits_in
from .objects import STRINGS, Hash, symbol

_DIRECTIVE = re.compile(
    r"%(?P<first>(?:[ #+\-0*]|<\w+>)*)(?P<width>\d+)?(?P<name><\w+>)?"
    r"(?P<dot>\.(?P<precision>\d+|\*)?)?(?P<last><\w+>)?"
    r"(?P<kind>[a-zA-Z%]|\{\w+\}|\n|\Z)"
)


class _Arguments:
    """The values of a template, one after the other or by name."""

    def __init__(self, values: tuple[Any, ...]) -> None:
        self.values, self.at = values, 0

    def next(self) -> Any:
        """The next value."""
        if self.at >= len(self.values):
            raise ArgumentError("too few arguments")
        self.at += 1
        return self.values[self.at - 1]

    def named(self, name: str) -> Any:
        """The value of a name."""
        if len(self.values) != 1 or not isinstance(self.values[0], dict):
            raise ArgumentError("one hash required")
        given, key = self.values[0], symbol(name)
        if key in given:
            return given[key]
        if type(given) is Hash and given.default is not None:
            return given.default
        raise KeyError_(f"key<{name}> not found")


def format_(template: Any, *values: Any) -> str:
    """A template with its values."""
    arguments = _Arguments(values)
    return _DIRECTIVE.sub(lambda found: _written(found, arguments), text(template))


def _written(found: re.Match[str], arguments: _Arguments) -> str:
    kind = found["kind"]
    if kind == "%":
        return "%"
    if kind in ("", "\n"):
        if kind == "\n":
            return "%\n"
        raise ArgumentError("incomplete format specifier; use %% (double %) instead")
    flags = re.sub(r"<\w+>", "", found["first"])
    names = re.findall(r"<(\w+)>", found["first"] + (found["name"] or "") + (found["last"] or ""))
    width = int(found["width"]) if found["width"] else 0
    if "*" in flags:
        width = integer(arguments.next())
        flags, width = (flags + "-", -width) if width < 0 else (flags, width)
    precision = _precision(found, arguments)
    if kind[0] == "{":
        return _padded(to_s(arguments.named(kind[1:-1])), flags, width)
    value = arguments.named(names[0]) if names else arguments.next()
    return _directive(kind, value, flags, width, precision)


def _precision(found: re.Match[str], arguments: _Arguments) -> int | None:
    if not found["dot"]:
        return None
    given = found["precision"]
    return integer(arguments.next()) if given == "*" else int(given or 0)


def _directive(kind: str, value: Any, flags: str, width: int, precision: int | None) -> str:
    if kind in "sp":
        shown = to_s(value) if kind == "s" else inspect(value)
        return _padded(shown if precision is None else shown[:precision], flags, width)
    if kind in "diu":
        return _integer(_whole(value), flags, width, precision)
    if kind in "xXobB":
        return _in_base(kind, _whole(value), flags, width, precision)
    if kind in "feEgGaA":
        return _float(kind, value, flags, width, precision)
    if kind == "c":
        return _padded(chr(value) if type(value) is int else text(value)[:1], flags, width)
    raise ArgumentError(f"malformed format string - %{kind}")


def _padded(shown: str, flags: str, width: int) -> str:
    return shown.ljust(width) if "-" in flags else shown.rjust(width)


def _whole(value: Any) -> int:
    if type(value) is float:
        import math

        return math.floor(integer_check(value))
    return int(integer_of(value))


def integer_check(value: float) -> float:
    """A float that is neither infinite nor NaN."""
    if value - value != 0:
        raise FloatDomainError(float_text(value))
    return value


def _sign(negative: bool, flags: str) -> str:
    if negative:
        return "-"
    return next((sign for sign in "+ " if sign in flags), "")


def _integer(value: int, flags: str, width: int, precision: int | None) -> str:
    digits = str(abs(value)).rjust(precision or 0, "0")
    sign = _sign(value < 0, flags)
    if "0" in flags and "-" not in flags and precision is None:
        digits = digits.rjust(width - len(sign), "0")
    return _padded(sign + digits, flags, width)


_BASES = {"x": (16, "0x"), "o": (8, "0"), "b": (2, "0b")}


def _in_base(kind: str, value: int, flags: str, width: int, precision: int | None) -> str:
    base, prefix = _BASES[kind.lower()]
    prefix = prefix if "#" in flags and value else ""
    complement = value < 0 and not ("+" in flags or " " in flags)
    if complement:
        digits, sign, fill = _complement(value, base), "", {16: "f", 8: "7", 2: "1"}[base]
    else:
        digits, sign, fill = digits_in(abs(value), base), _sign(value < 0, flags), "0"
    if precision is not None:
        digits = (
            digits.removeprefix("..").rjust(precision, fill)
            if complement
            else digits.rjust(precision, "0")
        )
    elif "0" in flags and "-" not in flags:
        digits = digits.removeprefix("..").rjust(width - len(sign) - len(prefix), fill)
    shown = sign + prefix + digits
    return _padded(shown.upper() if kind in "XB" and kind == "X" else shown, flags, width)


def _complement(value: int, base: int) -> str:
    bits = {16: 4, 8: 3, 2: 1}[base]
    places = ((~value).bit_length() + bits) // bits
    digits = digits_in(value + base**places, base)
    top = "0123456789abcdef"[base - 1]
    return ".." + top + digits.lstrip(top)


def _float(kind: str, value: Any, flags: str, width: int, precision: int | None) -> str:
    number = _floating(value)
    if number - number != 0:
        shown = "NaN" if number != number else "Inf"
        return _padded(_sign(number < 0, flags) + shown, flags, width)
    places = 6 if precision is None else precision
    pattern = f"%#.{places}{kind}" if "#" in flags else f"%.{places}{kind}"
    if kind in "aA":
        digits = abs(number).hex().replace("0x1.0000000000000p", "0x1p")
        digits = re.sub(r"0+p", "p", digits) if "." in digits else digits
    else:
        digits = pattern % abs(number)
    import math

    sign = _sign(math.copysign(1, number) < 0, flags)
    if "0" in flags and "-" not in flags:
        digits = digits.rjust(width - len(sign), "0")
    return _padded(sign + digits, flags, width)


def _floating(value: Any) -> float:
    if value is None:
        raise TypeError_("can't convert nil into Float")
    if type(value) in (int, float) or type(value) in STRINGS:
        return float(float_of(value))
    raise TypeError_(f"can't convert {class_name(value)} into Float")
