"""The contract of inputs, shown with the input rabbitmq and a real server behind a proxy, for each kind of queue."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from servers.proxy import Proxy
from servers.rabbitmq_queues import KINDS, Client

from penstock.testing.connectors import InputContract


class Queue:
    """A queue behind a proxy: a server that ends is one that no connection reaches."""

    def __init__(self, server: Any, proxy: Proxy, kind: str) -> None:
        self._proxy = proxy
        self._client = Client(server.port)
        self._queue = f"q-{uuid4().hex[:12]}"
        self._client.declare(self._queue, kind)
        proxy.refuse()
        self.environment = {"PORT": str(proxy.port), "OPEN": str(server.port), "QUEUE": self._queue}

    def start(self) -> None:
        self._proxy.refuse(False)

    def stop(self) -> None:
        self._proxy.refuse()

    def put(self, messages: Sequence[str]) -> None:
        if len(messages) > 1000:
            self._client.put_many(self._queue, messages)
        else:
            self._client.put(self._queue, messages)


class RabbitContract(InputContract):
    kind: ClassVar[str]
    wrong_option = "password"
    full_steps = 2  # heartbeats are missed after a minute: five would show no more
    absent: ClassVar[Mapping[str, str]] = {}
    servers: ClassVar[tuple[Any, Proxy]]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _servers(cls, server: Any, front: Proxy) -> None:
        cls.servers = server, front

    def server(self, directory: Path) -> Queue:
        return Queue(*self.servers, self.kind)


def options(kind: str) -> dict[str, Any]:
    common = f'host => "127.0.0.1" queue => "${{QUEUE}}" durable => true {KINDS[kind]} codec => plain'
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


del RabbitContract, InputContract  # pytest would take them for tests of their own
