"""The contract of outputs, shown with the output mqtt and a real broker behind a proxy: QoS 1 and 2, MQTT 3.1.1 and 5."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from servers.mqtt_peer import Peer, until
from servers.proxy import Proxy

from penstock.dsl.reference import Event
from penstock.testing.connectors import OutputContract

REFUSED = {"3.1.1": "a wildcard: +", "5": "closed"}
"""Where messages go that are refused: of MQTT 3.1.1 no broker says so, but no client may send them either."""


class Topics:
    """Topics that somebody listens to, behind a proxy. ``refused``: the messages that are meant for one that may not be written to."""

    def __init__(self, server: Any, proxy: Proxy, qos: int) -> None:
        self._proxy = proxy
        name = uuid4().hex[:12]
        self._peer = Peer(server.port)
        self._peer.__enter__().subscribe(f"t/{name}", qos)
        self.refused: tuple[str, ...] = ()
        proxy.refuse()
        self.environment = {"PORT": str(proxy.port), "OPEN": str(server.port), "NAME": name}

    def start(self) -> None:
        self._proxy.refuse(False)

    def stop(self) -> None:
        self._proxy.refuse()

    def received(self) -> list[str]:
        return self._peer.heard()

    def answer(self, kind: str, *values: Any) -> None:
        if kind == "break":
            self._proxy.cut()
        elif kind == "refuse":
            self.refused = values

    def end(self) -> None:
        self._peer.__exit__()


class MqttContract(OutputContract):
    version: ClassVar[str]
    qos: ClassVar[int]
    wrong_option = "password"
    filters = 'mutate { add_field => { "where" => "t" } }'
    absent: ClassVar[Mapping[str, str]] = {
        "a_busy_target_is_left_alone_for_as_long_as_it_says": "no broker says how long it is busy",
    }
    servers: ClassVar[tuple[Any, Proxy]]
    backend: Topics

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _servers(cls, server: Any, front: Proxy) -> None:
        cls.servers = server, front

    @pytest.fixture(autouse=True)
    def _ends(self, _arrange: None) -> Iterator[None]:
        yield
        self.backend.end()

    def server(self, directory: Path) -> Topics:
        return Topics(*self.servers, self.qos)

    def event(self, message: str) -> Event:
        return {"message": message, "where": REFUSED[self.version] if message in self.backend.refused else "t"}

    def received(self, sending: Any) -> list[str]:
        """With a last message of another client behind it, all has come."""
        self.closed(sending.output)
        name = self.backend.environment["NAME"]
        with Peer(int(self.backend.environment["OPEN"])) as other:
            other.publish(f"t/{name}", ["the end"], self.qos)
        until(lambda: "the end" in self.backend.received(), "the last message has come")
        return [message for message in self.backend.received() if message != "the end"]


def options(version: str, qos: int) -> dict[str, Any]:
    common = f'host => "127.0.0.1" mqtt_version => "{version}" qos => {qos} topic => "%{{where}}/${{NAME}}" codec => plain {{ format => "%{{message}}" }}'
    wrong = f'mqtt {{ port => "${{OPEN}}" {common} username => "alice" password => "guess" }}'
    return {"version": version, "qos": qos, "config": f'mqtt {{ port => "${{PORT}}" {common} }}', "wrong": wrong}


class TestQos1(MqttContract):
    vars().update(options("3.1.1", 1))


@pytest.mark.servers
class TestQos2Of5(MqttContract):
    vars().update(options("5", 2))


del MqttContract, OutputContract
