"""Counting: ``times``, ``upto``, ``downto`` and ``step``."""

from __future__ import annotations

import itertools
import math
from typing import Any

from .comparison import incomparable
from .dispatch import define
from .errors import (
    ArgumentError,
)
from .inspection import floating
from .numbers import _NUMBERS
from .objects import Proc


@define("Integer", "times", enum=True)
def times(a: int, block: Proc) -> int:
    """Run a block so many times."""
    one = block.one
    for number in range(a):
        one(number)
    return a


@define("Integer", "upto", enum=True)
def upto(a: int, last: Any, block: Proc) -> int:
    """Count up."""
    limit = ordered_limit(a, last)
    endless = limit == math.inf
    for number in itertools.count(a) if endless else range(a, math.floor(limit) + 1):
        block.one(number)
    return a


@define("Integer", "downto", enum=True)
def downto(a: int, last: Any, block: Proc) -> int:
    """Count down."""
    limit = ordered_limit(a, last)
    endless = limit == -math.inf
    for number in itertools.count(a, -1) if endless else range(a, math.ceil(limit) - 1, -1):
        block.one(number)
    return a


def ordered_limit(a: Any, last: Any) -> Any:
    """A limit that must be a number."""
    if type(last) not in _NUMBERS:
        raise incomparable(a, last)
    return last


@define("Numeric", "step", enum=True)
def step(a: Any, limit: Any = None, by: Any = 1, to: Any = None, block: Proc | None = None) -> Any:
    """Count in steps."""
    assert block is not None
    for number in steps(a, to if limit is None else limit, by):
        block.one(number)
    return a


def steps(first: Any, last: Any, by: Any, exclusive: bool = False) -> Any:
    """The numbers from one to another, in steps."""
    if by == 0:
        raise ArgumentError("step can't be 0")
    if float in (type(first), type(last), type(by)):
        yield from _float_steps(floating(first), floating(last), floating(by), exclusive)
        return
    number = first
    while last is None or (number <= last if by > 0 else number >= last):
        if exclusive and number == last:
            return
        yield number
        number += by


def _float_steps(first: float, last: float, by: float, exclusive: bool) -> Any:
    ratio = (last - first) / by
    if ratio == math.inf:
        yield from (first + place * by for place in itertools.count())
    slack = (abs(first) + abs(last) + abs(last - first)) / abs(by) * 2.0**-52
    count = math.floor(ratio + min(slack, 0.5)) + 1
    if exclusive and count > 0 and first + (count - 1) * by >= last:
        count -= 1
    for place in range(max(count, 0)):
        yield min(first + place * by, last) if by > 0 else max(first + place * by, last)
