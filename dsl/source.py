"""Where a piece of configuration stands: a source (a file or a text given by hand) and a span in
it.

Several sources make one pipeline, so a span carries its source. Lines and columns count from 1,
offsets from 0, all in characters.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property

import msgspec


@dataclass(frozen=True, eq=False)
class Source:
    """A configuration text and the name under which users know it."""

    name: str
    text: str = field(repr=False)

    @cached_property
    def _starts(self) -> list[int]:
        starts, at = [0], self.text.find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = self.text.find("\n", at + 1)
        return starts

    def place(self, offset: int) -> tuple[int, int]:
        """The line and column of an offset."""
        row = bisect_right(self._starts, offset)
        return row, offset - self._starts[row - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line, without its end."""
        start = self._starts[number - 1]
        end = self._starts[number] - 1 if number < len(self._starts) else len(self.text)
        return self.text[start:end].rstrip("\r")

    @property
    def lines(self) -> int:
        """How many lines the text has."""
        return len(self._starts)


class Span(msgspec.Struct, frozen=True):
    """A stretch of a source: from ``start`` up to, not including, ``end``."""

    source: Source
    start: int
    end: int

    @property
    def line(self) -> int:
        """The line on which the span starts."""
        return self.source.place(self.start)[0]

    @property
    def column(self) -> int:
        """The column at which the span starts."""
        return self.source.place(self.start)[1]

    @property
    def text(self) -> str:
        """What is written there."""
        return self.source.text[self.start : self.end]

    @property
    def place(self) -> str:
        """``file:line:column``, as a user is told it."""
        return f"{self.source.name}:{self.line}:{self.column}"

    def part(self, start: int, end: int | None = None) -> Span:
        """A stretch of this span, by offsets from its start."""
        first = min(self.start + start, self.end)
        last = self.end if end is None else min(self.start + end, self.end)
        return Span(self.source, first, max(last, first))

    def to(self, other: Span) -> Span:
        """From the start of this span to the end of another of the same source."""
        return Span(self.source, self.start, other.end)
