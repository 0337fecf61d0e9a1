"""Numbers: Integer, Float and the module Math."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    Decimal,
)
from typing import Any

from .comparison import compare, equal, incomparable, ordered
from .dispatch import CONSTANTS, define, singleton
from .errors import (
    ArgumentError,
    DomainError,
    FloatDomainError,
    RangeError,
    TypeError_,
    ZeroDivisionError_,
)
from .inspection import class_name, float_text, floating, in_range, inspect, integer
from .objects import MISSING, Proc, Range, Symbol

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
    special = b is None or b is True or b is False
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
    if b == 0 or math.isinf(a):
        return math.nan
    return a % b


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


@define("Integer", "~")
def inverted(a: int) -> int:
    """All bits turned."""
    return ~a


def _bitwise(name: str, operate: Callable[[int, int], int]) -> None:
    @define("Integer", name)
    def method(a: int, b: Any) -> int:
        if type(b) is not int:
            raise uncoerced(a, b)
        return operate(a, b)


_bitwise("&", lambda a, b: a & b)
_bitwise("|", lambda a, b: a | b)
_bitwise("^", lambda a, b: a ^ b)


@define("Integer", "<<")
def shift_left(a: int, b: Any) -> int:
    """Bits moved up."""
    places = integer(b)
    return a << places if places >= 0 else a >> -places


@define("Integer", ">>")
def shift_right(a: int, b: Any) -> int:
    """Bits moved down."""
    return shift_left(a, -integer(b))


@define("Integer", "[]")
def bit(a: int, place: Any) -> int:
    """One bit."""
    number = integer(place)
    return a >> number & 1 if number >= 0 else 0


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


@define("Integer", "chr")
def character(a: int, encoding: Any = None) -> Any:
    """The character with this number."""
    if encoding is None:
        if not 0 <= a <= 255:
            raise RangeError(f"{a} out of char range")
        return chr(a) if a < 128 else bytes([a])
    if not 0 <= a < 0x110000:
        raise RangeError(f"invalid codepoint 0x{a:X} in UTF-8")
    return chr(a)


@define("Integer", "digits")
def digits(a: int, base: Any = 10) -> list[int]:
    """The digits, lowest first."""
    if a < 0:
        raise DomainError("out of domain")
    found, number = [], integer(base)
    while True:
        a, digit = divmod(a, number)
        found.append(digit)
        if not a:
            return found


@define("Integer", "bit_length")
def bit_length(a: int) -> int:
    """How many bits it needs."""
    return (~a if a < 0 else a).bit_length()


@define("Integer", "size")
def word_size(a: int) -> int:
    """Bytes of the machine's word."""
    return 8 if -(2**62) <= a < 2**62 else (a.bit_length() + 63) // 64 * 8


@define("Integer", "gcd")
def gcd(a: int, b: Any) -> int:
    """The greatest common divisor."""
    return math.gcd(a, integer(b))


@define("Integer", "lcm")
def lcm(a: int, b: Any) -> int:
    """The least common multiple."""
    return math.lcm(a, integer(b))


@define("Integer", "succ", "next")
def succ(a: int) -> int:
    """The next integer."""
    return a + 1


@define("Integer", "pred")
def pred(a: int) -> int:
    """The integer before."""
    return a - 1


@define("Integer", "even?")
def is_even(a: int) -> bool:
    """Whether it is even."""
    return a % 2 == 0


@define("Integer", "odd?")
def is_odd(a: int) -> bool:
    """Whether it is odd."""
    return a % 2 == 1


@define("Integer", "allbits?")
def allbits(a: int, mask: Any) -> bool:
    """Whether all bits of a mask are set."""
    return a & integer(mask) == mask


@define("Integer", "anybits?")
def anybits(a: int, mask: Any) -> bool:
    """Whether a bit of a mask is set."""
    return a & integer(mask) != 0


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
    return None if type(a) is int or not math.isinf(a) else 1 if a > 0 else -1


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


