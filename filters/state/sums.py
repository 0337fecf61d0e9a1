"""Sums that do not depend on the order of what is added.

Integers are added exactly. Floats are kept as a few floats whose exact sum is that of all: so their
sum is rounded once, when it is asked for, and comes out the same in any order and split.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


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
    except OverflowError:
        return [sum(values)]
    return parts or [0.0]


def total(whole: int, parts: Sequence[float]) -> int | float:
    """The sum of an exact integer and the floats of ``exact_parts``."""
    if not parts:
        return whole
    if not whole:
        return math.fsum(parts)
    try:
        return math.fsum((*_split(whole), *parts))
    except OverflowError:
        return math.copysign(math.inf, whole)


def _split(whole: int) -> list[float]:
    """An integer as floats with exactly its sum."""
    parts = []
    while whole:
        parts.append(float(whole))
        whole -= int(parts[-1])
    return parts
