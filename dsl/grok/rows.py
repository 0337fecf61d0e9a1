"""Matches held in the place of events: the loop that looks for them, and what is to be known to
write down what their events would have been.

Most of what an event costs is to make its maps and to write them as JSON, key by key. Where nothing
but a codec looks at them, a match has all that is needed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ..generated import function_of
from ..guard import MatchTimeout
from ..regex_tree import Capture as Group
from ..regex_tree import Look, holds, walk
from ..unmade import Shape, literal
from . import facts
from .captures import Tree, field_tree, indented
from .expression import Capture, Expression
from .loops import Fill, Loop
from .whole_events import Usual


class RowLayout:
    """Where the captures of an expression go in events of a shape; see ``Layout``.

    ``tree`` has the fields and the places of their captures; ``reading`` is the code that reads
    the captures of ``match``; ``least_escapes`` is how many quotes and backslashes every match has
    outside of its captures, at the least.
    """

    def __init__(
        self,
        expression: Expression,
        usual: Usual,
        shape: Shape,
        tree: Tree,
        overwrite: Collection[str],
    ) -> None:
        self.captures: Sequence[Capture] = expression.captures
        self.reading = expression.reading
        self.least_escapes = _least_escapes(expression)
        self.usual, self.shape, self.tree, self.overwrite = usual, shape, tree, overwrite
        self.writers: dict[Any, Any] = {}
        self.pause = 0

    @classmethod
    def of(
        cls, expressions: Sequence[Expression], usual: Sequence[Usual], shape: Shape, fill: Fill
    ) -> RowLayout | None:
        """The layout of one expression; None where there are several, or floats, whose texts are
        not those of a codec.
        """
        if len(expressions) != 1 or expressions[0].has_floats or fill.keep_empty:
            return None
        (expression,) = expressions
        tree = field_tree(expression.captures, fill.target, fill.overwrite)
        if tree is None or not expression.captures:
            return None
        return cls(expression, usual[0], shape, tree, fill.overwrite)

    def group_of(self, keys: Sequence[str]) -> int | None:
        """The group of a match that is the value of a field, as text."""
        capture = self._capture_of(keys)
        return None if capture is None or capture.type else capture.group

    def _capture_of(self, keys: Sequence[str]) -> Capture | None:
        node: Any = None if keys[0] in self.shape else self.tree
        for key in keys:
            node = node.get(key) if isinstance(node, dict) else None
        return self.captures[node] if isinstance(node, int) else None

    def values(self, keys: Sequence[str], matches: Sequence[Any]) -> list[Any] | None:
        """The value of a field in the event of each match, None where it has none."""
        capture = self._capture_of(keys)
        if capture is None:
            return None
        group = capture.group
        if capture.type is None:
            return [match[group] or None for match in matches]
        try:
            return [int(text) if (text := match[group]) else None for match in matches]
        except ValueError:
            return None

    def takes_field(self, key: str) -> bool:
        """Whether it is known where a field of the event itself stands that is set afterwards."""
        return key not in self.tree


def _least_escapes(expression: Expression) -> int:
    """See ``RowLayout``. A capture within a look-around may hold what is matched outside of it."""
    looks = (at for at in walk(expression.node) if isinstance(at, Look))
    return 0 if any(holds(at, Group) for at in looks) else facts.least(expression.node, '"\\')


def holding_loop(expression: Expression, shape: Shape, values: int) -> Loop:
    """The loop over lines that holds their matches; a line without one has an event of the shape.

    It is called with the lines and ``now``, the values of the shape, what looks for the expression,
    and ``unmatched(event)`` and ``timed_out(event)``.
    """
    needed = f" if {expression.needed} else None" if expression.needed else ""
    fresh = [f"event = {literal(shape)}", "keep(event)"]
    text = [
        "def hold(lines, now, values, find, unmatched, timed_out):",
        *([f"    {''.join(f'o{place}, ' for place in range(values))}= values"] if values else []),
        "    held = []",
        "    keep = held.append",
        "    for value in lines:",
        "        try:",
        f"            match = find(value){needed}",
        "        except MatchTimeout:",
        *indented([*fresh, "timed_out(event)", "continue"], 3),
        "        if match is None:",
        *indented([*fresh, "unmatched(event)"], 3),
        "        else:",
        "            keep(match)",
        "    return held",
    ]
    scope: dict[str, Any] = {"MatchTimeout": MatchTimeout}
    hold: Loop = function_of(text, f"grok {expression.text[:60]}", scope)
    return hold
