"""Connectors written for the contract tests, one of each kind, that talk to the broker of ``broker.py`` over TCP."""
from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from penstock.dsl.reference import Event
from penstock.plugins.batch import Batch, Part, Payload, Position
from penstock.plugins.contract import (
    Disconnected,
    Input,
    Misconfigured,
    Outcome,
    Output,
    Rejected,
    Retry,
)
from penstock.plugins.declaration import option
from penstock.plugins.input import Emit, Listener


class Connection:
    """Requests and answers, a line of JSON each."""

    def __init__(self, port: int, password: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._file = self._socket.makefile("rwb")
        if "error" in self.ask("hello", password=password):
            self.close()
            raise Misconfigured("password", "the broker refuses it")

    def ask(self, command: str, **values: Any) -> Any:
        self._file.write(json.dumps({"command": command, **values}).encode() + b"\n")
        self._file.flush()
        answer = self._file.readline()
        if not answer:
            raise Disconnected("the broker has closed the connection")
        return json.loads(answer)

    def close(self) -> None:
        self._socket.close()


class ReferenceInput(Input, name="reference"):
    """Read the partitions of a broker, as a member of its only group."""

    replays = True
    exclusive = True
    port: int = option("The port of the broker.")
    password: str = option("The password.", default="open sesame")
    _connection: Connection | None = None
    _generation = 0

    def open(self) -> None:
        self._woken = threading.Event()

    def connect(self) -> None:
        self._drop()
        self._connection = Connection(self.port, self.password)
        self._generation += 1

    def _ask(self, command: str, **values: Any) -> Any:
        if self._connection is None:
            raise Disconnected("not connected")
        return self._connection.ask(command, **values)

    def resume(self, positions: Mapping[str, Position]) -> None:
        self._ask("seek", to={partition: position.offset for partition, position in positions.items()})

    def read(self, timeout: float) -> Batch | None:
        while not (found := self._ask("fetch")["messages"]):
            if timeout <= 0 or self._woken.wait(min(timeout, 0.02)):
                self._woken.clear()
                return None
            timeout -= 0.02
        partition, first, texts = found
        position = Position("1", first + len(texts))
        events: list[Event] = [{"message": text} for text in texts]
        return Batch(events, token=(self._generation, partition, first), parts=[Part(partition, position, len(texts))])

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Position]) -> None:
        failed: dict[str, int] = {}
        for (generation, partition, first), error in (outcome for outcome in outcomes):
            if error is not None and generation == self._generation:
                failed[partition] = min(first, failed.get(partition, first))
        if behind:
            self._ask("commit", behind={partition: position.offset for partition, position in behind.items()})
        if failed:
            self._ask("seek", to=failed)

    def wake(self) -> None:
        self._woken.set()

    def tend(self, timeout: float) -> None:
        self._ask("beat")

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def close(self) -> None:
        self._drop()


class ReferenceListener(Listener, name="reference_listener"):
    """Take a message a line, and answer it: taken, busy or failed."""

    port: int = option("The port to listen on.")
    _server: socketserver.ThreadingTCPServer | None = None

    def connect(self) -> None:
        try:
            self._server = Lines(("127.0.0.1", self.port), Line)
        except OSError as error:
            raise Misconfigured("port", str(error)) from error

    def serve(self, emit: Emit, stop: threading.Event) -> None:
        assert self._server is not None
        self._server.emit = emit  # type: ignore[attr-defined]
        self._server.serve_forever(0.02)

    def wake(self) -> None:
        if self._server is not None:
            self._server.shutdown()

    def close(self) -> None:
        if self._server is not None:
            self._server.server_close()


class Lines(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True


class Line(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            ended: Future[str] = Future()

            def answer(error: Exception | None, ended: Future[str] = ended) -> None:
                ended.set_result("failed" if error else "taken")

            batch = Batch([{"message": line.decode().rstrip("\n")}])
            is_taken = self.server.emit(batch, answer)  # type: ignore[attr-defined]
            self.wfile.write((ended.result() if is_taken else "busy").encode() + b"\n")


class ReferenceOutput(Output, name="reference"):
    """Hand messages to a broker, a request for each payload."""

    port: int = option("The port of the broker.")
    password: str = option("The password.", default="open sesame")
    _connection: Connection | None = None

    def connect(self) -> None:
        self.close()
        self._connection = Connection(self.port, self.password)

    def pack(self, events: list[Event]) -> list[Payload]:
        return [Payload([str(event["message"]) for event in events], events)]

    def deliver(self, payload: Payload) -> None:
        assert self._connection is not None
        answer = self._connection.ask("produce", items=payload.data)
        if "busy" in answer:
            raise Retry("the broker is busy", after=answer["busy"])
        if answer.get("refused"):
            raise Rejected({int(index): reason for index, reason in answer["refused"].items()})

    def tend(self, timeout: float) -> None:
        assert self._connection is not None
        self._connection.ask("beat")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
