"""The contract of outputs, shown with the output rabbitmq and a real server behind a proxy, for each kind of queue."""
from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from servers.proxy import Proxy
from servers.rabbitmq_queues import Client

from penstock.dsl.reference import Event
from penstock.testing.connectors import OutputContract


class Queue:
    """A queue behind a proxy. ``refused``: the messages that are meant for a queue that is not there."""

    def __init__(self, server: Any, proxy: Proxy, kind: str) -> None:
        self._proxy, self._kind = proxy, kind
        self._client = Client(server.port)
        self.queue = f"q-{uuid4().hex[:12]}"
        self._client.declare(f"{self.queue}-good", kind)
        self.refused: tuple[str, ...] = ()
        self._taken: list[str] = []
        self._taking = threading.Lock()
        proxy.refuse()
        self.environment = {"PORT": str(proxy.port), "OPEN": str(server.port), "QUEUE": self.queue}

    def start(self) -> None:
        self._proxy.refuse(False)

    def stop(self) -> None:
        self._proxy.refuse()

    def received(self) -> list[str]:
        """They are taken out: a quorum queue does not get back in order what is only looked at."""
        queue = f"{self.queue}-good"
        if self._kind == "stream":
            return [body.decode() for body in self._client.stream(queue)]
        with self._taking:
            self._taken += [body.decode() for _, _, body in self._client.take(queue)]
            return list(self._taken)

    def answer(self, kind: str, *values: Any) -> None:
        if kind == "break":
            self._proxy.cut()
        elif kind == "refuse":
            self.refused = values


class RabbitContract(OutputContract):
    kind: ClassVar[str]
    wrong_option = "password"
    filters = 'mutate { add_field => { "kind" => "good" } }'
    absent: ClassVar[Mapping[str, str]] = {
        "a_busy_target_is_left_alone_for_as_long_as_it_says": "the server stops taking messages, and does not say for how long",
    }
    servers: ClassVar[tuple[Any, Proxy]]
    backend: Queue

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _servers(cls, server: Any, front: Proxy) -> None:
        cls.servers = server, front

    def server(self, directory: Path) -> Queue:
        return Queue(*self.servers, self.kind)

    def event(self, message: str) -> Event:
        return {"message": message, "kind": "none" if message in self.backend.refused else "good"}


def options(kind: str) -> dict[str, Any]:
    common = 'host => "127.0.0.1" exchange => "" exchange_type => "direct" key => "${QUEUE}-%{kind}" mandatory => true codec => plain { format => "%{message}" }'
    wrong = f'rabbitmq {{ port => "${{OPEN}}" {common} user => "alice" password => "guess" }}'
    return {"kind": kind, "config": f'rabbitmq {{ port => "${{PORT}}" {common} }}', "wrong": wrong}


class TestClassicQueue(RabbitContract):
    vars().update(options("classic"))


@pytest.mark.servers
class TestQuorumQueue(RabbitContract):
    vars().update(options("quorum"))


@pytest.mark.servers
class TestStream(RabbitContract):
    vars().update(options("stream"))


del RabbitContract, OutputContract
