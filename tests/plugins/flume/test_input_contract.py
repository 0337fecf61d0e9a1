"""The contract of listeners, with the input flume and Flume's own client library."""
from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from functools import cache
from pathlib import Path
from typing import ClassVar

from servers.flume import FlumeClient
from servers.packages import require
from servers.process import free_ports

from penstock.testing.connectors import ListenerContract


@cache
def library() -> FlumeClient:
    """One JVM for all cases; it ends with this process."""
    return FlumeClient()


class Client:
    """Appends each message over a connection of its own. ``failed``: what FAILED means, which the protocol does not tell."""

    def __init__(self, library: FlumeClient, kind: str) -> None:
        (self._port,) = free_ports()
        self.environment = {"PORT": str(self._port)}
        self.failed = "failed"
        self._library, self._kind = library, kind

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def send(self, message: str) -> Future[str]:
        answer: Future[str] = Future()

        def tell(said: Future[str]) -> None:
            answer.set_result("taken" if said.result() == "OK" else self.failed)

        self._library.send(self._port, self._kind, message).add_done_callback(tell)
        return answer


class TestAvro(ListenerContract):
    config = 'flume { host => "127.0.0.1" port => "${PORT}" }'
    wrong = 'flume { host => "192.0.2.1" port => "${PORT}" }'
    wrong_option = "host"
    kind: ClassVar[str] = "default"
    backend: Client

    def server(self, directory: Path) -> Client:
        require("flume")
        return Client(library(), self.kind)

    def test_it_says_at_once_that_it_is_full(self) -> None:
        """It is said as a failure is."""
        self.backend.failed = "busy"
        super().test_it_says_at_once_that_it_is_full()

    def test_it_keeps_its_connections_while_it_is_full(self) -> None:
        self.backend.failed = "busy"
        super().test_it_keeps_its_connections_while_it_is_full()

    def test_a_stop_answers_what_was_taken_and_takes_nothing_more(self) -> None:
        self.backend.failed = "busy"
        super().test_a_stop_answers_what_was_taken_and_takes_nothing_more()


class TestThrift(TestAvro):
    config = 'flume { host => "127.0.0.1" port => "${PORT}" protocol => thrift }'
    kind = "thrift"
    absent: ClassVar[Mapping[str, str]] = {
        name: "shown with Avro" for name in ListenerContract.cases() if name.startswith(("a_reload", "wrong", "a_second", "memory", "it_keeps"))
    }


class TestThriftInBinary(TestThrift):
    config = 'flume { host => "127.0.0.1" port => "${PORT}" protocol => thrift thrift_protocol => binary }'
    kind = "thrift-binary"
    absent: ClassVar[Mapping[str, str]] = TestThrift.absent | {
        name: "shown with the compact encoding" for name in ListenerContract.cases() if name.startswith(("a_killed", "a_stop"))
    }
