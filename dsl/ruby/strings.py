"""Strings: what gives a string of, or an answer about, a string. What changes one in place is in
``mutable``; searching and splitting in ``searching``; encodings in ``encodings``.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Callable
from typing import Any, cast

from .comparison import as_bytes, compare, equal, raw
from .dispatch import F, define, hand_block, singleton, takes_block
from .errors import ArgumentError, CompatibilityError, TypeError_
from .formatting import format_
from .inspection import integer, name_of, text, to_s
from .objects import MISSING, STRINGS, Symbol, symbol

BLANK = "\0\t\n\v\f\r "
LEADING = "\t\n\v\f\r \0"


def on_text(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of text as one of any string: bytes are seen as characters of their number."""

    def method(self: Any, *values: Any, **named: Any) -> Any:
        if type(self) is str:
            return function(self, *values, **named)
        data = raw(self)
        if type(data) is str:
            return function(data, *values, **named)
        return _back(function(data.decode("latin-1"), *map(_as_latin, values), **named))

    method.__name__ = function.__name__
    return method


def _as_latin(value: Any) -> Any:
    data = raw(value)
    return data.decode("latin-1") if type(data) is bytes else data


def _back(made: Any) -> Any:
    """What was made of bytes seen as characters, as bytes again."""
    if type(made) is str:
        try:
            return made.encode("latin-1")
        except UnicodeEncodeError:
            return made
    return [_back(item) for item in made] if type(made) is list else made


def plain(*names: str) -> Callable[[F], F]:
    """Register a function of text as a method of strings, bytes included."""

    def register(function: F) -> F:
        method = define("String", *names)(on_text(function))
        if takes_block(function):
            hand_block(method)
        return cast(F, method)

    return register


@define("String", "+")
def add(self: Any, other: Any) -> Any:
    """Both, one behind the other."""
    one, two = raw(self), raw(other)
    if type(one) is str and type(two) is str:
        return one + two
    if type(two) not in (str, bytes):
        text(other)
    return joined(one, two)


def joined(one: Any, two: Any) -> Any:
    """Strings of two encodings as one, where one of them is ASCII."""
    if type(one) is type(two):
        return one + two
    if one.isascii():
        return (one.encode() if type(two) is bytes else one.decode()) + two
    if two.isascii():
        return one + (two.encode() if type(one) is bytes else two.decode())
    names = [("ASCII-8BIT" if type(part) is bytes else "UTF-8") for part in (one, two)]
    raise CompatibilityError(f"incompatible character encodings: {names[0]} and {names[1]}")


@define("String", "*")
def times(self: Any, count: Any) -> Any:
    """Repeated."""
    number = integer(count)
    if number < 0:
        raise ArgumentError("negative argument")
    return raw(self) * number


@define("String", "%")
def percent(self: Any, given: Any) -> str:
    """Format."""
    if type(given) is list:
        return format_(self, *given)
    return format_(self, given)


@define("String", "length", "size")
def length(self: Any) -> int:
    """How many characters it has."""
    return len(raw(self))


@define("String", "to_s", "to_str")
def to_str(self: Any) -> Any:
    """The string itself."""
    return self


@define("String", "inspect", "dump")
def inspect_(self: Any) -> str:
    """As it is written in code."""
    from .inspection import inspect

    return inspect(self)


@define("String", "to_sym", "intern")
def to_sym(self: Any) -> Symbol:
    """The symbol of this name."""
    return symbol(to_s(self))


@define("String", "empty?")
def is_empty(self: Any) -> bool:
    """Whether it has no characters."""
    return not raw(self)


@define("String", "==", "===")
def string_equal(self: Any, other: Any) -> bool:
    """Whether it holds the same."""
    return equal(self, other)


@define("String", "eql?")
def eql(self: Any, other: Any) -> bool:
    """Whether it is a string that holds the same."""
    return equal(self, other)


@define("String", "<=>")
def spaceship(self: Any, other: Any) -> int | None:
    """The order of two strings."""
    return compare(self, other) if type(other) in STRINGS else None


@plain("casecmp")
def casecmp(self: str, other: Any) -> int | None:
    """The order, disregarding the case of ASCII letters."""
    if type(other) not in STRINGS:
        raise TypeError_(_into_string(other))
    return compare(_ascii_lower(self), _ascii_lower(text(other)))


def _into_string(value: Any) -> str:
    try:
        text(value)
    except TypeError_ as error:
        return error.message
    return ""


def _ascii_lower(value: str) -> str:
    return re.sub("[A-Z]+", lambda m: m[0].lower(), value)


@plain("casecmp?")
def is_casecmp(self: str, other: Any) -> bool:
    """Whether it is the same, disregarding case."""
    return self.casefold() == text(other).casefold()


@plain("upcase")
def upcase(self: str, *options: Any) -> str:
    """In upper case."""
    return self.upper()


@plain("downcase")
def downcase(self: str, *options: Any) -> str:
    """In lower case."""
    return self.lower() if "Σ" not in self else "".join([c.lower() for c in self])


@plain("capitalize")
def capitalize(self: str, *options: Any) -> str:
    """The first letter in upper case, the others in lower case."""
    return self[:1].title() + downcase(self[1:])


@plain("swapcase")
def swapcase(self: str, *options: Any) -> str:
    """Upper case for lower, and the other way."""
    return self.swapcase()


@plain("strip")
def strip(self: str) -> str:
    """Without white space at its ends."""
    return self.strip(BLANK)


