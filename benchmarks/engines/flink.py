"""What Flink costs: CPU microseconds an event, of its JVM and of Python, beside a plain run.

    python benchmarks/engines/flink.py [EVENTS]

Lines of an access log, from a file to files, by the filters of `benchmarks/apache.conf`, and with a
window behind them. Both ways run in turn, each first on a quarter of the lines: that warms the JVM
up, and what a plain run needs to start is taken out with it. Flink runs in a cluster inside one
process, with one task, as the tests start it (`tests/servers`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from jobs import FILTERS, ROOT, row, spent, write_lines

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

EVENTS = 400_000
CONFIG = """
input {{ file {{ path => "${{INPUT}}" mode => "read" exit_after_read => true
  sincedb_path => "/dev/null" file_completed_action => "log"
  file_completed_log_path => "/dev/null" }} }}
filter {{ {filters} }}
output {{ file {{ path => "${{OUTPUT}}" codec => json_lines }} }}
"""


def inside(directories: list[Path]) -> None:
    """Run configurations on Flink in this process; of each the CPU seconds, JVM and Python."""
    from engines.flink_runs import run

    before = spent(os.getpid())
    for directory in directories:
        if not run(directory, ["--path.data", str(directory / "data")]):
            sys.exit(f"{directory} failed")
        now = spent(os.getpid())
        print(json.dumps([now.jvm - before.jvm, now.python - before.python]), flush=True)
        before = now


def plain(directory: Path) -> float:
    """The CPU seconds of a plain run."""
    from measure import run
    from servers.packages import python

    variables = {"INPUT": str(directory / "input.log"), "OUTPUT": str(directory / "plain")}
    command = [
        str(python("flink")),
        "-m",
        "penstock",
        "run",
        "-f",
        str(directory / "pipeline.conf"),
    ]
    data = ["--path.data", str(directory / "plain-data")]
    return run([*command, *data], PYTHONPATH=str(ROOT), **variables).cpu


def prepared(home: Path, name: str, filters: str, count: int) -> Path:
    """A directory with a configuration and its lines."""
    directory = home / f"{name.replace(' ', '-')}-{count}"
    directory.mkdir()
    (directory / "pipeline.conf").write_text(CONFIG.format(filters=filters))
    write_lines(directory / "input.log", count)
    return directory


def main() -> None:
    """Measure, and print a table."""
    from servers import flink
    from servers.packages import python

    count = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    print(
        "| filters | plain | Flink, JVM | Flink, Python | sum | ratio |\n|---|---|---|---|---|---|"
    )
    for name, filters in FILTERS.items():
        with tempfile.TemporaryDirectory() as home:
            sizes = count // 4, count
            few, many = (prepared(Path(home), name, filters, size) for size in sizes)
            once = (plain(many) - plain(few)) / (count - count // 4) * 1e6
            command = [str(python("flink")), __file__, "--inside", str(few), str(many)]
            told = subprocess.check_output(command, env=flink.environment(), text=True)
            jvm, own = (each / count * 1e6 for each in json.loads(told.splitlines()[-1]))
            print(row(name, once, jvm, own), flush=True)


if __name__ == "__main__":
    if "--inside" in sys.argv:
        inside([Path(each) for each in sys.argv[2:]])
    else:
        main()
