#!/usr/bin/env python3
"""The memory of filters of event time, as two pictures in ``results``: a stream of 10⁷ events over
10⁶ keys of which 100 are open at a time, and 10⁶ keys at once, held to ``max_keys`` and to
``penstock.limits.state``. Each curve is a process of its own.

usage: stream_memory.py [--events N]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import penstock
from penstock.dsl.timestamp import Timestamp

HERE = Path(__file__).parent
START, BATCH, OPEN, EACH = 1_757_000_000_000, 1_000, 100, 10
POINTS = 100

Event = dict[str, Any]

TURNOVER = {
    "sessions": 'window { id => "w" gap => "200ms" lateness => "100ms" by => ["k"] keep => false'
    ' sum => { "s" => "v" } }',
    "dedupe": 'dedupe { id => "d" by => ["k"] within => "200ms" lateness => "100ms" }',
    "correlate": 'correlate { id => "c" type => "event_count" events => ["t"] by => ["k"]'
    ' within => "200ms" lateness => "100ms" condition => { "gte" => 100 } keep => false }',
}
"""Filters whose keys come and go: a key has ten events in a second."""

_ALL = 'window { id => "w" size => "1d" lateness => "0s" by => ["k"] keep => false %s }'
AT_ONCE = {
    "as many as there are": (_ALL % "max_keys => 100000000", "16GiB"),
    "max_keys 100,000 (the default)": (_ALL % "", "16GiB"),
    "penstock.limits.state 128MiB": (_ALL % "max_keys => 100000000", "128MiB"),
}
"""Filters that hold all keys at once, and the limit of their memory."""


def turnover(count: int) -> Iterator[list[Event]]:
    """Events a millisecond apart, over keys of which a hundred are open at a time."""
    for start in range(0, count, BATCH):
        stamps = [Timestamp.of_millis(START + at) for at in range(start, start + BATCH)]
        first = start // EACH
        yield [
            {"@timestamp": at, "k": first + n % OPEN, "v": n, "tags": ["t"]}
            for n, at in enumerate(stamps)
        ]


def at_once(count: int) -> Iterator[list[Event]]:
    """Events of one instant, each with a key of its own."""
    stamp = Timestamp.of_millis(START)
    for start in range(0, count, BATCH):
        yield [{"@timestamp": stamp, "k": f"key-{n}"} for n in range(start, start + BATCH)]


def resident() -> float:
    """The memory of this process in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def curve(config: str, limit: str, batches: Iterator[list[Event]], count: int) -> list[list[float]]:
    """How much memory there is after so many events."""
    settings = {
        "penstock.limits.state": limit,
        "penstock.now": str(Timestamp.of_millis(START + count)),
    }
    stage = penstock.compile(f"filter {{ {config} }}", settings)
    found, seen, step = [[0.0, resident()]], 0, max(count // POINTS, BATCH)
    for batch in batches:
        seen += len(batch)
        stage.run(batch)
        if seen % step == 0:
            found.append([float(seen), round(resident(), 1)])
    return found


def one(name: str, count: int) -> None:
    """Print the curve of a name."""
    if name in TURNOVER:
        print(json.dumps(curve(TURNOVER[name], "256MiB", turnover(count), count)))
    else:
        config, limit = AT_ONCE[name]
        print(json.dumps(curve(config, limit, at_once(count), count)))


def measured(name: str, count: int) -> list[list[float]]:
    """The curve of a name, in a process of its own."""
    command = [sys.executable, __file__, "--events", str(count), "--only", name]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: list[list[float]] = json.loads(done.stdout)
    print(f"{name}: {found[1][1]} MiB, at the end {found[-1][1]} MiB", flush=True)
    return found


def draw(curves: dict[str, list[list[float]]], what: str, path: Path) -> None:
    """One picture with all curves."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "penstock"  # the same picture for the same figures
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 3.2), layout="constrained")
    for name, points in curves.items():
        axes.plot([x / 1e6 for x, _ in points], [y for _, y in points], label=name)
    axes.set_ylim(bottom=0)
    axes.set_xlabel(what)
    axes.set_ylabel("memory of the process, MiB")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description="The memory of filters of event time.")
    parser.add_argument("--events", type=int, default=10_000_000, help="how many events")
    parser.add_argument("--only", help="print the curve of one filter, as JSON")
    options = parser.parse_args()
    if options.only:
        one(options.only, options.events)
        return
    kept = {name: measured(name, options.events // 10) for name in AT_ONCE}
    draw(kept, "millions of keys at once", HERE / "results" / "stream-keys.svg")
    flat = {name: measured(name, options.events) for name in TURNOVER}
    said = "millions of events; a tenth as many keys, 100 open at a time"
    draw(flat, said, HERE / "results" / "stream-memory.svg")


if __name__ == "__main__":
    main()
