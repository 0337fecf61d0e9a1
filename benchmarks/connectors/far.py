"""What outputs keep of their rate when the server is 50 ms away, behind a proxy that delays each
way by half of that; ``aws_far.py`` does the same for AWS, whose services have emulators.

    python benchmarks/connectors/far.py [SYSTEM …]

Events a second, through the proxy without and with its delay, each less the start of a process,
with the options that the plugins have by default. Servers are real ones on the same machine; of
Lumberjack, HTTP and TCP the server is a second Penstock. The ratio alone says something.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from aws_far import ROUND_TRIP, rate
from servers import flume, kafka, opensearch, redis
from servers.process import LOOPBACK, accepts, free_ports
from servers.proxy import Proxy

MANY = 400_000


def compare(name: str, proxy: Proxy, output: str, count: int = MANY) -> None:
    """Print both rates of an output; ``PORT`` in it is that of the proxy."""
    rates = []
    for proxy.delay in (0.0, ROUND_TRIP / 2):
        rates.append(rate(output.replace("PORT", str(proxy.port)), count))
    print(f"| {name} | {rates[0]:,.0f} | {rates[1]:,.0f} | {rates[1] / rates[0]:.2f} |", flush=True)


def behind(name: str, port: int, output: str, count: int = MANY) -> None:
    """Compare, with a proxy before a port."""
    with Proxy(port) as proxy:
        compare(name, proxy, output, count)


def redis_server(home: Path) -> None:
    """Lists and streams of Redis."""
    with redis.server(home) as server:
        for kind in ("list", "stream"):
            output = f'redis {{ port => PORT data_type => "{kind}" key => "{kind}" }}'
            behind(f"redis, {kind}", server.port, output)


def kafka_broker(home: Path) -> None:
    """A topic of Kafka, whose broker tells its clients to come by the proxy."""
    with kafka.server(home) as broker, kafka.proxied(broker, home) as proxy:
        output = f'kafka {{ bootstrap_servers => "{LOOPBACK}:PORT" topic_id => "far" }}'
        compare("kafka", proxy, output)


def opensearch_node(home: Path) -> None:
    """Bulk requests to OpenSearch."""
    with opensearch.server(home) as node:
        hosts = f'hosts => ["http://{LOOPBACK}:PORT"]'
        behind("opensearch", node.port, f'opensearch {{ {hosts} index => "far" }}', 100_000)


def flume_agent(home: Path) -> None:
    """Calls of Avro and Thrift to an agent of Flume."""
    with flume.receiver(home, ["avro", "thrift"]) as agent:
        for way, port in agent.ports.items():
            output = f'flume {{ hosts => ["{LOOPBACK}"] port => PORT {flume.options(way)} }}'
            behind(f"flume, {way}", port, output, 100_000)


@contextlib.contextmanager
def penstock(home: Path, source: str) -> Iterator[int]:
    """The port of a Penstock that throws away what an input of it gets."""
    (port,) = free_ports()
    config = f"input {{ {source.replace('PORT', str(port))} }} output {{ null {{ }} }}"
    command = [sys.executable, "-m", "penstock", "run", "-e", config, "--path.data", str(home)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not accepts(port)():
            time.sleep(0.1)
        try:
            yield port
        finally:
            process.terminate()


def to_penstock(name: str, source: str, output: str, count: int, home: Path) -> None:
    """An output whose server is a Penstock."""
    with penstock(home, f'{source} {{ host => "{LOOPBACK}" port => PORT }}') as port:
        behind(name, port, output, count)


HERE = f'hosts => ["{LOOPBACK}"] port => PORT'
HTTP = f'http {{ http_method => "post" url => "http://{LOOPBACK}:PORT/" format => "json_batch" }}'
SYSTEMS: dict[str, Callable[[Path], None]] = {
    "redis": redis_server,
    "kafka": kafka_broker,
    "opensearch": opensearch_node,
    "flume": flume_agent,
    "lumberjack": partial(
        to_penstock, "lumberjack", "beats", f"lumberjack {{ {HERE} ssl_enabled => false }}", MANY
    ),
    "http": partial(to_penstock, "http, json_batch", "http", HTTP, 100_000),
    "tcp": partial(
        to_penstock,
        "tcp",
        "tcp",
        f'tcp {{ host => "{LOOPBACK}" port => PORT codec => json_lines }}',
        MANY,
    ),
}


def main(names: list[str]) -> None:
    """Measure, with servers of its own."""
    print("| | near, events/s | 50 ms away | ratio |\n|---|---|---|---|")
    for name in names or SYSTEMS:
        with tempfile.TemporaryDirectory() as directory:
            SYSTEMS[name](Path(directory))


if __name__ == "__main__":
    main(sys.argv[1:])
