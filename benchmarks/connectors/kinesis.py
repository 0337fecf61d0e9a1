"""What an event of 200 bytes costs on its way into Kinesis and out again, beside a loop written by
hand with the same client library.

    python benchmarks/connectors/kinesis.py [EVENTS]

Each line: microseconds of CPU an event, of the process alone; the emulators (kinesalite and
dynalite, by ``tests/servers``) pay for themselves. The loops do the same work: JSON by the standard
library, the events that Penstock makes, and a checkpoint for each answer; but no leases.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from network import cpu, tell
from servers import kinesis

TEXT = "2024-10-11 22:14:15 INFO worker-7 request served path=/api/v1/items/4711 status=200 "
ENTRY = json.dumps({"message": TEXT + "x" * (185 - len(TEXT))}).encode()
PIECE = 500
KEYS = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}


def client(service: str, port: int) -> Any:
    """A client as the plugins make it."""
    config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
    url = f"http://127.0.0.1:{port}"
    return boto3.client(service, endpoint_url=url, config=config, **KEYS)  # type: ignore[arg-type]


def fill(stream: kinesis.Stream, count: int) -> None:
    """Have so many records, in one shard."""
    for _ in range(count // PIECE):
        records = [{"Data": ENTRY, "PartitionKey": "k"}] * PIECE
        stream.client.put_records(StreamName=stream.name, Records=records)


def take(records: list[Any], codec: str) -> None:
    """Events of what was read."""
    for record in records:
        text = record["Data"].decode()
        event: Any = json.loads(text) if codec == "json" else {"message": text}
        event["event"] = {"original": text}
        event["@timestamp"], event["@version"] = dt.datetime.now(dt.UTC), "1"
        event["@metadata"] = {
            "approximate_arrival_timestamp": int(
                record["ApproximateArrivalTimestamp"].timestamp() * 1000
            ),
            "partition_key": record["PartitionKey"],
            "sequence_number": record["SequenceNumber"],
        }


def read(stream: kinesis.Stream, server: Any, count: int, codec: str, most: int) -> None:
    """A shard, with a checkpoint for each answer."""
    source, table = client("kinesis", server.kinesis), client("dynamodb", server.dynamo)
    shard = stream.open_shards()[0]
    iterator = source.get_shard_iterator(
        StreamName=stream.name, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    seen = 0
    while seen < count:
        answer = source.get_records(ShardIterator=iterator, Limit=most)
        iterator = answer["NextShardIterator"]
        take(answer["Records"], codec)
        seen += len(answer["Records"])
        table.update_item(
            TableName=stream.name,
            Key={"leaseKey": {"S": "by-hand"}},
            UpdateExpression="SET checkpoint = :at",
            ExpressionAttributeValues={":at": {"S": answer["Records"][-1]["SequenceNumber"]}},
        )


def write(stream: kinesis.Stream, server: Any, count: int) -> None:
    """Events as JSON, so many in a request."""
    target = client("kinesis", server.kinesis)
    event = {"message": "x" * 150, "@version": "1", "@timestamp": "2024-10-11T22:14:15.000Z"}
    for start in range(0, count, PIECE):
        records = [
            {"Data": json.dumps(event | {"sequence": start + number}).encode(), "PartitionKey": "-"}
            for number in range(PIECE)
        ]
        target.put_records(StreamName=stream.name, Records=records)


def by_hand(work: Callable[[], None]) -> float:
    """Seconds of CPU that a loop takes, in this process."""
    before = time.process_time()
    work()
    return time.process_time() - before


def until_done(config: str, is_done: Callable[[], bool], directory: str) -> float:
    """Seconds of CPU that a run of Penstock takes until something is done."""
    command = [sys.executable, "-m", "penstock", "run", "-e", config, "--path.data", directory]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        while not is_done():
            time.sleep(0.1)
        used = cpu(process.pid)
        process.terminate()
        process.wait()
    return used


def until_end(config: str, directory: str) -> float:
    """Seconds of CPU that a run takes which ends by itself."""
    command = [sys.executable, "-m", "penstock", "run", "-e", config, "--path.data", directory]
    used = 0.0
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        while process.poll() is None:
            try:
                used = max(used, cpu(process.pid))
            except (OSError, IndexError, ValueError):
                break
            time.sleep(0.02)
    return used


def reads(server: Any, count: int, codec: str) -> float:
    """Seconds of CPU for reading a stream of so many records."""
    stream = kinesis.Stream(server, 1)
    fill(stream, count)
    last = stream.read()[-1]["SequenceNumber"]
    plugin = stream.input(f"codec => {codec} checkpoint_interval_seconds => 1")

    def is_done() -> bool:
        return any(lease["checkpoint"] == last for lease in stream.leases().values())

    with tempfile.TemporaryDirectory() as directory:
        return until_done(f"input {{ {plugin} }} output {{ null {{ }} }}", is_done, directory)


def writes(server: Any, count: int) -> float:
    """Seconds of CPU for writing so many events, without those for making them."""
    stream = kinesis.Stream(server, 1)
    lines = f'generator {{ count => {count} message => "{"x" * 150}" }}'
    with tempfile.TemporaryDirectory() as directory:
        made = until_end(f"input {{ {lines} }} output {{ {stream.output()} }}", directory)
        nothing = until_end(f"input {{ {lines} }} output {{ null {{ }} }}", directory)
    return made - nothing


def measure(server: Any, count: int) -> None:
    """Reading with two codecs, and writing."""
    for codec in ("json", "plain"):
        start, whole = reads(server, PIECE, codec), reads(server, count, codec)
        stream = kinesis.Stream(server, 1)
        fill(stream, count)
        with tempfile.TemporaryDirectory() as directory:
            made = f"input {{ {stream.input()} }} output {{ null {{ }} }}"
            until_done(made, lambda s=stream: bool(s.leases()), directory)  # type: ignore[misc]
        hand = by_hand(partial(read, stream, server, count, codec, 5000))
        tell(
            f"kinesis in, {codec}",
            (whole - start) / (count - PIECE) * 1e6,
            hand / count * 1e6,
        )
    start, whole = writes(server, PIECE), writes(server, count)
    target = kinesis.Stream(server, 1)
    hand = by_hand(lambda: write(target, server, count))
    tell("kinesis out", (whole - start) / (count - PIECE) * 1e6, hand / count * 1e6)


def main(count: int) -> None:
    """Measure, with emulators of its own."""
    print("| | Penstock µs | by hand µs | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as home, kinesis.server(Path(home)) as server:
        measure(server, count)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
