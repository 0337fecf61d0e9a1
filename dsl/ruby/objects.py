"""The values that Ruby has and Python lacks: symbols, ranges, strings that change in place, procs,
regular expressions and what they found, classes.

What events hold stays what it is: nil, true, false, integers, floats, lists and dicts are Python's
own. A string is a Python ``str`` wherever the code changes no string in place; where it does (the
compiler looks), strings are ``MutStr``, and a ``str`` is a frozen one. A string of bytes (encoding
ASCII-8BIT) is ``bytes``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


class Symbol:
    """A symbol; there is one object for each name."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f":{self.name}"

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return symbol, (self.name,)

    def __copy__(self) -> Symbol:
        return self

    def __deepcopy__(self, memo: object) -> Symbol:
        return self


_SYMBOLS: dict[str, Symbol] = {}


def symbol(name: str) -> Symbol:
    """The symbol of this name."""
    found = _SYMBOLS.get(name)
    return _SYMBOLS.setdefault(name, Symbol(name)) if found is None else found


class MutStr:
    """A string that can be changed in place; equal to any string with the same content."""

    __slots__ = ("frozen", "s")

    def __init__(self, s: Any, frozen: bool = False) -> None:
        self.s = s
        self.frozen = frozen

    def __eq__(self, other: object) -> bool:
        return bool(self.s == (other.s if type(other) is MutStr else other))

    def __hash__(self) -> int:
        return hash(self.s)

    def __str__(self) -> str:
        return str(self.s)

    def __repr__(self) -> str:
        return f"MutStr({self.s!r})"


STRINGS = frozenset({str, bytes, MutStr})


class Range:
    """A range; an end that is None is open."""

    __slots__ = ("exclusive", "first", "last")

    def __init__(self, first: Any, last: Any, exclusive: bool = False) -> None:
        self.first, self.last, self.exclusive = first, last, exclusive

    def __eq__(self, other: object) -> bool:
        return type(other) is Range and (self.first, self.last, self.exclusive) == (
            other.first,
            other.last,
            other.exclusive,
        )

    def __hash__(self) -> int:
        return hash((self.first, self.last, self.exclusive))


class Hash(dict[Any, Any]):
    """A hash with a default, or a block that makes one."""

    __slots__ = ("default", "maker")

    def __init__(self, default: Any = None, maker: Proc | None = None) -> None:
        super().__init__()
        self.default, self.maker = default, maker


class Set:
    """A set, in the order in which items came; ``items`` maps keys to nothing."""

    __slots__ = ("items",)

    def __init__(self, items: dict[Any, None]) -> None:
        self.items = items

    def __eq__(self, other: object) -> bool:
        return type(other) is Set and self.items.keys() == other.items.keys()

    def __hash__(self) -> int:
        return hash(frozenset(self.items))


class Key:
    """A key of a hash that Python would not hash, or would take for another: arrays, hashes, floats
    and truth values.
    """

    __slots__ = ("content", "value")

    def __init__(self, value: Any, content: Any) -> None:
        self.value, self.content = value, content

    def __eq__(self, other: object) -> bool:
        return type(other) is Key and self.content == other.content

    def __hash__(self) -> int:
        return hash(self.content)


_PLAIN_KEYS = frozenset({str, int, Symbol, type(None)})


def key_of(value: Any) -> Any:
    """A value as a key of a dict."""
    kind = type(value)
    if kind in _PLAIN_KEYS:
        return value
    if kind is MutStr:
        return value.s
    if kind in (list, dict, Hash, float, bool, Set, Range):
        return Key(value, _content(value))
    return value


def _content(value: Any) -> Any:
    kind = type(value)
    if kind is list:
        return ("a", *[_content(item) for item in value])
    if kind is dict or kind is Hash:
        return ("h", frozenset((_content(key_back(k)), _content(v)) for k, v in value.items()))
    if kind is MutStr:
        return value.s
    if kind is float or kind is bool:
        return (kind, value)
    return (Set, frozenset(value.items)) if kind is Set else value


def key_back(key: Any) -> Any:
    """The value that a key of a dict stands for."""
    return key.value if type(key) is Key else key


class Shape:
    """What a block or method takes: how many values at least, how many may be left out, whether it
    takes all that are left; and how a block is given one value, two, or several.
    """

    __slots__ = ("is_lambda", "named", "optional", "required", "spreads", "takes_rest")

    def __init__(
        self,
        required: int = 0,
        optional: int = 0,
        takes_rest: bool = False,
        is_lambda: bool = False,
        spreads: bool | None = None,
        named: frozenset[str] = frozenset(),
    ) -> None:
        self.named = named
        self.required, self.optional, self.takes_rest = required, optional, takes_rest
        self.is_lambda = is_lambda
        several = required + optional > 1 or (takes_rest and required + optional > 0)
        self.spreads = several if spreads is None else spreads

    @property
    def arity(self) -> int:
        """What ``arity`` says in Ruby."""
        open_ended = self.takes_rest or (self.optional and self.is_lambda)
        return -self.required - 1 if open_ended else self.required

    def fitted(self, values: tuple[Any, ...] | list[Any]) -> tuple[Any, ...] | list[Any]:
        """Values as a block takes them: one list spread over several parameters, what is missing
        nil, what is too much left out.
        """
        if self.spreads and len(values) == 1 and type(values[0]) is list:
            values = values[0]
        count, most = len(values), self.required + self.optional
        if count < self.required:
            return [*values, *[None] * (self.required - count)]
        return values[:most] if count > most and not self.takes_rest else values


