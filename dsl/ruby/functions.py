"""Functions that need no receiver: conversions, output, ``loop``, ``catch``."""

from __future__ import annotations

import re
import sys
import time
from typing import Any

from .comparison import equal
from .dispatch import (
    CONSTANTS,
    find,
    singleton,
)
from .enumerables import items
from .errors import (
    ArgumentError,
    Jump,
    RubyException,
    StopIteration_,
    TypeError_,
)
from .formatting import format_
from .inspection import class_name, floating, in_range, inspect, integer, text, to_s
from .objects import (
    MISSING,
    STRINGS,
    Enumerator,
    Proc,
    Range,
    Set,
)


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


@singleton("Kernel", "String")
def string_of(value: Any) -> str:
    """A value as a string."""
    return to_s(value)


@singleton("Kernel", "Array")
def array_of(value: Any) -> list[Any]:
    """A value as an array: nil is empty, a hash its pairs."""
    if type(value) is list:
        return value
    if value is None:
        return []
    if isinstance(value, dict | Set) or type(value) in (Range, Enumerator):
        return items(value)
    return [value]


@singleton("Kernel", "Hash")
def hash_of(value: Any) -> dict[Any, Any]:
    """A value as a hash."""
    if value is None or value == []:
        return {}
    if isinstance(value, dict):
        return value
    raise TypeError_(f"can't convert {class_name(value)} into Hash")


singleton("Kernel", "format", "sprintf")(format_)


def splat(value: Any) -> list[Any]:
    """What ``*value`` stands for."""
    return array_of(value)


@singleton("Kernel", "loop")
def loop(block: Proc) -> Any:
    """Run a block until it breaks."""
    try:
        while True:
            block.fn(*block.shape.fitted(()))
    except StopIteration_:
        return None


@singleton("Kernel", "catch")
def catch(tag: Any = MISSING, block: Proc | None = None) -> Any:
    """Run a block; what is thrown with the tag ends it."""
    assert block is not None
    wanted = object() if tag is MISSING else tag
    try:
        return block.one(wanted)
    except Jump as jump:
        if type(jump.tag) is not tuple or not equal(jump.tag[1], wanted):
            raise
        return jump.value


@singleton("Kernel", "throw")
def throw(tag: Any, value: Any = None) -> Any:
    """End the block of a catch."""
    raise Jump(("throw", tag), value)


def _shown(values: tuple[Any, ...]) -> str:
    lines: list[str] = []
    for value in values or ("",):
        if type(value) is list:
            lines.append(_shown(tuple(value)) if value else "")
        else:
            shown = to_s(value)
            lines.append(shown if shown.endswith("\n") else shown + "\n")
    return "".join(lines)


@singleton("Kernel", "puts")
def puts(*values: Any) -> None:
    """Write lines to standard output."""
    sys.stdout.write(_shown(values))


@singleton("Kernel", "print")
def print_(*values: Any) -> None:
    """Write to standard output."""
    sys.stdout.write("".join(map(to_s, values)))


@singleton("Kernel", "p")
def p(*values: Any) -> Any:
    """Write values as they are written in code to standard output."""
    sys.stdout.write("".join([f"{inspect(value)}\n" for value in values]))
    if len(values) == 1:
        return values[0]
    return list(values) or None


@singleton("Kernel", "sleep")
def sleep(seconds: Any = 0) -> int:
    """Wait."""
    time.sleep(floating(seconds))
    return round(floating(seconds))


@singleton("Kernel", "proc")
@singleton("Proc", "new")
def proc_(block: Proc) -> Proc:
    """A block as a proc."""
    return block


CONSTANTS["RUBY_VERSION"] = "3.1.2"
CONSTANTS["RUBY_ENGINE"] = "jruby"
