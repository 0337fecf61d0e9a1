"""What a Kafka group costs, and what a second process brings.

    python benchmarks/engines/kafka_groups.py [HOST:PORT]

Without an address it starts a broker of its own, as the tests do. Messages of 200 bytes, JSON, in
one topic of four partitions. CPU: the time of all threads of a process, from the first event to the
last, of a pipeline with `exactly_once`, beside the same filters between two files and the client
library alone, which reads and writes the same messages; each runs in turn, and the lowest of three
is shown. Throughput: events a second by the committed offsets, of one process and of two, in turn.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks" / "connectors")]

from confluent_kafka.admin import AdminClient  # noqa: E402
from kafka import PENSTOCK, python  # noqa: E402  (the benchmark of the connector)
from servers.kafka_topics import Topic  # noqa: E402

EVENTS = 300_000
ROUNDS = 3
PARTITIONS = 4
_MOST = 0.95

STATELESS = """mutate { add_field => { "place" => "%{host}/%{app}" } uppercase => ["level"]
    remove_field => ["event"] }"""
WINDOW = """window { id => "w" size => "1m" by => ["user"] count => { "n" => "ms" }
    sum => { "total" => "ms" } percentiles => { "p" => "ms" } keep => false lateness => "1h" }"""
HEAVY = (
    """grok { match => { "message" => "%{COMBINEDAPACHELOG}" } }
    date { match => ["timestamp", "dd/MMM/yyyy:HH:mm:ss Z"] } """
    + STATELESS
)

KAFKA = """
input {{ kafka {{ bootstrap_servers => "{address}" topics => ["{topic}"] group_id => "{group}"
    auto_offset_reset => "earliest" codec => json exactly_once => true }} }}
filter {{ {filters} }}
output {{ kafka {{ bootstrap_servers => "{address}" topic_id => "{target}" codec => json
    exactly_once => true }} }}
"""
FILES = """
input {{ file {{ path => "{path}" mode => "read" codec => json
    file_completed_action => "log" file_completed_log_path => "{directory}/read" }} }}
filter {{ {filters} }}
output {{ file {{ path => "{directory}/out" codec => json_lines }} }}
"""

CLIENT = """
import sys, time
from confluent_kafka import Consumer, Producer
address, topic, target, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
consumer = Consumer({"bootstrap.servers": address, "group.id": sys.argv[5],
    "auto.offset.reset": "earliest", "enable.auto.commit": False,
    "isolation.level": "read_committed"})
producer = Producer({"bootstrap.servers": address, "transactional.id": sys.argv[5],
    "linger.ms": 5, "queue.buffering.max.messages": 0})
producer.init_transactions()
consumer.subscribe([topic])
taken, began, left = 0, None, 0
def report(error, message):
    global left
    assert error is None
    left -= 1
def commit():
    places = consumer.position(consumer.assignment())
    producer.send_offsets_to_transaction(places, consumer.consumer_group_metadata())
    producer.commit_transaction()
    producer.begin_transaction()
producer.begin_transaction()
while taken < count:
    messages = consumer.consume(500, 1.0)
    if began is None and messages:
        began, committed = time.process_time(), time.monotonic()
    taken += len(messages)
    if target:
        for message in messages:
            left += 1
            producer.produce(target, message.value(), on_delivery=report)
        producer.poll(0)
    if began is not None and time.monotonic() - committed > 5:
        committed = time.monotonic()
        commit()
while left:
    producer.poll(0.1)
