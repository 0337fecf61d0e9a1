#!/usr/bin/env python3
"""What each filter costs on its typical event, which is that of its first example: µs of CPU an
event, the best of several runs.

usage: filters.py            writes results/filters.md
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import penstock
from penstock.dsl.event import accept
from penstock.dsl.timestamp import Timestamp
from penstock.dsl.values import copy
from penstock.plugins import registry
from penstock.plugins.contract import Filter
from penstock.plugins.declaration import Example

HERE = Path(__file__).parent
Event = dict[str, Any]


def main() -> int:
    os.chdir(HERE.parent)  # examples name files of the project
    rows = [row for name in registry.names("filter") if (row := measured(name)) is not None]
    lines = ["| filter | µs of CPU an event | example |", "|---|---|---|", *rows]
    target = HERE / "results" / "filters.md"
    target.parent.mkdir(exist_ok=True)
    target.write_text("\n".join(lines) + "\n")
    print(target.read_text())
    return 0


def measured(name: str) -> str | None:
    """The row of a filter; None for one without an example, or one that waits or asks a server."""
    found = registry.plugin_class("filter", name)
    if (
        found is None
        or not issubclass(found, Filter)
        or not found.examples
        or found.external
        or name == "sleep"
    ):
        return None
    example = found.examples[0]
    return f"| {name} | {cost(example):.2f} | {example.title} |"


def cost(example: Example) -> float:
    """µs of CPU an event, in batches of a thousand."""
    stage = penstock.compile(
        f"filter {{ {example.config} }}", {"pipeline.ecs_compatibility": "v8", **example.settings}
    )
    before = example.before if isinstance(example.before, list) else [example.before]
    now = Timestamp.now()
    typical = [accept(copy(event), now) for event in before]
    return min(_spent(stage, typical) for _ in range(3))


def _spent(stage: Any, typical: list[Event]) -> float:
    """µs an event, over enough batches for the clock of the processor's time, which ticks coarsely
    on some machines.
    """
    spent, done = 0.0, 0
    while spent < 0.05:
        batches = [[copy(typical[n % len(typical)]) for n in range(1000)] for _ in range(10)]
        started = time.process_time()
        for batch in batches:
            stage.run(batch)
        spent += time.process_time() - started
        done += 10_000
    return 1e6 * spent / done


if __name__ == "__main__":
    sys.exit(main())