_HALF = {"up": ROUND_HALF_UP, "even": ROUND_HALF_EVEN, "down": ROUND_HALF_DOWN}


@define("Numeric", "round")
def round_(a: Any, digits: Any = 0, half: Any = None) -> Any:
    """Rounded to digits behind the point."""
    name = "up" if half is None else half.name if type(half) is Symbol else str(half)
    if name not in _HALF:
        raise ArgumentError(f"invalid rounding mode: {name}")
    return _rounded(a, integer(digits), _HALF[name])


@define("Numeric", "floor")
def floor(a: Any, digits: Any = 0) -> Any:
    """Rounded down."""
    return _rounded(a, integer(digits), ROUND_FLOOR)


@define("Numeric", "ceil")
def ceil(a: Any, digits: Any = 0) -> Any:
    """Rounded up."""
    return _rounded(a, integer(digits), ROUND_CEILING)


@define("Numeric", "truncate")
def truncate(a: Any, digits: Any = 0) -> Any:
    """Cut off."""
    return floor(a, digits) if a >= 0 else ceil(a, digits)


def _rounded(a: Any, places: int, mode: str) -> Any:
    if type(a) is int:
        return a if places >= 0 else _integer_rounded(a, places, mode)
    if a - a != 0:
        if places > 0:
            return a
        raise FloatDomainError(float_text(a))
    if places > 0:
        return a if places >= 17 else _decimal_rounded(a, places, mode)
    whole = int(Decimal(a).quantize(Decimal(1), mode) if abs(a) < 1e25 else Decimal(a))
    return (
        whole
        if places == 0
        else _integer_rounded(
            int(a) if mode not in (ROUND_FLOOR, ROUND_CEILING) else whole, places, mode
        )
    )


def _decimal_rounded(a: float, places: int, mode: str) -> float:
    # Ruby rounds what is printed where that is short of half: 2.675 is 2.68 here, as there.
    if mode == ROUND_HALF_UP:
        return _half_up(a, places)
    exact = Decimal(a) if mode in (ROUND_FLOOR, ROUND_CEILING) else Decimal(repr(a))
    made = float(exact.quantize(Decimal(1).scaleb(-places), mode)) if abs(a) < 1e10 else a
    shown = Decimal(repr(a))
    if shown == shown.quantize(Decimal(1).scaleb(-places)) if abs(a) < 1e10 else True:
        return a
    return made


def _half_up(a: float, places: int) -> float:
    scale = 10.0**places
    scaled = abs(a) * scale
    if math.isinf(scaled) or scaled >= 2**53:
        return a
    whole = math.floor(scaled + 0.5) if scaled != 0.49999999999999994 else 0.0
    if (whole - 0.5) / scale > abs(a) or (whole and (whole + 0.5) / scale <= abs(a)):
        whole = whole - 1 if (whole - 0.5) / scale > abs(a) else whole + 1
    return math.copysign(whole / scale, a)


def _integer_rounded(a: int, places: int, mode: str) -> int:
    unit = 10**-places
    below = a // unit * unit
    rest = a - below
    if mode == ROUND_FLOOR or rest == 0:
        return below
    if mode == ROUND_CEILING or rest * 2 > unit:
        return below + unit
    if rest * 2 < unit:
        return below
    up = {
        ROUND_HALF_UP: a > 0,
        ROUND_HALF_DOWN: a < 0,
        ROUND_HALF_EVEN: below // unit % 2 == 1,
    }[mode]
    return below + unit if up else below


@define("Integer", "times", enum=True)
def times(a: int, block: Proc) -> int:
    """Run a block so many times."""
    one = block.one
    for number in range(a):
        one(number)
    return a


@define("Integer", "upto", enum=True)
def upto(a: int, last: Any, block: Proc) -> int:
    """Count up."""
    for number in range(a, math.floor(ordered_limit(a, last)) + 1):
        block.one(number)
    return a


