"""What an event of 200 bytes costs on its way into RabbitMQ and out again, beside loops written by
hand with the same client library; and how far a slow network and a window hold it up.

    python benchmarks/connectors/rabbitmq.py [EVENTS [PORT | window]]

Without a port a server of its own is started. Microseconds of CPU an event, of the process alone,
the best of three rounds; the server pays for itself. The loops do the same work with the same
safety: a prefetch, one acknowledgement for a hundred messages, confirms with as many messages under
way, JSON by the standard library, and the events that Penstock makes.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pika

sys.path.insert(0, str(Path(__file__).parent))
from network import cpu, settled, tell

ROOT = Path(__file__).parents[2]

TEXT = "2024-10-11 22:14:15 INFO worker-7 request served path=/api/v1/items/4711 status=200 "
BODY = json.dumps({"message": TEXT + "x" * (185 - len(TEXT))}).encode()
EVENT = {"message": "x" * 150, "@version": "1", "@timestamp": "2024-10-11T22:14:15.000Z"}
ROUND_TRIP = 0.05
UNDER_WAY = 10_000
ROUNDS = 3
OPEN = 'host => "127.0.0.1" port => {port}'
GENERATE = 'input {{ generator {{ count => {count} message => "' + "x" * 150 + '" }} }}'
TO_QUEUE = f'rabbitmq {{{{ {OPEN} exchange => "" exchange_type => "direct" key => "q" }}}}'
OF_QUEUE = f'input {{{{ rabbitmq {{{{ {OPEN} queue => "q" durable => true MORE }}}} }}}}'
WINDOW = 'window { id => "w" size => "1m" by => ["@version"] count => { "n" => "message" } }'


def parameters(port: int) -> pika.ConnectionParameters:
    """How the loops connect."""
    return pika.ConnectionParameters("127.0.0.1", port)


def fill(port: int, count: int) -> None:
    """Have so many messages, and no others."""
    connection = pika.BlockingConnection(parameters(port))
    channel = connection.channel()
    channel.queue_declare("q", durable=True)
    channel.queue_purge("q")
    for _ in range(count):
        channel.basic_publish("", "q", BODY)
    connection.close()


def waiting(port: int) -> int:
    """How many messages are ready."""
    connection = pika.BlockingConnection(parameters(port))
    try:
        answer = connection.channel().queue_declare("q", durable=True)
        return int(answer.method.message_count)
    finally:
        connection.close()


def read_by_hand(port: int, count: int, codec: str, prefetch: int) -> float:
    """Seconds of CPU to read so many messages."""
    seen = 0

    def take(channel: Any, method: Any, properties: Any, body: bytes) -> None:
        nonlocal seen
        text = body.decode()
        event: Any = json.loads(text) if codec == "json" else {"message": text}
        event["event"] = {"original": text}
        event["@timestamp"], event["@version"] = dt.datetime.now(dt.UTC), "1"
        seen += 1
        if seen % 100 == 0:
            channel.basic_ack(method.delivery_tag, multiple=True)
        if seen == count:
            connection.close()

    def consume(channel: Any) -> None:
        channel.basic_qos(prefetch_count=prefetch)
        channel.basic_consume("q", take)

    connection = opened(port, consume)
    return spent(connection)


def write_by_hand(port: int, count: int) -> float:
    """Seconds of CPU to write so many messages, all of them confirmed."""
    sent = confirmed = 0

    def publish(channel: Any) -> None:
        nonlocal sent
        while sent < count and sent - confirmed < UNDER_WAY:
            body = json.dumps({**EVENT, "sequence": sent}).encode()
            channel.basic_publish("", "q", body, pika.BasicProperties(delivery_mode=2))
            sent += 1

    def begin(channel: Any) -> None:
        channel.confirm_delivery(partial(confirm, channel))
        publish(channel)

    def confirm(channel: Any, frame: Any) -> None:
        nonlocal confirmed
        confirmed = max(confirmed, frame.method.delivery_tag)
        if confirmed == count:
            connection.close()
        elif sent - confirmed < UNDER_WAY // 2:
            publish(channel)

    connection = opened(port, begin)
    return spent(connection)


def opened(port: int, with_channel: Callable[[Any], None]) -> pika.SelectConnection:
    """A connection that calls back with its channel, and ends its loop when it is closed."""
    return pika.SelectConnection(
        parameters(port),
        on_open_callback=lambda made: made.channel(on_open_callback=with_channel),
        on_close_callback=lambda made, why: made.ioloop.stop(),
    )


def spent(connection: pika.SelectConnection) -> float:
    """Seconds of CPU that its loop takes."""
    before = time.process_time()
    connection.ioloop.start()
    return time.process_time() - before


def command(config: str, directory: str) -> list[str]:
    """The command that runs a configuration."""
    return [sys.executable, "-m", "penstock", "run", "-e", config, "--path.data", directory]


def read_by_penstock(port: int, count: int, options: str, directory: str, filters: str = "") -> Any:
    """Seconds of CPU, and of the clock, that a run takes which reads so many messages."""
    fill(port, count)
    source = OF_QUEUE.format(port=port).replace("MORE", options)
    config = f"{source} {filters} output {{ null {{ }} }}"
    with subprocess.Popen(command(config, directory), stdin=subprocess.DEVNULL) as process:
        while waiting(port) == count:
            time.sleep(0.02)
        began = time.monotonic()
        while waiting(port):
            time.sleep(0.05)
        took = time.monotonic() - began
        used = settled(process.pid)
        process.terminate()
        process.wait()
    return used, took


def write_by_penstock(port: int, count: int, output: str, directory: str) -> tuple[float, float]:
    """Seconds of CPU, and of the clock, that a run takes which writes so many messages."""
    config = GENERATE.format(count=count) + " output { " + output.format(port=port) + " }"
    used, began = 0.0, time.monotonic()
    with subprocess.Popen(command(config, directory), stdin=subprocess.DEVNULL) as process:
        while process.poll() is None:
            with contextlib.suppress(OSError, IndexError, ValueError):
                used = max(used, cpu(process.pid))
            time.sleep(0.02)
    return used, time.monotonic() - began


def measure_in(port: int, count: int, directory: str) -> None:
    """Reading, with both codecs and two prefetches."""
    few = 1000
    for codec, prefetch in (("json", 256), ("plain", 256), ("json", 2000)):
        options = f"codec => {codec} prefetch_count => {prefetch}"
        start, _ = read_by_penstock(port, few, options, directory)
        both = []
        for _ in range(ROUNDS):
            whole, _ = read_by_penstock(port, count, options, directory)
            fill(port, count)
            both.append((whole - start, read_by_hand(port, count, codec, prefetch)))
        own, hand = (min(column) for column in zip(*both, strict=True))
        name = f"rabbitmq in, {codec}, prefetch {prefetch}"
        tell(name, own / (count - few) * 1e6, hand / count * 1e6)


def measure_out(port: int, count: int, directory: str) -> None:
    """Writing, less what the events themselves cost."""
    fill(port, 0)
    nothing, _ = write_by_penstock(port, count, "null {{ }}", directory)
    both = []
    for _ in range(ROUNDS):
        used, _ = write_by_penstock(port, count, TO_QUEUE, directory)
        fill(port, 0)
        both.append((used - nothing, write_by_hand(port, count)))
        fill(port, 0)
    own, hand = (min(column) for column in zip(*both, strict=True))
    tell("rabbitmq out", own / count * 1e6, hand / count * 1e6)


def measure_far(port: int, far: int, count: int, directory: str) -> None:
    """Writing over a slow network: events a second, less the start of a process."""
    rates = []
    for each in (port, far):
        _, start = write_by_penstock(each, 1000, TO_QUEUE, directory)
        _, took = write_by_penstock(each, count, TO_QUEUE, directory)
        rates.append((count - 1000) / (took - start))
        fill(port, 0)
    near, behind = rates
    text = f"{ROUND_TRIP * 1000:.0f} ms away: {behind:.0f} events/s"
    print(f"\nrabbitmq out, {text}, of {near:.0f} nearby: {behind / near:.2f}", flush=True)


def measure_window(port: int, count: int, directory: str) -> None:
    """Reading with a window behind it, and without: events a second. The window's state is
    committed before messages are acknowledged, so that the prefetch is what is read in between.
    """
    filters = f"filter {{ {WINDOW} }}"
    for prefetch in (256, 2000):
        options, rows = f"prefetch_count => {prefetch}", []
        for _ in range(ROUNDS):
            without = read_by_penstock(port, count, options, f"{directory}/without")
            behind = read_by_penstock(port, count, options, f"{directory}/behind", filters)
            rows.append((without[1] / behind[1], (behind[0] - without[0]) * 1e6 / count))
        ratios = sorted(ratio for ratio, _ in rows)
        more = sorted(more for _, more in rows)[ROUNDS // 2]
        print(
            f"rabbitmq in, prefetch {prefetch}, with a window behind: {ratios[ROUNDS // 2]:.2f} of"
            f" the rate without ({ratios[0]:.2f} to {ratios[-1]:.2f}), {more:.1f} µs more CPU",
            flush=True,
        )


@contextlib.contextmanager
def server(directory: Path) -> Iterator[int]:
    """The port of the server that was asked for, or of one that is started."""
    if len(sys.argv) > 2 and sys.argv[2] != "window":
        yield int(sys.argv[2])
        return
    from servers import rabbitmq

    with rabbitmq.server(directory) as started:
        yield started.port


def main(count: int) -> None:
    """Measure all of it."""
    sys.path.insert(0, str(ROOT / "tests"))
    from servers.proxy import Proxy

    with tempfile.TemporaryDirectory() as directory, server(Path(directory)) as port:
        if "window" in sys.argv:
            measure_window(port, count, directory)
            return
        print("| | Penstock µs | by hand µs | ratio |\n|---|---|---|---|")
        measure_in(port, count, directory)
        measure_out(port, count, directory)
        with Proxy(port, ROUND_TRIP / 2) as proxy:
            measure_far(port, proxy.port, count, directory)
        measure_window(port, count, directory)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
