"""``kill -9`` of either of two pipelines, again and again: one sends the lines of a file, the other
writes what it receives to a file. Whatever stands between them, every line arrives.

``servers``: twenty kills, ``soak``: two hundred. HTTP, Flume, RabbitMQ, Kinesis, MQTT and ZeroMQ
have tests of their own, with faults of their own.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from servers import kafka, redis, rsyslog
from servers.certificates import Certificates
from servers.kafka_topics import Topic
from servers.packages import require
from servers.penstock_process import Penstock
from servers.process import free_ports
from servers.shared import shared
from servers.soak import Figures, Found, rounds
from servers.written import events_in, size_of


class Between(NamedTuple):
    """The output of the one and the input of the other."""

    output: str
    input: str


class Relay:
    """A file, a pipeline, what is between, another pipeline, another file."""

    def __init__(self, directory: Path, between: Between, *options: str) -> None:
        self._log, self._arrived = directory / "log", directory / "arrived"
        self._log.touch()
        self.count = 0
        lines = (
            f'file {{ path => "{self._log}" start_position => "beginning" stat_interval => 0.05 '
            "sincedb_write_interval => 0.05 }"
        )
        written = f'file {{ path => "{self._arrived}" codec => json_lines }}'
        sends = f"input {{ {lines} }} output {{ {between.output} }}"
        receives = f"input {{ {between.input} }} output {{ {written} }}"
        self.sends = Penstock(directory, sends, *options, name="sends")
        self.receives = Penstock(directory, receives, *options, name="receives")

    def put(self, count: int) -> None:
        with self._log.open("a") as file:
            file.writelines(f"line {n}\n" for n in range(self.count, self.count + count))
        self.count += count

    def size(self) -> int:
        return size_of(self._arrived)

    def messages(self) -> list[str]:
        return [event["message"] for event in events_in(self._arrived)]

    def has_all(self) -> bool:
        return len(set(self.messages())) == self.count


def killed(relay: Relay, kills: int) -> Figures:
    """The one or the other is killed and started again at any moment, and all arrives in the end."""
    chance = random.Random(kills)
    pair = (relay.sends, relay.receives)
    with ExitStack() as running:
        for each in pair:
            running.enter_context(each)
        for _ in range(kills):
            before = relay.size()
            relay.put(chance.randrange(50, 2_000))
            relay.receives.until(lambda seen=before: relay.size() > seen, "lines arrive")  # type: ignore[misc]
            time.sleep(chance.choice((0, chance.uniform(0, 0.3))))  # any moment will do
            victim = chance.choice(pair)
            victim.kill()
            victim.start()
        relay.put(1)  # what only the last lives can carry: when it is there, both are connected
        relay.receives.until(relay.has_all, "all arrives")
        for each in pair:
            each.stop()
    return Figures(kills, relay.count, len(relay.messages()) - relay.count)


def over_lumberjack(directory: Path) -> Between:
    Certificates(directory)
    (port,) = free_ports()
    server = f'ssl_certificate => "{directory}/server.pem" ssl_key => "{directory}/server.key"'
    output = f'hosts => "localhost" port => {port} ssl_certificate_authorities => "{directory}/ca.pem"'
    return Between(
        f"lumberjack {{ {output} codec => json }}",
        f'beats {{ host => "127.0.0.1" port => {port} ssl_enabled => true {server} codec => json }}',
    )


def over_logstash(directory: Path) -> Between:
    (port,) = free_ports()
    return Between(
        f'logstash {{ hosts => "127.0.0.1:{port}" ssl_enabled => false }}',
        f'logstash {{ host => "127.0.0.1" port => {port} ssl_enabled => false }}',
    )


def over_redis(kind: str) -> Callable[[Path], Between]:
    def between(directory: Path) -> Between:
        require("redis")
        port = shared("redis", redis.server).port
        options = f'port => {port} data_type => "{kind}" key => "k-{uuid4().hex[:12]}"'
        return Between(f"redis {{ {options} }}", f"redis {{ {options} batch_count => 50 }}")

    return between


def over_kafka(directory: Path) -> Between:
    """At least once: another group of tests shows exactly once."""
    require("kafka")
    topic = Topic(shared("kafka", kafka.server).address)
    servers = f'bootstrap_servers => "{topic.address}"'
    group = (
        'auto_offset_reset => "earliest" session_timeout_ms => 2000 heartbeat_interval_ms => 500 '
        "auto_commit_interval_ms => 100"  # else most lives would end before their first commit
    )
    return Between(
        f'kafka {{ {servers} topic_id => "{topic.name}" codec => json }}',
        f'kafka {{ {servers} topics => ["{topic.name}"] {group} group_id => "{topic.name}" codec => json }}',
    )


RELAYS: list[tuple[str, Callable[[Path], Between], tuple[str, ...]]] = [
    ("Lumberjack to Beats, TLS", over_lumberjack, ()),
    ("Logstash to Logstash", over_logstash, ()),
    ("Redis, a list", over_redis("list"), ("redis",)),
    ("Redis, a stream", over_redis("stream"), ("redis",)),
    ("Kafka, at least once", over_kafka, ("kafka",)),
]


def in_tier(tier: str) -> Any:
    """All relays, for a tier."""
    marker = getattr(pytest.mark, tier)
    rows = [
        pytest.param(between, id=name, marks=marker(name, *servers))
        for name, between, servers in RELAYS
    ]
    return pytest.mark.parametrize("between", rows)


@in_tier("servers")
def test_twenty_kills_of_either_side_lose_nothing(
    between: Callable[[Path], Between], tmp_path: Path
) -> None:
    killed(Relay(tmp_path, between(tmp_path)), rounds(20))


@in_tier("soak")
def test_two_hundred_kills_of_either_side_lose_nothing(
    between: Callable[[Path], Between], tmp_path: Path, found: Found
) -> None:
    found(killed(Relay(tmp_path, between(tmp_path)), rounds()))


def sender_killed(directory: Path, kills: int) -> Figures:
    """rsyslog receives: who sends is killed, since a syslog receiver that dies takes along what it was sent."""
    require("rsyslog")
    home = directory / "rsyslog"
    home.mkdir()
    chance = random.Random(kills)
    with rsyslog.receiver(home) as receiver:
        target = f'syslog {{ host => "127.0.0.1" port => {receiver.port} protocol => tcp rfc => rfc5424 framing => octet_counting }}'
        relay = Relay(directory, Between(target, "stdin { }"))
        run = relay.sends
        with run:
            for _ in range(kills):
                before = (home / "out").stat().st_size
                relay.put(chance.randrange(50, 2_000))
                run.until(lambda seen=before: (home / "out").stat().st_size > seen, "lines arrive")  # type: ignore[misc]
                time.sleep(chance.choice((0, chance.uniform(0, 0.3))))  # any moment will do
                run.kill()
                run.start()
            relay.put(1)  # what only the last life can send
            wanted = {f"line {number}" for number in range(relay.count)}
            run.until(lambda: wanted <= set(receiver.messages()), "all arrives")
            run.stop()
        return Figures(kills, relay.count, len(receiver.messages()) - relay.count)


@pytest.mark.servers
def test_twenty_kills_of_a_sender_to_rsyslog_lose_nothing(tmp_path: Path) -> None:
    sender_killed(tmp_path, rounds(20))


@pytest.mark.soak("Syslog over TCP to rsyslog", "rsyslog")
def test_two_hundred_kills_of_a_sender_to_rsyslog_lose_nothing(
    tmp_path: Path, found: Found
) -> None:
    found(sender_killed(tmp_path, rounds()))