@plain("lstrip")
def lstrip(self: str) -> str:
    """Without white space at its start."""
    return self.lstrip(LEADING)


@plain("rstrip")
def rstrip(self: str) -> str:
    """Without white space at its end."""
    return self.rstrip(BLANK)


@plain("chomp")
def chomp(self: str, end: Any = MISSING) -> str:
    """Without the line end."""
    if end is MISSING:
        return (
            self[:-2]
            if self.endswith("\r\n")
            else self.removesuffix("\n")
            if self.endswith("\n")
            else self.removesuffix("\r")
        )
    if end is None:
        return self
    suffix = text(end)
    if suffix == "":
        return re.sub(r"(?:\r?\n)+\Z", "", self)
    return chomp(self) if suffix == "\n" else self.removesuffix(suffix)


@plain("chop")
def chop(self: str) -> str:
    """Without the last character."""
    return self[:-2] if self.endswith("\r\n") else self[:-1]


@plain("chr")
def first_character(self: str) -> str:
    """The first character."""
    return self[:1]


@plain("reverse")
def reverse(self: str) -> str:
    """From the end to the start."""
    return self[::-1]


@plain("center")
def center(self: str, width: Any, pad: Any = " ") -> str:
    """In the middle of a width."""
    missing = max(integer(width) - len(self), 0)
    left = missing // 2
    return _padding(pad, left) + self + _padding(pad, missing - left)


@plain("ljust")
def ljust(self: str, width: Any, pad: Any = " ") -> str:
    """At the left of a width."""
    return self + _padding(pad, integer(width) - len(self))


@plain("rjust")
def rjust(self: str, width: Any, pad: Any = " ") -> str:
    """At the right of a width."""
    return _padding(pad, integer(width) - len(self)) + self


def _padding(pad: Any, count: int) -> str:
    unit = text(pad)
    if not unit:
        raise ArgumentError("zero width padding")
    return (unit * (count // len(unit) + 1))[:count] if count > 0 else ""


@plain("ord")
def ord_(self: str) -> int:
    """The number of the first character."""
    if not self:
        raise ArgumentError("empty string")
    return ord(self[0])


@define("String", "sum")
def checksum(self: Any, bits: Any = 16) -> int:
    """The sum of its bytes."""
    return sum(as_bytes(self)) % (1 << integer(bits))


@define("String", "hash")
def hash_(self: Any) -> int:
    """A number that is the same for the same content, in every process."""
    return zlib.crc32(as_bytes(self))


@define("String", "unicode_normalize")
def unicode_normalize(self: Any, form: Any = None) -> str:
    """In a normal form of Unicode."""
    name = "nfc" if form is None else name_of(form)
    return unicodedata.normalize(cast(Any, name.upper()), to_s(self))


@plain("succ", "next")
def succ(self: str) -> str:
    """The string that comes next: az, ba."""
    if not self:
        return ""
    chars = list(self)
    places = [at for at, char in enumerate(chars) if char.isascii() and char.isalnum()]
    if not places:
        chars[-1] = chr(ord(chars[-1]) + 1)
        return "".join(chars)
    return _succ_at(chars, places)


def _succ_at(chars: list[str], places: list[int]) -> str:
    at = places[-1]
    for position in range(len(places) - 1, -1, -1):
        at = places[position]
        if (
            position < len(places) - 1
            and places[position + 1] - at > 1
            and not _bridges(chars, at, places[position + 1])
        ):
            at = places[position + 1]
            break
        char = chars[at]
        if char not in "9zZ":
            chars[at] = chr(ord(char) + 1)
            return "".join(chars)
        chars[at] = {"9": "0", "z": "a", "Z": "A"}[char]
    carried = {"0": "1", "a": "a", "A": "A"}[chars[at]]
    return "".join([*chars[:at], carried, *chars[at:]])


def _bridges(chars: list[str], at: int, following: int) -> bool:
    return chars[at].isdigit() == chars[following].isdigit()


@define("String", "upto", enum=True)
def upto(self: Any, last: Any, exclusive: Any = False, block: Any = None) -> Any:
    """Each string up to another."""
    for item in string_range(text(self), text(last), bool(exclusive)):
        block.one(item)
    return self


def string_range(first: str, last: str, exclusive: bool) -> list[str]:
    """The strings from one to another."""
    if first.isdecimal() and last.isdecimal() and first.isascii():
        width = len(first)
        top = int(last) + (0 if exclusive else 1)
        return [str(number).rjust(width, "0") for number in range(int(first), top)]
    found: list[str] = []
    order = compare(first, last)
    if len(first) > len(last) or (order is not None and order > 0 and len(first) == len(last)):
        return found
    at = first
    while len(at) <= len(last):
        if at == last:
            return found if exclusive else [*found, at]
        found.append(at)
        at = succ(at)
    return found


@plain("delete_prefix")
def delete_prefix(self: str, prefix: Any) -> str:
    """Without a start."""
    return self.removeprefix(text(prefix))


@plain("delete_suffix")
def delete_suffix(self: str, suffix: Any) -> str:
    """Without an end."""
    return self.removesuffix(text(suffix))


@plain("ascii_only?")
def is_ascii(self: str) -> bool:
    """Whether all is ASCII."""
    return self.isascii()


@singleton("String", "new")
def new(content: Any = "", **options: Any) -> Any:
    """A new string."""
    return raw(content)
