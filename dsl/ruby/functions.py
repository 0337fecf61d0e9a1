"""Functions that need no receiver: conversions, output, ``loop``, ``catch``."""

from __future__ import annotations

import sys
import time
from typing import Any

from .comparison import equal
from .dispatch import (
    CONSTANTS,
    singleton,
)
from .enumerables import items
from .errors import (
    Jump,
    StopIteration_,
    TypeError_,
)
from .formatting import format_
from .inspection import class_name, floating, inspect, to_s
from .objects import (
    MISSING,
    Enumerator,
    Proc,
    Range,
    Set,
)


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
