"""Flume and Penstock while the one or the other is killed or hangs, again and again: nothing is lost. Agents have channels on the disk.

``servers``: twenty kills of Penstock, kills and pauses of agents on both sides, certificates that are wrong; ``soak``: two hundred kills.
"""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest
from servers import flume
from servers.certificates import Certificates
from servers.flume import Received, options
from servers.packages import require
from servers.penstock_process import Penstock
from servers.process import Server, free_ports
from servers.soak import Figures, Found, rounds
from servers.written import events_in

SOAK = pytest.mark.soak("Flume", "flume")
WAYS = ("avro", "thrift")
MESSAGE = 'codec => plain { format => "%{message}" }'


class FromAgent:
    """An agent that sends lines to Penstock, by all ways at once."""

    def __init__(self, directory: Path) -> None:
        require("flume")
        self._directory = directory
        self.ports = dict(zip(WAYS, free_ports(len(WAYS)), strict=True))
        self.agent = flume.sender(directory / "agent", self.ports)
        inputs = [
            f'flume {{ host => "127.0.0.1" port => {port} type => "{way}" {options(way)} }}'
            for way, port in self.ports.items()
        ]
        self.config = f'input {{ {" ".join(inputs)} }} output {{ file {{ path => "{directory}/%{{type}}.arrived" }} }}'
        self.wanted: set[str] = set()
        self._files = 0

    def put(self, count: int) -> None:
        lines = [f"line {number}" for number in range(len(self.wanted), len(self.wanted) + count)]
        self.wanted.update(lines)
        self._files += 1
        flume.put(self.agent.home, f"file{self._files}", lines)

    def messages(self, way: str) -> set[str]:
        return set(self._all(way))

    def _all(self, way: str) -> list[str]:
        return [event["message"] for event in events_in(self._directory / f"{way}.arrived")]

    def arrived(self) -> tuple[list[str], int]:
        """What has arrived, again and again, and by how many ways each line comes."""
        return [line for way in WAYS for line in self._all(way)], len(WAYS)

    def size(self) -> int:
        """How many bytes have arrived by all ways."""
        return sum(path.stat().st_size for path in self._directory.glob("*.arrived"))

    def has_all(self) -> bool:
        return all(self.messages(way) == self.wanted for way in WAYS)


class ToAgent:
    """Penstock that sends the lines of a file to an agent of its own."""

    def __init__(self, directory: Path, way: str, more: str = "") -> None:
        require("flume")
        self.agent: Server = flume.receiver(directory / "agent", [way])
        self._received = Received(Path(self.agent.home), self.agent.figures)
        self._lines = directory / "lines"
        self.config = f"""
            input {{ file {{ path => "{self._lines}" sincedb_path => "{directory}/sincedb" start_position => beginning stat_interval => 0.05
                            sincedb_write_interval => 0.05 }} }}
            output {{ flume {{ hosts => "127.0.0.1:{self.agent.ports[way]}" {options(way)} {MESSAGE} {more} }} }}
        """
        self.wanted: set[str] = set()

    def put(self, count: int) -> None:
        lines = [f"line {number}" for number in range(len(self.wanted), len(self.wanted) + count)]
        self.wanted.update(lines)
        with self._lines.open("a") as file:
            file.write("".join(f"{line}\n" for line in lines))

    def bodies(self) -> set[str]:
        return {body for _, body in self._received.events()}

    def arrived(self) -> tuple[list[str], int]:
        """What has arrived, again and again, and by how many ways each line comes."""
        return [body for _, body in self._received.events()], 1

    def size(self) -> int:
        """How many bytes the agent has written."""
        return sum(path.stat().st_size for path in (Path(self.agent.home) / "out").iterdir())

    def has_all(self) -> bool:
        return self.bodies() >= self.wanted


def killed(flow: Any, directory: Path, kills: int) -> Figures:
    """Penstock is killed so often at any moment, and all arrives in the end."""
    chance = random.Random(1)
    with flow.agent:
        for _ in range(kills):
            flow.put(chance.randrange(50, 400))
            before = flow.size()
            with Penstock(directory, flow.config) as run:
                if chance.random() < 0.5:  # an agent that failed to connect tries again after 5 s
                    run.until(lambda seen=before: flow.size() > seen, "lines arrive")  # type: ignore[misc]
                time.sleep(chance.uniform(0, 0.8))  # any moment will do
                run.kill()
        flow.put(1)  # what only the last life can carry: when it is there, that one is connected
        with Penstock(directory, flow.config) as run:
            run.until(flow.has_all, "all arrives")
            run.stop()
        arrived, copies = flow.arrived()
        wanted = len(flow.wanted) * copies
        return Figures(kills, wanted, len(arrived) - wanted)


