"""What an event costs from and to Kafka: CPU time beside a program written by hand with the same
client library.

    python benchmarks/connectors/kafka.py [HOST:PORT]

Without an address it starts a broker of its own, as the tests do. Messages of 200 bytes, in one
topic of four partitions. Each program is a process of its own and runs in turn, three times; its
CPU time, all threads, is taken from the first event to the last, and the lowest is shown. The input
is measured in a pipeline that ends in `null`, the output with its buffer, from events in memory.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from uuid import uuid4

ROOT = Path(__file__).parents[2]
EVENTS = 300_000
ROUNDS = 3
_LINE = b'{"message":"%s","level":"info","n":1}' % (b"x" * 164)

FILL = """
import sys
from confluent_kafka import Producer
address, topic, count, line = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4].encode()
producer = Producer({"bootstrap.servers": address, "queue.buffering.max.messages": 0})
for number in range(count):
    producer.produce(topic, line, partition=number % 4)
    if number % 10000 == 0:
        producer.poll(0)
assert producer.flush(60) == 0
"""

IN_BY_HAND = """
import datetime, sys, time
import msgspec
from confluent_kafka import Consumer, TopicPartition
address, topic, count, codec = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
decode = msgspec.json.Decoder().decode
consumer = Consumer({"bootstrap.servers": address, "group.id": sys.argv[5],
    "auto.offset.reset": "earliest", "enable.auto.commit": False})
consumer.subscribe([topic])
taken, began, committed = 0, None, time.monotonic()
while taken < count:
    messages = consumer.consume(500, 1.0)
    if began is None and messages:
        began = time.process_time()
    now = datetime.datetime.now(datetime.UTC)
    events, offsets = [], {}
    for message in messages:
        if message.error() is not None:
            raise SystemExit(message.error())
        text = message.value()
        event = decode(text) if codec == "json" else {"message": text.decode()}
        event["event"] = {"original": text.decode()}
        event["@timestamp"], event["@version"] = now, "1"
        offsets[message.topic(), message.partition()] = message.offset() + 1
        events.append(event)
    taken += len(events)
    if time.monotonic() - committed > 5 and offsets:
        committed = time.monotonic()
        consumer.commit(offsets=[TopicPartition(*key, at) for key, at in offsets.items()])
print((time.process_time() - began) / taken * 1e6)
"""

EVENT = """{"message": text, "host": {"hostname": "here"}, "sequence": number,
        "@timestamp": now, "@version": "1"}"""

OUT_BY_HAND = """
import datetime, sys, time
import msgspec
from confluent_kafka import Producer
address, topic, count, text = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
encode = msgspec.json.Encoder().encode
producer = Producer({"bootstrap.servers": address, "enable.idempotence": True, "linger.ms": 5,
    "queue.buffering.max.messages": 0})
left = count
def report(error, message):
    global left
    assert error is None
    left -= 1
now = datetime.datetime.now(datetime.UTC)
began = time.process_time()
for number in range(count):
    event = EVENT
    producer.produce(topic, encode(event), on_delivery=report)
    if number % 1000 == 0:
        producer.poll(0)
        while len(producer) > 100_000:
            producer.poll(0.05)
while left:
    producer.poll(0.1)
print((time.process_time() - began) / count * 1e6)
""".replace("EVENT", EVENT)

PENSTOCK = """
import logging, sys, time
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.runtime.pipeline import Pipeline
count, config, directory = int(sys.argv[1]), sys.argv[2], sys.argv[3]
taken, began = 0, None
def tick(counts):
    global taken, began
    if began is None and counts.events_in:
        began, taken = time.process_time(), counts.events_in
    if counts.events_in >= count:
        pipeline.stop()
assembly = assemble([Source("bench.conf", config)], settled({"path.data": directory}))
pipeline = Pipeline(assembly, tick)
pipeline.run()
print((time.process_time() - began) / (pipeline.counts.events_in - taken) * 1e6)
"""

OUTPUT_ALONE = """
import sys, threading, time
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.dsl.timestamp import Timestamp
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.delivery.dispatch import sinks_of, submitting
from penstock.pipeline.delivery.pending import PendingAck
count, config, text = int(sys.argv[1]), sys.argv[2], sys.argv[3]
assembly = assemble([Source("bench.conf", config)], settled({}))
(output,) = assembly.plugins(assembly.program.outputs)
(sink,) = sinks_of([output], threading.Event(), print)
sink.start()
write = submitting(sink, lambda: PendingAck(None))
now = Timestamp.now()
began = time.process_time()
for start in range(0, count, 500):
    write([EVENT for number in range(start, min(count, start + 500))])
sink.end()
print((time.process_time() - began) / count * 1e6)
output.close()
""".replace("EVENT", EVENT)

INPUT = """input {{ kafka {{ bootstrap_servers => "{address}" topics => ["{topic}"]
    group_id => "{group}" auto_offset_reset => "earliest" codec => {codec} }} }}
    output {{ null {{ }} }}"""
OUTPUT = """input {{ stdin {{ }} }} output {{ kafka {{ bootstrap_servers => "{address}"
    topic_id => "{topic}" codec => json }} }}"""


def python(program: str, *arguments: str) -> float:
    """What a program prints."""
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    return float(done.stdout or 0)


class Bench:
    """The jobs, on one broker."""

    def __init__(self, address: str, directory: Path) -> None:
        self._address, self._directory = address, directory
        self._topic = f"bench-{uuid4().hex[:8]}"
        python(FILL, address, self._topic, str(EVENTS), _LINE.decode())

    def run(self) -> None:
        """Measure each job in turn, and print a line for it."""
        for name, ours, by_hand in (
            ("kafka in, codec plain", lambda: self._in("plain"), lambda: self._in_hand("plain")),
            ("kafka in, codec json", lambda: self._in("json"), lambda: self._in_hand("json")),
            ("kafka out, codec json", self._out, self._out_hand),
        ):
            both = [(ours(), by_hand()) for _ in range(ROUNDS)]
            mine, theirs = (min(column) for column in zip(*both, strict=True))
            print(
                f"{name}: {mine:.2f} µs, by hand {theirs:.2f} µs, {mine / theirs:.2f} x", flush=True
            )

    def _in(self, codec: str) -> float:
        asked = {"address": self._address, "topic": self._topic, "group": uuid4().hex}
        config = INPUT.format(codec=codec, **asked)
        return python(PENSTOCK, str(EVENTS - 1000), config, str(self._directory))

    def _in_hand(self, codec: str) -> float:
        count = str(EVENTS - 1000)
        return python(IN_BY_HAND, self._address, self._topic, count, codec, uuid4().hex)

    def _out(self) -> float:
        config = OUTPUT.format(address=self._address, topic=f"{self._topic}-ours")
        return python(OUTPUT_ALONE, str(EVENTS), config, "x" * 110)

    def _out_hand(self) -> float:
        return python(OUT_BY_HAND, self._address, f"{self._topic}-hand", str(EVENTS), "x" * 110)


def main() -> None:
    """Run on the broker that is named, or on one of its own."""
    with tempfile.TemporaryDirectory() as directory:
        if len(sys.argv) > 1:
            Bench(sys.argv[1], Path(directory)).run()
            return
        sys.path.insert(0, str(ROOT / "tests"))
        from servers import kafka

        with kafka.server(Path(directory)) as broker:
            Bench(broker.address, Path(directory)).run()


if __name__ == "__main__":
    main()
