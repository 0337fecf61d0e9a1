"""Lines that a grok takes apart before their events are made: it makes them itself.

What is usual of a log's lines is told by a sample of them, so this begins with a batch of some
lines; what comes before, and few at a time, is made into events first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ..dsl.grok import Expression, MatchTimeout
from ..dsl.grok.loops import Fill, Loop, making_loop
from ..dsl.grok.whole_events import Usual
from ..dsl.unmade import UnmadeEvents

_SAMPLE = 200
_LEAST = 50
_MOST_KINDS = 8

Find = Callable[[str], re.Match[str] | None]


class WholeEvents:
    """The loops that make events of lines, by the kind of their shape. ``fill`` and ``decoration``
    are those of ``matching_loop``.
    """

    def __init__(
        self, expressions: Sequence[Expression], fill: Fill, decoration: Sequence[str]
    ) -> None:
        self._expressions, self._fill, self._decoration = expressions, fill, decoration
        self._loops: dict[str, Loop | None] = {}

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
        return making_loop(self._expressions, usual, shape, values, self._fill, self._decoration)

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
