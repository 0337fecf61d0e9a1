"""The soak tier: how often its tests kill, and the rows that docs/soak.md is made of.

A test is marked ``soak("RabbitMQ", "rabbitmq")``: the heading of its row, and the servers of
``packages`` that it starts. It tells its figures by the fixture ``found``. Where the variable
``PENSTOCK_SOAK_REPORT`` names a file, the row of each test that ran, passed or failed, takes the
place of the row of its run before.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from . import packages

ROOT = Path(__file__).parents[2]
_REPORT = "PENSTOCK_SOAK_REPORT"
_WRITTEN = [":!docs/soak.json", ":!docs/soak.md"]


def rounds(otherwise: int = 200) -> int:
    """How often to kill: ``PENSTOCK_SOAK_ROUNDS``, which ``make soak`` and ``make test-servers``
    set.
    """
    return int(os.environ.get("PENSTOCK_SOAK_ROUNDS", otherwise))


class Figures(NamedTuple):
    """``kills`` of processes and servers, and how many different ``events`` there were; ``repeated``:
    how many came again, beyond the first time; None where that has no meaning. ``lost``: of the
    events.
    """

    kills: int
    events: int
    repeated: int | None = None
    lost: int = 0


Found = Callable[[Figures], None]
"""The fixture ``found``: tell the figures of a test."""


def teller(record: Callable[[str, object], None]) -> Found:
    """What the fixture ``found`` gives."""

    def tell(figures: Figures) -> None:
        print(f"\n{figures}")
        for name, value in figures._asdict().items():
            record(name, value)
        assert figures.lost == 0

    return tell


def describe(item: pytest.Item) -> None:
    """Before a test: what its row is about."""
    marker = item.get_closest_marker("soak")
    if marker is not None and os.environ.get(_REPORT):
        subject, *servers = marker.args or ("Penstock itself",)
        versions = [packages.version(name) for name in servers]
        item.user_properties += [("subject", subject), ("servers", versions)]


def note(report: pytest.TestReport) -> None:
    """After a test: write its row."""
    path = os.environ.get(_REPORT)
    properties: dict[str, Any] = dict(report.user_properties)
    over = report.when == "call" or report.failed
    if path is None or not over or report.skipped or "subject" not in properties:
        return
    row = {
        **properties,
        "test": report.nodeid,
        "passed": report.passed,
        "seconds": round(report.duration),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "commit": _commit(),
        "load": round(os.getloadavg()[2]),
    }
    _replace(Path(path), row)


def _commit() -> str:
    """The commit that is tested, with a plus behind it where files were changed."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    changed = git("status", "--porcelain", "-uno", "--", ".", *_WRITTEN)
    return git("rev-parse", "--short=7", "HEAD") + ("+" if changed else "")


def _replace(path: Path, row: dict[str, Any]) -> None:
    """Several runs may write at a time."""
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        rows = json.loads(file.read() or "[]")
        rows = [other for other in rows if other["test"] != row["test"]]
        rows = sorted([*rows, row], key=lambda each: (each["subject"], each["test"]))
        lines = ",\n".join(json.dumps(each, ensure_ascii=False, sort_keys=True) for each in rows)
        file.truncate(0)
        file.write(f"[\n{lines}\n]\n")
