"""The contract of outputs, with the output http and a server over TCP."""
from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from servers.http_server import Asked, HttpServer, Reply

from penstock.testing.connectors import OutputContract


class Collector(HttpServer):
    """Keeps the messages of bodies in JSON, maps or lists of them."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.environment = {"URL": f"http://localhost:{self.port}/in"}
        self._messages: list[str] = []
        self._next: list[Reply] = []
        self._refused: tuple[str, ...] = ()
        self._lock = threading.Lock()

    def received(self) -> list[str]:
        return self._messages

    def answer_next(self, kind: str, *values: object) -> None:
        if kind == "busy":
            self._next.append(Reply(429, headers={"Retry-After": f"{values[0]:.0f}"}))
        elif kind == "break":
            self._next.append(Reply(is_cut=True))
        else:
            self._refused = tuple(map(str, values))

    def _answer(self, asked: Asked) -> Reply:
        if asked.headers.get("Authorization", self.wanted) != self.wanted:
            return Reply(401)
        if self._next:
            return self._next.pop()
        data = json.loads(asked.body)
        events = data if isinstance(data, list) else [data]
        if any(event["message"] in self._refused for event in events):
            return Reply(400, b"it has a bad message")
        self._messages += [event["message"] for event in events]
        return Reply()

    wanted = "Basic " + b64encode(b"me:right").decode()


class Target:
    """A collector, with the name that the contract has for ``answer_next``."""

    def __init__(self) -> None:
        self._server = Collector()
        self.environment = self._server.environment
        self.start, self.stop, self.received = self._server.start, self._server.stop, self._server.received
        self.answer = self._server.answer_next


class TestHttpOutput(OutputContract):
    config = 'http { url => "${URL}" http_method => post max_in_flight => 1 }'
    wrong = 'http { url => "${URL}" http_method => post user => "me" password => "guess" }'
    wrong_option = "password"

    def server(self, directory: Path) -> Target:
        return Target()


class TestHttpOutputInBatches(TestHttpOutput):
    config = 'http { url => "${URL}" http_method => post format => json_batch max_in_flight => 1 }'
    absent: ClassVar[Mapping[str, str]] = {
        "refused_items_are_named_by_their_index": "the status of an answer says nothing of single events of a batch",
    }
