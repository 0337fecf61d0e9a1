#!/usr/bin/env python3
"""All benchmarks: each beside its baseline, in one run; writes results/results.json, results/table.md and plots as SVG.

usage: bench.py [--quick] [--only NAME …]     (make bench, make bench-quick)
"""
from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import growth
import plots
from measure import PENSTOCK, in_turn, median, ratio, run

HERE = Path(__file__).parent
RESULTS = HERE / "results"
Row = dict[str, Any]


class Bench:
    """The cases; ``scale`` shrinks them, ``rounds`` is how often each runs."""

    def __init__(self, folder: Path, quick: bool) -> None:
        self.folder = folder
        self.rounds = 3 if quick else 5
        self.scale = 10 if quick else 1
        self._logs: dict[int, Path] = {}

    def access_log(self, count: int) -> Path:
        """A generated access log of so many lines."""
        if count not in self._logs:
            path = self.folder / f"access-{count}.log"
            with path.open("wb") as file:
                subprocess.run([sys.executable, str(HERE / "baseline/make_access_log.py"), str(count)], stdout=file, check=True)
            self._logs[count] = path
        return self._logs[count]

    def against(self, title: str, config: str, baseline: str, log: Path, count: int, limit: float, *flags: str) -> Row:
        """Penstock on a configuration against a script, on the same input."""
        ours, theirs = in_turn(
            self.rounds,
            lambda: run([*PENSTOCK, "-f", str(HERE / config), *flags], log),
            lambda: run([sys.executable, str(HERE / "baseline" / baseline)], log),
        )
        mine, other = median(ours), median(theirs)
        return {
            "case": title,
            "events": count,
            "cpu_us": 1e6 * mine.cpu / count,
            "baseline_us": 1e6 * other.cpu / count,
            "ratio": ratio(ours, theirs),
            "limit": f"≤ {limit} ×",
            "met": ratio(ours, theirs) <= limit,
            "memory_mib": mine.memory,
        }

    def apache(self) -> Row:
        """The apache job against the hand-written loop."""
        count = 1_000_000 // self.scale
        return self.against("apache job, one core", "apache.conf", "handwritten.py", self.access_log(count), count, 1.3)

    def json_lines(self) -> Row:
        """JSON lines through, no filter."""
        count = 500_000 // self.scale
        path = self.folder / "events.json"
        with path.open("wb") as out, self.access_log(count).open("rb") as log:
            subprocess.run([*PENSTOCK, "-f", str(HERE / "apache.conf")], stdin=log, stdout=out, check=True)
        return self.against("JSON lines through", "json_lines.conf", "json_lines.py", path, count, 1.3)

    def lines(self) -> Row:
        """Lines through, no filter."""
        count = 1_000_000 // self.scale
        return self.against("lines through", "lines.conf", "copy_lines.py", self.access_log(count), count, 1.5)

    def logstash(self) -> Row:
        """Logstash's own benchmark case, on a real access log repeated."""
        count = 500_000 // self.scale
        sample = (HERE / "../samples/benchmark/input.log").read_bytes()
        lines = sample.count(b"\n")
        path = self.folder / "real.log"
        with path.open("wb") as file:
            for _ in range(count // lines):
                file.write(sample)  # piece by piece: what this process once took would count as its children's peak
        count = lines * (count // lines)
        city = str((HERE / "../samples/benchmark/GeoLite2-City.mmdb").resolve())
        flags = ["--pipeline.ecs_compatibility", "disabled"]
        (ours,) = in_turn(
            self.rounds, lambda: run([*PENSTOCK, "-f", str(HERE / "logstash.conf"), *flags], path, CITY_DATABASE=city)
        )
        cost = 1e6 * median(ours).cpu / count
        return {"case": "Logstash's benchmark case", "events": count, "cpu_us": cost, "limit": "≤ 8 µs", "met": cost <= 8,
                "memory_mib": median(ours).memory}

    def workers(self) -> Row:
        """Two workers against one: events a second."""
        count = 1_000_000 // self.scale
        log = self.access_log(count)
        two, one = in_turn(
            self.rounds,
            lambda: run([*PENSTOCK, "-w", "2", "-f", str(HERE / "apache.conf")], log),
            lambda: run([*PENSTOCK, "-w", "1", "-f", str(HERE / "apache.conf")], log),
        )
        gain = 1 / ratio(two, one, "wall")
        return {
            "case": "two workers: events a second of one",
            "events": count,
            "ratio": gain,
            "limit": "≥ 1.7 ×",
            "met": gain >= 1.7,
            "memory_mib": median(two).memory,
        }

    def start(self) -> Row:
        """The first event of an empty configuration, and the version."""
        line = self.folder / "line"
        line.write_text("one line\n")
        first, version = in_turn(
            2 * self.rounds,
            lambda: run([*PENSTOCK, "-e", ""], line),
            lambda: run([sys.executable, "-m", "penstock", "--version"]),
        )
        wall = median(first).wall
        return {"case": "start: one event through and out", "events": 1, "wall_ms": 1e3 * wall,
                "version_ms": 1e3 * median(version).wall, "limit": "≤ 250 ms, version ≤ 100 ms",
                "met": wall <= 0.25 and median(version).wall <= 0.1, "memory_mib": median(first).memory}


CASES: tuple[str, ...] = ("apache", "json_lines", "lines", "logstash", "workers", "start")


def machine() -> dict[str, Any]:
    """What this machine is."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if "model name" in line), "?")
    return {"processor": model, "cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}


def table(rows: list[Row]) -> str:
    """The results for a person."""
    head = ["case", "events", "µs of CPU an event", "baseline", "ratio", "wanted", "met", "memory, MiB"]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *map(_cells, rows))) + "\n"


def _cells(row: Row) -> list[str]:
    cost = f"{row['cpu_us']:.2f}" if "cpu_us" in row else f"{row['wall_ms']:.0f} ms" if "wall_ms" in row else ""
    base = f"{row['baseline_us']:.2f}" if "baseline_us" in row else f"{row['version_ms']:.0f} ms" if "version_ms" in row else ""
    times = f"{row['ratio']:.2f}" if "ratio" in row else ""
    met = "yes" if row["met"] else "no"
    return [row["case"], f"{row['events']:,}", cost, base, times, row["limit"], met, f"{row['memory_mib']:.0f}"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the events, fewer rounds")
    parser.add_argument("--only", nargs="*", default=[*CASES, "growth"], metavar="NAME", help=f"of {', '.join(CASES)}, growth")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), arguments.quick)
        rows = []
        for name in CASES:
            if name in arguments.only:
                case: Callable[[], Row] = getattr(bench, name)
                rows.append(case())
                print(table(rows[-1:]).splitlines()[-1], flush=True)
        curves = growth.all_curves(arguments.quick) if "growth" in arguments.only else {}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "results.json").write_text(json.dumps({"machine": machine(), "cases": rows, "growth": curves}, indent=1) + "\n")
    (RESULTS / "table.md").write_text(f"{_described()}\n\n{table(rows)}")
    plots.draw(curves, RESULTS)
    return 0


def _described() -> str:
    found = machine()
    return f"Measured on {found['cores']} cores of {found['processor']}, Python {found['python']}, {found['system']}."


if __name__ == "__main__":
    sys.exit(main())
