"""What a Kafka group costs, and what a second process brings.

    python benchmarks/engines/kafka_groups.py [--only cpu|scaling|throughput] [HOST:PORT]

Without an address it starts a broker of its own, as the tests do. Messages of 200 bytes, JSON, in
one topic of four partitions. CPU: the time of all threads of a process, from the first event to the
last, of a pipeline with `exactly_once`, beside the same filters between two files and the client
library alone, which reads and writes the same messages; each runs in turn, and the lowest of three
is shown. Throughput: events a second by the committed offsets, of one process and of two, in turn.

Scaling: what a second process would bring where each has a core of its own, which this machine
cannot show: the CPU that an event costs one process, and both of two that share the topic, while
the same messages wait for them. Of two processes that never wait for each other, and that take as
much for an event as one does, each works as fast as one alone; what of an event costs both, or
more of it than one process needs, is lost.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks" / "connectors")]

from confluent_kafka import KafkaException  # noqa: E402
from confluent_kafka.admin import AdminClient  # noqa: E402
from kafka import PENSTOCK, python  # noqa: E402  (the benchmark of the connector)
from servers.kafka_topics import Topic  # noqa: E402

EVENTS = 300_000
FEWER = 120_000
ROUNDS = 3
PARTITIONS = 4
_MOST = 0.95

STATELESS = """mutate { add_field => { "place" => "%{host}/%{app}" } uppercase => ["level"]
    remove_field => ["event"] }"""
WINDOW = """window { id => "w" size => "1m" by => ["user"] count => { "n" => "ms" }
    sum => { "total" => "ms" } percentiles => { "p" => "ms" } keep => false lateness => "1h" }"""
PARSED = """grok { match => { "message" => "%%{COMMONAPACHELOG}" } target => "p%d" }
    date { match => ["[p%d][timestamp]", "dd/MMM/yyyy:HH:mm:ss Z"] target => "[p%d][at]" }
    """
HEAVY = PARSED % (0, 0, 0) + STATELESS
# What a long chain costs: the broker's share is small beside it.
HEAVIER = "".join(PARSED % (n, n, n) for n in range(6)) + STATELESS
SCALED = {
    "six times grok and date": HEAVIER,
    "grok, date, mutate": HEAVY,
}

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

    def _fill(self, topic: Topic, count: int = EVENTS) -> None:
        """Put messages, those of a user in one partition."""
        for number in range(PARTITIONS):
            topic.put(self._lines[number:count:PARTITIONS], partition=number)

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
        with self._group(HEAVY, processes) as (topic, group, _):
            self._fill(topic)
            return watched(topic, group)

    # -- scaling ----------------------------------------------------------------------------

    def scaling(self) -> None:
        """Print µs an event of one process and of two."""
        for name, filters in SCALED.items():
            rounds = [(self._cost(filters, 1), self._cost(filters, 2)) for _ in range(ROUNDS)]
            one, two = (min(column) for column in zip(*rounds, strict=True))
            brings = ", ".join(f"{2 * alone / both:.2f}" for alone, both in rounds)
            said = f"one {one:.1f} µs an event, two {two:.1f}; two bring {brings} times as much"
            print(f"{name}: {said}", flush=True)

    def _cost(self, filters: str, processes: int) -> float:
        """µs of CPU an event, from where all messages are there until nearly all are through."""
        with self._group(filters, processes) as (topic, group, pids):
            self._fill(topic, FEWER)
            before, first = sum(map(cpu_of, pids)), committed(topic, group)
            while (last := committed(topic, group)) < FEWER * _MOST:
                time.sleep(0.5)
            return (sum(map(cpu_of, pids)) - before) / (last - first) * 1e6

    @contextmanager
    def _group(self, filters: str, processes: int) -> Iterator[tuple[Topic, str, list[int]]]:
        """So many processes, as soon as each has its partitions: their topic, group and pids."""
        topic, group = self._make_topic(), uuid4().hex
        config = self._directory / f"{group}.conf"
        config.write_text(self._config(filters, group, topic.name))
        command = [sys.executable, "-m", "penstock", "run", "-f", str(config), "--path.data"]
        paths = [str(self._directory / f"{group}.{number}") for number in range(processes)]
        began = [
            subprocess.Popen([*command, path, "--penstock.state.interval", "500ms"], cwd=ROOT)
            for path in paths
        ]
        try:
            self._await_members(group, processes)
            yield topic, group, [process.pid for process in began]
        finally:
            for process in began:
                process.terminate()
            for process in began:
                process.wait()

    def _await_members(self, group: str, wanted: int) -> None:
        admin = AdminClient({"bootstrap.servers": self._address})
        while True:
            (future,) = admin.describe_consumer_groups([group]).values()
            with suppress(KafkaException):  # a broker that has just started reads its groups
                members = future.result().members
                shares = [len(member.assignment.topic_partitions) for member in members]
                if shares == [PARTITIONS // wanted] * wanted:
                    return
            time.sleep(0.5)


def watched(topic: Topic, group: str) -> float:
    """Events a second from now on, until nearly all offsets are committed."""
    start, first = time.monotonic(), committed(topic, group)
    while True:
        time.sleep(0.5)
        done = committed(topic, group)
        if done >= EVENTS * _MOST:
            return (done - first) / (time.monotonic() - start)


def committed(topic: Topic, group: str) -> int:
    """How many messages are behind the committed offsets."""
    return sum(max(0, at) for at in topic.committed(group))


def cpu_of(pid: int) -> float:
    """Seconds that all threads of a process have had a core."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Run on the broker that is named, or on one of its own."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--only", choices=("cpu", "scaling", "throughput"))
    asked.add_argument("address", nargs="?")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        if given.address is not None:
            measure(given.address, Path(directory), given.only)
            return
        from servers import kafka

        with kafka.server(Path(directory)) as broker:
            measure(broker.address, Path(directory), given.only)


def measure(address: str, directory: Path, only: str | None) -> None:
    """All figures, or some."""
    bench = Bench(address, directory)
    for name in ("cpu", "scaling", "throughput"):
        if only in (None, name):
            getattr(bench, name)()


if __name__ == "__main__":
    main()
