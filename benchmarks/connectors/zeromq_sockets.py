"""What an event of 200 bytes costs over ZeroMQ, beside a loop written by hand on pyzmq.

    python benchmarks/connectors/zeromq_sockets.py [EVENTS]

Each line: microseconds of CPU an event, of the process with ZeroMQ's own threads; the peer is
another process.
"""

from __future__ import annotations

import datetime as dt
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import zmq

sys.path.insert(0, str(Path(__file__).parent))
from network import HERE, cpu, free_port, settled, tell

TEXT = "2024-10-11 22:14:15 INFO worker-7 request served path=/api/v1/items/4711 status=200 "
MESSAGE = json.dumps({"message": TEXT + "x" * (185 - len(TEXT))}).encode()
WINDOW = 500
RECEIVING = {"pushpull": zmq.PULL, "reqrep": zmq.ROUTER}
SENDING = {"pushpull": zmq.PUSH, "reqrep": zmq.DEALER}


def frames(topology: str, number: int, payload: bytes) -> list[bytes]:
    """A message, with an envelope where it is answered."""
    return [b"%d" % number, b"", payload] if topology == "reqrep" else [payload]


def send(topology: str, port: int, count: int, make: Callable[[int], bytes]) -> None:
    """Send so many messages; with answers, a window of them under way."""
    with zmq.Context() as context, context.socket(SENDING[topology]) as made:
        made.connect(f"tcp://{HERE}:{port}")
        open_requests = 0
        for number in range(count):
            made.send_multipart(frames(topology, number, make(number)))
            open_requests += topology == "reqrep"
            while open_requests >= WINDOW:
                made.recv_multipart()
                open_requests -= 1
        while open_requests:
            made.recv_multipart()
            open_requests -= 1


def receive(topology: str, port: int, count: int, take: Callable[[bytes], None]) -> None:
    """Receive so many messages, and answer them."""
    with zmq.Context() as context, context.socket(RECEIVING[topology]) as made:
        made.bind(f"tcp://{HERE}:{port}")
        for _ in range(count):
            got = made.recv_multipart()
            take(got[-1])
            if topology == "reqrep":
                made.send_multipart([*got[:-1], b"ok"])


def event_of(codec: str) -> Callable[[bytes], None]:
    """Makes the event that Penstock makes."""

    def take(payload: bytes) -> None:
        text = payload.decode()
        event: Any = json.loads(text) if codec == "json" else {"message": text}
        event["event"] = {"original": text}
        event["@timestamp"], event["@version"] = dt.datetime.now(dt.UTC), "1"
        event["host"] = {"name": "here"}

    return take


def encoded(number: int) -> bytes:
    """An event as JSON."""
    event = {"message": "x" * 150, "@version": "1", "@timestamp": "2024-10-11T22:14:15.000Z"}
    return json.dumps(event | {"sequence": number}).encode()


def forget(payload: bytes) -> None:
    """A peer that only listens."""


def same(number: int) -> bytes:
    """A peer that only sends."""
    return MESSAGE


def beside(work: Callable[..., None], *arguments: Any) -> multiprocessing.Process:
    """Something that goes on in another process."""
    process = multiprocessing.get_context("fork").Process(target=work, args=arguments, daemon=True)
    process.start()
    return process


def seconds(work: Callable[[], None]) -> float:
    """Seconds of CPU that something takes in this process."""
    before = time.process_time()
    work()
    return time.process_time() - before


def own_in(config: str, directory: str, topology: str, port: int, count: int) -> float:
    """Seconds of CPU that a run takes for so many messages, without its start."""
    command = [sys.executable, "-m", "penstock", "run", "-e", config, "--path.data", directory]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(2.0)
        before = settled(process.pid)
        beside(send, topology, port, count, same).join()
        used = settled(process.pid) - before
        process.terminate()
        process.wait()
    return used


def whole(config: str, directory: str) -> float:
    """Seconds of CPU that a run takes which ends by itself."""
    command = [sys.executable, "-m", "penstock", "run", "-e", config, "--path.data", directory]
    used = 0.0
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            try:
                used = max(used, cpu(process.pid))
            except (OSError, IndexError, ValueError):
                break
            time.sleep(0.02)
    return used


def measure(topology: str, count: int, directory: str) -> None:
    """One topology, in and out."""
    port = free_port()
    place = f'topology => "{topology}" address => "tcp://{HERE}:{port}"'
    for codec in ("json", "plain"):
        config = f"input {{ zeromq {{ {place} codec => {codec} }} }} output {{ null {{ }} }}"
        used = own_in(config, directory, topology, port, count)
        sender = beside(send, topology, port, count, same)
        hand = seconds(partial(receive, topology, port, count, event_of(codec)))
        sender.join()
        tell(f"zeromq in, {topology}, {codec}", used / count * 1e6, hand / count * 1e6)
    generate = f'input {{ generator {{ count => {count} message => "{"x" * 150}" }} }}'
    peer = beside(receive, topology, port, count, forget)
    used = whole(f"{generate} output {{ zeromq {{ {place} }} }}", directory)
    peer.join()
    nothing = whole(f"{generate} output {{ null {{ }} }}", directory)
    peer = beside(receive, topology, port, count, forget)
    hand = seconds(partial(send, topology, port, count, encoded))
    peer.join()
    tell(f"zeromq out, {topology}", (used - nothing) / count * 1e6, hand / count * 1e6)


def main(count: int) -> None:
    """Measure with answers and without."""
    print("| | Penstock µs | by hand µs | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as directory:
        for topology in ("pushpull", "reqrep"):
            measure(topology, count, directory)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
