#!/usr/bin/env python3
"""What a block of Ruby with three `get` and three `set` costs: µs of CPU an event, on both routes,
beyond a pipeline without it. A run is a process of its own; the ruby that it starts is counted.

usage: ruby.py [EVENTS]      writes results/ruby.md
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
RUNS = 3
WANTED = {"compiled": 4, "process": 30}
CODE = (
    "event.set('x', event.get('[event][sequence]').to_i + 1);"
    " event.set('y', event.get('x') * 2); event.set('z', event.get('y').to_s)"
)


def main() -> int:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    jobs = {"": "", **{route: block(route) for route in WANTED}}
    took: dict[str, list[float]] = {route: [] for route in jobs}
    for _ in range(RUNS):
        for route, filters in jobs.items():
            took[route].append(seconds(filters, events) / events * 1e6)
    plain = min(took[""])
    lines = [
        f"{time.strftime('%Y-%m-%d')}, {events:,} events, the best of {RUNS} runs taken in turn.",
        "",
        "| route | µs of CPU an event | wanted |",
        "|---|---|---|",
    ]
    for route, limit in WANTED.items():
        lines.append(f"| {route} | {min(took[route]) - plain:.1f} | ≤ {limit} |")
    text = "\n".join(lines) + "\n"
    (HERE / "results" / "ruby.md").write_text(text)
    print(text, end="")
    return 0


def block(route: str) -> str:
    return f'filter {{ ruby {{ engine => {route} code => "{CODE}" }} }}'


def seconds(filters: str, events: int) -> float:
    """CPU time of a run, of its Ruby too."""
    source = f'input {{ generator {{ message => "a" count => {events} }} }}'
    before = used()
    command = [sys.executable, "-m", "penstock", "run", "-e"]
    subprocess.run(
        [*command, f"{source} {filters} output {{ null {{ }} }}"],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    return used() - before


def used() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


if __name__ == "__main__":
    sys.exit(main())
