"""What answers one thing for all items of a collection: sums, counts, tests."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .comparison import case_equal, equal
from .dispatch import Dispatch, define
from .enumerables import is_true, items, iterate
from .inspection import name_of
from .objects import MISSING, Enumerator, Proc

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


@define("Enumerable", "find_index")
def find_index(self: Any, wanted: Any = MISSING, block: Proc | None = None) -> Any:
    """Where the first item stands that is equal to a value, or makes a block true."""
    if wanted is MISSING and block is None:
        return Enumerator(self, find_index)
    holds = _test(MISSING, block)
    if wanted is not MISSING:
        holds = lambda item: equal(item, wanted)  # noqa: E731
    return next((at for at, item in enumerate(iterate(self)) if holds(item)), None)
