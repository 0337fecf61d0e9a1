"""The short way from an event to its record: by pane, then by key, beside the states of keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ._window_columns import Record
from .state.calendar import Span, Windows
from .state.keys import Key

MakeRecord = Callable[["Pane", Key], Record]


class Pane(dict[Key, Record]):
    """The records of a pane by key. A key that has none gets the one that ``make`` gives, which
    may be another key's (of too many), and then is not kept here.
    """

    __slots__ = ("_make", "end", "start")

    def __init__(self, span: Span, make: MakeRecord, known: Mapping[Key, Record]) -> None:
        super().__init__(known)
        self.start, self.end = span
        self._make = make

    def __missing__(self, key: Key) -> Record:
        return self._make(self, key)


class Panes:
    """The panes that events are put into, by their start."""

    def __init__(self, windows: Windows, make: MakeRecord) -> None:
        self._windows, self._make = windows, make
        self._panes: dict[int, Pane] = {}

    def get(self, start: int) -> Pane | None:
        """The pane with this start, if it is known."""
        return self._panes.get(start)

    def open(self, start: int, known: Mapping[Key, Record] | None = None) -> Pane:
        """The pane with this start; a new one begins with what is known."""
        pane = self._panes.get(start)
        if pane is None:
            span = self._windows.pane(start)
            pane = self._panes[start] = Pane(span, self._make, known or {})
        return pane

    def records(self, times: list[int], keys: list[Key], span: Span) -> list[Record]:
        """The record of each event; ``span``: the earliest and the latest time."""
        low, high = self._windows.pane(span[0])
        if span[1] < high:
            return list(map(self.open(low).__getitem__, keys))
        records = []
        high = low
        for when, key in zip(times, keys, strict=True):
            if not low <= when < high:
                low, high = self._windows.pane(when)
                pane = self.open(low)
            records.append(pane[key])
        return records

    def drop(self, before: int) -> None:
        """Forget panes that begin before a time."""
        for start in [start for start in self._panes if start < before]:
            del self._panes[start]

    def clear(self) -> None:
        """Forget all panes."""
        self._panes.clear()
