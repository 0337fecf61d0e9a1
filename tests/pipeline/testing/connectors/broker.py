"""A broker of the tests' own over TCP: partitions, a committed offset for each, one group whose members must ask for something every
few seconds, a password. What it has outlives ``stop``.
"""
from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

PASSWORD = "open sesame"
PARTITIONS = ("a", "b")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Broker:
    """``session``: seconds after which a member that asks for nothing is thrown out."""

    def __init__(self, session: float = 3.0, partitions: Sequence[str] = PARTITIONS) -> None:
        self.port, self.session = free_port(), session
        self.environment = {"PORT": str(self.port)}
        self.messages: dict[str, list[str]] = {partition: [] for partition in partitions}
        self.committed = dict.fromkeys(partitions, 0)
        self.answers: deque[tuple[str, tuple[Any, ...]]] = deque()
        self.lock = threading.Lock()
        self.members: set[socket.socket] = set()
        self._put = 0
        self._server: Server | None = None

    def start(self) -> None:
        self._server = Server(self)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        server.shutdown()
        server.server_close()
        with self.lock:
            for member in self.members:
                with contextlib.suppress(OSError):
                    member.shutdown(socket.SHUT_RDWR)

    def put(self, messages: Sequence[str]) -> None:
        with self.lock:
            for message in messages:
                names = list(self.messages)
                self.messages[names[self._put % len(names)]].append(message)
                self._put += 1

    def received(self) -> list[str]:
        return [message for messages in self.messages.values() for message in messages]

    def answer(self, kind: str, *values: Any) -> None:
        self.answers.append((kind, values))


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        super().__init__(("127.0.0.1", broker.port), Member)


class Member(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        broker: Broker = self.server.broker  # type: ignore[attr-defined]
        self.request.settimeout(broker.session)
        with broker.lock:
            broker.members.add(self.request)
            self.offsets = dict(broker.committed)
        with contextlib.suppress(OSError, ConnectionError):
            for line in self.rfile:
                request = json.loads(line)
                with broker.lock:
                    answer = getattr(self, request.pop("command"))(broker, **request)
                if answer is None:
                    break
                self.wfile.write(json.dumps(answer).encode() + b"\n")
        with broker.lock:
            broker.members.discard(self.request)

    def hello(self, broker: Broker, password: str) -> dict[str, Any]:
        return {} if password == PASSWORD else {"error": "credentials"}

    def beat(self, broker: Broker) -> dict[str, Any]:
        return {}

    def fetch(self, broker: Broker) -> dict[str, Any]:
        for partition, messages in broker.messages.items():
            first = self.offsets[partition]
            if first < len(messages):
                self.offsets[partition] = min(first + 5, len(messages))
                return {"messages": [partition, first, messages[first : first + 5]]}
        return {"messages": []}

    def commit(self, broker: Broker, behind: dict[str, int]) -> dict[str, Any]:
        broker.committed.update(behind)
        return {}

    def seek(self, broker: Broker, to: dict[str, int]) -> dict[str, Any]:
        self.offsets.update(to)
        return {}

    def produce(self, broker: Broker, items: list[str]) -> dict[str, Any] | None:
        kind, values = broker.answers.popleft() if broker.answers else ("take", ())
        if kind == "break":
            return None
        if kind == "busy":
            return {"busy": values[0]}
        (partition,) = broker.messages
        broker.messages[partition] += [item for item in items if item not in values]
        return {"refused": {index: f"{item} is refused" for index, item in enumerate(items) if item in values}}


class LineClient:
    """Sends lines to a listener, each over a connection of its own."""

    def __init__(self) -> None:
        self.port = free_port()
        self.environment = {"PORT": str(self.port)}

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def send(self, message: str) -> Future[str]:
        answer: Future[str] = Future()
        threading.Thread(target=self._send, args=(message, answer), daemon=True).start()
        return answer

    def _send(self, message: str, answer: Future[str]) -> None:
        try:
            with self._connected() as connection:
                connection.sendall(message.encode() + b"\n")
                line = connection.makefile().readline()
        except OSError as error:
            answer.set_exception(error)
            return
        if line:
            answer.set_result(line.rstrip("\n"))
        else:
            answer.set_exception(ConnectionError("the connection ended without an answer"))

    def _connected(self) -> socket.socket:
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                return socket.create_connection(("127.0.0.1", self.port), timeout=60)
            threading.Event().wait(0.01)  # it does not listen yet
