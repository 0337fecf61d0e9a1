"""What Spark costs between topics of Kafka: CPU microseconds an event, of its JVM and of Python.

    python benchmarks/engines/spark_kafka.py [EVENTS]

Lines of an access log in a topic of four partitions, by the filters of `benchmarks/apache.conf`, to
another topic. Beside it stand a plain run of the same filters between two files, and the client
library alone, which reads and writes the same messages: what any program would need that does this.
Session, broker and passes are those of `spark.py`; of a plain run its start is taken out.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from jobs import ACCESS, ROOT, write_lines
from spark import FILE, OUT, PASSES, Cost, plain, spent

sys.path[:0] = [str(ROOT / "tests")]

from servers import kafka  # noqa: E402
from servers import spark as spark_server  # noqa: E402
from servers.kafka_topics import Topic  # noqa: E402
from servers.packages import python  # noqa: E402

EVENTS = 200_000
PARTITIONS = 4
CONFIG = """
input {{ kafka {{ bootstrap_servers => "{address}" topics => ["{source}"]
  group_id => "{source}-{number}" auto_offset_reset => "earliest" }} }}
filter {{ {filters} }}
output {{ kafka {{ bootstrap_servers => "{address}" topic_id => "{target}" codec => json }} }}
"""
CLIENT = """
import sys, time
from confluent_kafka import Consumer, Producer
address, source, target, count = *sys.argv[1:4], int(sys.argv[4])
consumer = Consumer({"bootstrap.servers": address, "group.id": target,
    "auto.offset.reset": "earliest", "enable.auto.commit": False})
producer = Producer({"bootstrap.servers": address, "acks": "all", "linger.ms": 5,
    "queue.buffering.max.messages": 0})
consumer.subscribe([source])
taken, began, left = 0, None, 0
def report(error, message):
    global left
    assert error is None
    left -= 1
while taken < count:
    messages = consumer.consume(500, 1.0)
    if began is None and messages:
        began = time.process_time()
    for message in messages:
        left += 1
        producer.produce(target, message.value() * 4, on_delivery=report)
    taken += len(messages)
    producer.poll(0)
while left:
    producer.poll(0.1)
print((time.process_time() - began) / taken * 1e6)
"""


class Bench:
    """The three ways, on one broker and in one session. ``directory``: for files."""

    def __init__(self, broker: Any, session: Any, directory: Path, count: int) -> None:
        self._address, self._session = broker.address, session
        self._directory, self._count = directory, count
        self._lines = write_lines(directory / "lines.log", count)
        self._few = write_lines(directory / "few.log", 1000)
        self._source = Topic(self._address, PARTITIONS)
        self._source.put(self._lines.read_bytes().splitlines())

    def plain(self) -> float:
        """µs an event of a plain run between files."""
        config = f"{FILE}\nfilter {{ {ACCESS} }}\n{OUT}\n"
        start = plain(self._directory, config, self._few)
        return (plain(self._directory, config, self._lines) - start) / self._count * 1e6

    def client(self) -> float:
        """µs an event of the client alone, which writes messages of the same size."""
        target = Topic(self._address, PARTITIONS).name
        told = [self._address, self._source.name, target, str(self._count)]
        return float(subprocess.check_output([python("spark"), "-c", CLIENT, *told]))

    def spark(self, number: int) -> Cost:
        """µs an event of Spark."""
        names = {"source": self._source.name, "target": Topic(self._address, PARTITIONS).name}
        asked = {"address": self._address, "number": number, "filters": ACCESS, **names}
        config = self._directory / "kafka.conf"
        config.write_text(CONFIG.format(**asked))
        flags = ["--engine", "spark", "--engine-option", "until_idle=true"]
        before = spent(self._session.process.pid)
        ended = spark_server.run(self._session, {}, "run", "-f", str(config), *flags)
        if ended.status:
            sys.exit(ended.err)
        after = spent(self._session.process.pid)
        jvm, own = after.jvm - before.jvm, after.python - before.python
        return Cost(jvm / self._count * 1e6, own / self._count * 1e6)


def measure(bench: Bench) -> None:
    """Print a row for each pass."""
    print("| pass | plain | client | Spark, JVM | Spark, Python | sum | ratio to plain + client |")
    print("|---|---|---|---|---|---|---|")
    for number in range(PASSES):
        once, client, cost = bench.plain(), bench.client(), bench.spark(number)
        total = cost.jvm + cost.python
        figures = once, client, cost.jvm, cost.python, total, total / (once + client)
        print(f"| {number + 1} | {' | '.join(f'{each:.1f}' for each in figures)} |", flush=True)


def main() -> None:
    """Measure, and print a table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    with tempfile.TemporaryDirectory() as home:
        places = [Path(home, name) for name in ("broker", "session", "files")]
        for place in places:
            place.mkdir()
        session = spark_server.server(places[1]).start()
        try:
            with kafka.server(places[0]) as broker:
                measure(Bench(broker, session, places[2], count))
        finally:
            session.kill()


if __name__ == "__main__":
    main()
