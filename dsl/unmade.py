"""Events that are not made yet: the lines that they come of, and what each will hold besides.

The hard idea: a filter that takes the line apart first thing can write down the whole event at
once, its own fields in it. That costs half of what it costs to make an event and to put fields into
it one by one, since a map that is written down is built in one step and need not grow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .timestamp import Timestamp

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


class UnmadeEvents(list[Any]):
    """Lines, each in the place of its event, until ``make`` or ``become``. In the code of
    ``pattern`` the line is ``value``, and ``now`` is ``now``.
    """

    __slots__ = ("_fresh", "is_made", "now", "pattern")

    def __init__(self, lines: list[str], now: Timestamp, pattern: Pattern, fresh: Fresh) -> None:
        super().__init__(lines)
        self.now, self.pattern, self._fresh = now, pattern, fresh
        self.is_made = False

    def make(self) -> None:
        """Put events in the places of the lines."""
        self.become(self._fresh(self, self.now))

    def become(self, events: list[dict[str, Any]]) -> None:
        """Put these events in the places of the lines."""
        self[:] = events
        self.is_made = True
