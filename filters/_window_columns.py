"""The columns of a window's record: what several functions of one source share.

Values of a source are kept once, whatever is asked of them: a column of values serves ``count``,
``sum``, ``avg``, ``min``, ``max``, ``percentiles``, ``distinct``, ``frequent`` and ``reduce``; one
of values with their times serves ``first``, ``last`` and ``collect``; one of whole events, ``top``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Protocol

import msgspec

from ..dsl.reference import Event, FieldRef
from ..dsl.values import copy
from ._window_tally import Tally, percent_parts
from ._window_whole import whole_writer
from .state.keys import order_of, put, put_at, value_of
from .state.sketches import exact_quantiles

Record = list[Any]
Read = Callable[[Sequence[Event]], list[Any]]
Pairs = list[tuple[str, FieldRef]]
"""Functions by name, with their targets."""

FOLD_AT = 256
"""How many events of a window and key are gathered before their values are folded."""

_CONTAINERS = (dict, list)
_INTEGERS = {int}


class Limits(msgspec.Struct, frozen=True):
    """What bounds the functions, and what they are told besides their source."""

    percents: tuple[float, ...] = (50, 95, 99)
    collect: int = 100
    frequent: int = 10
    top: int = 10
    top_fields: tuple[FieldRef, ...] = ()
    reduce: Callable[[Any, Any], Any] | None = None
    copies: bool = True
    """Whether events go on behind the window, and must be copied to be kept."""


class Column(Protocol):
    """A source and what is kept of it. ``cell`` is its place in a record: what came in, and behind
    it what was folded.
    """

    cell: int
    skipped: int

    def gather(self, records: list[Record], times: list[int], events: list[Event]) -> None: ...

    def fold(self, held: Any, values: list[Any]) -> Any: ...

    def merged(self, held: list[Any]) -> Any: ...

    def write(self, event: Event, held: Any) -> None: ...

    def write_whole(self, event: Event, values: list[Any]) -> bool: ...

    def dump(self, held: Any) -> Any: ...

    def load(self, data: Any) -> Any: ...


class ValueColumn:
    """Values without their times."""

    cell = 0

    def __init__(self, read: Read, pairs: Pairs, limits: Limits) -> None:
        self._read, self._limits = read, limits
        self.names = frozenset(name for name, _ in pairs)
        self.percents = [percent_parts(percent) for percent in limits.percents]
        self._writers = [self._writer(name, target) for name, target in pairs]
        self._whole = whole_writer(pairs, limits.percents, self.percents)
        self._copies = not self.names.isdisjoint({"distinct", "frequent", "reduce"})
        self.skipped = 0

    def gather(self, records: list[Record], times: list[int], events: list[Event]) -> None:
        cell = self.cell
        for record, value in zip(records, self._values(events), strict=True):
            if value is not None:
                record[cell].append(value)

    def count(self, records: list[Record], events: list[Event]) -> list[Record]:
        """Gather values, and count the events; the records that are to be folded."""
        cell, full = self.cell, list[Any]()
        for record, value in zip(records, self._values(events), strict=True):
            number = record[0] = record[0] + 1
            if value is not None:
                record[cell].append(value)
            if not number % FOLD_AT:
                full.append(record)
        return full

    def _values(self, events: list[Event]) -> list[Any]:
        values = self._read(events)
        if not self._copies:
            return values
        return [copy(v) if type(v) in _CONTAINERS else v for v in values]

    def fold(self, held: Tally | None, values: list[Any]) -> Tally:
        tally = Tally() if held is None else held
        self.skipped += tally.add(values, self.names)
        if self._limits.reduce is not None and "reduce" in self.names:
            self.skipped += tally.reduce(values, self._limits.reduce)
        return tally

    def merged(self, held: list[Tally]) -> Tally:
        made = Tally.merged(held, self.names)
        if self._limits.reduce is not None:
            for tally in held:
                self.skipped += made.reduce(tally.reduced, self._limits.reduce)
        return made

    def write(self, event: Event, held: Tally | None) -> None:
        tally = held or Tally()
        for write in self._writers:
            write(event, tally)

    def write_whole(self, event: Event, values: list[Any]) -> bool:
        """Write what integers amount to that are all there is, without a tally; whether that was
        possible.
        """
        if self._whole is None or set(map(type, values)) != _INTEGERS:
            return False
        values.sort()
        self._whole(event, values)
        return True

    def _writer(self, name: str, target: FieldRef) -> Callable[[Event, Tally], None]:
        if name == "percentiles":
            return self._percentiles(target)
        if name == "frequent":
            return lambda event, tally: put(event, target, self._frequent(tally))
        give, put_value = _GIVEN[name], put_at(target)

        def write(event: Event, tally: Tally) -> None:
            value = give(tally)
            if value is not None:
                put_value(event, copy(value) if type(value) in _CONTAINERS else value)

        return write

    def _percentiles(self, target: FieldRef) -> Callable[[Event, Tally], None]:
        names = [f"p{percent:g}" for percent in self._limits.percents]
        puts = [put_at(FieldRef(f"{target.canonical}[{name}]")) for name in names]
        percents = self.percents

        def write(event: Event, tally: Tally) -> None:
            if not tally.count:
                return
            if tally.buckets is None:
                found = exact_quantiles(tally.values, percents)
            else:
                found = tally.buckets.quantiles(percents, tally.least, tally.most)
            for put_value, value in zip(puts, found, strict=True):
                put_value(event, value)

        return write

    def _frequent(self, tally: Tally) -> list[Event]:
        ranked = sorted(tally.frequent.items(), key=lambda item: (-item[1], order_of(item[0])))
        return [{"value": value_of(k), "count": n} for k, n in ranked[: self._limits.frequent]]

    def dump(self, held: Tally) -> Any:
        return held.dump()

    def load(self, data: Any) -> Tally:
        return Tally.load(data)


_GIVEN: dict[str, Callable[[Tally], Any]] = {
    "count": lambda tally: tally.n,
    "sum": Tally.sum,
    "avg": Tally.mean,
    "min": Tally.lowest,
    "max": Tally.highest,
    "distinct": Tally.distinct_count,
    "reduce": lambda tally: tally.reduced[0] if tally.reduced else None,
}


Timed = tuple[int, Any]
"""A value with the time of its event."""


class TimedColumn:
    """Values with their times. Folded, they are the first, the last, and the collected ones."""

    cell = 0
    skipped = 0

    def __init__(self, read: Read, pairs: Pairs, limits: Limits) -> None:
        self._read, self._most = read, limits.collect
        self._targets = pairs
        self._collects = any(name == "collect" for name, _ in pairs)

    def gather(self, records: list[Record], times: list[int], events: list[Event]) -> None:
        cell = self.cell
        for record, time, value in zip(records, times, self._read(events), strict=True):
            if value is not None:
                record[cell].append((time, copy(value) if type(value) in _CONTAINERS else value))

    def fold(self, held: list[Any] | None, values: list[Timed]) -> list[Any]:
        first = min(values, key=_time)
        last = max(reversed(values), key=_time)
        collected = sorted(values, key=_time)[: self._most] if self._collects else []
        more = [first, last, collected]
        return more if held is None else self._joined(held, more)

    def merged(self, held: list[list[Any]]) -> list[Any]:
        made = list(held[0])
        for other in held[1:]:
            made = self._joined(made, other)
        return made

    def _joined(self, held: list[Any], other: list[Any]) -> list[Any]:
        first = min(held[0], other[0], key=_time)
        last = other[1] if other[1][0] >= held[1][0] else held[1]
        collected = sorted([*held[2], *other[2]], key=_time)[: self._most]
        return [first, last, collected]

    def write_whole(self, event: Event, values: list[Any]) -> bool:
        return False

    def write(self, event: Event, held: list[Any] | None) -> None:
        if held is None:
            return
        found = {"first": held[0][1], "last": held[1][1], "collect": [v for _, v in held[2]]}
        for name, target in self._targets:
            put(event, target, copy(found[name]))

    def dump(self, held: list[Any]) -> Any:
        return held

    def load(self, data: Any) -> list[Any]:
        return list(data)


_time = itemgetter(0)

_NUMBERS = frozenset({int, float})


class TopColumn:
    """The events with the greatest numbers: rows of a number, the order of arrival and a copy."""

    cell = 0

    def __init__(self, read: Read, pairs: Pairs, limits: Limits) -> None:
        self._read, self._most, self._copies = read, limits.top, limits.copies
        self._fields = limits.top_fields
        self._targets = [target for _, target in pairs]
        self._arrived = 0
        self.skipped = 0

    def gather(self, records: list[Record], times: list[int], events: list[Event]) -> None:
        cell = self.cell + 1
        for record, value, event in zip(records, self._read(events), events, strict=True):
            if type(value) in _NUMBERS and value == value:
                if record[cell] is None:
                    record[cell] = []
                self._insert(record[cell], value, event)
            elif value is not None:
                self.skipped += 1

    def _insert(self, rows: list[Any], value: Any, event: Event) -> None:
        self._arrived += 1
        if len(rows) >= self._most and value <= rows[-1][0]:
            return
        at = len(rows)
        while at and rows[at - 1][0] < value:
            at -= 1
        rows.insert(at, [value, self._arrived, self._pictured(event)])
        del rows[self._most :]

    def _pictured(self, event: Event) -> Event:
        """What is kept of an event."""
        if self._fields:
            made: Event = {}
            for field in self._fields:
                value = field.get(event)
                if value is not None:
                    put(made, field, copy(value))
            return made
        kept = {key: value for key, value in event.items() if key != "@metadata"}
        return copy(kept) if self._copies else kept

    def fold(self, held: Any, values: list[Any]) -> Any:
        return held

    def merged(self, held: list[list[Any]]) -> list[Any]:
        rows = [row for each in held for row in each]
        return sorted(rows, key=lambda row: (-row[0], row[1]))[: self._most]

    def write_whole(self, event: Event, values: list[Any]) -> bool:
        return False

    def write(self, event: Event, held: list[Any] | None) -> None:
        for target in self._targets if held is not None else ():
            put(event, target, [copy(row[2]) for row in held or ()])

    def dump(self, held: list[Any]) -> Any:
        return held

    def load(self, data: Any) -> list[Any]:
        self._arrived = max([self._arrived, *(row[1] for row in data)])
        return list(data)