class Proc:
    """A block, proc or lambda. ``one(x)`` and ``two(a, b)`` give it one value or two, as an
    iterator does; ``call`` is Ruby's.
    """

    __slots__ = ("fn", "one", "shape", "two")

    def __init__(self, fn: Callable[..., Any], shape: Shape) -> None:
        self.fn, self.shape = fn, shape
        if shape.is_lambda or (shape.takes_rest and not shape.spreads):
            self.one: Callable[[Any], Any] = fn
            self.two: Callable[[Any, Any], Any] = fn
        elif shape.required == 1 and not shape.spreads and not shape.optional:
            self.one, self.two = fn, lambda a, b: fn(a)
        elif shape.required == 2 and not shape.optional and not shape.takes_rest:
            self.one, self.two = self._spread, fn
        elif not shape.required and not shape.optional:
            self.one, self.two = lambda x: fn(), lambda a, b: fn()
        else:
            fitted = shape.fitted
            self.one, self.two = lambda x: fn(*fitted((x,))), lambda a, b: fn(*fitted((a, b)))

    def _spread(self, x: Any) -> Any:
        if type(x) is list:
            return self.fn(*x) if len(x) == 2 else self.fn(*self.shape.fitted(x))
        return self.fn(x, None)

    def call(self, *values: Any, **named: Any) -> Any:
        """Call it as ``call`` does; a hash at the end may be its named arguments."""
        if self.shape.named and values and type(values[-1]) is dict:
            given = {getattr(key, "name", ""): item for key, item in values[-1].items()}
            if given.keys() <= self.shape.named:
                values, named = values[:-1], {f"v_{name}": item for name, item in given.items()}
        if self.shape.is_lambda:
            return self.fn(*values, **named)
        return self.fn(*self.shape.fitted(values), **named)


class Enumerator:
    """A method that iterates, with what it was given, waiting for its block."""

    __slots__ = ("arguments", "method", "receiver", "size")

    def __init__(
        self, receiver: Any, method: Callable[..., Any], arguments: tuple[Any, ...] = ()
    ) -> None:
        self.receiver, self.method, self.arguments = receiver, method, arguments

    def run(self, block: Proc) -> Any:
        """Iterate with a block."""
        return self.method(self.receiver, *self.arguments, block=block)

    def items(self) -> list[Any]:
        """All that it would yield."""
        found: list[Any] = []

        def take(*values: Any) -> None:
            found.append(values[0] if len(values) == 1 else list(values))

        self.run(Proc(take, Shape(takes_rest=True)))
        return found


class Regexp:
    """A regular expression: what was written, its options, and the compiled pattern."""

    __slots__ = ("named", "options", "pattern", "source")

    def __init__(self, source: str, options: int, pattern: Any, named: tuple[str, ...]) -> None:
        self.source, self.options, self.pattern, self.named = source, options, pattern, named

    def __eq__(self, other: object) -> bool:
        if type(other) is not Regexp:
            return False
        return (self.source, self.options) == (other.source, other.options)

    def __hash__(self) -> int:
        return hash((self.source, self.options))


class MatchData:
    """What an expression found: Python's match, and the expression."""

    __slots__ = ("match", "regexp")

    def __init__(self, match: Any, regexp: Regexp) -> None:
        self.match, self.regexp = match, regexp


FROZEN: dict[int, Any] = {}
_MOST_FROZEN = 4096


def freeze(value: Any) -> Any:
    """Freeze a string, list or dict. The latest few thousand lists and dicts are known to be."""
    if type(value) is MutStr:
        value.frozen = True
    elif isinstance(value, list | dict | Set):
        while len(FROZEN) >= _MOST_FROZEN:
            FROZEN.pop(next(iter(FROZEN)))
        FROZEN[id(value)] = value
    return value


def is_frozen(value: Any) -> bool:
    """Whether a value cannot be changed."""
    kind = type(value)
    if kind is MutStr:
        return bool(value.frozen)
    if isinstance(value, list | dict | Set):
        return FROZEN.get(id(value)) is value
    return True


class Missing:
    """Stands for an argument that was not given."""


MISSING = Missing()

Items = Iterator[Any] | list[Any]
