"""Events that are not made yet: the lines that they come of, and what each will hold besides.

The hard idea: a filter that takes the line apart first thing can write down the whole event at
once, its own fields in it. That costs half of what it costs to make an event and to put fields into
it one by one, since a map that is written down is built in one step and need not grow.

Where all that follows can do without events, they are not made at all: the matches of the lines are
held in their place (``Rows``), further filters add columns, and the codec writes what the event
would have been. Whoever looks at an item has the events made first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, SupportsIndex

from .timestamp import Timestamp

_PAUSE = 4
"""Batches whose events are made at once after one that had them made in the end."""

Shape = dict[str, Any]
"""What an event holds, by key: a ``Leaf``, or the shape of a map."""

Fresh = Callable[[list[str], Timestamp], list[dict[str, Any]]]

_PLAIN = (str, int, float, bool, type(None))


class Leaf(NamedTuple):
    """The code of a value that is not a map, and whether the value is text."""

    code: str
    is_text: bool


class Pattern(NamedTuple):
    """The shape of the events of a stream, and the values that stand in it as ``o0``, ``o1``, ….

    ``kind`` is the same for streams whose shapes are: code that was made for one serves the other.
    """

    shape: Shape
    values: tuple[Any, ...]
    kind: str

    @classmethod
    def of(cls, shape: Shape, origin: Mapping[str, Any]) -> Pattern | None:
        """A shape, and the fields of an origin behind it; None where these cannot be written down:
        there is such a field already, or it holds more than maps of plain values.
        """
        values: list[Any] = []
        whole = dict(shape)
        for key, value in origin.items():
            node = _node(value, values)
            if key in shape or node is None:
                return None
            whole[key] = node
        return cls(whole, tuple(values), literal(whole))


def _node(value: Any, values: list[Any]) -> Leaf | Shape | None:
    """A value as a part of a shape; what it holds is put behind the values."""
    if type(value) is dict and value:
        shape: Shape = {}
        for key, item in value.items():
            node = _node(item, values)
            if node is None:
                return None
            shape[key] = node
        return shape
    if type(value) not in _PLAIN:
        return None
    values.append(value)
    return Leaf(f"o{len(values) - 1}", type(value) is str)


def literal(node: Leaf | Shape) -> str:
    """The code that makes what a shape says."""
    if isinstance(node, Leaf):
        return node.code
    return f"{{{', '.join(f'{key!r}: {literal(child)}' for key, child in node.items())}}}"


class Layout(Protocol):
    """Where a filter's captures go in the events of its rows. ``writers``: what codecs have made
    for it, by a key of theirs; ``pause``: for how many batches events are better made first.
    """

    writers: dict[Any, Any]
    pause: int

    def group_of(self, keys: Sequence[str]) -> int | None:
        """The group of a match that is the value of a field; None where it is not so simple."""
        ...

    def takes_field(self, key: str) -> bool:
        """Whether it is known where a field of the event itself stands that is set afterwards."""
        ...

    def values(self, keys: Sequence[str], matches: Sequence[Any]) -> list[Any] | None:
        """The value of a field in the event of each match, None where it has none; None in the
        place of all where the events are to be made to know it.
        """
        ...


class Change(NamedTuple):
    """A field of the events themselves that is set to the text of a column, or is taken out."""

    key: str
    is_set: bool


Remake = Callable[[list[str], list[Any]], list[dict[str, Any]]]
"""From lines and their matches to events."""


class Rows:
    """What events are made of: for each line its match, or its event where there is none.

    ``changes`` are what filters did to the events of matches, in order; each that sets a field has
    its column, of instants as plain text, with an item for each row.
    """

    __slots__ = ("_remake", "changes", "columns", "events", "items", "layout")

    def __init__(self, items: list[Any], layout: Layout, remake: Remake) -> None:
        self.items, self.layout, self._remake = items, layout, remake
        self.events: list[dict[str, Any]] = [item for item in items if type(item) is dict]
        self.changes: tuple[Change, ...] = ()
        self.columns: list[list[str]] = []

    def column(self, keys: Sequence[str]) -> list[str | None] | None:
        """What each match has as the value of a field, the first one's in the place of lines
        without a match; None where the events are to be made to know it.
        """
        group = self.layout.group_of(keys)
        if group is None or any(change.key == keys[0] for change in self.changes):
            return None
        if not self.events:
            return [match[group] for match in self.items]
        matches = (item for item in self.items if type(item) is not dict)
        first = next(matches, [None] * (group + 1))[group]
        return [first if type(item) is dict else item[group] for item in self.items]

    def values(self, keys: Sequence[str]) -> list[Any] | None:
        """The value of a field in each event; see ``Layout``."""
        if self.events or any(change.key == keys[0] for change in self.changes):
            return None
        return self.layout.values(keys, self.items)

    def instants(self, keys: Sequence[str]) -> list[str] | None:
        """The texts of the instants that a field of all events was set to last, if it was."""
        found, columns = None, iter(self.columns)
        for change in self.changes:
            column = next(columns) if change.is_set else None
            if [change.key] == [*keys]:
                found = column
        return None if self.events else found

    def set(self, key: str, column: list[str]) -> None:
        """Set a field of the events of all matches to instants."""
        self.changes = (*self.changes, Change(key, True))
        self.columns.append(column)

    def remove(self, keys: Sequence[str]) -> None:
        """Take fields out of the events of all matches."""
        self.changes += tuple(Change(key, False) for key in keys)

    def leave(self, lines: Sequence[str], place: int) -> None:
        """Have the event of a match made, to be changed by itself from now on."""
        event = self.items[place] = self.one(lines, place)
        self.events.append(event)

    def made(self, lines: Sequence[str]) -> list[dict[str, Any]]:
        """The events."""
        places = [place for place, item in enumerate(self.items) if type(item) is not dict]
        return self._whole(lines, places)

    def one(self, lines: Sequence[str], place: int) -> dict[str, Any]:
        """The event of one row."""
        item = self.items[place]
        return item if type(item) is dict else self._changed(lines, [place])[0]

    def _whole(self, lines: Sequence[str], places: Sequence[int]) -> list[dict[str, Any]]:
        events = list(self.items)
        for place, event in zip(places, self._changed(lines, places), strict=True):
            events[place] = event
        return events

    def _changed(self, lines: Sequence[str], places: Sequence[int]) -> list[dict[str, Any]]:
        """The events of matches, as filters have changed them."""
        matches = [self.items[place] for place in places]
        events = self._remake([lines[place] for place in places], matches)
        columns = iter(self.columns)
        for key, is_set in self.changes:
            if not is_set:
                for event in events:
                    event.pop(key, None)
                continue
            column = next(columns)
            for place, event in zip(places, events, strict=True):
                event[key] = Timestamp(column[place])
        return events


class UnmadeEvents(list[Any]):
    """Lines, each in the place of its event, until ``make`` or ``become``. In the code of
    ``pattern`` the line is ``value``, and ``now`` is ``now``.

    ``may_wait``: whether all that follows takes ``rows``; where there are some, whoever looks at an
    item has the events made.
    """

    __slots__ = ("_fresh", "is_made", "may_wait", "now", "pattern", "rows")

    def __init__(self, lines: list[str], now: Timestamp, pattern: Pattern, fresh: Fresh) -> None:
        super().__init__(lines)
        self.now, self.pattern, self._fresh = now, pattern, fresh
        self.is_made = self.may_wait = False
        self.rows: Rows | None = None

    def lines(self) -> list[str]:
        """The lines, as long as there are no events."""
        return [*super().__iter__()]

    def make(self) -> None:
        """Put events in the places of the lines."""
        rows = self.rows
        if rows is not None:
            rows.layout.pause = _PAUSE
        self.become(self._fresh(self, self.now) if rows is None else rows.made(self.lines()))

    def become(self, events: list[dict[str, Any]]) -> None:
        """Put these events in the places of the lines."""
        self.rows = None
        self[:] = events
        self.is_made = True

    def __iter__(self) -> Iterator[Any]:
        if self.rows is not None:
            self.make()
        return super().__iter__()

    def __getitem__(self, place: SupportsIndex | slice) -> Any:
        if self.rows is not None:
            self.make()
        return super().__getitem__(place)
