"""The functions of windows: what of a window's events is gathered, put together and written.

What is gathered of one window and key is a *record*: a list with the number of events, and for each
source two cells: values that came in and were not folded yet, and what was folded. So an event
costs an append; values are folded some hundred at a time, or when the result is wanted. Records of
panes are merged to those of windows. All but ``first``, ``last``, ``collect`` and ``top`` depend on
the set of values alone, not on their order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from ..dsl.reference import Event, FieldRef
from ._columns import reading
from ._window_columns import (
    FOLD_AT,
    Column,
    Limits,
    Record,
    TimedColumn,
    TopColumn,
    ValueColumn,
)
from .state.keys import column

_ZERO = frozenset({"count", "sum", "distinct"})
_TIMED = frozenset({"first", "last", "collect"})


class Function(msgspec.Struct, frozen=True):
    """One function of a window: ``sum`` of a source, written to a target."""

    name: str
    target: FieldRef
    source: FieldRef


class Functions:
    """All functions of a window over the columns that they share."""

    def __init__(self, functions: Sequence[Function], limits: Limits) -> None:
        self.columns: list[Column] = []
        self.reads: list[Callable[[Any], list[Any]]] = []
        self.sources: list[FieldRef] = []
        for source in dict.fromkeys(function.source for function in functions):
            mine = [f for f in functions if f.source == source]
            self._add(source, [f for f in mine if f.name not in _TIMED | {"top"}], limits)
            self._add(source, [f for f in mine if f.name in _TIMED], limits)
            self._add(source, [f for f in mine if f.name == "top"], limits)
        for number, made in enumerate(self.columns):
            made.cell = 1 + 2 * number
        self.zeros = [f.target for f in functions if f.name in _ZERO]

    def _add(self, source: FieldRef, functions: list[Function], limits: Limits) -> None:
        if not functions:
            return
        read = reading(column(source), len(self.columns))
        self.reads.append(read)
        self.sources.append(source)
        pairs = [(f.name, f.target) for f in functions]
        if functions[0].name == "top":
            self.columns.append(TopColumn(read, pairs, limits))
        elif functions[0].name in _TIMED:
            self.columns.append(TimedColumn(read, pairs, limits))
        else:
            self.columns.append(ValueColumn(read, pairs, limits))

    @property
    def are_of_sets(self) -> bool:
        """Whether what is gathered depends on the set of values alone, so that parts of it can be
        merged in any order.
        """
        return all(isinstance(each, ValueColumn) for each in self.columns)

    @property
    def want_events(self) -> bool:
        """Whether a column keeps more of events than values."""
        return any(isinstance(each, TopColumn) for each in self.columns)

    def new(self) -> Record:
        """A record of nothing."""
        made: Record = [0]
        for _ in self.columns:
            made += ([], None)
        return made

    def add(self, record: Record, time: int, event: Event) -> None:
        """Gather one event."""
        self.add_all([record], [time], [event])

    def add_all(self, records: list[Record], times: list[int], events: list[Event]) -> None:
        """Gather events, each into the record of the same index; counts and folds."""
        if not self.columns:
            for record in records:
                record[0] += 1
            return
        first, *others = self.columns
        if type(first) is ValueColumn:
            full = first.count(records, events)
        else:
            full, others = self._counted(records), self.columns
        for each in others:
            each.gather(records, times, events)
        for record in full:
            self.fold(record)

    def _counted(self, records: list[Record]) -> list[Record]:
        """Count events, each in the record of the same index; those that are to be folded."""
        full = []
        for record in records:
            count = record[0] = record[0] + 1
            if not count % FOLD_AT:
                full.append(record)
        return full

    def fold(self, record: Record) -> None:
        """Fold what came in."""
        for each in self.columns:
            cell = each.cell
            if record[cell]:
                record[cell + 1] = each.fold(record[cell + 1], record[cell])
                record[cell] = []

    def merged(self, records: list[Record]) -> Record:
        """One record of several, which are folded, and stay else as they are: records of panes are
        merged again and again.
        """
        if len(records) == 1:
            return records[0]
        made = self.new()
        made[0] = sum([record[0] for record in records])
        for each in self.columns:
            cell = each.cell
            for record in records:
                if record[cell]:
                    record[cell + 1] = each.fold(record[cell + 1], record[cell])
                    record[cell] = []
            held = [record[cell + 1] for record in records if record[cell + 1] is not None]
            if held:
                made[cell + 1] = each.merged(held)
        return made

    def write(self, event: Event, record: Record) -> None:
        """Write the results of a record into an event."""
        for each in self.columns:
            cell = each.cell
            if record[cell]:
                if record[cell + 1] is None and each.write_whole(event, record[cell]):
                    continue
                record[cell + 1] = each.fold(record[cell + 1], record[cell])
                record[cell] = []
            each.write(event, record[cell + 1])

    def write_zero(self, event: Event) -> None:
        """Write the results of no event."""
        for target in self.zeros:
            target.set(event, 0)

    @property
    def skipped(self) -> int:
        """How many values were passed over because they are not numbers."""
        return sum(each.skipped for each in self.columns)

    def dump(self, record: Record) -> list[Any]:
        """A record as a list that ``plain`` takes."""
        made: list[Any] = [record[0]]
        for each in self.columns:
            folded = record[each.cell + 1]
            made += [record[each.cell], None if folded is None else each.dump(folded)]
        return made

    def load(self, data: list[Any]) -> Record:
        """The record that ``dump`` gave."""
        record = list(data)
        for each in self.columns:
            if record[each.cell + 1] is not None:
                record[each.cell + 1] = each.load(record[each.cell + 1])
        return record
