"""The contract of outputs, shown with the output redis and a real server behind a proxy, for lists and for streams."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from redis import Redis
from servers.proxy import Proxy

from penstock.dsl.reference import Event
from penstock.testing.connectors import OutputContract


class Key:
    """A list or a stream behind a proxy. ``refused``: the messages that are meant for a key of another kind."""

    def __init__(self, server: Any, proxy: Proxy, kind: str) -> None:
        self._proxy, self._kind = proxy, kind
        self._client = Redis(port=server.port, decode_responses=True, protocol=2)
        self.key = f"k-{uuid4().hex[:12]}"
        self._client.set(f"{self.key}-text", "a key of another kind")
        self.refused: tuple[str, ...] = ()
        proxy.refuse()
        self.environment = {"PORT": str(proxy.port), "OPEN": str(server.port), "KEY": self.key}

    def start(self) -> None:
        self._proxy.refuse(False)

    def stop(self) -> None:
        self._proxy.refuse()

    def received(self) -> list[str]:
        key = f"{self.key}-good"
        if self._kind == "list":
            return list(self._client.lrange(key, 0, -1))
        return [fields["message"] for _, fields in self._client.xrange(key)]

    def answer(self, kind: str, *values: Any) -> None:
        if kind == "break":
            self._proxy.cut()
        elif kind == "refuse":
            self.refused = values


class RedisContract(OutputContract):
    kind: ClassVar[str]
    wrong_option = "password"
    filters = 'mutate { add_field => { "kind" => "good" } }'
    absent: ClassVar[Mapping[str, str]] = {
        "a_busy_target_is_left_alone_for_as_long_as_it_says": "Redis says of no error how long it lasts; see test_options for congestion",
    }
    servers: ClassVar[tuple[Any, Proxy]]
    backend: Key

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _servers(cls, server: Any, front: Proxy) -> None:
        cls.servers = server, front

    def server(self, directory: Path) -> Key:
        return Key(*self.servers, self.kind)

    def event(self, message: str) -> Event:
        return {"message": message, "kind": "text" if message in self.backend.refused else "good"}


def options(kind: str) -> dict[str, Any]:
    common = f'data_type => "{kind}" key => "${{KEY}}-%{{kind}}" codec => plain {{ format => "%{{message}}" }}'
    wrong = f'redis {{ port => "${{OPEN}}" {common} user => "alice" password => "guess" }}'
    return {"kind": kind, "config": f'redis {{ port => "${{PORT}}" {common} }}', "wrong": wrong}


class TestRedisList(RedisContract):
    vars().update(options("list"))


class TestRedisStream(RedisContract):
    vars().update(options("stream"))


del RedisContract, OutputContract
