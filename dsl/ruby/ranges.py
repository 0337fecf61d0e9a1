"""Ranges and sets."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import count as counting
from typing import Any

from .comparison import compare, range_covers
from .counting import steps
from .dispatch import METHODS, Dispatch, define, singleton
from .enumerables import ITERATORS, is_true, items, iterate
from .errors import ArgumentError, RangeError, TypeError_
from .inspection import check_frozen, class_name, inspect, integer
from .objects import MISSING, STRINGS, Proc, Range, Set, key_back, key_of
from .strings import string_range

_NUMBERS = (int, float)
_SUCC = Dispatch("succ")


def each_of(span: Range) -> Iterable[Any]:
    """The items of a range."""
    first, last = span.first, span.last
    if type(first) is int and (last is None or type(last) in _NUMBERS):
        if last is None or last == math.inf:
            return counting(first)
        top = math.ceil(last) if span.exclusive else math.floor(last) + 1
        return range(first, top)
    if type(first) in STRINGS:
        if last is None:
            return _endless(first)
        from .inspection import text

        return string_range(text(first), text(last), span.exclusive)
    if first is None or type(first) is float:
        raise TypeError_(f"can't iterate from {class_name(first)}")
    return _by_succ(span)


ITERATORS[Range] = each_of


def _endless(first: Any) -> Iterator[Any]:
    while True:
        yield first
        first = _SUCC[type(first)](first)


def _by_succ(span: Range) -> Iterator[Any]:
    if METHODS.get(class_name(span.first), {}).get("succ") is None:
        raise TypeError_(f"can't iterate from {class_name(span.first)}")
    for value in _endless(span.first):
        if not range_covers(span, value):
            return
        yield value


def _closed(span: Range) -> list[Any]:
    if span.last is None or span.last == math.inf:
        raise RangeError("cannot convert endless range to an array")
    return list(each_of(span))


@define("Range", "to_a", "entries")
def to_a(self: Range) -> list[Any]:
    """The items as an array."""
    return _closed(self)


@define("Range", "each", enum=True)
def each(self: Range, block: Proc) -> Range:
    """Run a block for each item."""
    one = block.one
    for value in each_of(self):
        one(value)
    return self


@define("Range", "begin")
def begin(self: Range) -> Any:
    """Where it begins."""
    return self.first


@define("Range", "end")
def end(self: Range) -> Any:
    """Where it ends."""
    return self.last


@define("Range", "first")
def first(self: Range, count: Any = MISSING) -> Any:
    """Where it begins, or the first few items."""
    if count is MISSING:
        if self.first is None:
            raise RangeError("cannot get the first element of beginless range")
        return self.first
    return METHODS["Enumerable"]["first"](self, count)


@define("Range", "last")
def last(self: Range, count: Any = MISSING) -> Any:
    """Where it ends, or the last few items."""
    if self.last is None:
        raise RangeError("cannot get the last element of endless range")
    return self.last if count is MISSING else METHODS["Array"]["last"](_closed(self), count)


def _extreme(name: str, place: int) -> None:
    @define("Range", name)
    def method(self: Range, count: Any = None, block: Proc | None = None) -> Any:
        if block is not None or count is not None or self.exclusive:
            given = {} if block is None else {"block": block}
            return METHODS["Enumerable"][name](_closed(self), count, **given)
        order = compare(self.first, self.last)
        if order is None or order > 0:
            return None
        return self.first if place == 0 else self.last


_extreme("min", 0)
_extreme("max", -1)


@define("Range", "exclude_end?")
def is_exclusive(self: Range) -> bool:
    """Whether its end is left out."""
    return self.exclusive


@define("Range", "size")
def size(self: Range) -> Any:
    """How many numbers it has."""
    if type(self.first) not in _NUMBERS:
        return None
    if self.last is None or self.last == math.inf:
        return math.inf
    top = math.ceil(self.last) if self.exclusive else math.floor(self.last) + 1
    return max(top - math.ceil(self.first), 0)


@define("Range", "include?", "member?", "cover?", "===")
def includes(self: Range, value: Any) -> bool:
    """Whether a value lies in it."""
    if type(value) is Range:
        return range_covers(self, value.first) and (
            range_covers(self, value.last) or (value.exclusive and value.last == self.last)
        )
    return range_covers(self, value)


@define("Range", "step", "%", enum=True)
def step(self: Range, by: Any = 1, block: Proc | None = None) -> Range:
    """Run a block for each so-many-th item."""
    assert block is not None
    for value in stepped(self, by):
        block.one(value)
    return self


def stepped(self: Range, by: Any) -> Iterable[Any]:
    """Each so-many-th item."""
    if type(self.first) in _NUMBERS:
        if type(by) in _NUMBERS and by < 0:
            raise ArgumentError("step can't be negative")
        return steps(self.first, self.last, by, self.exclusive)  # type: ignore[no-any-return]
    return _closed(self)[:: integer(by)]


@define("Range", "sum")
def sum_(self: Range, start: Any = 0, block: Proc | None = None) -> Any:
    """The sum of the items."""
    given = {} if block is None else {"block": block}
    return METHODS["Enumerable"]["sum"](_closed(self), start, **given)


@define("Range", "to_s")
def to_s(self: Range) -> str:
    """As a string."""
    from .inspection import to_s as shown

    return shown(self)


@define("Range", "inspect")
def inspect_(self: Range) -> str:
    """As it is written in code."""
    return inspect(self)


@singleton("Range", "new")
def new(low: Any, high: Any, exclusive: Any = False) -> Range:
    """A new range."""
    return range_of(low, high, is_true(exclusive))


def range_of(low: Any, high: Any, exclusive: bool) -> Range:
    """A range; raises ArgumentError where its ends have no order."""
    if low is not None and high is not None and compare(low, high) is None:
        raise ArgumentError("bad value for range")
    return Range(low, high, exclusive)


def as_set(value: Any) -> dict[Any, None]:
    """The items of a set, or of an argument that must be a collection."""
    if type(value) is Set:
        return value.items
    if type(value) is list or type(value) is Range or isinstance(value, dict):
        return {key_of(found): None for found in iterate(value)}
    raise ArgumentError("value must be enumerable")


@define("Set", "each", enum=True)
def set_each(self: Set, block: Proc) -> Set:
    """Run a block for each item."""
    for value in items(self):
        block.one(value)
    return self


@define("Set", "add", "<<")
def add(self: Set, value: Any) -> Set:
    """Put an item in."""
    check_frozen(self)
    self.items[key_of(value)] = None
    return self


@define("Set", "add?")
def add_new(self: Set, value: Any) -> Any:
    """Put an item in; nil if it was there."""
    if key_of(value) in self.items:
        return None
    return add(self, value)


@define("Set", "delete")
def delete(self: Set, value: Any) -> Set:
    """Take an item out."""
    self.items.pop(key_of(value), None)
    return self


@define("Set", "include?", "member?", "===", "contain?")
def set_includes(self: Set, value: Any) -> bool:
    """Whether an item is in there."""
    return key_of(value) in self.items


@define("Set", "size", "length")
def set_size(self: Set) -> int:
    """How many items there are."""
    return len(self.items)


@define("Set", "empty?")
def is_empty(self: Set) -> bool:
    """Whether there are no items."""
    return not self.items


@define("Set", "merge")
def merge(self: Set, *others: Any) -> Set:
    """Put the items of others in."""
    for other in others:
        self.items.update(as_set(other))
    return self


@define("Set", "clear")
def clear(self: Set) -> Set:
    """Take all items out."""
    self.items.clear()
    return self


def _operation(names: tuple[str, ...], make: Callable[[Any, Any], Any]) -> None:
    @define("Set", *names)
    def method(self: Set, other: Any) -> Set:
        return Set(make(self.items, as_set(other)))


_operation(("|", "+", "union"), lambda a, b: {**a, **b})
_operation(("&", "intersection"), lambda a, b: {key: None for key in a if key in b})
_operation(("-", "difference"), lambda a, b: {key: None for key in a if key not in b})
_operation(
    ("^",),
    lambda a, b: {key: None for key in [*b, *a] if (key in a) != (key in b)},
)


def _relation(names: tuple[str, ...], holds: Callable[[Any, Any], bool]) -> None:
    @define("Set", *names)
    def method(self: Set, other: Any) -> bool:
        if type(other) is not Set:
            raise ArgumentError("value must be a set")
        return holds(self.items.keys(), other.items.keys())


_relation(("subset?", "<="), lambda a, b: a <= b)
_relation(("superset?", ">="), lambda a, b: a >= b)
_relation(("proper_subset?", "<"), lambda a, b: a < b)
_relation(("proper_superset?", ">"), lambda a, b: a > b)
_relation(("disjoint?",), lambda a, b: not a & b)
_relation(("intersect?",), lambda a, b: bool(a & b))


def _filtering(names: tuple[str, ...], keeps: bool) -> None:
    @define("Set", *names, enum=True)
    def method(self: Set, block: Proc) -> Set:
        return Set({k: None for k in self.items if is_true(block.one(key_back(k))) == keeps})


_filtering(("select", "filter"), True)
_filtering(("reject",), False)


@define("Set", "to_set")
def to_set(self: Set) -> Set:
    """The set itself."""
    return self


@define("Set", "to_s", "inspect")
def set_inspect(self: Set) -> str:
    """Its items."""
    return inspect(self)


@define("Set", "join")
def join(self: Set, separator: Any = None) -> str:
    """All items as one string."""
    return METHODS["Array"]["join"](items(self), separator)  # type: ignore[no-any-return]
