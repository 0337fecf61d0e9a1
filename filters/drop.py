"""The filter drop: what it gets, or a part of it, goes no further."""

from __future__ import annotations

import random

from ..dsl.reference import Event
from ..plugins.contract import Filter
from ..plugins.declaration import Example, option


class Drop(Filter, name="drop"):
    """Drop events: all that reach the filter, or a percentage of them.

    It stands inside a conditional most of the time. Dropped events reach no filter that follows and
    no output. Which events of a percentage are dropped is chance, each event for itself.

    The common options have no effect: what is not dropped is not changed.
    """

    reshapes = True
    finite = True

    percentage: float = option("How many of a hundred events to drop.", default=100, at_least=0)

    examples = (
        Example(
            "drop debug messages",
            'if [level] == "debug" { drop { } }',
            before=[{"level": "debug"}, {"level": "error"}],
            after=[{"level": "error"}],
        ),
        Example(
            "drop none",
            "drop { percentage => 0 }",
            before={"level": "debug"},
            after={"level": "debug"},
        ),
    )

    def prepare(self) -> None:
        """Read the percentage as a chance."""
        self.chance = self.percentage / 100
        self.random = random.random

    def run(self, events: list[Event]) -> list[Event]:
        """The events that are not dropped."""
        if self.chance >= 1:
            return []
        chance, draw = self.chance, self.random
        return [event for event in events if draw() >= chance]

    def apply(self, event: Event) -> list[Event]:
        """The event, unless it is dropped."""
        return self.run([event])
