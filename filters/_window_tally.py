"""What is folded of the values of one source: a tally that does not depend on their order."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any

import msgspec

from ..dsl.timestamp import Timestamp
from .state.keys import canonical
from .state.sketches import EXACT_DISTINCT, EXACT_VALUES, Buckets, Number, Registers
from .state.sums import exact_parts, mean, total

_NUMBERS = frozenset({int, float})
_NEED_NUMBERS = frozenset({"sum", "avg", "percentiles"})
_EXTREMES = frozenset({"min", "max"})
_BOUNDED = _EXTREMES | {"percentiles"}
_MORE = _EXTREMES | {"percentiles", "distinct", "frequent"}
_COMPARED = (int, float, str)


def percent_parts(percent: float) -> tuple[int, int]:
    """A percent as a fraction of integers."""
    fraction = Fraction(repr(percent))
    return fraction.numerator, fraction.denominator


class Tally(msgspec.Struct):
    """Values counted, summed and compared; ``n`` of them in all, ``count`` of them numbers."""

    n: int = 0
    count: int = 0
    whole: int = 0
    parts: list[float] = []
    least: Any = None
    most: Any = None
    values: list[Number] = []
    buckets: Buckets | None = None
    others: dict[str, list[Any]] = {}
    distinct: set[Any] = set()
    registers: Registers | None = None
    frequent: dict[Any, int] = {}
    reduced: list[Any] = []

    def add(self, values: list[Any], names: frozenset[str]) -> int:
        """Take values in, as far as these functions want them; how many were passed over."""
        self.n += len(values)
        kinds = set(map(type, values))
        skipped = 0
        if not names.isdisjoint(_NEED_NUMBERS | _EXTREMES):
            skipped = self._add_numbers(values, kinds, names)
        if "distinct" in names:
            self._add_distinct(set(map(canonical, values)))
        if "frequent" in names:
            counts = Counter(map(canonical, values))
            for key, times in counts.items():
                self.frequent[key] = self.frequent.get(key, 0) + times
        return skipped

    def _add_numbers(self, values: list[Any], kinds: set[type], names: frozenset[str]) -> int:
        """Take in the numbers among values; how many of the others were of no use."""
        numbers: list[Number] = values
        if not kinds <= _NUMBERS:
            numbers = [value for value in values if type(value) in _NUMBERS]
        if float in kinds:
            numbers = [value for value in numbers if type(value) is int or math.isfinite(value)]
        if numbers:
            self._add_up(numbers, float in kinds)
            if not names.isdisjoint(_BOUNDED):
                self._add_bounds(numbers, float in kinds)
            if "percentiles" in names:
                self._add_values(numbers)
        if len(numbers) == len(values):
            return 0
        if not names.isdisjoint(_EXTREMES):
            self._add_others(values)
            if names.isdisjoint(_NEED_NUMBERS):
                return sum(not isinstance(value, _COMPARED) for value in values)
        return len(values) - len(numbers)

    def _add_up(self, numbers: list[Number], floats: bool) -> None:
        self.count += len(numbers)
        if not floats:
            self.whole += sum(numbers)  # type: ignore[assignment]
            return
        self.whole += sum(value for value in numbers if type(value) is int)
        fractions = [value for value in numbers if type(value) is float]
        if fractions:
            self.parts = exact_parts([*self.parts, *fractions])

    def _add_bounds(self, numbers: list[Number], floats: bool) -> None:
        if floats:
            self._widen(min(numbers, key=_number), max(numbers, key=_number))
        else:
            self._widen(min(numbers), max(numbers))

    def _widen(self, least: Number, most: Number) -> None:
        if self.least is None:
            self.least, self.most = least, most
        elif type(least) is type(self.least) is type(most) is type(self.most) is int:
            self.least = least if least < self.least else self.least
            self.most = most if most > self.most else self.most
        else:
            self.least = min(self.least, least, key=_number)
            self.most = max(self.most, most, key=_number)

    def _add_values(self, numbers: Iterable[Number]) -> None:
        if self.buckets is not None:
            self.buckets.add(numbers)
            return
        self.values = [*self.values, *numbers]
        if len(self.values) > EXACT_VALUES:
            self.buckets = Buckets()
            self.buckets.add(self.values)
            self.values = []

    def _add_others(self, values: list[Any]) -> None:
        """Note the extremes of texts and of instants."""
        for kind, name in ((Timestamp, "instant"), (str, "text")):
            mine = [value for value in values if type(value) is kind]
            if mine:
                mine += self.others.get(name, [])
                self.others[name] = [min(mine), max(mine)]

    def _add_distinct(self, keys: set[Any]) -> None:
        if self.registers is None:
            self.distinct = self.distinct | keys
            if len(self.distinct) <= EXACT_DISTINCT:
                return
            self.registers = Registers()
            keys, self.distinct = self.distinct, set()
        self.registers.add(map(repr, keys))

    def reduce(self, values: Iterable[Any], function: Callable[[Any, Any], Any]) -> int:
        """Reduce values with what was reduced; how many the function failed on."""
        failed = 0
        for value in values:
            if not self.reduced:
                self.reduced = [value]
                continue
            try:
                self.reduced = [function(self.reduced[0], value)]
            except Exception:
                failed += 1
        return failed

    @classmethod
    def merged(cls, tallies: Sequence[Tally], names: frozenset[str]) -> Tally:
        """What tallies took in together, of which these functions were wanted; all but what was
        reduced.
        """
        made = cls(
            sum([tally.n for tally in tallies]),
            sum([tally.count for tally in tallies]),
            sum([tally.whole for tally in tallies]),
            [part for tally in tallies for part in tally.parts],
        )
        if made.parts:
            made.parts = exact_parts(made.parts)
        if not names.isdisjoint(_BOUNDED):
            for tally in tallies:
                if tally.least is not None:
                    made._widen(tally.least, tally.most)
        if not names.isdisjoint(_MORE):
            for tally in tallies:
                made._merge_more(tally)
        return made

    def _merge_more(self, other: Tally) -> None:
        """Take in what some functions want besides sums and the extremes of numbers."""
        if other.values or other.distinct or other.buckets or other.registers:
            self._merge_sketches(other)
        for name, pair in other.others.items():
            both = [*self.others.get(name, []), *pair]
            self.others[name] = [min(both), max(both)]
        for key, times in other.frequent.items():
            self.frequent[key] = self.frequent.get(key, 0) + times

    def _merge_sketches(self, other: Tally) -> None:
        if other.buckets is not None:
            if self.buckets is None:
                self.buckets = Buckets()
                self.buckets.add(self.values)
                self.values = []
            self.buckets.merge(other.buckets)
        elif other.values:
            self._add_values(other.values)
        if other.registers is not None:
            if self.registers is None:
                self.registers = Registers()
                self.registers.add(map(repr, self.distinct))
                self.distinct = set()
            self.registers.merge(other.registers)
        elif other.distinct:
            self._add_distinct(other.distinct)

    def sum(self) -> Any:
        """The sum of the numbers; 0 where there is none, None where it is beyond all floats."""
        found = total(self.whole, self.parts)
        return found if type(found) is int or math.isfinite(found) else None

    def mean(self) -> Any:
        """The mean of the numbers; None where there is none."""
        return mean(total(self.whole, self.parts), self.count) if self.count else None

    def lowest(self) -> Any:
        """The least number; where there is none, the earliest instant, or else the first text."""
        return self._extreme(self.least, 0)

    def highest(self) -> Any:
        """The greatest number; where there is none, the latest instant, or else the last text."""
        return self._extreme(self.most, 1)

    def _extreme(self, number: Any, side: int) -> Any:
        if number is not None:
            return number
        pair = self.others.get("instant") or self.others.get("text")
        return pair[side] if pair else None

    def distinct_count(self) -> int:
        """How many distinct values there were."""
        return len(self.distinct) if self.registers is None else self.registers.estimate()

    def dump(self) -> list[Any]:
        """The tally as a list that ``plain`` takes."""
        row = list(msgspec.structs.astuple(self))
        row[_BUCKETS] = None if self.buckets is None else self.buckets.dump()
        row[_REGISTERS] = None if self.registers is None else self.registers.cells
        return row

    @classmethod
    def load(cls, row: list[Any]) -> Tally:
        """The tally that ``dump`` gave."""
        row = list(row)
        if row[_BUCKETS] is not None:
            above, below, zeros = row[_BUCKETS]
            row[_BUCKETS] = Buckets(dict(above), dict(below), zeros)
        if row[_REGISTERS] is not None:
            row[_REGISTERS] = Registers(row[_REGISTERS])
        return cls(*row)


_BUCKETS = Tally.__struct_fields__.index("buckets")
_REGISTERS = Tally.__struct_fields__.index("registers")


def _number(value: Number) -> tuple[Number, bool]:
    """Sorts numbers; of equal ones, the integer comes first."""
    return value, type(value) is float
