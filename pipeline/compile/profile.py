"""What each filter and output of a pipeline costs, by its place in the configuration: CPU time of
the thread that works.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec

from ...dsl.program import Branch, PluginUse
from ...dsl.reference import Event

Events = list[Event]


class Cost(msgspec.Struct):
    """How many events a plugin was given, and the seconds of CPU time that it took for them."""

    events: int = 0
    seconds: float = 0.0


class Profile:
    """Observes a compiled section and adds up what its plugins cost."""

    def __init__(self) -> None:
        self.costs: dict[PluginUse, Cost] = {}

    def step(self, use: PluginUse, run: Callable[..., Any]) -> Callable[..., Any]:
        """``run`` with its cost added up."""
        cost = self.costs.setdefault(use, Cost())
        clock = time.thread_time

        def timed(events: Events) -> Any:
            started = clock()
            result = run(events)
            cost.seconds += clock() - started
            cost.events += len(events)
            return result

        return timed

    def flush(self, use: PluginUse, run: Callable[[bool], Events]) -> Callable[[bool], Events]:
        """A flush is not counted."""
        return run

    def arm(self, branch: Branch, number: int) -> Callable[[Events], None]:
        """Arms are not counted."""
        return lambda events: None

    def report(self) -> str:
        """The costs as a table, the dearest first."""
        whole = sum(cost.seconds for cost in self.costs.values()) or 1.0
        dearest = sorted(self.costs.items(), key=lambda item: -item[1].seconds)
        rows = [("share", "µs an event", "events", "plugin", "place")]
        for use, cost in dearest:
            each = 1e6 * cost.seconds / cost.events if cost.events else 0.0
            rows.append(
                (
                    f"{100 * cost.seconds / whole:.1f} %",
                    f"{each:.2f}",
                    f"{cost.events:,}",
                    use.name,
                    use.span.place,
                )
            )
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = (
            "  ".join(
                [*(cell.rjust(width) for cell, width in zip(row, widths, strict=False)), row[4]]
            )
            for row in rows
        )
        return "\n".join(lines)