@pytest.mark.servers
def test_an_agent_sends_while_penstock_is_killed(tmp_path: Path) -> None:
    killed(FromAgent(tmp_path), tmp_path, rounds(20))


@pytest.mark.servers
@pytest.mark.parametrize("way", WAYS)
def test_penstock_is_killed_while_it_sends(way: str, tmp_path: Path) -> None:
    killed(ToAgent(tmp_path, way), tmp_path, rounds(20))


@SOAK
def test_an_agent_sends_while_penstock_is_killed_for_long(tmp_path: Path, found: Found) -> None:
    found(killed(FromAgent(tmp_path), tmp_path, rounds()))


@SOAK
def test_penstock_is_killed_while_it_sends_for_long(tmp_path: Path, found: Found) -> None:
    found(killed(ToAgent(tmp_path, "avro"), tmp_path, rounds()))


@pytest.mark.servers
def test_an_agent_that_sends_is_killed_and_comes_again(tmp_path: Path) -> None:
    flow = FromAgent(tmp_path)
    with flow.agent, Penstock(tmp_path, flow.config) as run:
        for _ in range(5):
            before = len(flow.messages("avro"))
            flow.put(500)
            run.until(lambda before=before: len(flow.messages("avro")) > before, "lines come")  # type: ignore[misc]
            flow.agent.kill()
            flow.agent.start()
        run.until(flow.has_all, "all arrives")
        run.stop()


@pytest.mark.servers
@pytest.mark.parametrize("way", WAYS)
def test_an_agent_that_takes_is_killed_and_comes_again(way: str, tmp_path: Path) -> None:
    flow = ToAgent(tmp_path, way)
    with flow.agent, Penstock(tmp_path, flow.config) as run:
        for _ in range(5):
            before = len(flow.bodies())
            flow.put(500)
            run.until(lambda before=before: len(flow.bodies()) > before, "lines come")  # type: ignore[misc]
            flow.put(500)
            flow.agent.kill()
            flow.agent.start()
        run.until(flow.has_all, "all arrives")
        assert "Traceback" not in run.said()
        run.stop()


@pytest.mark.servers
@pytest.mark.parametrize("way", WAYS)
def test_an_agent_that_hangs_is_waited_for_and_its_calls_are_made_again(
    way: str, tmp_path: Path
) -> None:
    flow = ToAgent(tmp_path, way, "request_timeout => 2000")
    with flow.agent, Penstock(tmp_path, flow.config) as run:
        flow.put(100)
        run.until(flow.has_all, "lines come")
        flow.agent.pause()
        flow.put(1000)
        run.until(lambda: "has not answered for 2 s" in run.said(), "it finds that the agent hangs")
        flow.agent.go_on()
        run.until(flow.has_all, "all arrives")
        run.stop()


@pytest.mark.servers
@pytest.mark.parametrize("way", ["avro_tls", "thrift_tls"])
def test_certificates_are_verified_by_both_sides(way: str, tmp_path: Path) -> None:
    require("flume")
    certificates = Certificates(tmp_path)
    (port,) = free_ports()
    agent = flume.sender(tmp_path / "agent", {way: port}, certificates.ca)
    flume.put(agent.home, "lines", ["one"])

    def taking(pair: str) -> str:
        certificate, key = certificates.pair(pair)
        tls = f'ssl_enabled => true ssl_certificate => "{certificate}" ssl_key => "{key}"'
        path = tmp_path / f"{pair}.arrived"
        return f'input {{ flume {{ host => "127.0.0.1" port => {port} {options(way)} {tls} }} }} output {{ file {{ path => "{path}" }} }}'

    with agent:
        for pair in ("foreign", "expired"):
            with Penstock(tmp_path, taking(pair), name=pair) as run:
                run.until(
                    lambda: "TLS failed" in run.said(), f"the agent refuses the {pair} certificate"
                )
                run.stop()
            assert not (tmp_path / f"{pair}.arrived").exists()
        with Penstock(tmp_path, taking("server"), name="server") as run:
            run.until((tmp_path / "server.arrived").exists, "the agent takes the right certificate")
            run.stop()
