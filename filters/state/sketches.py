"""Percentiles and numbers of distinct values: exact while there are few, then approximate.

Both approximations are functions of the set of values alone. They come out the same in whatever
order values arrive, and however they were split over panes, workers and machines before they were
put together.

Percentiles count values in buckets whose bounds grow by a constant factor (the mapping of DDSketch:
C. Masson, J. E. Rim, H. K. Lee, VLDB 2019); the answer lies within 1 % of the exact value. Distinct
values go to the registers of a HyperLogLog, read by the estimator of O. Ertl ("New cardinality
estimation algorithms for HyperLogLog sketches", 2017), which needs no correction by size.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b

EXACT_VALUES = 1_000
EXACT_DISTINCT = 10_000

_GAMMA = 1.01 / 0.99
_LOG_GAMMA = math.log(_GAMMA)
_MOST = 709.78  # the greatest power of e that a float holds

Number = int | float


def rank(percent: tuple[int, int], count: int) -> int:
    """The place, from 0, of a percentile among so many sorted values: nearest rank. The percent is
    a fraction of whole numbers.
    """
    numerator, denominator = percent
    return max(-(-numerator * count // (100 * denominator)), 1) - 1


def _bucket(value: Number) -> int:
    return math.ceil(math.log(value) / _LOG_GAMMA)


class Buckets:
    """Numbers counted in logarithmic buckets: positive and negative ones by their bucket, and
    zeros.
    """

    __slots__ = ("above", "below", "zeros")

    def __init__(
        self,
        above: dict[int, int] | None = None,
        below: dict[int, int] | None = None,
        zeros: int = 0,
    ) -> None:
        self.above, self.below, self.zeros = Counter(above or {}), Counter(below or {}), zeros

    def add(self, values: Iterable[Number]) -> None:
        """Count numbers."""
        for value, times in Counter(values).items():
            if value > 0:
                self.above[_bucket(value)] += times
            elif value < 0:
                self.below[_bucket(-value)] += times
            else:
                self.zeros += times

    def merge(self, other: Buckets) -> None:
        """Count what another counted, too."""
        self.above.update(other.above)
        self.below.update(other.below)
        self.zeros += other.zeros

    def count(self) -> int:
        """How many numbers were counted."""
        return self.above.total() + self.below.total() + self.zeros

    def quantiles(
        self, percents: Sequence[tuple[int, int]], least: Number, most: Number
    ) -> list[Number]:
        """The values at some percents, kept between the least and the greatest number."""
        rows = [(-_middle(i), n) for i, n in sorted(self.below.items(), reverse=True)]
        rows += [(0.0, self.zeros)] if self.zeros else []
        rows += [(_middle(i), n) for i, n in sorted(self.above.items())]
        count = self.count()
        return [min(max(_at(rows, rank(p, count)), least), most) for p in percents]

    def dump(self) -> list[object]:
        """The counts as plain data."""
        return [sorted(self.above.items()), sorted(self.below.items()), self.zeros]


def _middle(index: int) -> float:
    return 2.0 / (_GAMMA + 1) * math.exp(min(index * _LOG_GAMMA, _MOST))


def _at(rows: list[tuple[float, int]], place: int) -> float:
    for value, times in rows:
        place -= times
        if place < 0:
            return value
    return rows[-1][0]


def exact_quantiles(values: list[Number], percents: Sequence[tuple[int, int]]) -> list[Number]:
    """The values at some percents, by nearest rank; of equal ones, the integer comes first."""
    ordered, count = sorted(values), len(values)
    if {*map(type, values)} == {int, float}:
        ordered.sort(key=lambda value: (value, type(value) is float))
    return [ordered[rank(percent, count)] for percent in percents]


_BITS = 15
_REGISTERS = 1 << _BITS
_REST = 64 - _BITS


class Registers:
    """A HyperLogLog: for each of many parts of the values' hashes, the longest run of zeros."""

    __slots__ = ("cells",)

    def __init__(self, cells: bytearray | None = None) -> None:
        self.cells = bytearray(_REGISTERS) if cells is None else cells

    def add(self, texts: Iterable[str]) -> None:
        """Note values, each as a text of its own."""
        cells, mask = self.cells, (1 << _REST) - 1
        for text in texts:
            digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
            hashed = int.from_bytes(digest, "big")
            run = _REST - (hashed & mask).bit_length() + 1
            if run > cells[hashed >> _REST]:
                cells[hashed >> _REST] = run

    def merge(self, other: Registers) -> None:
        """Note what another noted, too."""
        self.cells = bytearray(map(max, self.cells, other.cells))

    def estimate(self) -> int:
        """About how many distinct values were noted."""
        counts = Counter(self.cells)
        z = _REGISTERS * _tau(1 - counts[_REST + 1] / _REGISTERS)
        for run in range(_REST, 0, -1):
            z = 0.5 * (z + counts[run])
        z += _REGISTERS * _sigma(counts[0] / _REGISTERS)
        return round(_REGISTERS * _REGISTERS / (2 * math.log(2) * z))


def _sigma(x: float) -> float:
    if x == 1.0:
        return math.inf
    y, z = 1.0, x
    while True:
        x *= x
        before = z
        z += x * y
        y += y
        if z == before:
            return z


def _tau(x: float) -> float:
    if x in (0.0, 1.0):
        return 0.0
    y, z = 1.0, 1 - x
    while True:
        x = math.sqrt(x)
        before = z
        y *= 0.5
        z -= (1 - x) ** 2 * y
        if z == before:
            return z / 3
