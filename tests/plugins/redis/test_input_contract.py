"""The contract of inputs, shown with the input redis and a real server behind a proxy, for lists and for streams."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from redis import Redis
from servers.proxy import Proxy

from penstock.testing.connectors import InputContract

KEEPS_ITS_SESSION = "a consumer outlives a connection that broke between two commands, and so does what it has under way"


class Key:
    """A list or a stream behind a proxy: a server that ends is one that no connection reaches."""

    def __init__(self, server: Any, proxy: Proxy, kind: str) -> None:
        self._proxy, self._kind = proxy, kind
        self._client = Redis(port=server.port, protocol=2)
        self._key = f"k-{uuid4().hex[:12]}"
        proxy.refuse()
        self.environment = {"PORT": str(proxy.port), "OPEN": str(server.port), "KEY": self._key}

    def start(self) -> None:
        self._proxy.refuse(False)

    def stop(self) -> None:
        self._proxy.refuse()

    def put(self, messages: Sequence[str]) -> None:
        pipe = self._client.pipeline(transaction=False)
        for message in messages:
            if self._kind == "list":
                pipe.rpush(self._key, message)
            else:
                pipe.xadd(self._key, {"message": message})
        pipe.execute()


class RedisContract(InputContract):
    kind: ClassVar[str]
    wrong_option = "password"
    full_steps = 2  # a consumer is missed after a minute: five would show no more
    absent: ClassVar[Mapping[str, str]] = {"tokens_of_an_older_connection_are_ignored": KEEPS_ITS_SESSION}
    servers: ClassVar[tuple[Any, Proxy]]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _servers(cls, server: Any, front: Proxy) -> None:
        cls.servers = server, front

    def server(self, directory: Path) -> Key:
        return Key(*self.servers, self.kind)


def options(kind: str) -> dict[str, Any]:
    common = f'data_type => "{kind}" key => "${{KEY}}" codec => plain'
    wrong = f'redis {{ port => "${{OPEN}}" {common} user => "alice" password => "guess" }}'
    return {"kind": kind, "config": f'redis {{ port => "${{PORT}}" {common} }}', "wrong": wrong}


class TestRedisList(RedisContract):
    vars().update(options("list"))


class TestRedisStream(RedisContract):
    vars().update(options("stream"))


del RedisContract, InputContract  # pytest would take them for tests of their own
