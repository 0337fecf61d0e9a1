"""Sums that do not depend on the order of what is added.

Integers are added exactly. Floats are kept as a few floats whose exact sum is that of all: so their
sum is rounded once, when it is asked for, and comes out the same in any order and split. Numbers
near the end of what a float holds are added as fractions, which have no end.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

_MOST_PARTS = 64
_GREATEST = Fraction(sys.float_info.max)


def finite_number(value: Any) -> int | float | None:
    """A value that can be added up; None for anything else, such as NaN, infinity or a boolean."""
    if type(value) is int:
        return value
    return value if type(value) is float and math.isfinite(value) else None


def exact_parts(values: Sequence[float]) -> list[float]:
    """A few floats with the exact sum of many; one that is not finite where it is too large."""
    if len(values) < 2:
        return list(values)
    parts: list[float] = []
    rest = list(values)
    try:
        while part := math.fsum(rest):
            parts.append(part)
            rest.append(-part)
    except (OverflowError, ValueError):
        return _large_parts(values)
    return parts or [0.0]


def _large_parts(values: Sequence[float]) -> list[float]:
    """The parts where a sum on the way is beyond all floats, or a value is not finite."""
    unlimited = [value for value in values if not math.isfinite(value)]
    if unlimited:
        return [sum(unlimited)]
    rest, parts = sum(map(Fraction, values)), list[float]()
    while rest:
        parts.append(float(max(min(rest, _GREATEST), -_GREATEST)))
        rest -= Fraction(parts[-1])
        if len(parts) > _MOST_PARTS:
            return [math.copysign(math.inf, rest)]
    return parts or [0.0]


def total(whole: int, parts: Sequence[float]) -> int | float:
    """The sum of an exact integer and the floats of ``exact_parts``; one that is not finite where
    it is beyond all floats.
    """
    if not parts:
        return whole
    try:
        return math.fsum((*_split(whole), *parts))
    except OverflowError:
        return _nearest(sum(map(Fraction, parts), Fraction(whole)))


def mean(numbers_sum: float, count: int) -> float | None:
    """A sum divided by the number of what was added; None where it is beyond all floats."""
    try:
        found = numbers_sum / count
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def _split(whole: int) -> Iterable[float]:
    """An integer as floats with exactly its sum."""
    while whole:
        part = float(whole)
        yield part
        whole -= int(part)


def _nearest(exact: Fraction) -> float:
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf
