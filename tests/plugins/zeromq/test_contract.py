"""The contracts of listeners and outputs, shown with zeromq: with answers (reqrep) all of them, without as many as there can be."""
from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, ClassVar

import zmq
from servers.process import free_ports
from servers.zeromq_peer import Asking, Listening, until

from penstock.dsl.reference import Event
from penstock.testing.connectors import ListenerContract, OutputContract

NO_CREDENTIALS = "there is no login; for keys see test_options"
NO_ANSWERS = "the protocol has no answers: what a socket has taken nobody can ask for again"


class Client:
    """Asks, and is answered."""

    def __init__(self) -> None:
        (port,) = free_ports()
        self.environment = {"PORT": str(port)}
        self._asking = Asking(port)

    def start(self) -> None: ...

    def stop(self) -> None:
        self._asking.end()

    def send(self, message: str) -> Future[str]:
        return self._asking.send(message)


class TestRequests(ListenerContract):
    config = 'zeromq { topology => "reqrep" address => "tcp://127.0.0.1:${PORT}" codec => plain }'
    wrong = 'zeromq { topology => "reqrep" address => "tcp://192.0.2.1:${PORT}" codec => plain }'
    wrong_option = "address"
    absent: ClassVar[Mapping[str, str]] = {
        "it_says_at_once_that_it_is_full": "a client that has to wait is not answered meanwhile: that is what holds it up",
    }
    backend: Client

    def server(self, directory: Path) -> Client:
        return Client()


class Target:
    """A socket that answers, or one that pulls."""

    def __init__(self, kind: zmq.SocketType) -> None:
        (port,) = free_ports()
        self.environment = {"PORT": str(port)}
        self._listening = Listening(kind, port)

    def start(self) -> None:
        self._listening.start()

    def stop(self) -> None:
        self._listening.stop()

    def received(self) -> list[str]:
        return self._listening.heard()

    def answer(self, kind: str, *values: Any) -> None:
        if kind == "break":
            self._listening.break_next()


class ZeroMqContract(OutputContract):
    kind: ClassVar[zmq.SocketType]
    backend: Target
    count = 0

    def server(self, directory: Path) -> Target:
        return Target(self.kind)

    def received(self, sending: Any) -> list[str]:
        """What was pushed may be on its way: wait for as many as there were."""
        self.closed(sending.output)
        until(lambda: len(self.backend.received()) >= self.count, "all has come")
        return self.backend.received()

    def event(self, message: str) -> Event:
        self.count += 1
        return super().event(message)


class TestAnswered(ZeroMqContract):
    kind = zmq.REP
    config = 'zeromq { topology => "reqrep" address => "tcp://127.0.0.1:${PORT}" codec => plain { format => "%{message}" } }'
    absent: ClassVar[Mapping[str, str]] = {
        "wrong_credentials_are_said_at_their_option": NO_CREDENTIALS,
        "a_busy_target_is_left_alone_for_as_long_as_it_says": "no peer says how long it is busy",
        "refused_items_are_named_by_their_index": "an answer refuses nothing for good",
    }


class TestPushed(ZeroMqContract):
    kind = zmq.PULL
    config = 'zeromq { topology => "pushpull" address => "tcp://127.0.0.1:${PORT}" codec => plain { format => "%{message}" } }'
    absent: ClassVar[Mapping[str, str]] = {
        **TestAnswered.absent,
        "refused_items_are_named_by_their_index": NO_ANSWERS,
        "a_connection_that_breaks_loses_nothing": NO_ANSWERS,
        "a_killed_process_loses_nothing": NO_ANSWERS,
    }


del ZeroMqContract, ListenerContract, OutputContract
