"""The jobs by which engines are measured, which are those of `benchmarks/apache.conf`: lines of an
access log, without state and with a window behind it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
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


def row(name: str, plain: float, jvm: float, python: float) -> str:
    """A row of the table, of microseconds an event."""
    total = jvm + python
    figures = [f"{each:.1f}" for each in (plain, jvm, python, total, total / plain)]
    return f"| {name} | {' | '.join(figures)} |"
