#!/usr/bin/env python3
"""The instructions that an event costs, job by job beside the program by hand, which no neighbour
disturbs: what a start costs is taken off. Needs valgrind, and some ten minutes.

usage: instructions.py [JOB …]       writes results/instructions.md where all jobs are counted
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench import HERE, Bench
from gate import per_event
from measure import PENSTOCK

JOBS = {
    "access log": ("apache.conf", "handwritten.py", "access_log"),
    "key=value": ("kv.conf", "kv.py", "kv"),
    "syslog, RFC 3164": ("syslog3164.conf", "syslog3164.py", "syslog3164"),
    "syslog, RFC 5424": ("syslog5424.conf", "syslog5424.py", "syslog5424"),
    "chain: a firewall's CSV": ("firewall.conf", "firewall.py", "firewall"),
}


def row(bench: Bench, name: str) -> str:
    """A job's row of the table; raises RuntimeError without valgrind."""
    config, baseline, kind = JOBS[name]

    def lines(count: int) -> Path:
        return bench.access_log(count) if kind == "access_log" else bench.generated(kind, count)

    ours = per_event([*PENSTOCK, "-f", str(HERE / config)], lines)
    by_hand = per_event([sys.executable, str(HERE / "baseline" / baseline)], lines)
    if ours is None or by_hand is None:
        raise RuntimeError("valgrind is not installed")
    return f"| {name} | {ours:,.0f} | {by_hand:,.0f} | {ours / by_hand:.2f} |"


def main() -> None:
    names = sys.argv[1:] or list(JOBS)
    table = ["| job | instructions an event | by hand | ratio |", "| --- | --- | --- | --- |"]
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(Path(directory), quick=True)
        for name in names:
            table.append(row(bench, name))
            print(table[-1], flush=True)
    if names == list(JOBS):
        text = "\n".join(table)
        (HERE / "results" / "instructions.md").write_text(f"{text}\n")


if __name__ == "__main__":
    main()
