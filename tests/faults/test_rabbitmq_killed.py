"""RabbitMQ in the long run: server and processes are killed, paused and restarted, and what is promised holds.

A server that is killed has every message that it confirmed: queues are durable, messages persistent.
"""
from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import rabbitmq
from servers.certificates import Certificates
from servers.packages import require
from servers.penstock_process import Penstock
from servers.process import Server
from servers.rabbitmq_queues import KINDS, Client, Reading
from servers.soak import Figures, Found, rounds

SOAK = pytest.mark.soak("RabbitMQ", "rabbitmq")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """A server that the test may kill."""
    require("rabbitmq")
    home = tmp_path / "server"
    home.mkdir()
    with rabbitmq.server(home) as server:
        yield server


class Flow:
    """Lines of a file go to a queue, and from there to another file."""

    def __init__(self, directory: Path, port: int, kind: str, more: str = "") -> None:
        self.client, self.queue = Client(port), f"q-{kind}"
        self.client.declare(self.queue, kind)
        self._log, self.count = directory / "log", 0
        self._log.touch()
        common = f'host => "127.0.0.1" port => {port} heartbeat => 2'
        source = f'file {{ path => "{self._log}" start_position => "beginning" stat_interval => 0.1 sincedb_write_interval => 0.1 }}'
        target = f'rabbitmq {{ {common} exchange => "" exchange_type => "direct" key => "{self.queue}" mandatory => true }}'
        self._directory, self._config = directory, f"input {{ {source} }} output {{ {target} }}"
        self.reading = Reading(directory, f'{common} queue => "{self.queue}" durable => true {KINDS[kind]} {more}')

    def put(self, count: int) -> None:
        """More lines."""
        with self._log.open("a") as file:
            file.writelines(f"line {n}\n" for n in range(self.count, self.count + count))
        self.count += count

    def writes(self) -> Penstock:
        return Penstock(self._directory, self._config, name="writes")

    def reads(self) -> Penstock:
        return self.reading.process()

    def has_all(self) -> bool:
        return len({event["message"] for event in self.reading.events()}) == self.count


@pytest.mark.servers
@pytest.mark.parametrize("kind", ["classic", "quorum", "stream"])
def test_a_server_that_is_killed_stopped_and_paused_loses_nothing(kind: str, tmp_path: Path, own: Server) -> None:
    """It is paused for longer than heartbeats allow: connections are given up, and made anew."""
    flow = Flow(tmp_path, own.port, kind)
    with flow.writes() as writes, flow.reads() as reads:
        for end in (own.kill, own.stop):
            flow.put(1_000)
            reads.until(lambda: bool(flow.reading.events()), "it reads")
            end()
            flow.put(1_000)
            own.start()
            reads.until(flow.has_all, f"all arrives after {end.__name__}")
        own.pause()
        flow.put(1_000)
        time.sleep(6)
        own.go_on()
        reads.until(flow.has_all, "all arrives after a pause")
        writes.stop()
        reads.stop()
    if kind != "stream":
        assert flow.client.length(flow.queue) == 0


def killed(flow: Flow, chance: random.Random, kills: int) -> Figures:
    """So many lives are ended at any moment, of either side; then all is carried to its end."""
    with flow.writes() as writes, flow.reads() as reads:
        for _ in range(kills):
            before = flow.reading.size()
            flow.put(chance.randrange(50, 2_000))
            reads.until(lambda seen=before: flow.reading.size() > seen, "it reads")  # type: ignore[misc]
            time.sleep(chance.choice((0, chance.uniform(0, 0.3))))  # any moment will do
            victim = chance.choice((writes, reads))
            victim.kill()
            victim.start()
        flow.put(1)  # what only the last lives can carry: when it is there, both are connected
        reads.until(flow.has_all, "nothing is lost")
        writes.stop()
        reads.stop()
    return Figures(kills, flow.count, len(flow.reading.events()) - flow.count)


@pytest.mark.servers
@pytest.mark.parametrize("kind", ["quorum", "stream"])
def test_kills_of_either_process_lose_nothing(kind: str, tmp_path: Path, own: Server, found: Found) -> None:
    found(killed(Flow(tmp_path, own.port, kind), random.Random(1), min(20, rounds(20))))


