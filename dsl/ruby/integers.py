"""Integers: digits, bits, divisors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .dispatch import define
from .errors import (
    DomainError,
    RangeError,
    TypeError_,
)
from .inspection import integer
from .numbers import uncoerced


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
    if place is None:
        raise TypeError_("no implicit conversion of nil into Integer")
    number = integer(place)
    return a >> number & 1 if number >= 0 else 0


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
    return bool(a & integer(mask) == mask)


@define("Integer", "anybits?")
def anybits(a: int, mask: Any) -> bool:
    """Whether a bit of a mask is set."""
    return a & integer(mask) != 0
