"""What outputs keep of their rate when the server is 50 ms away, behind a proxy that delays each
way by half of that; ``aws_far.py`` does the same for AWS, whose services have emulators.

    python benchmarks/connectors/far.py [SYSTEM …]

Events a second through the proxy, without and with its delay, each less the start of a process, in
turn and the best of three, with the options that the plugins have by default. Servers are real ones
on the same machine; of Lumberjack, Logstash, HTTP and TCP the server is a second Penstock. The
ratio alone says something.
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

from aws_far import behind as to_port
from aws_far import compare
from servers import flume, kafka, mosquitto, opensearch, rabbitmq, redis
from servers.process import LOOPBACK, accepts, free_ports

MANY = 400_000


def behind(name: str, port: int, output: str, count: int = MANY) -> None:
    """Compare, with a proxy before a port; ``PORT`` in the output is that of the proxy."""
    to_port(name, port, lambda front: output.replace("PORT", str(front)), count)


def redis_server(home: Path) -> None:
    """Lists and streams of Redis."""
    with redis.server(home) as server:
        for kind in ("list", "stream"):
            output = f'redis {{ port => PORT data_type => "{kind}" key => "{kind}" }}'
            behind(f"redis, {kind}", server.port, output)


def kafka_broker(home: Path) -> None:
    """A topic of Kafka, whose broker tells its clients to come by the proxy."""
    with kafka.server(home) as broker, kafka.proxied(broker, home) as proxy:
        hosts = f'bootstrap_servers => "{LOOPBACK}:{proxy.port}"'
        compare("kafka", proxy, f'kafka {{ {hosts} topic_id => "far" }}', MANY)


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


def rabbitmq_node(home: Path) -> None:
    """An exchange of RabbitMQ that no queue is bound to: its confirms are what is waited for."""
    with rabbitmq.server(home) as node:
        place = f'host => "{LOOPBACK}" port => PORT exchange => "far" exchange_type => "fanout"'
        behind("rabbitmq", node.port, f"rabbitmq {{ {place} }}", 50_000)


def mqtt_broker(home: Path) -> None:
    """Messages to Mosquitto, which has as many of QoS 2 under way as it is told."""
    with mosquitto.server(home, window=2000) as broker:
        for qos, window in ((1, ""), (2, "max_inflight_messages => 2000")):
            where = f'host => "{LOOPBACK}" port => PORT topic => "far" qos => {qos} {window}'
            behind(f"mqtt, QoS {qos}", broker.port, f"mqtt {{ {where} }}", 40_000)


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
    """An output whose server is a Penstock. ``source``: its input, and options of that."""
    listener, _, options = source.partition(" ")
    with penstock(home, f'{listener} {{ host => "{LOOPBACK}" port => PORT {options} }}') as port:
        behind(name, port, output, count)


HERE = f'hosts => ["{LOOPBACK}"] port => PORT'
PLAIN = "ssl_enabled => false"
LOGSTASH = f'logstash {{ hosts => ["{LOOPBACK}:PORT"] {PLAIN} }}'
HTTP = f'http {{ http_method => "post" url => "http://{LOOPBACK}:PORT/" format => "json_batch" }}'
SYSTEMS: dict[str, Callable[[Path], None]] = {
    "redis": redis_server,
    "kafka": kafka_broker,
    "opensearch": opensearch_node,
    "flume": flume_agent,
    "rabbitmq": rabbitmq_node,
    "mqtt": mqtt_broker,
    "lumberjack": partial(
        to_penstock, "lumberjack", "beats", f"lumberjack {{ {HERE} {PLAIN} }}", MANY
    ),
    "logstash": partial(to_penstock, "logstash", f"logstash {PLAIN}", LOGSTASH, 100_000),
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
