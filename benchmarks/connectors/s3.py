"""What an event of 200 bytes costs on its way into objects of S3 and out of them again, beside a
loop written by hand with boto3.

    python benchmarks/connectors/s3.py [EVENTS]

Each line: microseconds of CPU an event, of the process alone; moto pays for itself. The loop in
lists objects, reads each whole, and makes the events that Penstock makes of its lines; the one out
gathers lines of JSON in a file and puts it when it has five megabytes. What the output costs is
what a run with it costs more than one with ``null``.
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
from servers.aws_bucket import Bucket

TEXT = "2024-10-11 22:14:15 INFO worker-7 request served path=/api/v1/items/4711 status=200 "
LINE = TEXT + "x" * (199 - len(TEXT)) + "\n"
OBJECT = 25_000
FEW = 1000
FILE = 5 << 20


def fill(bucket: Bucket, count: int) -> None:
    """Have so many lines."""
    for start in range(0, count, OBJECT):
        bucket.put(f"in/{start:09}.log", LINE * min(OBJECT, count - start))


def read(bucket: Bucket, count: int) -> None:
    """List, read, make events."""
    seen = 0
    for key in bucket.keys("in/"):
        for line in bucket.get(key).decode().splitlines():
            event: dict[str, Any] = {"message": line, "event": {"original": line}}
            event["@timestamp"], event["@version"] = dt.datetime.now(dt.UTC), "1"
            event["@metadata"] = {"s3": {"key": key, "bucket": bucket.name}}
            seen += 1
    assert seen == count


def write(bucket: Bucket, count: int) -> None:
    """Lines of JSON in a file, which becomes an object."""
    event = {"message": "x" * 150, "@version": "1", "@timestamp": "2024-10-11T22:14:15.000Z"}
    parts = 0
    with tempfile.TemporaryFile() as file:
        for number in range(count):
            file.write(json.dumps(event | {"sequence": number}).encode() + b"\n")
            if file.tell() >= FILE or number == count - 1:
                file.flush()
                os.fsync(file.fileno())
                file.seek(0)
                bucket.client.put_object(Bucket=bucket.name, Key=f"out/{parts}", Body=file)
                file.seek(0)
                file.truncate()
                parts += 1


def by_hand(work: Callable[[Bucket, int], None], bucket: Bucket, count: int) -> float:
    """Seconds of CPU that a loop takes, in this process."""
    before = time.process_time()
    work(bucket, count)
    return time.process_time() - before


def own(config: str, directory: str, is_done: Callable[[], bool] | None = None) -> float:
    """Seconds of CPU that a run takes until it ends, or something is done."""
    command = [sys.executable, "-m", "penstock", "run", "-e", config, "--path.data", directory]
    used = 0.0
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        while process.poll() is None:
            try:
                used = max(used, cpu(process.pid))
            except (OSError, IndexError, ValueError):
                break
            if is_done is not None and is_done():
                process.terminate()
                is_done = None
            time.sleep(0.02)
    return used


def measure(port: int, count: int, directory: Path) -> None:
    """In and out; the start is measured with few and taken off."""
    where = f'endpoint => "http://127.0.0.1:{port}" region => "{aws.REGION}"'
    costs = []
    for number in (FEW, count):
        bucket = Bucket(port)
        fill(bucket, number)
        objects = f'bucket => "{bucket.name}" prefix => "in/" interval => 1 {where}'
        seen = directory / f"seen{number}"
        ends = f'output {{ file {{ path => "{seen}" codec => dots }} }}'
        config = f"input {{ s3 {{ {objects} }} }} {ends}"
        costs.append(own(config, str(directory / str(number)), partial(is_read, seen, number)))
    hand = by_hand(read, bucket, count)
    tell("s3 in, lines", (costs[1] - costs[0]) / (count - FEW) * 1e6, hand / count * 1e6)
    bucket = Bucket(port)
    generate = f'input {{ generator {{ count => {count} message => "{"x" * 150}" }} }}'
    target = f's3 {{ bucket => "{bucket.name}" codec => json_lines {where} }}'
    used = own(f"{generate} output {{ {target} }}", str(directory / "out"))
    nothing = own(f"{generate} output {{ null {{ }} }}", str(directory / "null"))
    hand = by_hand(write, bucket, count)
    tell("s3 out, json_lines", (used - nothing) / count * 1e6, hand / count * 1e6)


def is_read(path: Path, count: int) -> bool:
    """Whether a file has a dot for each event."""
    return path.exists() and path.stat().st_size >= count


def main(count: int) -> None:
    """Measure, with a server of its own."""
    os.environ |= aws.KEYS
    print("| | Penstock µs | by hand µs | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory) / "moto"
        home.mkdir()
        with aws.moto(home) as server:
            measure(server.port, count, Path(directory))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
