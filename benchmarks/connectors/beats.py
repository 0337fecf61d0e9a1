"""What an event of 200 bytes costs over Lumberjack, beside loops by hand in the same run.

    python benchmarks/connectors/beats.py [EVENTS]

Each line: microseconds of CPU an event, of the process alone. The loop in unpacks a window with
zlib, reads its JSON and acknowledges it; the loop out makes such windows and waits for the answers,
one at a time. The other end is this program too, and pays for itself.
"""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import threading
import zlib
from typing import Any

import network

WINDOW = 2000
MESSAGE = "x" * 60


def window() -> bytes:
    """A window as Filebeat sends it."""
    frames = []
    for number in range(1, WINDOW + 1):
        event = {
            "@timestamp": f"2024-10-01T02:03:04.{number % 1000:03}Z",
            "@metadata": {"beat": "filebeat", "type": "_doc", "version": "8.19.0"},
            "message": f"line {number} {MESSAGE}",
            "host": {"name": "web-1"},
        }
        data = json.dumps(event, separators=(",", ":")).encode()
        frames.append(b"2J" + struct.pack(">II", number, len(data)) + data)
    packed = zlib.compress(b"".join(frames), 3)
    return b"2W" + struct.pack(">I", WINDOW) + b"2C" + struct.pack(">I", len(packed)) + packed


def send(port: int, line: bytes, count: int) -> None:
    """Send windows, the next one when the last is acknowledged."""
    data = window()
    with socket.create_connection((network.HERE, port)) as made, made.makefile("rb") as answers:
        for _ in range(count // WINDOW):
            made.sendall(data)
            while struct.unpack(">2sI", answers.read(6))[1] < WINDOW:
                pass


def loop_in(port: int) -> None:
    """Take windows: unpack, read, acknowledge."""
    with socket.create_server((network.HERE, port)) as server:
        while True:
            made, _ = server.accept()
            with made, made.makefile("rb") as stream:
                while head := stream.read(6):
                    take(stream, int.from_bytes(head[2:], "big"))
                    made.sendall(b"2A" + head[2:])


def take(stream: Any, count: int) -> list[dict[str, Any]]:
    """The events of a window, once its first frame is read."""
    size = int.from_bytes(stream.read(6)[2:], "big")
    data, at, events = zlib.decompress(stream.read(size)), 0, []
    for _ in range(count):
        (length,) = struct.unpack_from(">I", data, at + 6)
        event = json.loads(data[at + 10 : at + 10 + length])
        event["@metadata"]["input"] = {"beats": {"host": {"ip": network.HERE}}}
        event["tags"], event["@version"] = ["beats_input_codec_plain_applied"], "1"
        events.append(event)
        at += 10 + length
    return events


def loop_out(port: int, count: int) -> None:
    """Send windows made of events."""
    event = {"message": "x" * 150, "@timestamp": "2024-10-01T02:03:04.000Z", "@version": "1"}
    with socket.create_connection((network.HERE, port)) as made, made.makefile("rb") as answers:
        for _ in range(count // WINDOW):
            frames = []
            for number in range(1, WINDOW + 1):
                data = json.dumps(event).encode()
                frames.append(b"2J" + struct.pack(">II", number, len(data)) + data)
            packed = zlib.compress(b"".join(frames), 3)
            made.sendall(b"2W" + struct.pack(">I", WINDOW))
            made.sendall(b"2C" + struct.pack(">I", len(packed)) + packed)
            answers.read(6)


def outgoing(count: int) -> None:
    """Measure the output, without what it costs to make events, and the loop beside it."""
    generate = f'input {{ generator {{ count => {count} message => "{"x" * 150}" }} }} output {{ '
    output = 'lumberjack { hosts => "127.0.0.1" port => PORT ssl_enabled => false format => event }'
    port = network.free_port()
    threading.Thread(target=loop_in_quiet, args=(port,), daemon=True).start()
    commands = (
        network.penstock(f"{generate}{output.replace('PORT', str(port))} }}"),
        network.penstock(generate + "null { } }"),
        [sys.executable, __file__, "out", str(port), str(count)],
    )
    costs = [used(command) / count * 1e6 for command in commands]
    network.tell("lumberjack out, whole events", costs[0] - costs[1], costs[2])


def loop_in_quiet(port: int) -> None:
    """Acknowledge windows without looking at them."""
    with socket.create_server((network.HERE, port)) as server:
        while True:
            made, _ = server.accept()
            threading.Thread(target=acknowledge, args=(made,), daemon=True).start()


def acknowledge(made: socket.socket) -> None:
    """Acknowledge the windows of a connection."""
    with made, made.makefile("rb") as stream:
        while head := stream.read(6):
            stream.read(int.from_bytes(stream.read(6)[2:], "big"))
            made.sendall(head[:1] + b"A" + head[2:])


def used(command: list[str]) -> float:
    """The seconds of CPU of a command that ends by itself."""
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure, or be a loop."""
    import tempfile

    if sys.argv[1:2] == ["in"]:
        loop_in(int(sys.argv[2]))
    if sys.argv[1:2] == ["out"]:
        loop_out(int(sys.argv[2]), int(sys.argv[3]))
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory() as network.DIRECTORY:
        network.by_hand = lambda name, port, count=0: [sys.executable, __file__, name, str(port)]
        beats = 'beats { host => "127.0.0.1" port => PORT }'
        network.incoming("beats in, windows of 2000, zlib", beats, "in", send, b"", count)
        outgoing(count)


if __name__ == "__main__":
    main()
