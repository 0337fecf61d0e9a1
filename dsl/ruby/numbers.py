"""Numbers: Integer, Float and the module Math."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .comparison import compare, equal, incomparable, ordered
from .dispatch import CONSTANTS, define
from .errors import (
    ArgumentError,
    TypeError_,
    ZeroDivisionError_,
)
from .inspection import class_name, float_text, floating, in_range, inspect, integer
from .objects import MISSING, Symbol

_NUMBERS = frozenset({int, float})
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"

CONSTANTS.update(
    {
        "Float::INFINITY": math.inf,
        "Float::NAN": math.nan,
        "Float::EPSILON": 2.0**-52,
        "Float::MAX": 1.7976931348623157e308,
        "Float::MIN": 2.2250738585072014e-308,
        "Float::DIG": 15,
        "Math::PI": math.pi,
        "Math::E": math.e,
    }
)


def uncoerced(a: Any, b: Any) -> Exception:
    """What arithmetic raises for what is not a number."""
    special = b is None or b is True or b is False or type(b) is Symbol
    shown = inspect(b) if special else class_name(b)
    return TypeError_(f"{shown} can't be coerced into {class_name(a)}")


def _number(a: Any, b: Any) -> None:
    if type(b) not in _NUMBERS:
        raise uncoerced(a, b)


@define("Numeric", "+")
def add(a: Any, b: Any) -> Any:
    """Sum."""
    _number(a, b)
    return _mixed(a) + _mixed(b) if type(a) is not type(b) else a + b


def _mixed(number: Any) -> float:
    return floating(number)


@define("Numeric", "-")
def subtract(a: Any, b: Any) -> Any:
    """Difference."""
    _number(a, b)
    return _mixed(a) - _mixed(b) if type(a) is not type(b) else a - b


@define("Numeric", "*")
def multiply(a: Any, b: Any) -> Any:
    """Product."""
    _number(a, b)
    return _mixed(a) * _mixed(b) if type(a) is not type(b) else a * b


@define("Numeric", "/")
def divide(a: Any, b: Any) -> Any:
    """Quotient; of integers, rounded down."""
    _number(a, b)
    if type(a) is int and type(b) is int:
        if b == 0:
            raise ZeroDivisionError_("divided by 0")
        return a // b
    return quotient(floating(a), floating(b))


def quotient(a: float, b: float) -> float:
    """Quotient of floats, which may be infinite or NaN."""
    if b == 0:
        if a == 0 or a != a:
            return math.nan
        return math.inf if (a > 0) == (math.copysign(1, b) > 0) else -math.inf
    return a / b


@define("Numeric", "%", "modulo")
def modulo(a: Any, b: Any) -> Any:
    """Remainder with the sign of the divisor."""
    _number(a, b)
    if type(a) is int and type(b) is int:
        if b == 0:
            raise ZeroDivisionError_("divided by 0")
        return a % b
    a, b = floating(a), floating(b)
    if b == 0:
        raise ZeroDivisionError_("divided by 0")
    if math.isinf(a):
        return math.nan
    rest = math.fmod(a, b)
    return rest + b if rest * b < 0 else rest


@define("Numeric", "remainder")
def remainder(a: Any, b: Any) -> Any:
    """Remainder with the sign of the dividend."""
    rest = modulo(a, b)
    return rest - b if rest != 0 and (a < 0) != (b < 0) else rest


@define("Numeric", "**", "pow")
def power(a: Any, b: Any, modulus: Any = None) -> Any:
    """Power."""
    _number(a, b)
    if modulus is not None:
        return pow(integer(a), integer(b), integer(modulus))
    if type(a) is int and type(b) is int:
        if b < 0:
            from .errors import NotCompiled

            raise NotCompiled("a Rational (an integer to a negative power)")
        return a**b
    try:
        made = floating(a) ** floating(b)
    except OverflowError:
        return math.inf
    except ZeroDivisionError:
        return math.inf
    return math.nan if isinstance(made, complex) else made


@define("Numeric", "-@")
def negative(a: Any) -> Any:
    """The number with the other sign."""
    return -a


@define("Numeric", "+@", "real")
def positive(a: Any) -> Any:
    """The number itself."""
    return a


def _comparing(name: str, holds: Callable[[int], bool]) -> None:
    @define("Comparable", name)
    def method(a: Any, b: Any) -> bool:
        found = compare(a, b)
        if found is None:
            if type(a) in _NUMBERS and type(b) in _NUMBERS:
                return False
            raise incomparable(a, b)
        return holds(found)


_comparing("<", lambda order: order < 0)
_comparing("<=", lambda order: order <= 0)
_comparing(">", lambda order: order > 0)
_comparing(">=", lambda order: order >= 0)


@define("Comparable", "between?")
def between(a: Any, low: Any, high: Any) -> bool:
    """Whether it lies between two values, both included."""
    return ordered(a, low) >= 0 and ordered(a, high) <= 0


@define("Comparable", "clamp")
def clamp(a: Any, low: Any, high: Any = MISSING) -> Any:
    """The nearest value between two."""
    if high is MISSING:
        low, high = low.first, low.last
    elif low is not None and high is not None and ordered(low, high) > 0:
        raise ArgumentError("min argument must be smaller than max argument")
    if low is not None and ordered(a, low) < 0:
        return low
    return high if high is not None and ordered(a, high) > 0 else a


@define("Integer", "to_i", "to_int", "ord", "numerator")
def integer_itself(a: int) -> int:
    """The integer."""
    return a


@define("Numeric", "to_f")
def to_f(a: Any) -> float:
    """The number as a float."""
    return floating(a)


@define("Float", "to_i", "to_int")
def float_to_i(a: float) -> int:
    """The float, cut off."""
    return in_range(a)


@define("Integer", "to_s", "inspect")
def integer_to_s(a: int, base: Any = 10) -> str:
    """The digits in a base."""
    number = integer(base)
    return str(a) if number == 10 else digits_in(a, number)


def digits_in(value: int, base: int) -> str:
    """An integer in a base from 2 to 36."""
    if not 2 <= base <= 36:
        raise ArgumentError(f"invalid radix {base}")
    found, rest = "", abs(value)
    while rest:
        rest, digit = divmod(rest, base)
        found = _DIGITS[digit] + found
    return ("-" if value < 0 else "") + (found or "0")


@define("Float", "to_s", "inspect")
def float_to_s(a: float) -> str:
    """The float as Ruby prints it."""
    return float_text(a)


@define("Numeric", "zero?")
def is_zero(a: Any) -> bool:
    """Whether it is zero."""
    return bool(a == 0)


@define("Numeric", "nonzero?")
def nonzero(a: Any) -> Any:
    """The number, or nil for zero."""
    return None if a == 0 else a


@define("Numeric", "positive?")
def is_positive(a: Any) -> bool:
    """Whether it is greater than zero."""
    return bool(a > 0)


@define("Numeric", "negative?")
def is_negative(a: Any) -> bool:
    """Whether it is less than zero."""
    return bool(a < 0)


@define("Numeric", "finite?")
def is_finite(a: Any) -> bool:
    """Whether it is neither infinite nor NaN."""
    return type(a) is int or math.isfinite(a)


@define("Numeric", "infinite?")
def infinite(a: Any) -> Any:
    """1 or -1 for an infinite number."""
    if type(a) is int or not math.isinf(a):
        return None
    return 1 if a > 0 else -1


@define("Float", "nan?")
def is_nan(a: float) -> bool:
    """Whether it is not a number."""
    return a != a


@define("Numeric", "integer?")
def is_integer(a: Any) -> bool:
    """Whether it is an Integer."""
    return type(a) is int


@define("Numeric", "real?")
def is_real(a: Any) -> bool:
    """Whether it is real."""
    return True


@define("Numeric", "abs", "magnitude")
def absolute(a: Any) -> Any:
    """Without its sign."""
    return abs(a)


@define("Numeric", "divmod")
def divmod_(a: Any, b: Any) -> list[Any]:
    """Quotient, rounded down, and remainder."""
    return [floor_div(a, b), modulo(a, b)]


@define("Numeric", "div")
def floor_div(a: Any, b: Any) -> int:
    """Quotient, rounded down."""
    _number(a, b)
    if b == 0:
        raise ZeroDivisionError_("divided by 0")
    if type(a) is int and type(b) is int:
        return a // b
    return in_range(math.floor(quotient(floating(a), floating(b))))


@define("Numeric", "fdiv", "quo")
def fdiv(a: Any, b: Any) -> float:
    """Quotient as a float."""
    _number(a, b)
    if type(a) is int and type(b) is int and b:
        return a / b
    return quotient(floating(a), floating(b))


@define("Numeric", "coerce")
def coerce(a: Any, b: Any) -> list[Any]:
    """Two numbers of one class."""
    return [b, a] if type(a) is type(b) is int else [floating(b), floating(a)]


define("Numeric", "<=>")(compare)


@define("Numeric", "eql?")
def eql(a: Any, b: Any) -> bool:
    """Whether both class and value are the same."""
    return type(a) is type(b) and equal(a, b)
