"""What an event of 200 bytes costs from a broker of MQTT and to it, beside a loop written by hand
with the same client library.

    python benchmarks/connectors/mqtt_broker.py [EVENTS]

Each line: microseconds of CPU an event, of the process alone; the broker pays for itself. The loops
do the same work with the same safety: a session that the broker keeps, messages acknowledged by the
hundred when their events are made, as many under way when publishing.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

sys.path.insert(0, str(Path(__file__).parent))
from network import HERE, cpu, free_port, settled, tell

TEXT = "2024-10-11 22:14:15 INFO worker-7 request served path=/api/v1/items/4711 status=200 "
MESSAGE = json.dumps({"message": TEXT + "x" * (185 - len(TEXT))}).encode()
PIECE, WINDOW = 100, 1000


def connected(port: int, name: str, clean: bool = False) -> Client:
    """A client of the library, connected."""
    made = Client(CallbackAPIVersion.VERSION2, name, clean, manual_ack=True)
    made.max_inflight_messages = 0
    made.connect(HERE, port)
    while not made.is_connected():
        made.loop(0.1)
    return made


def subscribe(port: int, name: str, qos: int) -> None:
    """Have the broker keep a session."""
    client = connected(port, name)
    done: list[Any] = []
    client.on_subscribe = lambda *said: done.append(said)
    client.subscribe("t", qos)
    while not done:
        client.loop(0.1)
    client.disconnect()


def publish(client: Client, count: int, qos: int, make: Callable[[int], bytes]) -> None:
    """Publish so many messages, a window of them under way."""
    done: list[int] = []
    client.on_publish = lambda client, data, number, *said: done.append(number)
    for start in range(0, count, WINDOW):
        for number in range(start, start + WINDOW):
            client.publish("t", make(number), qos)
        while len(done) < start + WINDOW:
            client.loop(0.1)


def take(messages: list[MQTTMessage], codec: str) -> None:
    """Events of what came."""
    for message in messages:
        text = message.payload.decode()
        event: Any = json.loads(text) if codec == "json" else {"message": text}
        event["event"] = {"original": text}
        event["@timestamp"], event["@version"] = dt.datetime.now(dt.UTC), "1"
        origin = {"topic": message.topic, "qos": message.qos, "retain": message.retain}
        event["@metadata"] = {"mqtt": origin | {"duplicate": message.dup}}


def read(port: int, count: int, codec: str) -> None:
    """Read so many messages."""
    client = Client(CallbackAPIVersion.VERSION2, "hand", False, manual_ack=True)
    held: list[MQTTMessage] = []
    seen = 0

    def settle() -> None:
        take(held, codec)
        for message in held:
            client.ack(message.mid, message.qos)
        held.clear()

    client.on_message = lambda client, data, message: held.append(message)
    client.connect(HERE, port)
    while seen < count:
        client.loop(0.1)
        if len(held) >= PIECE or seen + len(held) >= count:
            seen += len(held)
            settle()
    client.disconnect()


def own(config: str, directory: str) -> float:
    """Seconds of CPU that a run of Penstock takes until it is idle."""
    command = [sys.executable, "-m", "penstock", "run", "-e", config, "--path.data", directory]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(2.0)
        used = settled(process.pid)
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


def seconds(work: Callable[[], None]) -> float:
    """Seconds of CPU that something takes in this process."""
    before = time.process_time()
    work()
    return time.process_time() - before


def measure_in(port: int, count: int, directory: str) -> None:
    """From a session that has messages."""
    filler = connected(port, "filler", clean=True)
    for qos, codec in product((1, 2), ("json", "plain")):
        options = f'host => "{HERE}" port => {port} topic => "t" qos => {qos} codec => {codec}'
        config = f'input {{ mqtt {{ {options} client_id => "own" }} }} output {{ null {{ }} }}'
        costs = []
        for number in (WINDOW, count):  # the first is the start
            subscribe(port, "own", qos)
            publish(filler, number, qos, lambda _: MESSAGE)
            costs.append(own(config, directory))
        connected(port, "own", clean=True).disconnect()
        subscribe(port, "hand", qos)
        publish(filler, count, qos, lambda _: MESSAGE)
        hand = seconds(lambda c=codec: read(port, count, c))  # type: ignore[misc]
        connected(port, "hand", clean=True).disconnect()
        used = (costs[1] - costs[0]) / (count - WINDOW)
        tell(f"mqtt in, QoS {qos}, {codec}", used * 1e6, hand / count * 1e6)


def measure_out(port: int, count: int, directory: str) -> None:
    """To a broker that nobody else asks."""
    event = {"message": "x" * 150, "@version": "1", "@timestamp": "2024-10-11T22:14:15.000Z"}
    for qos in (0, 1, 2):
        generate = f'input {{ generator {{ count => {count} message => "{"x" * 150}" }} }}'
        options = f'host => "{HERE}" port => {port} topic => "t" qos => {qos}'
        used = whole(f"{generate} output {{ mqtt {{ {options} }} }}", directory)
        nothing = whole(f"{generate} output {{ null {{ }} }}", directory)
        client = connected(port, "writer", clean=True)

        def encoded(number: int) -> bytes:
            return json.dumps(event | {"sequence": number}).encode()

        hand = seconds(lambda c=client, q=qos: publish(c, count, q, encoded))  # type: ignore[misc]
        client.disconnect()
        tell(f"mqtt out, QoS {qos}", (used - nothing) / count * 1e6, hand / count * 1e6)


def main(count: int) -> None:
    """Measure, with a broker of its own."""
    print("| | Penstock µs | by hand µs | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as directory:
        port = free_port()
        config = Path(directory, "mosquitto.conf")
        limits = f"max_queued_messages 0\nmax_inflight_messages {WINDOW}\n"
        config.write_text(f"{limits}listener {port} {HERE}\nallow_anonymous true\n")
        with subprocess.Popen(["mosquitto", "-c", config], stderr=subprocess.DEVNULL) as server:
            time.sleep(1.0)
            try:
                measure_in(port, count, directory)
                measure_out(port, count, directory)
            finally:
                server.kill()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