@define("Integer", "downto", enum=True)
def downto(a: int, last: Any, block: Proc) -> int:
    """Count down."""
    for number in range(a, math.ceil(ordered_limit(a, last)) - 1, -1):
        block.one(number)
    return a


def ordered_limit(a: Any, last: Any) -> Any:
    """A limit that must be a number."""
    if type(last) not in _NUMBERS:
        raise incomparable(a, last)
    return last


@define("Numeric", "step", enum=True)
def step(a: Any, limit: Any = None, by: Any = 1, to: Any = None, block: Proc | None = None) -> Any:
    """Count in steps."""
    assert block is not None
    for number in steps(a, to if limit is None else limit, by):
        block.one(number)
    return a


def steps(first: Any, last: Any, by: Any, exclusive: bool = False) -> Any:
    """The numbers from one to another, in steps."""
    if by == 0:
        raise ArgumentError("step can't be 0")
    if float in (type(first), type(last), type(by)):
        yield from _float_steps(floating(first), floating(last), floating(by), exclusive)
        return
    number = first
    while last is None or (number <= last if by > 0 else number >= last):
        if exclusive and number == last:
            return
        yield number
        number += by


def _float_steps(first: float, last: float, by: float, exclusive: bool) -> Any:
    ratio = (last - first) / by
    slack = (abs(first) + abs(last) + abs(last - first)) / abs(by) * 2.0**-52
    count = math.floor(ratio + min(slack, 0.5)) + 1
    if exclusive and count > 0 and first + (count - 1) * by >= last:
        count -= 1
    for place in range(max(count, 0)):
        yield min(first + place * by, last) if by > 0 else max(first + place * by, last)


@define("Numeric", "coerce")
def coerce(a: Any, b: Any) -> list[Any]:
    """Two numbers of one class."""
    return [b, a] if type(a) is type(b) is int else [floating(b), floating(a)]


define("Numeric", "<=>")(compare)


@define("Numeric", "eql?")
def eql(a: Any, b: Any) -> bool:
    """Whether both class and value are the same."""
    return type(a) is type(b) and equal(a, b)


def _math(name: str, function: Callable[..., Any]) -> None:
    @singleton("Math", name)
    def method(*values: Any) -> Any:
        numbers = [floating(value) for value in values]
        try:
            return function(*numbers)
        except ValueError:
            raise DomainError(f"Numerical argument is out of domain - {name}") from None
        except OverflowError:
            return math.inf


def _log(a: float, base: float | None = None) -> float:
    if a < 0 or (base is not None and base < 0):
        raise ValueError
    if a == 0:
        return -math.inf
    if base is not None:
        return math.log(a) / math.log(base)
    return math.log(a)


for _name, _function in {
    "sqrt": math.sqrt,
    "cbrt": lambda a: math.copysign(round(abs(a) ** (1 / 3), 15), a) if a else a,
    "log": _log,
    "log2": lambda a: math.log2(a) if a else -math.inf,
    "log10": lambda a: math.log10(a) if a else -math.inf,
    "exp": math.exp,
    "pow": math.pow,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "atan2": math.atan2,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "hypot": math.hypot,
    "erf": math.erf,
    "gamma": math.gamma,
}.items():
    _math(_name, _function)


@singleton("Integer", "sqrt")
def isqrt(a: Any) -> int:
    """The whole square root."""
    number = integer(a)
    if number < 0:
        raise DomainError("Numerical argument is out of domain - isqrt")
    return math.isqrt(number)


@singleton("Random", "rand")
@singleton("Kernel", "rand")
def rand(limit: Any = 0) -> Any:
    """A random number: below 1, below a limit, or in a range."""
    if type(limit) is Range:
        if type(limit.first) is float or type(limit.last) is float:
            return random.uniform(limit.first, limit.last)
        top = limit.last - (1 if limit.exclusive else 0)
        return None if top < limit.first else random.randint(limit.first, top)
    number = abs(integer(0 if limit is None else limit))
    return random.random() if number == 0 else random.randrange(number)
