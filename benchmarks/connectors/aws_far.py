"""What outputs to AWS keep of their rate when the service is 50 ms away, behind a proxy that delays
each way by half of that.

    python benchmarks/connectors/aws_far.py [EVENTS [SERVICE …]]

Events a second through the proxy, without and with its delay, each less the start of a process, in
turn and the best of three; as many requests under way as plugins have by default. The emulators
(ElasticMQ, moto, kinesalite) are on the same machine, and are the bound of what is near: the ratio
alone says something.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from servers import aws, kinesis
from servers.aws_bucket import Bucket
from servers.process import LOOPBACK
from servers.proxy import Proxy

ROUND_TRIP = 0.05
FEW = 200
ROUNDS = 3
Target = Callable[[int], str]
"""The output that writes to a port."""


def seconds(output: str, count: int) -> float:
    """How long a run takes that writes so many events."""
    generate = f'input {{ generator {{ count => {count} message => "{"x" * 150}" }} }}'
    with tempfile.TemporaryDirectory() as directory:
        config = f"{generate} output {{ {output} }}"
        command = [sys.executable, "-m", "penstock", "run", "-e", config, "--path.data", directory]
        begun = time.monotonic()
        subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        return time.monotonic() - begun


def compare(name: str, proxy: Proxy, output: str, count: int) -> None:
    """Print both rates of an output to the proxy, and their ratio."""
    started: dict[float, list[float]] = {0.0: [], ROUND_TRIP / 2: []}
    took: dict[float, list[float]] = {delay: [] for delay in started}
    for _ in range(ROUNDS):
        for proxy.delay in started:
            started[proxy.delay].append(seconds(output, FEW))
            took[proxy.delay].append(seconds(output, count))
    near, far = ((count - FEW) / (min(took[at]) - min(started[at])) for at in started)
    print(f"| {name} | {near:,.0f} | {far:,.0f} | {far / near:.2f} |", flush=True)


def behind(name: str, port: int, target: Target, count: int) -> None:
    """Compare, with a proxy before a port."""
    with Proxy(port) as proxy:
        compare(name, proxy, target(proxy.port), count)


def at(port: int) -> str:
    """The options that name a service on a port."""
    return f'endpoint => "http://{LOOPBACK}:{port}" region => "{aws.REGION}"'


def filled(target: str, port: int) -> str:
    """An output with the options that name its service."""
    return target % at(port)


def queues(home: Path, count: int) -> None:
    """SQS."""
    with aws.elasticmq(home) as server:
        name = aws.fresh("q")
        aws.client("sqs", server.port).create_queue(QueueName=name)
        target = f'sqs {{ queue => "{name}" %s }}'
        behind("sqs, 32 requests of ten", server.port, partial(filled, target), count)


def topics(home: Path, count: int) -> None:
    """SNS."""
    with aws.moto(home) as server:
        topic = aws.client("sns", server.port).create_topic(Name=aws.fresh("t"))["TopicArn"]
        target = f'sns {{ arn => "{topic}" %s }}'
        behind("sns, 32 requests of ten", server.port, partial(filled, target), count)


def buckets(home: Path, count: int) -> None:
    """S3."""
    with aws.moto(home) as server:
        bucket = Bucket(server.port)
        files = f's3 {{ bucket => "{bucket.name}" size_file => 2097152 %s }}'
        behind("s3, files of 2 MiB", server.port, partial(filled, files), 100 * count)


def streams(home: Path, count: int) -> None:
    """Kinesis."""
    with kinesis.server(home) as server:
        stream = kinesis.Stream(server, 4)
        login = 'access_key_id => "a" secret_access_key => "b"'
        target = (
            f'kinesis {{ stream_name => "{stream.name}" randomized_partition_key => true {login}'
        )

        def of(port: int) -> str:
            return f'{target} endpoint => "http://{LOOPBACK}:{port}" }}'

        behind("kinesis, four requests of 500", server.kinesis, of, 5 * count)


SERVICES: dict[str, Callable[[Path, int], None]] = {
    "sqs": queues,
    "sns": topics,
    "s3": buckets,
    "kinesis": streams,
}


def main(count: int, names: list[str]) -> None:
    """Measure, with servers of its own."""
    os.environ |= aws.KEYS
    print("| | near, events/s | 50 ms away | ratio |\n|---|---|---|---|")
    for name in names or SERVICES:
        with tempfile.TemporaryDirectory() as directory:
            SERVICES[name](Path(directory), count)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, sys.argv[2:])
