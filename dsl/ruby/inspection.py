"""How Ruby shows values: ``to_s``, ``inspect``, and names of classes in messages; and the implicit
conversions of arguments, with the errors where there is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..timestamp import Timestamp
from .dispatch import CLASS_OF, METHODS, class_for, given_to_dispatch
from .errors import ArgumentError, FloatDomainError, FrozenError, RubyException, TypeError_
from .objects import FROZEN, STRINGS, Hash, Key, MutStr, Proc, Range, Set, Symbol, key_back

CLASS_OF[Timestamp] = "LogStash::Timestamp"

_ESCAPES = {
    "\n": "\\n",
    "\t": "\\t",
    "\r": "\\r",
    "\x1b": "\\e",
    "\x07": "\\a",
    "\x08": "\\b",
    "\x0b": "\\v",
    "\x0c": "\\f",
    '"': '\\"',
    "\\": "\\\\",
}
_PLAIN_TEXT = re.compile(r'[^"\\#\x00-\x1f\x7f-\U0010ffff]*\Z')
_SYMBOL = re.compile(
    r"(?:[A-Za-z_\u0080-\U0010ffff][\w\u0080-\U0010ffff]*[?!=]?"
    r"|\[\]=?|\*\*|[+\-*/%<>~!^&|]|[+\-!]@|<=>|===?|=~|![=~]|<<|>>|<=|>="
    r"|@@?[A-Za-z_]\w*|\$[A-Za-z_]\w*)\Z"
)


def float_text(value: float) -> str:
    """A float as ``to_s`` shows it: 1.0, 1.0e+16, Infinity."""
    if value != value:
        return "NaN"
    if value - value != 0:
        return "Infinity" if value > 0 else "-Infinity"
    mantissa, exponent, power = repr(value).partition("e")
    if not exponent:
        return _integral_text(mantissa) if len(mantissa) > 17 else mantissa
    return mantissa + exponent + power if "." in mantissa else f"{mantissa}.0e{power}"


def _integral_text(shown: str) -> str:
    """A float without a fraction has an exponent from 16 digits on."""
    digits = shown.lstrip("-").removesuffix(".0")
    if not shown.endswith(".0") or len(digits) < 16:
        return shown
    sign = "-" if shown.startswith("-") else ""
    rest = digits[1:].rstrip("0") or "0"
    return f"{sign}{digits[0]}.{rest}e+{len(digits) - 1}"


def quoted(text: str) -> str:
    """A string as ``inspect`` shows it."""
    if _PLAIN_TEXT.match(text):
        return f'"{text}"'
    parts = ['"']
    for at, char in enumerate(text):
        if char == "#":
            parts.append("\\#" if text[at + 1 : at + 2] in ("{", "$", "@") else "#")
        else:
            parts.append(_ESCAPES.get(char) or _shown(char))
    parts.append('"')
    return "".join(parts)


def _shown(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02X}"
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02X}" if code != 0x7F else "\\x7F"
    if code < 0x7F or char.isprintable():
        return char
    return f"\\u{code:04X}" if code < 0x10000 else f"\\u{{{code:X}}}"


def _quoted_bytes(data: bytes) -> str:
    return "".join(['"', *[quoted(chr(b))[1:-1] if b < 0x80 else f"\\x{b:02X}" for b in data], '"'])


def symbol_text(name: str) -> str:
    """A symbol as ``inspect`` shows it."""
    return f":{name}" if _SYMBOL.match(name) else f":{quoted(name)}"


def to_s(value: Any) -> str:
    """A value as a string."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is int:
        return str(value)
    shown = _TO_S.get(kind)
    if shown is not None:
        return shown(value)
    if isinstance(value, RubyException):
        return value.message
    own = METHODS.get(class_for(kind), {}).get("to_s")
    return to_s(own(value)) if own is not None else inspect(value)


def inspect(value: Any) -> str:
    """A value as ``inspect`` shows it."""
    kind = type(value)
    shown = _INSPECT.get(kind)
    if shown is not None:
        return shown(value)
    if isinstance(value, RubyException):
        name, message = value.ruby, value.message
        return f"#<{name}: {message}>" if message else name
    own = METHODS.get(class_for(kind), {}).get("inspect")
    if own is not None:
        return to_s(own(value))
    return to_s(value) if kind in _TO_S else f"#<{class_for(kind)}>"


def _bytes_text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _mutable_text(value: MutStr) -> str:
    return _bytes_text(value.s) if type(value.s) is bytes else str(value.s)


def _list_text(value: list[Any]) -> str:
    return "[" + ", ".join([inspect(item) for item in value]) + "]"


def _hash_text(value: dict[Any, Any]) -> str:
    pairs = [_pair_text(key_back(key), item) for key, item in value.items()]
    return "{" + ", ".join(pairs) + "}"


