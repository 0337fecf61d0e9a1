"""The page on the soak tier, from the rows that its tests wrote to soak.json."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any

ROWS = Path(__file__).with_name("soak.json")
HEAD = """# What the long tests found

`make soak` kills, again and again: Penstock itself with `kill -9` at any moment, and in some tests
the servers that it talks to. A test passes when every event has arrived in the end, and with
`exactly_once` each of them once. `make soak ROUNDS=20` kills less often; a file or a test may be
named with `make soak TESTS=tests/faults/test_flume.py`.

Each test that ran, passed or failed, has put its row here in place of the row of its run before;
nothing is written by hand. A kill is a process or a server that was ended; *repeated* counts
deliveries beyond the first of an event, which at least once allows; the tests of stateful filters
compare results by identity instead. *Load* is the average over fifteen minutes on the two cores
that the tests had. Which guarantee each of them belongs to is in [guarantees.md](guarantees.md).

"""
COLUMNS = "| Test | Kills | Events | Lost | Repeated | Minutes | Load | Date | Commit | |"


def page() -> str:
    """The whole page but for the note that it is generated."""
    rows = json.loads(ROWS.read_text(encoding="utf-8"))
    sections = [
        _section(subject, list(of_subject))
        for subject, of_subject in groupby(rows, key=lambda row: str(row["subject"]))
    ]
    return HEAD + _sum(rows) + "\n\n" + "\n".join(sections)


def _sum(rows: list[dict[str, Any]]) -> str:
    kills = sum(row.get("kills", 0) for row in rows)
    events = sum(row.get("events", 0) for row in rows)
    lost = sum(row.get("lost", 0) for row in rows)
    failed = sum(not row["passed"] for row in rows)
    return f"In all: {kills:,} kills, {events:,} events, {lost} lost; {failed} tests failed."


def _section(subject: str, rows: list[dict[str, Any]]) -> str:
    servers = sorted({server for row in rows for server in row["servers"]})
    parts = [f"## {subject}\n"]
    if servers:
        parts.append(f"Servers: {', '.join(servers)}.\n")
    parts.append(f"{COLUMNS}\n|---|---|---|---|---|---|---|---|---|---|")
    parts += map(_row, rows)
    return "\n".join(parts) + "\n"


def _row(row: dict[str, Any]) -> str:
    figures = [_figure(row.get(name)) for name in ("kills", "events", "lost", "repeated")]
    result = "passed" if row["passed"] else "**failed**"
    cells = [
        _name(row["test"]),
        *figures,
        f"{row['seconds'] / 60:.1f}",
        str(row["load"]),
        row["date"],
        f"`{row['commit']}`",
        result,
    ]
    return f"| {' | '.join(cells)} |"


def _figure(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _name(test: str) -> str:
    """A test in words, with its parameters behind it."""
    name, _, parameters = test.rpartition("::")[2].partition("[")
    words = name.removeprefix("test_").replace("_", " ")
    shown = parameters.removesuffix("]").replace("|", "\\|")
    return f"{words}: {shown}" if shown else words
