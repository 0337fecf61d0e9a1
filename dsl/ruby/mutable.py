"""Strings that change in place, where code changes any: the methods that do it, and how all other
methods of strings work on them.

What a method of a string gives is a new string again, which may be changed, too; strings in arrays
that a method made are. A plain ``str`` is a frozen string here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import characters as _characters  # noqa: F401 - registers methods that are changed here
from .comparison import raw
from .dispatch import METHODS, define, given_to_dispatch
from .encodings import forced, scrub
from .errors import FrozenError
from .inspection import inspect, integer, text
from .objects import MISSING, STRINGS, MutStr, Range, Regexp
from .searching import inserted, item, replaced_part
from .slicing import bounds
from .strings import joined

KEEPS_RECEIVER = frozenset(
    {"to_s", "to_str", "itself", "freeze", "tap", "each_char", "each_line", "each_byte", "then"}
)


@given_to_dispatch
def adapted(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A method of strings for strings that change in place."""
    if name in KEEPS_RECEIVER or name in MUTATORS:
        return function

    def method(self: Any, *values: Any, **named: Any) -> Any:
        return owned(function(self, *values, **named))

    return method


def owned(made: Any) -> Any:
    """A result whose strings may be changed."""
    kind = type(made)
    if kind is str or kind is bytes:
        return MutStr(made)
    return [owned(item) for item in made] if kind is list else made


def deep(value: Any) -> Any:
    """Plain data with strings that may be changed; keys are frozen."""
    kind = type(value)
    if kind is str or kind is bytes:
        return MutStr(value)
    if kind is list:
        return [deep(item) for item in value]
    if kind is dict:
        return {key: deep(item) for key, item in value.items()}
    return value


def wrap(value: Any) -> Any:
    """The result of a call: a string is a new one."""
    return MutStr(value) if type(value) is str or type(value) is bytes else value


def writable(value: Any) -> MutStr:
    """A string that may be changed; raises FrozenError."""
    if type(value) is MutStr and not value.frozen:
        return value
    raise FrozenError(f"can't modify frozen String: {inspect(value)}")


@define("String", "<<")
def append(self: Any, other: Any) -> Any:
    """Put a string behind."""
    made = writable(self)
    part = chr(other) if type(other) is int else raw(other)
    if type(part) not in (str, bytes):
        text(other)
    made.s = joined(made.s, part)
    return self


@define("String", "concat")
def concat(self: Any, *others: Any) -> Any:
    """Put strings behind."""
    for other in others:
        append(self, other)
    return self


@define("String", "replace", "initialize_copy")
def replace(self: Any, other: Any) -> Any:
    """Hold what another string holds."""
    made = writable(self)
    made.s = raw(other) if type(other) in STRINGS else text(other)
    return self


@define("String", "clear")
def clear(self: Any) -> Any:
    """Hold nothing."""
    writable(self).s = ""
    return self


@define("String", "insert")
def insert(self: Any, at: Any, part: Any) -> Any:
    """Put a string in."""
    made = writable(self)
    made.s = inserted(made.s, integer(at), text(part))
    return self


@define("String", "prepend")
def prepend(self: Any, *parts: Any) -> Any:
    """Put strings before."""
    made = writable(self)
    made.s = "".join(map(text, parts)) + made.s
    return self


@define("String", "[]=")
def set_item(self: Any, where: Any, *rest: Any) -> Any:
    """Replace a part."""
    made = writable(self)
    count = rest[0] if len(rest) == 2 else MISSING
    made.s = replaced_part(made.s, where, count, text(rest[-1]))
    return rest[-1]


@define("String", "slice!")
def slice_out(self: Any, where: Any, count: Any = MISSING) -> Any:
    """Take a part out."""
    made = writable(self)
    part = item(made.s, where, count)
    if part is None:
        return None
    if type(where) is Regexp or type(where) in STRINGS:
        made.s = replaced_part(made.s, where, count, "")
    else:
        count = 1 if count is MISSING and type(where) is not Range else count
        reach = bounds(where, count, len(made.s))
        assert reach is not None
        made.s = made.s[: reach[0]] + made.s[reach[1] :]
    return MutStr(part)


@define("String", "force_encoding")
def force_encoding(self: Any, name: Any) -> Any:
    """Take the bytes for another encoding's."""
    if type(self) is not MutStr:
        return forced(self, name)
    writable(self).s = forced(self.s, name)
    return self


@define("String", "scrub!")
def scrub_in_place(self: Any, *by: Any) -> Any:
    """Put another text in place of bytes that mean no character."""
    writable(self).s = scrub(self, *by)
    return self


_BANGS = [
    "upcase",
    "downcase",
    "capitalize",
    "swapcase",
    "strip",
    "lstrip",
    "rstrip",
    "chomp",
    "chop",
    "squeeze",
    "gsub",
    "sub",
    "tr",
    "tr_s",
    "delete",
    "reverse",
    "succ",
    "next",
    "unicode_normalize",
    "encode",
    "delete_prefix",
    "delete_suffix",
]
_ALWAYS_SELF = frozenset({"reverse", "succ", "next", "unicode_normalize", "encode"})


def _bang(name: str) -> Callable[..., Any]:
    function = METHODS["String"][name]

    def method(self: Any, *values: Any, block: Any = None, **named: Any) -> Any:
        made = writable(self)
        given = named if block is None else {**named, "block": block}
        changed = raw(function(made.s, *values, **given))
        is_changed = changed != made.s
        made.s = changed
        return self if is_changed or name in _ALWAYS_SELF else None

    return method


for _name in _BANGS:
    define("String", f"{_name}!")(_bang(_name))

MUTATORS = frozenset(
    {
        "<<",
        "concat",
        "replace",
        "clear",
        "insert",
        "prepend",
        "[]=",
        "slice!",
        "force_encoding",
        "scrub!",
        *(f"{name}!" for name in _BANGS),
    }
)
