"""The contract of inputs, shown with the input mqtt and a real broker behind a proxy: QoS 1 and 2, MQTT 3.1.1 and 5."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from servers.mqtt_peer import Peer, make_session
from servers.proxy import Proxy

from penstock.testing.connectors import InputContract


class Topic:
    """A topic with a session that waits for the input, behind a proxy: a broker that ends is one that no connection reaches."""

    def __init__(self, server: Any, proxy: Proxy, version: str, qos: int) -> None:
        self._port, self._proxy, self._qos = server.port, proxy, qos
        name = uuid4().hex[:12]
        self._topic = f"t/{name}"
        make_session(server.port, name, self._topic, version, qos)
        proxy.refuse()
        self.environment = {"PORT": str(proxy.port), "OPEN": str(server.port), "NAME": name, "TOPIC": self._topic}

    def start(self) -> None:
        self._proxy.refuse(False)

    def stop(self) -> None:
        self._proxy.refuse()

    def put(self, messages: Sequence[str]) -> None:
        with Peer(self._port) as peer:
            peer.publish(self._topic, messages, self._qos)


class MqttContract(InputContract):
    version: ClassVar[str]
    qos: ClassVar[int]
    full_steps = 2  # a client is missed after a minute: five would show no more
    wrong_option = "password"
    flood, flood_bytes = 4096, 16_384  # a thousand may wait, of any size
    servers: ClassVar[tuple[Any, Proxy]]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _servers(cls, server: Any, front: Proxy) -> None:
        cls.servers = server, front

    def server(self, directory: Path) -> Topic:
        return Topic(*self.servers, self.version, self.qos)


def options(version: str, qos: int) -> dict[str, Any]:
    common = f'host => "127.0.0.1" mqtt_version => "{version}" qos => {qos} client_id => "${{NAME}}" topic => "${{TOPIC}}" codec => plain'
    wrong = f'mqtt {{ port => "${{OPEN}}" {common} username => "alice" password => "guess" }}'
    return {"version": version, "qos": qos, "config": f'mqtt {{ port => "${{PORT}}" {common} }}', "wrong": wrong}


class TestQos1(MqttContract):
    vars().update(options("3.1.1", 1))


@pytest.mark.servers
class TestQos2Of5(MqttContract):
    vars().update(options("5", 2))


del MqttContract, InputContract  # pytest would take them for tests of their own
