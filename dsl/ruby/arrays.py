"""Arrays."""

from __future__ import annotations

import random
from itertools import combinations, permutations, product
from typing import Any

from .comparison import compare, equal, same
from .dispatch import define, send, singleton
from .enumerables import is_true, uniq
from .errors import ArgumentError, IndexError_, TypeError_
from .inspection import array, class_name, inspect, integer, size, text, to_s
from .objects import MISSING, STRINGS, Enumerator, Proc, Range, key_of
from .slicing import bounds, slice_


@define("Array", "[]", "slice")
def item(self: list[Any], where: Any, count: Any = MISSING) -> Any:
    """The item at an index, or a part."""
    if type(where) is int and count is MISSING:
        return self[where] if -len(self) <= where < len(self) else None
    return slice_(self, where, count)


@define("Array", "at")
def at_(self: list[Any], where: Any) -> Any:
    """The item at an index."""
    return slice_(self, where)


@define("Array", "dig")
def dig(self: list[Any], where: Any, *rest: Any) -> Any:
    """What lies deeper in it."""
    found = slice_(self, where)
    return found if found is None or not rest else dug(found, rest)


def dug(value: Any, rest: tuple[Any, ...]) -> Any:
    """What lies deeper in a value."""
    if not (type(value) is list or isinstance(value, dict)):
        raise TypeError_(f"{class_name(value)} does not have #dig method")
    return send(value, "dig", *rest)


@define("Array", "fetch")
def fetch(self: list[Any], where: Any, default: Any = MISSING, block: Proc | None = None) -> Any:
    """The item at an index; raises IndexError."""
    at, count = integer(where), len(self)
    if -count <= at < count:
        return self[at]
    if block is not None:
        return block.one(where)
    if default is not MISSING:
        return default
    raise IndexError_(f"index {at} outside of array bounds: {-count}...{count}")


@define("Array", "values_at")
def values_at(self: list[Any], *places: Any) -> list[Any]:
    """The items at several indices."""
    found: list[Any] = []
    for place in places:
        if type(place) is Range:
            reach = bounds(place, None, len(self))
            found += [] if reach is None else self[reach[0] : reach[1]]
        else:
            found.append(slice_(self, place))
    return found


@define("Array", "each", enum=True)
def each(self: list[Any], block: Proc) -> list[Any]:
    """Run a block for each item."""
    one = block.one
    for value in self:
        one(value)
    return self


@define("Array", "each_index", enum=True)
def each_index(self: list[Any], block: Proc) -> list[Any]:
    """Run a block for each index."""
    for at in range(len(self)):
        block.one(at)
    return self


@define("Array", "first")
def first(self: list[Any], count: Any = MISSING) -> Any:
    """The first item, or the first few."""
    if count is MISSING:
        return self[0] if self else None
    return self[: size(count)]


@define("Array", "last")
def last(self: list[Any], count: Any = MISSING) -> Any:
    """The last item, or the last few."""
    if count is MISSING:
        return self[-1] if self else None
    return self[len(self) - min(size(count), len(self)) :]


@define("Array", "length", "size")
def length(self: list[Any]) -> int:
    """How many items it has."""
    return len(self)


@define("Array", "empty?")
def is_empty(self: list[Any]) -> bool:
    """Whether it has no items."""
    return not self


@define("Array", "+")
def add(self: list[Any], other: Any) -> list[Any]:
    """The items of both."""
    return self + array(other)


@define("Array", "-", "difference")
def subtract(self: list[Any], *others: Any) -> list[Any]:
    """Without the items of others."""
    gone = {key_of(value) for other in others for value in array(other)}
    return [value for value in self if key_of(value) not in gone]


@define("Array", "&", "intersection")
def intersect(self: list[Any], *others: Any) -> list[Any]:
    """The items that are in all."""
    found = uniq(self)
    for other in others:
        there = {key_of(value) for value in array(other)}
        found = [value for value in found if key_of(value) in there]
    return found


@define("Array", "intersect?")
def is_intersecting(self: list[Any], other: Any) -> bool:
    """Whether they have an item in common."""
    return bool(intersect(self, other))


@define("Array", "|", "union")
def unite(self: list[Any], *others: Any) -> list[Any]:
    """The items of all, each once."""
    return uniq([*self, *[value for other in others for value in array(other)]])


@define("Array", "*")
def times(self: list[Any], count: Any) -> Any:
    """Repeated, or joined."""
    if type(count) in STRINGS:
        return join(self, count)
    number = integer(count)
    if number < 0:
        raise ArgumentError("negative argument")
    return self * number


@define("Array", "<=>")
def spaceship(self: list[Any], other: Any) -> int | None:
    """The order of two arrays."""
    return compare(self, other) if type(other) is list else None


@define("Array", "==")
def array_equal(self: list[Any], other: Any) -> bool:
    """Whether they hold the same."""
    return equal(self, other)


@define("Array", "eql?")
def eql(self: list[Any], other: Any) -> bool:
    """Whether they hold the same, of the same classes."""
    return type(other) is list and same(self, other)


