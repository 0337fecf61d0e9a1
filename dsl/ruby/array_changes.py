"""Arrays: what changes one in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import ordering as _ordering  # noqa: F401 - registers methods that are changed here
from .arrays import compact, flatten, reverse, rotate, shuffle
from .comparison import equal
from .dispatch import METHODS, define
from .enumerables import uniq
from .errors import IndexError_
from .inspection import array, check_frozen, inspect, integer, size
from .objects import MISSING, Proc, Range
from .slicing import bounds


@define("Array", "[]=")
def set_item(self: list[Any], where: Any, *rest: Any) -> Any:
    """Set an item, or replace a part."""
    check_frozen(self)
    value = rest[-1]
    if len(rest) == 1 and type(where) is not Range:
        _put(self, integer(where), value)
        return value
    count = rest[0] if len(rest) == 2 else None
    start, end = _part(self, where, count)
    self += [None] * (start - len(self))
    self[start:end] = value if type(value) is list else [value]
    return value


def _put(self: list[Any], at: int, value: Any) -> None:
    if at < -len(self):
        raise IndexError_(f"index {at} too small for array; minimum: -{len(self)}")
    if at >= len(self):
        self += [None] * (at - len(self) + 1)
    self[at] = value


def _part(self: list[Any], where: Any, count: Any) -> tuple[int, int]:
    if type(where) is Range:
        first = 0 if where.first is None else integer(where.first)
        first = first + len(self) if first < 0 else first
        if first < 0:
            raise IndexError_(f"{inspect(where)} out of range")
        last = -1 if where.last is None else integer(where.last)
        last = last + len(self) if last < 0 else last
        return first, max(last + (0 if where.exclusive and where.last is not None else 1), first)
    first, number = integer(where), integer(count)
    if number < 0:
        raise IndexError_(f"negative length ({number})")
    if first < -len(self):
        raise IndexError_(f"index {first} too small for array; minimum: -{len(self)}")
    first = first + len(self) if first < 0 else first
    return first, first + number


@define("Array", "<<")
def append(self: list[Any], value: Any) -> list[Any]:
    """Put an item behind."""
    check_frozen(self)
    self.append(value)
    return self


@define("Array", "push", "append")
def push(self: list[Any], *values: Any) -> list[Any]:
    """Put items behind."""
    check_frozen(self)
    self += values
    return self


@define("Array", "concat")
def concat(self: list[Any], *others: Any) -> list[Any]:
    """Put the items of others behind."""
    check_frozen(self)
    self += [value for other in others for value in array(other)]
    return self


@define("Array", "unshift", "prepend")
def unshift(self: list[Any], *values: Any) -> list[Any]:
    """Put items before."""
    check_frozen(self)
    self[:0] = values
    return self


@define("Array", "insert")
def insert(self: list[Any], where: Any, *values: Any) -> list[Any]:
    """Put items in."""
    check_frozen(self)
    at = integer(where)
    if at < -len(self) - 1:
        raise IndexError_(f"index {at} too small for array; minimum: -{len(self) + 1}")
    at = at + len(self) + 1 if at < 0 else at
    self += [None] * (at - len(self))
    self[at:at] = values
    return self


def _taking(name: str, take: Callable[[list[Any], int], list[Any]], place: int) -> None:
    @define("Array", name)
    def method(self: list[Any], count: Any = MISSING) -> Any:
        check_frozen(self)
        if count is MISSING:
            return self.pop(place) if self else None
        return take(self, size(count))


def _take_last(self: list[Any], count: int) -> list[Any]:
    found = self[len(self) - min(count, len(self)) :]
    del self[len(self) - len(found) :]
    return found


def _take_first(self: list[Any], count: int) -> list[Any]:
    found = self[:count]
    del self[:count]
    return found


_taking("pop", _take_last, -1)
_taking("shift", _take_first, 0)


@define("Array", "delete")
def delete(self: list[Any], wanted: Any, block: Proc | None = None) -> Any:
    """Take out all items that are equal to a value."""
    check_frozen(self)
    found = [value for value in self if equal(value, wanted)]
    if not found:
        return None if block is None else block.one(wanted)
    self[:] = [value for value in self if not equal(value, wanted)]
    return found[-1]


@define("Array", "delete_at")
def delete_at(self: list[Any], where: Any) -> Any:
    """Take out the item at an index."""
    check_frozen(self)
    at = integer(where)
    return self.pop(at) if -len(self) <= at < len(self) else None


@define("Array", "slice!")
def slice_out(self: list[Any], where: Any, count: Any = MISSING) -> Any:
    """Take out a part."""
    check_frozen(self)
    if count is MISSING and type(where) is not Range:
        return delete_at(self, where)
    reach = bounds(where, count, len(self))
    if reach is None:
        return None
    found = self[reach[0] : reach[1]]
    del self[reach[0] : reach[1]]
    return found


@define("Array", "clear")
def clear(self: list[Any]) -> list[Any]:
    """Take out all items."""
    check_frozen(self)
    self.clear()
    return self


@define("Array", "replace")
def replace(self: list[Any], other: Any) -> list[Any]:
    """Hold what another array holds."""
    check_frozen(self)
    self[:] = array(other)
    return self


@define("Array", "fill")
def fill(
    self: list[Any], value: Any = None, start: Any = 0, count: Any = None, block: Proc | None = None
) -> list[Any]:
    """Set all items, or a part."""
    check_frozen(self)
    first = integer(0 if start is None else start)
    last = len(self) if count is None else first + integer(count)
    self += [None] * (last - len(self))
    for at in range(first, last):
        self[at] = value if block is None else block.one(at)
    return self


def _in_place(
    name: str, change: Callable[..., list[Any]], nil_if_same: bool, enum: bool = False
) -> None:
    def method(self: list[Any], *values: Any, block: Proc | None = None) -> Any:
        check_frozen(self)
        given = {} if block is None else {"block": block}
        before = len(self)
        self[:] = change(self, *values, **given)
        return None if nil_if_same and len(self) == before else self

    define("Array", name, enum=enum)(method)


def _from_enumerable(name: str) -> Callable[..., list[Any]]:
    return METHODS["Enumerable"][name]


for _name in ("map", "collect", "sort_by"):
    _in_place(f"{_name}!", _from_enumerable(_name), False, enum=True)
for _name in ("select", "filter", "reject"):
    _in_place(f"{_name}!", _from_enumerable(_name), True, enum=True)
_in_place("delete_if", _from_enumerable("reject"), False, enum=True)
_in_place("keep_if", _from_enumerable("select"), False, enum=True)
_in_place("uniq!", uniq, True)
_in_place("compact!", compact, True)
_in_place("flatten!", flatten, True)
_in_place("reverse!", reverse, False)
_in_place("rotate!", rotate, False)
_in_place("shuffle!", shuffle, False)
_in_place("sort!", _from_enumerable("sort"), False)
