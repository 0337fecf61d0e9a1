"""What an event of 200 bytes costs on its way into SQS and out again, beside a loop written by hand
with boto3.

    python benchmarks/connectors/sqs.py [EVENTS]

Each line: microseconds of CPU an event, of the process alone; ElasticMQ pays for itself. The loops
do the same work with the same safety: ten messages a request, deleted ten at a time when they were
read, JSON by the standard library, and the events that Penstock makes.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).parent))
from network import cpu, tell
from servers import aws

TEXT = "2024-10-11 22:14:15 INFO worker-7 request served path=/api/v1/items/4711 status=200 "
BODY = json.dumps({"message": TEXT + "x" * (185 - len(TEXT))})
FEW = 200


def take(message: dict[str, Any]) -> None:
    """The event of a message."""
    event: Any = json.loads(message["Body"])
    attributes = message["Attributes"]
    event["event"] = {"original": message["Body"]}
    event["@timestamp"], event["@version"] = dt.datetime.now(dt.UTC), "1"
    facts = {"message_id": message["MessageId"], "sent": int(attributes["SentTimestamp"])}
    event["@metadata"] = {"sqs": facts | {"count": int(attributes["ApproximateReceiveCount"])}}


def read(client: Any, url: str, count: int) -> None:
    """Receive, make events, delete."""
    seen = 0
    while seen < count:
        answer = client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=20,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages = answer.get("Messages", [])
        entries = []
        for number, message in enumerate(messages):
            take(message)
            entries.append({"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]})
        if entries:
            client.delete_message_batch(QueueUrl=url, Entries=entries)
        seen += len(messages)


def write(client: Any, url: str, count: int) -> None:
    """Events as JSON, ten in a request."""
    event = {"message": "x" * 150, "@version": "1", "@timestamp": "2024-10-11T22:14:15.000Z"}
    for start in range(0, count, 10):
        bodies = [json.dumps(event | {"sequence": start + number}) for number in range(10)]
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies)]
        client.send_message_batch(QueueUrl=url, Entries=entries)


def fill(client: Any, url: str, count: int) -> None:
    """Have so many messages."""
    for _ in range(0, count, 10):
        entries = [{"Id": str(number), "MessageBody": BODY} for number in range(10)]
        client.send_message_batch(QueueUrl=url, Entries=entries)


def by_hand(work: Callable[[Any, str, int], None], port: int, url: str, count: int) -> float:
    """Seconds of CPU that a loop takes, in this process."""
    client = aws.client("sqs", port)
    client.get_queue_attributes(QueueUrl=url)
    before = time.process_time()
    work(client, url, count)
    return time.process_time() - before


def own(config: str, is_done: Callable[[], bool], directory: str) -> float:
    """Seconds of CPU that a run of Penstock takes until something is done."""
    command = [sys.executable, "-m", "penstock", "run", "-e", config, "--path.data", directory]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        while not is_done():
            time.sleep(0.2)
        used = cpu(process.pid)
        process.terminate()
        process.wait()
    return used


def measure(port: int, count: int, directory: str) -> None:
    """In and out; the start is measured with few and taken off."""
    client = aws.client("sqs", port)
    where = f'endpoint => "http://127.0.0.1:{port}" region => "{aws.REGION}"'

    def new() -> tuple[str, str]:
        name = aws.fresh("q")
        return name, client.create_queue(QueueName=name)["QueueUrl"]

    def holds(url: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def has(url: str, number: int) -> bool:
        return holds(url) >= number

    costs = []
    for number in (FEW, count):
        name, url = new()
        fill(client, url, number)
        config = f'input {{ sqs {{ queue => "{name}" {where} }} }} output {{ null {{ }} }}'
        costs.append(own(config, lambda at=url: not holds(at), directory))  # type: ignore[misc]
    _, url = new()
    fill(client, url, count)
    hand = by_hand(read, port, url, count)
    tell("sqs in, json", (costs[1] - costs[0]) / (count - FEW) * 1e6, hand / count * 1e6)
    costs = []
    for number in (FEW, count):
        name, url = new()
        generate = f'input {{ generator {{ count => {number} message => "{"x" * 150}" }} }}'
        keep = "input { heartbeat { interval => 3600 } }"  # the run goes on until it is looked at
        config = f'{generate} {keep} output {{ sqs {{ queue => "{name}" {where} }} }}'
        costs.append(own(config, partial(has, url, number), directory))
    _, url = new()
    hand = by_hand(write, port, url, count)
    tell("sqs out, json", (costs[1] - costs[0]) / (count - FEW) * 1e6, hand / count * 1e6)


def main(count: int) -> None:
    """Measure, with a server of its own."""
    os.environ |= aws.KEYS
    print("| | Penstock µs | by hand µs | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as directory, aws.elasticmq(Path(directory)) as server:
        measure(server.port, count, directory)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
