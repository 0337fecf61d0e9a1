"""What all collections can do: Array, Hash, Set, Range and Enumerator alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import cmp_to_key
from itertools import islice
from typing import Any

from .comparison import case_equal, equal, order_key, ordered, sorted_by_value
from .dispatch import Dispatch, define
from .errors import ArgumentError, NoMethodError, TypeError_
from .inspection import described, integer, name_of, size
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


def iterate(self: Any) -> Iterable[Any]:
    """What a collection holds, one after the other."""
    kind = type(self)
    if kind is list:
        return self  # type: ignore[no-any-return]
    if isinstance(self, dict):
        return pairs(self)
    if kind is Range:
        from .ranges import each_of

        return each_of(self)
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


_PLUS = Dispatch("+")


@define("Enumerable", "sum")
def sum_(self: Any, start: Any = 0, block: Proc | None = None) -> Any:
    """The sum of the items, or of what a block makes of them."""
    values = items(self) if block is None else [block.one(item) for item in iterate(self)]
    kinds = set(map(type, values))
    if kinds <= {int, float} and type(start) in (int, float):
        return _number_sum(values, start, float in kinds or type(start) is float)
    total = start
    for value in values:
        total = _PLUS[type(total)](total, value)
    return total


def _number_sum(values: list[Any], start: Any, is_float: bool) -> Any:
    if not is_float:
        return sum(values, start)
    total, lost = float(start), 0.0
    for value in values:
        number = float(value)
        if math.isinf(number) or math.isnan(number) or math.isinf(total):
            total += number
            continue
        made = total + number
        larger, smaller = (total, number) if abs(total) >= abs(number) else (number, total)
        lost += (larger - made) + smaller
        total = made
    return total + lost


@define("Enumerable", "inject", "reduce")
def inject(
    self: Any, start: Any = MISSING, operator: Any = MISSING, block: Proc | None = None
) -> Any:
    """All items folded into one value."""
    if operator is MISSING and block is None:
        start, operator = MISSING, start
    if operator is not MISSING:
        table = Dispatch(name_of(operator))
        combine: Callable[[Any, Any], Any] = lambda a, b: table[type(a)](a, b)  # noqa: E731
    else:
        assert block is not None
        combine = block.two
    values = iter(iterate(self))
    total = next(values, None) if start is MISSING else start
    for value in values:
        total = combine(total, value)
    return total


@define("Enumerable", "count")
def count(self: Any, wanted: Any = MISSING, block: Proc | None = None) -> int:
    """How many items there are, or are equal to a value, or make a block true."""
    if wanted is not MISSING:
        return sum(equal(item, wanted) for item in iterate(self))
    if block is None:
        return len(items(self))
    return sum(is_true(block.one(item)) for item in iterate(self))


def _test(pattern: Any, block: Proc | None) -> Callable[[Any], bool]:
    if pattern is not MISSING:
        return lambda item: is_true(case_equal(pattern, item))
    return is_true if block is None else lambda item: is_true(block.one(item))


@define("Enumerable", "any?")
def is_any(self: Any, pattern: Any = MISSING, block: Proc | None = None) -> bool:
    """Whether it holds for one item."""
    return any(map(_test(pattern, block), iterate(self)))


@define("Enumerable", "all?")
def is_all(self: Any, pattern: Any = MISSING, block: Proc | None = None) -> bool:
    """Whether it holds for all items."""
    return all(map(_test(pattern, block), iterate(self)))


@define("Enumerable", "none?")
def is_none(self: Any, pattern: Any = MISSING, block: Proc | None = None) -> bool:
    """Whether it holds for no item."""
    return not any(map(_test(pattern, block), iterate(self)))


@define("Enumerable", "one?")
def is_one(self: Any, pattern: Any = MISSING, block: Proc | None = None) -> bool:
    """Whether it holds for one item only."""
    return sum(map(_test(pattern, block), iterate(self))) == 1


@define("Enumerable", "include?", "member?")
def includes(self: Any, wanted: Any) -> bool:
    """Whether an item is equal to a value."""
    return any(equal(item, wanted) for item in iterate(self))


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


def _by(block: Proc | None) -> Callable[[Any], Any]:
    """The key of an order that a block says by comparing two items."""
    if block is None:
        return order_key
    return cmp_to_key(lambda a, b: comparison(block.two(a, b), a, b))


def comparison(answer: Any, a: Any, b: Any) -> int:
    """What a block that compares has answered."""
    if answer is None:
        from .comparison import incomparable

        raise incomparable(a, b)
    return ordered(answer, 0)


def _extreme(name: str, choose: Callable[..., Any], backwards: bool) -> None:
    @define("Enumerable", name)
    def method(self: Any, count: Any = None, block: Proc | None = None) -> Any:
        given = items(self)
        key = _by(block)
        if count is not None:
            return sorted(given, key=key, reverse=backwards)[: size(count)]
        return choose(given, key=key) if given else None

    @define("Enumerable", f"{name}_by", enum=True)
    def method_by(self: Any, count: Any = None, block: Proc | None = None) -> Any:
        assert block is not None
        given = [(order_key(block.one(item)), item) for item in iterate(self)]
        if count is not None:
            chosen = sorted(given, key=lambda pair: pair[0], reverse=backwards)[: size(count)]
            return [item for _, item in chosen]
        return choose(given, key=lambda pair: pair[0])[1] if given else None


_extreme("max", max, True)
_extreme("min", min, False)


@define("Enumerable", "minmax")
def minmax(self: Any, block: Proc | None = None) -> list[Any]:
    """The least and the greatest item."""
    given = items(self)
    return [min(given, key=_by(block)), max(given, key=_by(block))] if given else [None, None]


@define("Enumerable", "minmax_by", enum=True)
def minmax_by(self: Any, block: Proc) -> list[Any]:
    """The items of which a block makes the least and the greatest."""
    given = items(self)
    if not given:
        return [None, None]
    key = lambda item: order_key(block.one(item))  # noqa: E731
    return [min(given, key=key), max(given, key=key)]


@define("Enumerable", "sort")
def sort(self: Any, block: Proc | None = None) -> list[Any]:
    """In their order, or in a block's."""
    given = items(self)
    return sorted_by_value(given) if block is None else sorted(given, key=_by(block))