commit()
print((time.process_time() - began) / taken * 1e6)
"""


def lines(count: int) -> list[str]:
    """Messages: an access of some user, with a time of its own."""
    made = []
    for number in range(count):
        second, user = number // 500, number * 7 % 1000
        stamp = f"2025-09-04T{8 + second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"
        text = f'10.0.0.{user % 250} - u{user} [04/Sep/2025:08:00:00 +0000] "GET / HTTP/1.1" 200 5'
        event = {"@timestamp": stamp, "host": "web", "app": "shop", "level": "info"}
        made.append(json.dumps({**event, "user": user, "ms": number % 997, "message": text}))
    return made


class Bench:
    """The jobs, on one broker."""

    def __init__(self, address: str, directory: Path) -> None:
        self._address, self._directory = address, directory
        self._make_topic: Callable[[], Topic] = lambda: Topic(address, PARTITIONS)
        self._source = self._make_topic()
        made = self._lines = lines(EVENTS)
        self._fill(self._source)
        self._file = directory / "in.jsonl"
        self._file.write_text("\n".join(made) + "\n")

    def _fill(self, topic: Topic) -> None:
        """Put all messages, those of a user in one partition."""
        for number in range(PARTITIONS):
            mine = [line for at, line in enumerate(self._lines) if at % PARTITIONS == number]
            topic.put(mine, partition=number)

    def _config(self, filters: str, group: str, source: str) -> str:
        target = self._make_topic().name
        asked = {"address": self._address, "topic": source, "target": target}
        return KAFKA.format(filters=filters, group=group, **asked)

    # -- CPU --------------------------------------------------------------------------------

    def cpu(self) -> None:
        """Print µs an event of a group, of the same filters between files, and of the client."""
        for name, filters, writes in (("stateless", STATELESS, True), ("window", WINDOW, False)):
            rounds = [self._round(filters, writes) for _ in range(ROUNDS)]
            ours, plain, client = (min(column) for column in zip(*rounds, strict=True))
            ratio = ours / (plain + client)
            said = f"group {ours:.2f} µs, plain {plain:.2f} + client {client:.2f}, {ratio:.2f} x"
            print(f"{name}: {said}", flush=True)

    def _round(self, filters: str, writes: bool) -> tuple[float, float, float]:
        count, run = str(EVENTS - 2000), uuid4().hex
        directory = self._directory / run
        directory.mkdir()
        files = FILES.format(path=self._file, directory=directory, filters=filters)
        ours = python(
            PENSTOCK, count, self._config(filters, run, self._source.name), str(directory / "a")
        )
        plain = python(PENSTOCK, count, files, str(directory / "b"))
        target = self._make_topic().name if writes else ""
        told = self._address, self._source.name, target, count, f"{run}-client"
        return ours, plain, python(CLIENT, *told)

    # -- throughput -------------------------------------------------------------------------

    def throughput(self) -> None:
        """Print events a second of one process and of two."""
        rounds = [(self._rate(1), self._rate(2)) for _ in range(ROUNDS)]
        one, two = (max(column) for column in zip(*rounds, strict=True))
        ratios = ", ".join(f"{both / alone:.2f}" for alone, both in rounds)
        print(f"one {one:.0f} /s, two {two:.0f} /s; ratios of the rounds: {ratios}", flush=True)

    def _rate(self, processes: int) -> float:
        """Messages come when all processes have their partitions."""
        topic, group = self._make_topic(), uuid4().hex
        config = self._directory / f"{group}.conf"
        config.write_text(self._config(HEAVY, group, topic.name))
        command = [sys.executable, "-m", "penstock", "run", "-f", str(config), "--path.data"]
        paths = [str(self._directory / f"{group}.{number}") for number in range(processes)]
        began = [
            subprocess.Popen([*command, path, "--penstock.state.interval", "500ms"], cwd=ROOT)
            for path in paths
        ]
        try:
            self._await_members(group, processes)
            self._fill(topic)
            return watched(topic, group)
        finally:
            for process in began:
                process.terminate()
            for process in began:
                process.wait()

    def _await_members(self, group: str, wanted: int) -> None:
        admin = AdminClient({"bootstrap.servers": self._address})
        while True:
            (future,) = admin.describe_consumer_groups([group]).values()
            members = future.result().members
            shares = [len(member.assignment.topic_partitions) for member in members]
            if shares == [PARTITIONS // wanted] * wanted:
                return
            time.sleep(0.5)


def watched(topic: Topic, group: str) -> float:
    """Events a second from now on, until nearly all offsets are committed."""
    start, first = time.monotonic(), sum(max(0, at) for at in topic.committed(group))
    while True:
        time.sleep(0.5)
        done = sum(max(0, at) for at in topic.committed(group))
        if done >= EVENTS * _MOST:
            return (done - first) / (time.monotonic() - start)


def main() -> None:
    """Run on the broker that is named, or on one of its own."""
    with tempfile.TemporaryDirectory() as directory:
        if len(sys.argv) > 1:
            measure(sys.argv[1], Path(directory))
            return
        from servers import kafka

        with kafka.server(Path(directory)) as broker:
            measure(broker.address, Path(directory))


def measure(address: str, directory: Path) -> None:
    """All figures."""
    bench = Bench(address, directory)
    bench.cpu()
    bench.throughput()


if __name__ == "__main__":
    main()