def _pair_text(key: Any, item: Any) -> str:
    if type(key) is Symbol:
        shown = symbol_text(key.name)
        simple = re.fullmatch(r":[\w\u0080-\U0010ffff]+[?!]?", shown)
        return f":{key.name}=>{inspect(item)}" if simple else f"{shown}=>{inspect(item)}"
    return f"{inspect(key)}=>{inspect(item)}"


def _range_text(show: Callable[[Any], str]) -> Callable[[Range], str]:
    def text(value: Range) -> str:
        dots = "..." if value.exclusive else ".."
        first = "" if value.first is None else show(value.first)
        last = "" if value.last is None else show(value.last)
        return f"{first}{dots}{last}"

    return text


def _set_text(value: Set) -> str:
    return "#<Set: {" + ", ".join([inspect(key_back(item)) for item in value.items]) + "}>"


_TO_S: dict[type, Callable[[Any], str]] = {
    type(None): lambda value: "",
    bool: lambda value: "true" if value else "false",
    float: float_text,
    bytes: _bytes_text,
    MutStr: _mutable_text,
    Symbol: lambda value: value.name,
    list: _list_text,
    dict: _hash_text,
    Hash: _hash_text,
    Set: _set_text,
    Range: _range_text(to_s),
    Timestamp: str,
    Key: lambda value: to_s(value.value),
    Proc: lambda value: "#<Proc (lambda)>" if value.shape.is_lambda else "#<Proc>",
}

_INSPECT: dict[type, Callable[[Any], str]] = {
    type(None): lambda value: "nil",
    bool: lambda value: "true" if value else "false",
    int: str,
    float: float_text,
    str: quoted,
    bytes: _quoted_bytes,
    MutStr: lambda value: inspect(value.s),
    Symbol: lambda value: symbol_text(value.name),
    list: _list_text,
    dict: _hash_text,
    Hash: _hash_text,
    Set: _set_text,
    Range: _range_text(inspect),
    Timestamp: lambda value: f'"{value}"',
}


@given_to_dispatch
def class_name(value: Any) -> str:
    """The name of a value's class."""
    if value is True or value is False:
        return "TrueClass" if value else "FalseClass"
    if isinstance(value, RubyException):
        return value.ruby
    return class_for(type(value))


@given_to_dispatch
def described(value: Any) -> str:
    """The receiver in the message of a NoMethodError."""
    if value is None or value is True or value is False:
        return f"{inspect(value)}:{class_name(value)}"
    shown = inspect(value)
    if type(value).__name__ == "RubyClass":
        return f"{shown}:{'Module' if value.is_module else 'Class'}"
    return shown if shown.startswith("#<") else f"{shown}:{class_name(value)}"


def _kind_text(value: Any) -> str:
    if value is None or value is True or value is False:
        return inspect(value)
    return class_name(value)


def text(value: Any) -> str:
    """An argument that must be a string."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind in STRINGS:
        return to_s(value)
    raise TypeError_(f"no implicit conversion of {_kind_text(value)} into String")


def integer(value: Any) -> int:
    """An argument that must be an integer; a float is cut off."""
    kind = type(value)
    if kind is int:
        return value  # type: ignore[no-any-return]
    if kind is float:
        if value - value != 0:
            raise FloatDomainError(float_text(value))
        return int(value)
    if value is None:
        raise TypeError_("no implicit conversion from nil to integer")
    raise TypeError_(f"no implicit conversion of {_kind_text(value)} into Integer")


def size(value: Any) -> int:
    """A count that must not be negative."""
    number = integer(value)
    if number < 0:
        raise ArgumentError("negative array size")
    return number


def floating(value: Any) -> float:
    """An argument that must be a number, as a float."""
    kind = type(value)
    if kind is float:
        return value  # type: ignore[no-any-return]
    if kind is int:
        try:
            return float(value)
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")
    if value is None or value is True or value is False:
        raise TypeError_(f"can't convert {inspect(value)} into Float")
    raise TypeError_(f"can't convert {class_name(value)} into Float")


def array(value: Any) -> list[Any]:
    """An argument that must be an array."""
    if type(value) is list:
        return value
    raise TypeError_(f"no implicit conversion of {_kind_text(value)} into Array")


def hash_(value: Any) -> dict[Any, Any]:
    """An argument that must be a hash."""
    if isinstance(value, dict):
        return value
    raise TypeError_(f"no implicit conversion of {_kind_text(value)} into Hash")


def name_of(value: Any) -> str:
    """An argument that names something: a symbol or a string."""
    if type(value) is Symbol:
        return value.name
    if type(value) in STRINGS:
        return to_s(value)
    raise TypeError_(f"{inspect(value)} is not a symbol nor a string")


def in_range(number: float) -> int:
    """A float as an integer; raises for NaN and infinity."""
    if number - number != 0:
        raise FloatDomainError(float_text(number))
    return int(number)


def check_frozen(value: Any) -> None:
    """Raise FrozenError if a list or dict is frozen."""
    if FROZEN and FROZEN.get(id(value)) is value:
        raise FrozenError(f"can't modify frozen {class_name(value)}: {inspect(value)}")
