"""The jobs by which engines are measured, which are those of `benchmarks/apache.conf`: lines of an
access log, without state and with a window behind it; and the CPU time of processes.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
TICKS = os.sysconf("SC_CLK_TCK")
ACCESS = """
  grok { match => { "message" => "%{HTTPD_COMBINEDLOG}" } }
  date { match => ["timestamp", "dd/MMM/yyyy:HH:mm:ss Z"] remove_field => ["timestamp"] }
"""
WINDOW = """
  window { id => "w" size => "1m" by => ["[http][response][status_code]"] keep => false
    sum => { "[bytes][sum]" => "[http][response][body][bytes]" }
    percentiles => { "[bytes]" => "[http][response][body][bytes]" } percents => [95] }
"""
FILTERS = {"no state": ACCESS, "window": ACCESS + WINDOW}


def write_lines(path: Path, count: int) -> Path:
    """Write so many lines of an access log to a file."""
    make = [sys.executable, str(ROOT / "benchmarks/baseline/make_access_log.py"), str(count)]
    with path.open("wb") as file:
        subprocess.run(make, stdout=file, check=True)
    return path


class Cost(NamedTuple):
    """CPU seconds of a JVM and of Python."""

    jvm: float
    python: float


def tree(parent: int) -> list[int]:
    """A process and all below it."""
    found = [parent]
    for pid in found:
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def spent(parent: int) -> Cost:
    """What a process and all below it have used so far; what has ended counts with its parent."""
    jvm = own = 0.0
    for pid in tree(parent):
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
        fields = rest.split()
        if name.endswith("(java"):
            jvm += int(fields[11]) + int(fields[12])
            own += int(fields[13]) + int(fields[14])
        else:
            own += sum(map(int, fields[11:15]))
    return Cost(jvm / TICKS, own / TICKS)


def row(name: str, plain: float, jvm: float, python: float) -> str:
    """A row of the table, of microseconds an event."""
    total = jvm + python
    figures = [f"{each:.1f}" for each in (plain, jvm, python, total, total / plain)]
    return f"| {name} | {' | '.join(figures)} |"
