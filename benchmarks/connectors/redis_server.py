"""What an event of 200 bytes costs on its way into Redis and out again, beside a loop written by
hand with the same client library.

    python benchmarks/connectors/redis_server.py [EVENTS]

Each line: microseconds of CPU an event, of the process alone; the server pays for itself. The loops
do the same work with the same safety: a processing list or a group, acknowledged after each batch,
JSON by the standard library, and the events that Penstock makes.
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
from itertools import product
from pathlib import Path
from typing import Any

import redis

sys.path.insert(0, str(Path(__file__).parent))
from network import cpu, free_port, tell

TEXT = "2024-10-11 22:14:15 INFO worker-7 request served path=/api/v1/items/4711 status=200 "
ENTRY = json.dumps({"message": TEXT + "x" * (185 - len(TEXT))}).encode()
PIECE = 500
_MOVE = """
local found = redis.call('LRANGE', KEYS[1], 0, ARGV[1] - 1)
if #found > 0 then
  redis.call('RPUSH', KEYS[2], unpack(found))
  redis.call('LTRIM', KEYS[1], #found, -1)
end
return found
"""


def connected(port: int) -> redis.Redis:
    """A client as the plugins make it."""
    return redis.Redis(port=port, protocol=2)


def fill(client: redis.Redis, kind: str, count: int) -> None:
    """Have so many entries."""
    client.delete("k")
    for _ in range(count // PIECE):
        pipe = client.pipeline(transaction=False)
        if kind == "list":
            pipe.rpush("k", *[ENTRY] * PIECE)
        for _ in range(PIECE if kind == "stream" else 0):
            pipe.xadd("k", {"message": ENTRY})
        pipe.execute()


def take(values: list[bytes], codec: str) -> None:
    """Events of what was read."""
    for value in values:
        text = value.decode()
        event: Any = json.loads(text) if codec == "json" else {"message": text}
        event["event"] = {"original": text}
        event["@timestamp"], event["@version"] = dt.datetime.now(dt.UTC), "1"
        event["@metadata"] = {"redis": {"key": "k"}}


def read_list(client: redis.Redis, count: int, codec: str) -> None:
    """A list, with a processing list."""
    move = client.register_script(_MOVE)
    seen = 0
    while seen < count:
        found: Any = move(["k", "busy"], [PIECE])
        take(found, codec)
        client.ltrim("busy", len(found), -1)
        seen += len(found)


def read_stream(client: redis.Redis, count: int, codec: str) -> None:
    """A stream, as a member of a group."""
    client.xgroup_create("k", "hand", "0")
    seen = 0
    while seen < count:
        answer: Any = client.xreadgroup("hand", "me", {"k": ">"}, PIECE)
        entries = answer[0][1]
        take([fields[b"message"] for _, fields in entries], codec)
        client.xack("k", "hand", *[name for name, _ in entries])
        seen += len(entries)


def write(client: redis.Redis, count: int, kind: str) -> None:
    """Events as JSON, so many in a request."""
    event = {"message": "x" * 150, "@version": "1", "@timestamp": "2024-10-11T22:14:15.000Z"}
    for start in range(0, count, PIECE):
        values = [
            json.dumps(event | {"sequence": start + number}).encode() for number in range(PIECE)
        ]
        pipe = client.pipeline(transaction=False)
        if kind == "list":
            pipe.rpush("k", *values)
        for value in values if kind == "stream" else ():
            pipe.xadd("k", {"message": value})
        pipe.execute()


def by_hand(work: Callable[[redis.Redis], None], port: int) -> float:
    """Seconds of CPU that a loop takes, in this process."""
    with connected(port) as client:
        client.ping()
        before = time.process_time()
        work(client)
        return time.process_time() - before


def own(config: str, is_done: Callable[[], bool], directory: str) -> float:
    """Seconds of CPU that a run of Penstock takes until something is done."""
    command = [sys.executable, "-m", "penstock", "run", "-e", config, "--path.data", directory]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        while not is_done():
            time.sleep(0.05)
        used = cpu(process.pid)
        process.terminate()
        process.wait()
    return used


def acknowledged(client: redis.Redis, kind: str, count: int) -> bool:
    """Whether all that was put was read and acknowledged."""
    if kind == "list":
        return not client.exists("k") and not client.keys("*processing*")
    groups: Any = client.xinfo_groups("k")
    return any(
        each["name"] == b"penstock" and each["entries-read"] == count and not each["pending"]
        for each in groups
    )


def measure(port: int, count: int, directory: str) -> None:
    """All four ways."""
    client = connected(port)
    few = PIECE
    loops = {"list": read_list, "stream": read_stream}
    for kind, codec in product(loops, ("json", "plain")):
        loop = loops[kind]
        options = f'port => {port} data_type => "{kind}" key => "k" codec => {codec}'
        config = f"input {{ redis {{ {options} }} }} output {{ null {{ }} }}"
        costs = []
        for number in (few, count):  # the first is the start
            fill(client, kind, number)
            done = partial(acknowledged, client, kind, number)
            costs.append(own(config, done, directory))
        fill(client, kind, count)
        hand = by_hand(partial(loop, count=count, codec=codec), port)
        tell(
            f"redis in, {kind}, {codec}",
            (costs[1] - costs[0]) / (count - few) * 1e6,
            hand / count * 1e6,
        )
    for kind in ("list", "stream"):
        took = _out(client, port, kind, count, directory) - _out(client, port, kind, few, directory)
        client.delete("k")
        hand = by_hand(lambda made, k=kind: write(made, count, k), port)  # type: ignore[misc]
        tell(f"redis out, {kind}", took / (count - few) * 1e6, hand / count * 1e6)


def _out(client: redis.Redis, port: int, kind: str, count: int, directory: str) -> float:
    """Seconds of CPU that it takes to write so many events, more than to throw them away."""
    message = "x" * 150
    generate = f'input {{ generator {{ count => {count} message => "{message}" }} }}'
    options = f'port => {port} data_type => "{kind}" key => "k"'
    client.delete("k")
    size = client.llen if kind == "list" else client.xlen
    to_redis = f"{generate} output {{ redis {{ {options} }} }}"
    used = own(to_redis, lambda: size("k") == count, directory)
    return used - _whole(f"{generate} output {{ null {{ }} }}", directory)


def _whole(config: str, directory: str) -> float:
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


def main(count: int) -> None:
    """Measure, with a server of its own."""
    print("| | Penstock µs | by hand µs | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as directory:
        port = free_port()
        command = [
            "redis-server",
            "--bind",
            "127.0.0.1",
            "--port",
            str(port),
            "--save",
            "",
            "--dir",
            directory,
        ]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
            time.sleep(1.0)
            try:
                measure(port, count, directory)
            finally:
                server.kill()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
