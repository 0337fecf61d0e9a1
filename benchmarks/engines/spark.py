"""What Spark costs: CPU microseconds an event, of its JVM and of Python, beside a plain run.

    python benchmarks/engines/spark.py [EVENTS]

Lines of an access log, from a file to files, by the filters of `benchmarks/apache.conf`, and with a
window behind them. Spark has one session with two tasks at a time, as the tests start it
(`tests/servers`). Each pass is a plain run and a run on Spark, one behind the other;
the first ones warm the JVM up. Of a plain run its start is taken out.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from jobs import FILTERS, ROOT, Cost, row, spent, write_lines

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

from measure import run  # noqa: E402
from servers import spark as spark_server  # noqa: E402
from servers.packages import python  # noqa: E402

EVENTS = 400_000
PASSES = 3
FILE = """
input { file { path => "${INPUT}" mode => "read" exit_after_read => true
  sincedb_path => "/dev/null" file_completed_action => "log"
  file_completed_log_path => "/dev/null" } }
"""
OUT = 'output { file { path => "${OUTPUT}" codec => json_lines } }'


def plain(directory: Path, config: str, lines: Path) -> float:
    """The CPU seconds of a plain run."""
    (directory / "plain.conf").write_text(config)
    command = [str(python("spark")), "-m", "penstock", "run", "-f", str(directory / "plain.conf")]
    data = ["--path.data", str(directory / "plain-data"), "--log.level", "error"]
    target = directory / "plain.jsonl"
    target.unlink(missing_ok=True)
    where = {"INPUT": str(lines), "OUTPUT": str(target), "PYTHONPATH": str(ROOT)}
    return run([*command, *data], **where).cpu


def on_spark(spark: Any, directory: Path, config: str, lines: Path, number: int) -> Cost:
    """What a run on Spark costs."""
    (directory / "spark.conf").write_text(config)
    where = {"INPUT": str(lines), "OUTPUT": str(directory / f"spark-{number}")}
    before = spent(spark.process.pid)
    flags = ["--engine", "spark", "--engine-option", "split_bytes=16mb"]
    ended = spark_server.run(spark, where, "run", "-f", str(directory / "spark.conf"), *flags)
    if ended.status:
        sys.exit(ended.err)
    after = spent(spark.process.pid)
    return Cost(after.jvm - before.jvm, after.python - before.python)


def measure(spark: Any, directory: Path, name: str, filters: str, count: int) -> None:
    """Print a row for each pass."""
    config = f"{FILE}\nfilter {{ {filters} }}\n{OUT}\n"
    lines = write_lines(directory / "lines.log", count)
    few = write_lines(directory / "few.log", 1000)
    for number in range(PASSES):
        start = plain(directory, config, few)
        once = (plain(directory, config, lines) - start) / count * 1e6
        cost = on_spark(spark, directory, config, lines, number)
        jvm, own = cost.jvm / count * 1e6, cost.python / count * 1e6
        print(row(f"{name}, pass {number + 1}", once, jvm, own), flush=True)


def main() -> None:
    """Measure, and print a table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    print("| what | plain | Spark, JVM | Spark, Python | sum | ratio |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as home:
        session = Path(home, "session")
        session.mkdir()
        spark = spark_server.server(session).start()
        try:
            for name, filters in FILTERS.items():
                directory = Path(home, name.replace(" ", "-"))
                directory.mkdir()
                measure(spark, directory, name, filters, count)
        finally:
            spark.kill()


if __name__ == "__main__":
    main()