@define("Enumerable", "sort_by", enum=True)
def sort_by(self: Any, block: Proc) -> list[Any]:
    """In the order of what a block makes of them."""
    return sorted(items(self), key=lambda item: order_key(block.one(item)))


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
            from .inspection import class_name

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
    from .inspection import class_name, inspect

    special = other is None or other is True or other is False
    shown = inspect(other) if special else class_name(other)
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


@define("Enumerable", "find_index")
def find_index(self: Any, wanted: Any = MISSING, block: Proc | None = None) -> Any:
    """Where the first item stands that is equal to a value, or makes a block true."""
    if wanted is MISSING and block is None:
        return Enumerator(self, find_index)
    holds = (lambda item: equal(item, wanted)) if wanted is not MISSING else _test(MISSING, block)
    return next((at for at, item in enumerate(iterate(self)) if holds(item)), None)


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


@define("Enumerable", "cycle")
def cycle(self: Any, times: Any = None, block: Proc | None = None) -> None:
    """Run a block for all items, over and over."""
    assert block is not None
    given, rounds = items(self), 0
    while given and (times is None or rounds < integer(times)):
        rounds += 1
        for item in given:
            block.one(item)


@define("Enumerator", "each")
def enumerator_each(self: Enumerator, block: Proc | None = None) -> Any:
    """Iterate."""
    return self if block is None else self.run(block)


@define("Enumerator", "with_index", "each_with_index")
def with_index(self: Enumerator, start: Any = 0, block: Proc | None = None) -> Any:
    """Iterate with a count."""
    counted = _Counted(0 if start is None else integer(start))
    if block is None:
        return Enumerator(self, _with_index_of, (counted.at,))
    return _with_index_of(self, counted.at, block=block)


class _Counted:
    def __init__(self, at: int) -> None:
        self.at = at - 1

    def next(self) -> int:
        self.at += 1
        return self.at


def _with_index_of(self: Enumerator, before: int, block: Proc) -> Any:
    counted = _Counted(before + 1)

    def numbered(*values: Any) -> Any:
        item = values[0] if len(values) == 1 else list(values)
        return block.two(item, counted.next())

    from .objects import Shape

    return self.run(Proc(numbered, Shape(takes_rest=True)))


@define("Enumerator", "with_object")
def with_object(self: Enumerator, memo: Any, block: Proc) -> Any:
    """Iterate with an object."""
    return each_with_object(self, memo, block=block)


@define("Enumerator", "size")
def enumerator_size(self: Enumerator) -> int:
    """How many items there are."""
    return len(self.items())


@define("Enumerator", "inspect")
def enumerator_inspect(self: Enumerator) -> str:
    """What it is of."""
    return "#<Enumerator: ...>"
