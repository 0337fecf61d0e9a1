"""A run at a steady load while its scraper is killed again and again: what the process uses over
time, whether its memory stays flat, and whether everything arrived.

    python benchmarks/steady.py [--minutes 60] [--rate 100] [--directory DIR]

A log of `--rate` lines a second is followed, parsed, counted in windows and written to a file; both
files are rotated. Prometheus (a real one) scrapes `/metrics` every two seconds, and is killed with
SIGKILL and started again every `--kill-every` seconds. The figures go to `results/steady.json` and
the picture to `results/steady.svg`, which is drawn alone with `--draw`.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT / "tests"), str(HERE / "baseline")]

from make_access_log import lines  # noqa: E402
from servers import prometheus  # noqa: E402
from servers.process import free_ports  # noqa: E402

CONFIG = """
input {{ file {{ id => "log" path => "{directory}/access.log" start_position => "beginning"
  sincedb_write_interval => 1 stat_interval => 1 }} }}
filter {{
  grok {{ id => "parts" match => {{ "message" => "%{{COMBINEDAPACHELOG}}" }} }}
  date {{ id => "time" match => ["timestamp", "dd/MMM/yyyy:HH:mm:ss Z"]
    target => "[event][created]" }}
  window {{ id => "minute" size => "1m" by => ["[http][response][status_code]"] keep => true }}
}}
output {{ file {{ id => "out" path => "{directory}/out.json" }} }}
"""
WARM = 0.2
"""The part of the run that does not count for the slope: caches fill, modules are loaded."""


class Penstock:
    """The process, and what the system and its API tell of it."""

    def __init__(self, directory: Path) -> None:
        (self.port,) = free_ports()
        config = directory / "steady.conf"
        config.write_text(CONFIG.format(directory=directory), encoding="utf-8")
        settings = {
            "api.enabled": "true",
            "api.http.port": str(self.port),
            "path.data": str(directory / "data"),
            "pipeline.ecs_compatibility": "v8",
        }
        flags = [word for key, value in settings.items() for word in ("-S", f"{key}={value}")]
        command = [sys.executable, "-m", "penstock", "run", *flags, "-f", str(config)]
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stderr=(directory / "penstock.log").open("w"),
            env={**os.environ, "PYTHONPATH": path},
        )

    def usage(self) -> dict[str, float]:
        """Memory in MiB, CPU seconds, threads and open files, as the system counts them."""
        own = Path(f"/proc/{self.process.pid}")
        fields = (own / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        return {
            "memory": int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 2**20,
            "cpu": ticks / os.sysconf("SC_CLK_TCK"),
            "threads": int(fields[17]),
            "files": len(list((own / "fd").iterdir())),
        }

    def stats(self) -> Any:
        """What the API tells of the pipeline."""
        url = f"http://127.0.0.1:{self.port}/_node/stats/pipelines/main"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["pipelines"]["main"]

    def end(self) -> int:
        """Stop it as a service manager does; its exit code."""
        self.process.terminate()
        return self.process.wait(60)


class Log:
    """The log that grows, and the files that come out; all are rotated by renaming."""

    def __init__(self, directory: Path, rate: float) -> None:
        self._directory, self._rate = directory, rate
        self._lines = itertools.chain.from_iterable(
            lines(10_000, seed) for seed in itertools.count()
        )
        self.written = self._rotated_out = 0

    def grow(self, seconds: float) -> None:
        """Write as many lines as belong to this moment of the run."""
        due = int(seconds * self._rate) - self.written
        with (self._directory / "access.log").open("a", encoding="utf-8") as log:
            log.writelines(f"{line}\n" for line in itertools.islice(self._lines, due))
        self.written += due

    def rotate(self) -> None:
        """Rename what was written; of the output, the file before is counted and deleted."""
        for name in ("access.log", "out.json"):
            old = self._directory / f"{name}.1"
            if name == "out.json" and old.exists():
                self._rotated_out += _count(old)
            with contextlib.suppress(FileNotFoundError):
                (self._directory / name).replace(old)

    def arrived(self) -> int:
        """Lines of access that came out, whatever windows told besides."""
        files = (self._directory / "out.json", self._directory / "out.json.1")
        return self._rotated_out + sum(_count(path) for path in files if path.exists())


def _count(path: Path) -> int:
    with path.open("rb") as file:
        return sum(b'"message"' in line for line in file)


def run(directory: Path, minutes: float, rate: float, kill_every: float) -> dict[str, Any]:
    """Run for so long; the figures."""
    log, penstock = Log(directory, rate), Penstock(directory)
    scraper = prometheus.server(directory, f"127.0.0.1:{penstock.port}", "2s")
    rows, kills, started = [], 0, time.monotonic()
    log.grow(0)
    scraper.start()
    try:
        for second in range(1, int(minutes * 60) + 1):
            time.sleep(max(0.0, started + second - time.monotonic()))
            log.grow(time.monotonic() - started)
            if second % 15 == 0:
                rows.append(_row(penstock, time.monotonic() - started))
            if second % 600 == 0:
                log.rotate()
            if second % kill_every == 0:
                scraper.kill()
                scraper.start()
                kills += 1
        _await_delivery(penstock, log.written)
        scrapes = prometheus.query(scraper.url, "scrape_samples_scraped")
        code = penstock.end()
    finally:
        scraper.kill()
        penstock.process.kill()
    found = {"minutes": minutes, "rate": rate, "kills": kills, "exit": code, "rows": rows}
    found["samples_scraped"] = int(scrapes[0]["value"][1]) if scrapes else 0
    found |= {"written": log.written, "arrived": log.arrived(), **_summary(rows)}
    return found


def _row(penstock: Penstock, seconds: float) -> dict[str, float]:
    stats = penstock.stats()
    lag = stats["plugins"]["inputs"][0]["metrics"]["lag_bytes"]
    return {
        "seconds": round(seconds, 1),
        **penstock.usage(),
        "in": stats["events"]["in"],
        "lag": lag,
    }


def _await_delivery(penstock: Penstock, written: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and penstock.stats()["events"]["in"] < written:
        time.sleep(0.5)
    time.sleep(1.5)


def _summary(rows: list[dict[str, float]]) -> dict[str, float]:
    """CPU in percent of one processor, and how memory grows once all is warm, in MiB an hour."""
    warm = rows[int(len(rows) * WARM) :]
    first, last = warm[0], warm[-1]
    cpu = 100 * (last["cpu"] - first["cpu"]) / max(last["seconds"] - first["seconds"], 1)
    growth = 3600 * _slope([(row["seconds"], row["memory"]) for row in warm])
    return {
        "cpu_percent": round(cpu, 2),
        "memory_growth_per_hour": round(growth, 2),
        "memory_first": round(first["memory"], 1),
        "memory_last": round(last["memory"], 1),
    }


def _slope(points: list[tuple[float, float]]) -> float:
    """The slope of the straight line that fits best."""
    x = sum(a for a, _ in points) / len(points)
    y = sum(b for _, b in points) / len(points)
    spread = sum((a - x) ** 2 for a, _ in points)
    return sum((a - x) * (b - y) for a, b in points) / spread if spread else 0.0


def draw(found: dict[str, Any], path: Path) -> None:
    """Memory, CPU and lag over time."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "penstock"  # the same picture for the same figures
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(3, 1, figsize=(7, 5.4), sharex=True, layout="constrained")
    for axis, (label, points) in zip(axes, _curves(found["rows"]), strict=True):
        axis.plot([at / 60 for at, _ in points], [value for _, value in points], color="#0b6e99")
        axis.set_ylabel(label)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axes[-1].set_xlabel(
        f"minutes, at {found['rate']:g} events/s; scraper killed {found['kills']} times"
    )
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _curves(rows: list[dict[str, float]]) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    yield "memory, MiB", [(row["seconds"], row["memory"]) for row in rows]
    spent = [
        (b["seconds"], 100 * (b["cpu"] - a["cpu"]) / (b["seconds"] - a["seconds"]))
        for a, b in itertools.pairwise(rows)
        if b["seconds"] > a["seconds"]  # after a stall of the machine, two come at once
    ]
    yield "CPU, % of one", spent
    yield "lag, KiB", [(row["seconds"], row["lag"] / 1024) for row in rows]


def main() -> None:
    """Run, write the figures down, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=100, help="events a second")
    parser.add_argument("--kill-every", type=float, default=60, help="seconds")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--directory", type=Path, help="where the files of the run are kept")
    parser.add_argument("--draw", action="store_true", help="draw what was measured before")
    given = parser.parse_args()
    result = given.results / "steady.json"
    if not given.draw:
        with tempfile.TemporaryDirectory(dir=given.directory) as directory:
            found = run(Path(directory), given.minutes, given.rate, given.kill_every)
        result.write_text(json.dumps(found) + "\n", encoding="utf-8")
    found = json.loads(result.read_text(encoding="utf-8"))
    draw(found, given.results / "steady.svg")
    print(*(f"{key}: {value}" for key, value in found.items() if key != "rows"), sep="\n")


if __name__ == "__main__":
    main()
