"""The contract of outputs, with the output logstash and a server that takes lists as Logstash does."""
from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from servers.http_server import Asked, HttpServer, Reply
from servers.process import free_ports

from penstock.testing.connectors import OutputContract

CREDENTIALS = "Basic " + b64encode(b"me:right").decode()


class Receiver:
    """Keeps the messages of lists; ``AWAY`` is a port where nobody is."""

    def __init__(self) -> None:
        self._server = HttpServer(self._answer)
        self.environment = {"PORT": str(self._server.port), "AWAY": str(free_ports()[0])}
        self._messages: list[str] = []
        self._next: list[Reply] = []

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def received(self) -> list[str]:
        return self._messages

    def answer(self, kind: str, *values: object) -> None:
        busy = Reply(429, headers={"Retry-After": f"{values[0]:.0f}"}) if kind == "busy" else None
        self._next.append(busy or Reply(is_cut=True))

    def _answer(self, asked: Asked) -> Reply:
        if asked.headers.get("Authorization", CREDENTIALS) != CREDENTIALS:
            return Reply(401)
        if self._next:
            return self._next.pop()
        self._messages += [event["message"] for event in events_of(asked)]
        return Reply()


def events_of(asked: Asked) -> list[dict[str, object]]:
    """The events of a request; aiohttp has unpacked its body already."""
    assert (asked.method, asked.path, asked.headers["Content-Type"]) == ("POST", "/", "application/x-ndjson")
    body = gzip.decompress(asked.body) if asked.body[:2] == b"\x1f\x8b" else asked.body
    assert asked.headers["Content-Encoding"] == "gzip"
    events = json.loads(body)
    assert isinstance(events, list)
    return events


class TestLogstashOutput(OutputContract):
    config = 'logstash { hosts => ["127.0.0.1:${PORT}"] ssl_enabled => false max_in_flight => 1 }'
    wrong = 'logstash { hosts => ["127.0.0.1:${PORT}"] ssl_enabled => false username => "me" password => "guess" }'
    wrong_option = "password"
    absent: ClassVar[Mapping[str, str]] = {
        "refused_items_are_named_by_their_index": "the status of an answer says nothing of single events of a list",
    }

    def server(self, directory: Path) -> Receiver:
        return Receiver()


class TestLogstashOutputWithAHostThatIsAway(TestLogstashOutput):
    config = 'logstash { hosts => ["127.0.0.1:${AWAY}", "127.0.0.1:${PORT}"] ssl_enabled => false max_in_flight => 1 }'
    absent: ClassVar[Mapping[str, str]] = TestLogstashOutput.absent | {
        name: "shown with one host" for name in OutputContract.cases() if name.startswith(("a_reload", "a_stop", "a_killed", "wrong"))
    }