@define("Array", "join")
def join(self: list[Any], separator: Any = None) -> str:
    """All items as one string."""
    by = "" if separator is None else text(separator)
    return by.join([join(value, by) if type(value) is list else to_s(value) for value in self])


@define("Array", "to_a", "entries", "to_ary", "deconstruct")
def to_a(self: list[Any]) -> list[Any]:
    """The array itself."""
    return self


@define("Array", "to_s", "inspect")
def inspect_(self: list[Any]) -> str:
    """As it is written in code."""
    return inspect(self)


@define("Array", "reverse")
def reverse(self: list[Any]) -> list[Any]:
    """From the end to the start."""
    return self[::-1]


@define("Array", "rotate")
def rotate(self: list[Any], count: Any = 1) -> list[Any]:
    """The first items moved to the end."""
    at = integer(count) % len(self) if self else 0
    return self[at:] + self[:at]


@define("Array", "compact")
def compact(self: list[Any]) -> list[Any]:
    """Without nil."""
    return [value for value in self if value is not None]


@define("Array", "flatten")
def flatten(self: list[Any], depth: Any = None) -> list[Any]:
    """Arrays in it taken apart."""
    return list(_flat(self, -1 if depth is None else integer(depth), []))


def _flat(given: list[Any], depth: int, around: list[int]) -> Any:
    if id(given) in around:
        raise ArgumentError("tried to flatten recursive array")
    for value in given:
        if type(value) is list and depth != 0:
            yield from _flat(value, depth - 1, [*around, id(given)])
        else:
            yield value


@define("Array", "index", "find_index")
def index(self: list[Any], wanted: Any = MISSING, block: Proc | None = None) -> Any:
    """Where an item stands first."""
    if wanted is MISSING and block is None:
        return Enumerator(self, index)
    return next((at for at, value in enumerate(self) if _is_wanted(value, wanted, block)), None)


@define("Array", "rindex")
def rindex(self: list[Any], wanted: Any = MISSING, block: Proc | None = None) -> Any:
    """Where an item stands last."""
    if wanted is MISSING and block is None:
        return Enumerator(self, rindex)
    backwards = range(len(self) - 1, -1, -1)
    return next((at for at in backwards if _is_wanted(self[at], wanted, block)), None)


def _is_wanted(value: Any, wanted: Any, block: Proc | None) -> bool:
    if wanted is not MISSING:
        return equal(value, wanted)
    return block is not None and is_true(block.one(value))


@define("Array", "assoc")
def assoc(self: list[Any], key: Any) -> Any:
    """The first array in it that starts with a value."""
    return next((row for row in self if type(row) is list and row and equal(row[0], key)), None)


@define("Array", "transpose")
def transpose(self: list[Any]) -> list[Any]:
    """Rows made columns."""
    widths = [len(array(row)) for row in self]
    for width in widths:
        if width != widths[0]:
            raise IndexError_(f"element size differs ({width} should be {widths[0]})")
    return [list(column) for column in zip(*self, strict=True)]


@define("Array", "combination", enum=True)
def combination(self: list[Any], count: Any, block: Proc) -> list[Any]:
    """Run a block for all choices of so many items."""
    number = integer(count)
    for chosen in combinations(self, number) if number >= 0 else ():
        block.one(list(chosen))
    return self


@define("Array", "permutation", enum=True)
def permutation(self: list[Any], count: Any = None, block: Proc | None = None) -> list[Any]:
    """Run a block for all orders of so many items."""
    assert block is not None
    for chosen in permutations(self, len(self) if count is None else integer(count)):
        block.one(list(chosen))
    return self


@define("Array", "product")
def product_(self: list[Any], *others: Any) -> list[Any]:
    """All ways to take one item of each."""
    return [list(row) for row in product(self, *map(array, others))]


@define("Array", "sample")
def sample(self: list[Any], count: Any = MISSING) -> Any:
    """An item by chance, or several."""
    if count is MISSING:
        return random.choice(self) if self else None
    return random.sample(self, min(integer(count), len(self)))


@define("Array", "shuffle")
def shuffle(self: list[Any]) -> list[Any]:
    """In an order by chance."""
    return random.sample(self, len(self))


@define("Array", "bsearch")
def bsearch(self: list[Any], block: Proc) -> Any:
    """The first item for which a block is true, found by halving."""
    low, high = 0, len(self)
    while low < high:
        middle = (low + high) // 2
        answer = block.one(self[middle])
        if answer == 0 and type(answer) is int:
            return self[middle]
        if answer is True or (type(answer) is int and answer < 0):
            high = middle
        else:
            low = middle + 1
    return self[low] if low < len(self) and block.one(self[low]) is True else None


@singleton("Array", "new")
def new(count: Any = 0, value: Any = None, block: Proc | None = None) -> list[Any]:
    """A new array."""
    if type(count) is list:
        return list(count)
    number = integer(count)
    if number < 0:
        raise ArgumentError("negative array size")
    return [value] * number if block is None else [block.one(at) for at in range(number)]
