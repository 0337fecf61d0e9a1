"""What became of the events that were meant for each output, as numbers and as a table for
people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, fields


@dataclass(slots=True)
class Counts:
    """What has gone through; ``by_input``: events by the number of their input."""

    events_in: int = 0
    events_out: int = 0
    bytes_in: int = 0
    started: float = 0.0
    by_input: dict[int, int] = field(default_factory=dict)

    def add(self, source: int, events_in: int, events_out: int, size: int) -> None:
        """So much more of an input has gone through; ``size`` in bytes."""
        self.events_in += events_in
        self.events_out += events_out
        self.bytes_in += size
        self.by_input[source] = self.by_input.get(source, 0) + events_in


@dataclass(frozen=True, slots=True)
class OutputStats:
    """Events of one run, by what became of them. ``rejected`` were refused by the target, and there
    were no dead letters for them; ``waiting`` is of this moment, ``spilled`` of what went to disk
    on its way (it is delivered, or waits); ``failures`` counts tries, not events; ``circuit``:
    closed, open or half-open; ``retried`` counts events each time they are delivered again.
    """

    output: str
    delivered: int
    dropped: int
    rejected: int
    dead_lettered: int
    spilled: int
    waiting: int
    failures: int
    circuit: str
    retried: int = field(default=0, compare=False)

    @property
    def left_out(self) -> str:
        """In words, what this output did not get; empty where it got all."""
        parts = [
            (self.dropped, "dropped (when_full)"),
            (self.rejected, "rejected by the target and dropped"),
            (self.dead_lettered, "sent to dead letters"),
        ]
        return ", ".join(f"{number} events {what}" for number, what in parts if number)


def table(stats: Sequence[OutputStats]) -> list[str]:
    """The numbers as lines of a table, heads first."""
    heads = [each.name.replace("_", " ") for each in fields(OutputStats)]
    rows = [heads, *([str(cell) for cell in astuple(one)] for one in stats)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
