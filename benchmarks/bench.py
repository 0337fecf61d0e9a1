#!/usr/bin/env python3
"""All benchmarks: each beside its baseline, in one run; writes results/results.json,
results/table.md and plots as SVG.

usage: bench.py [--quick] [--only NAME …]     (make bench, make bench-quick)
"""

from __future__ import annotations

import argparse
import datetime
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
from measure import PENSTOCK, Usage, in_turn, median, ratio, run, run_together

HERE = Path(__file__).parent
RESULTS = HERE / "results"
Row = dict[str, Any]


class Bench:
    """The cases; ``scale`` shrinks them, ``rounds`` is how often each runs."""

    def __init__(self, directory: Path, quick: bool) -> None:
        self.directory = directory
        self.rounds = 3 if quick else 5
        self.scale = 10 if quick else 1
        self._logs: dict[int, Path] = {}

    def access_log(self, count: int) -> Path:
        """A generated access log of so many lines."""
        if count not in self._logs:
            path = self.directory / f"access-{count}.log"
            with path.open("wb") as file:
                subprocess.run(
                    [sys.executable, str(HERE / "baseline/make_access_log.py"), str(count)],
                    stdout=file,
                    check=True,
                )
            self._logs[count] = path
        return self._logs[count]

    def against(
        self,
        title: str,
        config: str,
        baseline: str,
        log: Path,
        count: int,
        limit: float,
        *flags: str,
    ) -> Row:
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
        return self.against(
            "apache job, one core",
            "apache.conf",
            "handwritten.py",
            self.access_log(count),
            count,
            1.15,
        )

    def json_lines(self) -> Row:
        """JSON lines through, no filter."""
        count = 500_000 // self.scale
        path = self.directory / "events.json"
        with path.open("wb") as out, self.access_log(count).open("rb") as log:
            subprocess.run(
                [*PENSTOCK, "-f", str(HERE / "apache.conf")], stdin=log, stdout=out, check=True
            )
        return self.against(
            "JSON lines through", "json_lines.conf", "json_lines.py", path, count, 1.3
        )

    def lines(self) -> Row:
        """Lines through, no filter."""
        count = 1_000_000 // self.scale
        return self.against(
            "lines through", "lines.conf", "copy_lines.py", self.access_log(count), count, 1.5
        )

    def generated(self, job: str, count: int) -> Path:
        """So many generated lines for a job."""
        path = self.directory / f"{job}-{count}.log"
        if not path.exists():
            maker = [sys.executable, str(HERE / "baseline/make_lines.py"), job, str(count)]
            with path.open("wb") as file:
                subprocess.run(maker, stdout=file, check=True)
        return path

    def by_hand(self, job: str, title: str, limit: float) -> Row:
        """A job on generated lines against the program by hand of its name."""
        count = 200_000 // self.scale
        lines = self.generated(job, count)
        return self.against(title, f"{job}.conf", f"{job}.py", lines, count, limit)

    def kv(self) -> Row:
        """Key=value pairs, numbers among them."""
        return self.by_hand("kv", "15 key=value pairs, 7 of them numbers", 1.25)

    def syslog3164(self) -> Row:
        """Syslog lines with grok, date and syslog_pri."""
        return self.by_hand("syslog3164", "syslog, RFC 3164", 2.0)

    def syslog5424(self) -> Row:
        """Syslog lines with the pattern that comes with grok."""
        return self.by_hand("syslog5424", "syslog, RFC 5424", 2.0)

    def firewall(self) -> Row:
        """A chain of filters and conditions."""
        return self.by_hand("firewall", "chain: a firewall's CSV", 2.0)

    def logstash(self) -> Row:
        """Logstash's own benchmark case, on a real access log repeated."""
        count = 500_000 // self.scale
        sample = (HERE / "../samples/benchmark/input.log").read_bytes()
        lines = sample.count(b"\n")
        path = self.directory / "real.log"
        with path.open("wb") as file:
            for _ in range(count // lines):
                file.write(
                    sample
                )  # piece by piece: what this process once took would count as its children's peak
        count = lines * (count // lines)
        city = str((HERE / "../samples/benchmark/GeoLite2-City.mmdb").resolve())
        flags = ["--pipeline.ecs_compatibility", "disabled"]
        (ours,) = in_turn(
            self.rounds,
            lambda: run(
                [*PENSTOCK, "-f", str(HERE / "logstash.conf"), *flags], path, CITY_DATABASE=city
            ),
        )
        cost = 1e6 * median(ours).cpu / count
        return {
            "case": "Logstash's benchmark case",
            "events": count,
            "cpu_us": cost,
            "limit": "≤ 8 µs",
            "met": cost <= 8,
            "memory_mib": median(ours).memory,
        }

    def workers(self) -> Row:
        """Two workers against one: events a second."""
        return self.speed("two workers, events a second of one", ["-w", "2"], ["-w", "1"], 1.7)

    def processes(self) -> Row:
        """Two workers on the firewall's chain against two processes side by side, each with half
        of the lines: events a second.
        """
        count = 200_000 // self.scale
        whole, half = self.generated("firewall", count), self.generated("firewall", count // 2)
        command = [*PENSTOCK, "-f", str(HERE / "firewall.conf")]
        mine, other = in_turn(
            self.rounds,
            lambda: run([*command, "-w", "2"], whole),
            lambda: run_together(command, [half, half]),
        )
        return self.faster("chain: two workers, of two processes", count, mine, other, 0.95)

    def more_workers(self) -> Row:
        """More workers than cores against as many."""
        return self.speed("eight workers, events a second of two", ["-w", "8"], ["-w", "2"], 0.9)

    def disk_queue(self) -> Row:
        """The disk queue against the memory queue."""
        disk = ["-S", "queue.type=persisted", "--path.data", str(self.directory / "data")]
        return self.speed("disk queue, events a second of the memory queue", disk, [], 0.6)

    def speed(self, title: str, ours: list[str], theirs: list[str], least: float) -> Row:
        """The apache job with some flags against the same with others: events a second on the wall,
        and the largest process.
        """
        count = 1_000_000 // self.scale
        log, config = self.access_log(count), str(HERE / "apache.conf")
        mine, other = in_turn(
            self.rounds,
            lambda: run([*PENSTOCK, *ours, "-f", config], log),
            lambda: run([*PENSTOCK, *theirs, "-f", config], log),
        )
        return self.faster(title, count, mine, other, least)

    def faster(
        self, title: str, count: int, mine: list[Usage], other: list[Usage], least: float
    ) -> Row:
        """The row of a case that is judged by events a second."""
        gain = 1 / ratio(mine, other, "wall")
        return {
            "case": title,
            "events": count,
            "cpu_us": 1e6 * median(mine).cpu / count,
            "baseline_us": 1e6 * median(other).cpu / count,
            "ratio": gain,
            "limit": f"≥ {least} ×",
            "met": gain >= least,
            "memory_mib": median(mine).memory,
        }

    def start(self) -> Row:
        """The first event of an empty configuration, and the version."""
        line = self.directory / "line"
        line.write_text("one line\n")
        first, version = in_turn(
            2 * self.rounds,
            lambda: run([*PENSTOCK, "-e", ""], line),
            lambda: run([sys.executable, "-m", "penstock", "--version"]),
        )
        wall = median(first).wall
        return {
            "case": "start: one event through and out; --version",
            "events": 1,
            "wall_ms": 1e3 * wall,
            "version_ms": 1e3 * median(version).wall,
            "limit": "≤ 250 ms, ≤ 100 ms",
            "met": wall <= 0.25 and median(version).wall <= 0.1,
            "memory_mib": median(first).memory,
        }


CASES = (
    "apache",
    "json_lines",
    "lines",
    "kv",
    "syslog3164",
    "syslog5424",
    "firewall",
    "logstash",
    "workers",
    "processes",
    "more_workers",
    "disk_queue",
    "start",
)


def machine() -> dict[str, Any]:
    """What this machine is."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if "model name" in line), "?")
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memory": round(pages / 2**30),
        "python": platform.python_version(),
        "system": platform.system(),
        "day": f"{datetime.date.today():%Y-%m-%d}",
    }


def table(rows: list[Row]) -> str:
    """The results for a person."""
    head = [
        "case",
        "events",
        "µs of CPU an event",
        "baseline",
        "ratio",
        "wanted",
        "met",
        "memory, MiB",
    ]
    return (
        "\n".join(
            f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *map(_cells, rows))
        )
        + "\n"
    )


def _cells(row: Row) -> list[str]:
    cost = (
        f"{row['cpu_us']:.2f}"
        if "cpu_us" in row
        else f"{row['wall_ms']:.0f} ms"
        if "wall_ms" in row
        else ""
    )
    base = (
        f"{row['baseline_us']:.2f}"
        if "baseline_us" in row
        else f"{row['version_ms']:.0f} ms"
        if "version_ms" in row
        else ""
    )
    times = f"{row['ratio']:.2f}" if "ratio" in row else ""
    met = "yes" if row["met"] else "no"
    return [
        row["case"],
        f"{row['events']:,}",
        cost,
        base,
        times,
        row["limit"],
        met,
        f"{row['memory_mib']:.0f}",
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a tenth of the events, fewer rounds; written to results/quick",
    )
    parser.add_argument(
        "--only",
        nargs="*",
        metavar="NAME",
        help=f"of {', '.join(CASES)}, growth: the others stay as they are",
    )
    arguments = parser.parse_args()
    results = RESULTS / "quick" if arguments.quick else RESULTS
    results.mkdir(parents=True, exist_ok=True)
    found = _earlier(results)
    wanted = arguments.only or [*CASES, "growth"]
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(Path(directory), arguments.quick)
        for name in CASES:
            if name in wanted:
                case: Callable[[], Row] = getattr(bench, name)
                found["cases"][name] = case()
                print(table([found["cases"][name]]).splitlines()[-1], flush=True)
        if "growth" in wanted:
            found["growth"] = growth.all_curves(arguments.quick)
    found["machine"] = machine()
    (results / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    rows = [found["cases"][name] for name in CASES if name in found["cases"]]
    (results / "table.md").write_text(
        f"{_described(arguments.quick, bench.rounds)}\n\n{table(rows)}"
    )
    plots.draw(found["growth"], results)
    return 0


def _earlier(results: Path) -> dict[str, Any]:
    """What an earlier run has found, if there was one."""
    file = results / "results.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return {"cases": {}, "growth": {}} | found


def _described(quick: bool, rounds: int) -> str:
    found = machine()
    size = ", a tenth of the events" if quick else ""
    return (
        f"Measured on {found['cores']} cores of {found['processor']} ({found['memory']} GiB),"
        f" Python {found['python']}, {found['system']}, {found['day']}: medians of {rounds} runs"
        f" taken in turn{size}."
    )


if __name__ == "__main__":
    sys.exit(main())
