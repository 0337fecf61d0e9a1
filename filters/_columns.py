"""What a window needs of events, as columns: so they go from a worker to the main process without
the rest of the event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload

from ..dsl.reference import Event


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
