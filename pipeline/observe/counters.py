"""What became of the events that were meant for each output, as plain figures and as a table for
people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields


@dataclass(frozen=True, slots=True)
class OutputFigures:
    """Events of one run, by what became of them. ``waiting`` is of this moment, ``spilled`` of what
    went to disk on its way (it is delivered, or waits); ``failures`` counts trials, not events;
    ``circuit``: closed, open or half-open.
    """

    output: str
    delivered: int
    dropped: int
    dead_lettered: int
    spilled: int
    waiting: int
    failures: int
    circuit: str

    @property
    def left_out(self) -> str:
        """In words, what this output did not get; empty where it got all."""
        parts = [
            (self.dropped, "dropped, as when_full says"),
            (self.dead_lettered, "sent to the dead letters"),
        ]
        return ", ".join(f"{number} events were {what}" for number, what in parts if number)


def table(figures: Sequence[OutputFigures]) -> list[str]:
    """The figures as lines of a table, heads first."""
    heads = [field.name.replace("_", " ") for field in fields(OutputFigures)]
    rows = [heads, *([str(cell) for cell in astuple(one)] for one in figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
