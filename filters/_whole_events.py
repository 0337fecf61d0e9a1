"""Lines that a grok takes apart before their events are made: it makes them itself.

What is usual of a log's lines is told by a sample of them, so this begins with a batch of some
lines; what comes before, and few at a time, is made into events first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..dsl.grok import Expression, MatchTimeout
from ..dsl.grok.loops import Fill, Loop, making_loop
from ..dsl.grok.rows import RowLayout, holding_loop
from ..dsl.grok.whole_events import Usual
from ..dsl.reference import Event
from ..dsl.unmade import Rows, UnmadeEvents

_SAMPLE = 200
_LEAST = 50
_MOST_KINDS = 8

Find = Callable[[str], re.Match[str] | None]
Tell = Callable[..., None]
Told = tuple[Tell | None, Tell, Tell, Tell]
"""``decorate`` or None, ``unmatched``, ``timed_out`` and ``failed``, as ``making_loop`` says."""


class Holder(NamedTuple):
    """The loop that holds the matches of lines, and where their captures would go."""

    hold: Loop
    layout: RowLayout


class WholeEvents:
    """The loops that make events of lines, by the kind of their shape. ``fill`` and ``decoration``
    are those of ``matching_loop``.
    """

    def __init__(
        self, expressions: Sequence[Expression], fill: Fill, decoration: Sequence[str]
    ) -> None:
        self._expressions, self._fill, self._decoration = expressions, fill, decoration
        self._loops: dict[str, Loop | None] = {}
        self._holders: dict[str, Holder] = {}

    def loop(self, lines: UnmadeEvents, finds: Sequence[Find]) -> Loop | None:
        """The loop for lines of this kind; None where their events are to be made first."""
        kind = lines.pattern.kind
        if kind in self._loops:
            return self._loops[kind]
        if len(lines) < _LEAST or len(self._loops) >= _MOST_KINDS:
            return None
        loop = self._loops[kind] = self._made(lines, finds)
        return loop

    def _made(self, lines: UnmadeEvents, finds: Sequence[Find]) -> Loop | None:
        usual = self._usual(lines[:_SAMPLE], finds)
        if usual is None:
            return None
        shape, values = lines.pattern.shape, len(lines.pattern.values)
        given = self._expressions, usual, shape
        loop = making_loop(*given, values, self._fill, self._decoration)
        layout = RowLayout.of(*given, self._fill)
        if loop is not None and layout is not None:
            hold = holding_loop(self._expressions[0], shape, values)
            self._holders[lines.pattern.kind] = Holder(hold, layout)
        return loop

    def rows(
        self, lines: UnmadeEvents, find: Find, loop: Loop, told: Told, removes: Sequence[str]
    ) -> Rows | None:
        """The matches of lines for which there is a loop; None where their events are to be made.
        ``told`` is what the loop is given besides; ``removes`` are the keys that are taken out.
        """
        holder = self._holders.get(lines.pattern.kind)
        decorate, unmatched, timed_out, _ = told
        if holder is None or not (decorate is None or removes):
            return None
        if holder.layout.pause:
            holder.layout.pause -= 1
            return None
        now, values = lines.now, lines.pattern.values

        def remake(some: list[str], matches: list[Any]) -> list[Event]:
            """The events of matches: where the loop looks for one, it is given what was found."""
            found = iter(matches)
            made: list[Event] = loop(some, now, values, [lambda line: next(found)], *told)
            return made

        held = holder.hold(lines, now, values, find, unmatched, timed_out)
        rows = Rows(held, holder.layout, remake)
        rows.remove(removes)
        return rows

    def _usual(self, lines: Sequence[str], finds: Sequence[Find]) -> list[Usual] | None:
        """What is usual of the matches of each expression; None where a match takes too long."""
        matches: list[list[re.Match[str]]] = [[] for _ in finds]
        try:
            for line in lines:
                for place, find in enumerate(finds):
                    match = find(line)
                    if match is not None:
                        matches[place].append(match)
                        break
        except MatchTimeout:
            return None
        return list(map(Usual.of, self._expressions, matches))