@SOAK
@pytest.mark.parametrize("kind", ["classic", "quorum", "stream"])
def test_two_hundred_kills_of_either_process_lose_nothing(kind: str, tmp_path: Path, own: Server, found: Found) -> None:
    found(killed(Flow(tmp_path, own.port, kind), random.Random(2), rounds()))


@SOAK
def test_kills_of_the_server_lose_nothing_that_it_confirmed(tmp_path: Path, own: Server, found: Found) -> None:
    flow, chance, kills = Flow(tmp_path, own.port, "quorum"), random.Random(3), max(2, min(60, rounds()))
    with flow.writes() as writes, flow.reads() as reads:
        for _ in range(kills):
            flow.put(chance.randrange(200, 2_000))
            time.sleep(chance.uniform(0, 2))
            own.kill()
            own.start()
            reads.until(flow.has_all, "all arrives")
        writes.stop()
        reads.stop()
    found(Figures(kills, flow.count, len(flow.reading.events()) - flow.count))


@pytest.mark.servers
def test_certificates_are_looked_at_and_read_again(tmp_path: Path, own: Server) -> None:
    """An expired one of ours is refused at its option; a new one in its place is used at the next connection."""
    certificates = Certificates(tmp_path)
    directory = Path(own.certificates)
    certificate, key = certificates.pair("own")
    for source, to in ((directory / "expired.pem", certificate), (directory / "expired.key", key)):
        to.write_bytes(source.read_bytes())
    client = Client(own.port)
    client.declare("q")
    client.put("q", ['{"n": 1}'])
    reading = Reading(
        tmp_path, f'host => "localhost" port => {own.tls_port} queue => "q" durable => true ssl => true '
        f'ssl_certificate_authorities => ["{directory}/ca.pem"] ssl_certificate => "{certificate}" ssl_key => "{key}"',
    )
    with reading.process() as run:
        assert run.wait() == 1, run.said()
    assert "the server refuses the certificate: certificate expired" in run.said()
    for source, to in ((directory / "client.key", key), (directory / "client.pem", certificate)):
        to.write_bytes(source.read_bytes())
    with reading.process() as run:
        run.until(lambda: len(reading.events()) == 1, "it reads with the new one")
        own.stop()
        for source, to in ((directory / "server.key", key), (directory / "server.pem", certificate)):
            to.write_bytes(source.read_bytes())
        own.start()
        client.put("q", ['{"n": 2}'])
        run.until(lambda: len(reading.events()) == 2, "it goes on")
        assert "the certificates were read again" in run.said()
        run.stop()


@pytest.mark.servers
def test_a_server_that_takes_no_messages_is_waited_for_and_said_once(tmp_path: Path, own: Server) -> None:
    """It has an alarm for memory: it reads nothing of whoever publishes."""
    flow = Flow(tmp_path, own.port, "classic")
    with flow.writes() as writes, flow.reads() as reads:
        flow.put(100)
        reads.until(flow.has_all, "it works")
        rabbitmq.control(own, "set_vm_memory_high_watermark", "absolute", "1MB")
        flow.put(100)
        writes.until(lambda: "takes no messages for now" in writes.said(), "it is said")
        assert not flow.has_all()
        rabbitmq.control(own, "set_vm_memory_high_watermark", "absolute", "512MB")
        reads.until(flow.has_all, "it goes on")
        assert writes.said().count("takes no messages for now") == 1, writes.said()
        assert "the server takes messages again" in writes.said()
        writes.stop()
        reads.stop()


@pytest.mark.servers
def test_heartbeats_go_on_while_the_outputs_hang(tmp_path: Path, own: Server) -> None:
    """With heartbeats of a second the server would end a silent connection after two."""
    client = Client(own.port)
    client.declare("q")
    client.put("q", ["1", "2"])
    options = f'host => "127.0.0.1" port => {own.port} queue => "q" durable => true heartbeat => 1 prefetch_count => 1 codec => plain'
    config = f"input {{ rabbitmq {{ {options} }} }} filter {{ sleep {{ time => 12 }} }} output {{ file {{ path => \"{tmp_path}/out\" }} }}"
    with Penstock(tmp_path, config) as run:
        out: Any = tmp_path / "out"
        run.until(lambda: out.exists() and len(out.read_text().splitlines()) == 2, "both come")
        run.stop()
    assert len(out.read_text().splitlines()) == 2
    assert "retrying" not in run.said(), run.said()
    assert client.length("q") == 0
