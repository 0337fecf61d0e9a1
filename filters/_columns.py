"""What a window needs of events, as columns: so they go from a worker to the main process without
the rest of the event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload

from ..dsl.reference import Event, FieldRef
from ..dsl.unmade import Rows
from .state.keys import Keys
from .state.times import EventTimes


class Columns(Sequence[Event]):
    """Stands in the place of a list of events of which only the values of some columns are known.
    A slice of it shares them; there is no single event to be had.
    """

    __slots__ = ("_columns", "_start", "_stop")

    def __init__(self, columns: list[list[Any]], start: int, stop: int) -> None:
        self._columns, self._start, self._stop = columns, start, stop

    def __len__(self) -> int:
        return self._stop - self._start

    @overload
    def __getitem__(self, index: int) -> Event: ...

    @overload
    def __getitem__(self, index: slice) -> Columns: ...

    def __getitem__(self, index: int | slice) -> Event | Columns:
        if not isinstance(index, slice):
            raise LookupError("of these events only columns are known")
        start, stop, _ = index.indices(len(self))
        return Columns(self._columns, self._start + start, self._start + stop)

    def __iter__(self) -> Iterator[Event]:
        raise LookupError("of these events only columns are known")

    def values(self, number: int) -> list[Any]:
        """The values of a column."""
        column = self._columns[number]
        return column if len(self) == len(column) else column[self._start : self._stop]


def reading(
    read: Callable[[Sequence[Event]], list[Any]], number: int
) -> Callable[[Any], list[Any]]:
    """A reader of a column, that takes events or the columns of them."""

    def read_either(events: Any) -> list[Any]:
        return events.values(number) if type(events) is Columns else read(events)

    return read_either


def columns_of_rows(
    rows: Rows, keys: Keys, times: EventTimes, sources: Sequence[FieldRef]
) -> list[list[Any]] | None:
    """Times, keys and the values of some fields, of events that are not made; None where they are
    to be made to know it.
    """
    stamps = rows.instants(times.field.keys)
    values = [rows.values(field.keys) for field in (*keys.fields, *sources)]
    if stamps is None or not keys.fields:
        return None
    known = [column for column in values if column is not None]
    if len(known) < len(values):
        return None
    read, have_keys = keys.joined(known[: len(keys.fields)])
    at, have_times = times.read_stamps(stamps)
    return [at, read, *known[len(keys.fields) :]] if have_keys and have_times else None
