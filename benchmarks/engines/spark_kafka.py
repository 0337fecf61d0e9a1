"""What Spark costs between topics of Kafka, beside a plain run between the same topics.

    python benchmarks/engines/spark_kafka.py [EVENTS]

Lines of an access log in a topic of four partitions, by the filters of `benchmarks/apache.conf`,
into another topic. Spark runs in local mode with two tasks at a time; what counts is the CPU of its
JVM and of all its Python processes, from the start of a run in a session to its end. A plain run
counts from its first event to its last, all threads. Both have the client of Kafka in them, and
each pass is one of each, one behind the other; the first warms the JVM up.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from uuid import uuid4

from jobs import FILTERS, ROOT, Cost, row, spent, write_lines
from spark import EVENTS, PASSES

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks" / "connectors")]

from kafka import PENSTOCK  # noqa: E402  (the benchmark of the connector)
from servers import kafka as kafka_server  # noqa: E402
from servers import spark as spark_server  # noqa: E402
from servers.kafka_topics import Topic  # noqa: E402
from servers.packages import python  # noqa: E402

PARTITIONS = 4
LEFT = 2000
"""Where a plain run may stop short of the end: it stops between two batches."""

CONFIG = """
input {{ kafka {{ bootstrap_servers => "{address}" topics => ["{source}"] group_id => "{group}"
    auto_offset_reset => "earliest" }} }}
filter {{ {filters} }}
output {{ kafka {{ bootstrap_servers => "{address}" topic_id => "{target}" codec => json }} }}
"""


class Bench:
    """The jobs, on one broker and in one session."""

    def __init__(self, spark: Any, address: str, home: Path, count: int) -> None:
        self._spark, self._address, self._home, self._count = spark, address, home, count
        self._source = Topic(address, PARTITIONS)
        lines = write_lines(home / "lines.log", count).read_bytes().splitlines()
        for number in range(PARTITIONS):
            self._source.put(lines[number::PARTITIONS], partition=number)

    def measure(self, name: str, filters: str) -> None:
        """Print a row for each pass."""
        for number in range(PASSES):
            once = self._plain(filters)
            cost = self._on_spark(filters)
            jvm, own = cost.jvm / self._count * 1e6, cost.python / self._count * 1e6
            print(row(f"{name}, pass {number + 1}", once, jvm, own), flush=True)

    def _config(self, filters: str) -> str:
        target = Topic(self._address, PARTITIONS).name
        names = {"source": self._source.name, "target": target, "group": uuid4().hex}
        return CONFIG.format(address=self._address, filters=filters, **names)

    def _plain(self, filters: str) -> float:
        """µs of CPU an event of a plain run."""
        data = str(self._home / uuid4().hex)
        asked = [PENSTOCK, str(self._count - LEFT), self._config(filters), data]
        command = [str(python("spark")), "-c", *asked]
        return float(subprocess.check_output(command, cwd=ROOT, text=True))

    def _on_spark(self, filters: str) -> Cost:
        """CPU seconds of a run on Spark."""
        run = self._home / uuid4().hex
        run.mkdir()
        (run / "spark.conf").write_text(self._config(filters))
        before = spent(self._spark.process.pid)
        flags = ["--engine", "spark", "--engine-option", "until_idle=true"]
        kept = ["--checkpoint", str(run / "checkpoint"), "--log.level", "error"]
        asked = ["run", "-f", str(run / "spark.conf"), *flags, *kept]
        ended = spark_server.run(self._spark, {}, *asked)
        if ended.status:
            sys.exit(ended.err)
        after = spent(self._spark.process.pid)
        return Cost(after.jvm - before.jvm, after.python - before.python)


def main() -> None:
    """Measure, and print a table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    print("| what | plain | Spark, JVM | Spark, Python | sum | ratio |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as home:
        for name in ("session", "broker", "jobs"):
            Path(home, name).mkdir()
        spark = spark_server.server(Path(home, "session")).start()
        try:
            with kafka_server.server(Path(home, "broker")) as broker:
                bench = Bench(spark, broker.address, Path(home, "jobs"), count)
                for name, filters in FILTERS.items():
                    bench.measure(name, filters)
        finally:
            spark.kill()


if __name__ == "__main__":
    main()
