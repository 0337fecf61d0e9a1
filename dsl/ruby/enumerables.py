"""What all collections can do: Array, Hash, Set, Range and Enumerator alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from .comparison import case_equal, equal
from .dispatch import define
from .errors import ArgumentError, NoMethodError, TypeError_
from .inspection import class_name, described, integer
from .objects import MISSING, Enumerator, Proc, Range, Set, key_back, key_of


def is_true(value: Any) -> bool:
    """Whether Ruby takes a value for true."""
    return value is not None and value is not False


def pairs(self: dict[Any, Any]) -> list[Any]:
    """The pairs of a hash."""
    return [[key_back(key), value] for key, value in self.items()]


def items(self: Any) -> list[Any]:
    """All that a collection holds."""
    kind = type(self)
    if kind is list:
        return self  # type: ignore[no-any-return]
    if isinstance(self, dict):
        return pairs(self)
    return list(iterate(self))


ITERATORS: dict[type, Callable[[Any], Iterable[Any]]] = {}
"""How other kinds of collections are gone through, by the modules that know them."""


def iterate(self: Any) -> Iterable[Any]:
    """What a collection holds, one after the other."""
    kind = type(self)
    if kind is list:
        return self  # type: ignore[no-any-return]
    if isinstance(self, dict):
        return pairs(self)
    if kind in ITERATORS:
        return ITERATORS[kind](self)
    if kind is Set:
        return [key_back(item) for item in self.items]
    if kind is Enumerator:
        return self.items()  # type: ignore[no-any-return]
    raise NoMethodError(f"undefined method `each' for {described(self)}")


@define("Enumerable", "map", "collect", enum=True)
def map_(self: Any, block: Proc) -> list[Any]:
    """What a block makes of each item."""
    one = block.one
    return [one(item) for item in iterate(self)]


@define("Enumerable", "flat_map", "collect_concat", enum=True)
def flat_map(self: Any, block: Proc) -> list[Any]:
    """What a block makes of each item, arrays joined."""
    made: list[Any] = []
    for item in iterate(self):
        given = block.one(item)
        made += given if type(given) is list else [given]
    return made


@define("Enumerable", "each_with_index", enum=True)
def each_with_index(self: Any, block: Proc) -> Any:
    """Run a block for each item and its index."""
    two = block.two
    for at, item in enumerate(iterate(self)):
        two(item, at)
    return self


@define("Enumerable", "each_with_object", enum=True)
def each_with_object(self: Any, memo: Any, block: Proc) -> Any:
    """Run a block for each item, and an object."""
    two = block.two
    for item in iterate(self):
        two(item, memo)
    return memo


@define("Enumerable", "each_entry", enum=True)
def each_entry(self: Any, block: Proc) -> Any:
    """Run a block for each item."""
    for item in iterate(self):
        block.one(item)
    return self


@define("Enumerable", "reverse_each", enum=True)
def reverse_each(self: Any, block: Proc) -> Any:
    """Run a block for each item, the last one first."""
    for item in reversed(items(self)):
        block.one(item)
    return self


@define("Enumerable", "select", "filter", "find_all", enum=True)
def select(self: Any, block: Proc) -> list[Any]:
    """The items for which a block is true."""
    one = block.one
    return [item for item in iterate(self) if is_true(one(item))]


@define("Enumerable", "reject", enum=True)
def reject(self: Any, block: Proc) -> list[Any]:
    """The items for which a block is not true."""
    one = block.one
    return [item for item in iterate(self) if not is_true(one(item))]


@define("Enumerable", "filter_map", enum=True)
def filter_map(self: Any, block: Proc) -> list[Any]:
    """What a block makes of each item, where that is true."""
    return [made for made in map(block.one, iterate(self)) if is_true(made)]


@define("Enumerable", "find", "detect", enum=True)
def find_(self: Any, block: Proc) -> Any:
    """The first item for which a block is true."""
    return next((item for item in iterate(self) if is_true(block.one(item))), None)


@define("Enumerable", "partition", enum=True)
def partition(self: Any, block: Proc) -> list[Any]:
    """The items for which a block is true, and the others."""
    parts: tuple[list[Any], list[Any]] = ([], [])
    for item in iterate(self):
        parts[not is_true(block.one(item))].append(item)
    return list(parts)


@define("Enumerable", "group_by", enum=True)
def group_by(self: Any, block: Proc) -> dict[Any, Any]:
    """The items by what a block says of them."""
    groups: dict[Any, Any] = {}
    for item in iterate(self):
        groups.setdefault(key_of(block.one(item)), []).append(item)
    return groups


@define("Enumerable", "chunk_while")
def chunk_while(self: Any, block: Proc) -> list[Any]:
    """Runs of items of which a block is true for each and the next."""
    return _runs(self, lambda a, b: is_true(block.two(a, b)))


@define("Enumerable", "slice_when")
def slice_when(self: Any, block: Proc) -> list[Any]:
    """Runs of items, cut where a block is true for an item and the next."""
    return _runs(self, lambda a, b: not is_true(block.two(a, b)))


def _runs(self: Any, holds: Callable[[Any, Any], bool]) -> list[Any]:
    runs: list[Any] = []
    for item in iterate(self):
        if runs and holds(runs[-1][-1], item):
            runs[-1].append(item)
        else:
            runs.append([item])
    return runs


@define("Enumerable", "chunk", enum=True)
def chunk(self: Any, block: Proc) -> list[Any]:
    """Runs of items of which a block says the same."""
    runs: list[Any] = []
    for item in iterate(self):
        key = block.one(item)
        if runs and equal(runs[-1][0], key):
            runs[-1][1].append(item)
        else:
            runs.append([key, [item]])
    return runs


@define("Enumerable", "tally")
def tally(self: Any) -> dict[Any, Any]:
    """How often each item is there."""
    counts: dict[Any, Any] = {}
    for item in iterate(self):
        key = key_of(item)
        counts[key] = counts.get(key, 0) + 1
    return counts


@define("Enumerable", "first")
def first(self: Any, count: Any = MISSING) -> Any:
    """The first item, or the first few."""
    if count is MISSING:
        return next(iter(iterate(self)), None)
    number = integer(count)
    if number < 0:
        raise ArgumentError("attempt to take negative size")
    return list(islice(iterate(self), number))


@define("Enumerable", "take")
def take(self: Any, count: Any) -> list[Any]:
    """The first few items."""
    return first(self, count)  # type: ignore[no-any-return]


@define("Enumerable", "take_while", enum=True)
def take_while(self: Any, block: Proc) -> list[Any]:
    """The items before the first for which a block is not true."""
    found: list[Any] = []
    for item in iterate(self):
        if not is_true(block.one(item)):
            break
        found.append(item)
    return found


@define("Enumerable", "drop")
def drop(self: Any, count: Any) -> list[Any]:
    """All but the first few items."""
    number = integer(count)
    if number < 0:
        raise ArgumentError("attempt to drop negative size")
    return items(self)[number:]


@define("Enumerable", "drop_while", enum=True)
def drop_while(self: Any, block: Proc) -> list[Any]:
    """The items from the first on for which a block is not true."""
    given = items(self)
    for at, item in enumerate(given):
        if not is_true(block.one(item)):
            return given[at:]
    return []


@define("Enumerable", "to_a", "entries", "force")
def to_a(self: Any) -> list[Any]:
    """The items as an array."""
    return items(self)


@define("Enumerable", "to_h")
def to_h(self: Any, block: Proc | None = None) -> dict[Any, Any]:
    """A hash of pairs."""
    given = iterate(self) if block is None else map(block.one, iterate(self))
    return hash_of(given)


def hash_of(given: Iterable[Any]) -> dict[Any, Any]:
    """A hash of pairs."""
    made: dict[Any, Any] = {}
    for at, pair in enumerate(given):
        if type(pair) is not list:
            raise TypeError_(f"wrong element type {class_name(pair)} at {at} (expected array)")
        if len(pair) != 2:
            raise ArgumentError(f"wrong array length at {at} (expected 2, was {len(pair)})")
        made[key_of(pair[0])] = pair[1]
    return made


@define("Enumerable", "to_set")
def to_set(self: Any) -> Set:
    """A set of the items."""
    return Set({key_of(item): None for item in iterate(self)})


@define("Enumerable", "uniq")
def uniq(self: Any, block: Proc | None = None) -> list[Any]:
    """Each item once, by itself or by what a block makes of it."""
    found: dict[Any, Any] = {}
    for item in iterate(self):
        found.setdefault(key_of(item if block is None else block.one(item)), item)
    return list(found.values())


@define("Enumerable", "zip")
def zip_(self: Any, *others: Any, block: Proc | None = None) -> Any:
    """Each item with those of others at the same place."""
    if type(self) is list and not self:
        return [] if block is None else None
    columns = [_column(other) for other in others]
    rows = [
        [item, *[column[at] if at < len(column) else None for column in columns]]
        for at, item in enumerate(items(self))
    ]
    if block is None:
        return rows
    for row in rows:
        block.one(row)
    return None


def _column(other: Any) -> list[Any]:
    if type(other) is list or isinstance(other, dict | Set | Enumerator):
        return items(other)
    if type(other) is Range:
        return list(islice(iterate(other), 1_000_000))
    shown = class_name(other)
    raise TypeError_(f"wrong argument type {shown} (must respond to :each)")


@define("Enumerable", "each_slice", enum=True)
def each_slice(self: Any, count: Any, block: Proc) -> Any:
    """Run a block for each few items."""
    number = integer(count)
    if number <= 0:
        raise ArgumentError("invalid slice size")
    given = items(self)
    for at in range(0, len(given), number):
        block.one(given[at : at + number])
    return self


@define("Enumerable", "each_cons", enum=True)
def each_cons(self: Any, count: Any, block: Proc) -> Any:
    """Run a block for each few neighbours."""
    number = integer(count)
    if number <= 0:
        raise ArgumentError("invalid size")
    given = items(self)
    for at in range(len(given) - number + 1):
        block.one(given[at : at + number])
    return self


@define("Enumerable", "grep")
def grep(self: Any, pattern: Any, block: Proc | None = None) -> list[Any]:
    """The items that a pattern covers."""
    made: list[Any] = []
    for item in iterate(self):
        if is_true(case_equal(pattern, item)):
            made.append(item if block is None else block.one(item))
    return made


@define("Enumerable", "grep_v")
def grep_v(self: Any, pattern: Any, block: Proc | None = None) -> list[Any]:
    """The items that a pattern does not cover."""
    found = [item for item in iterate(self) if not is_true(case_equal(pattern, item))]
    return found if block is None else [block.one(item) for item in found]


@define("Enumerable", "cycle", enum=True)
def cycle(self: Any, times: Any = None, block: Proc | None = None) -> None:
    """Run a block for all items, over and over."""
    assert block is not None
    given, rounds = items(self), 0
    while given and (times is None or rounds < integer(times)):
        rounds += 1
        for item in given:
            block.one(item)
