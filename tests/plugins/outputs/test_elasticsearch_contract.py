"""The output elasticsearch keeps the contract, against a real OpenSearch behind a front that breaks what a server
cannot be asked to break.
"""
from __future__ import annotations

from pathlib import Path
from typing import Any

from servers import opensearch
from servers.front import Front, Told

from penstock.dsl.reference import Event
from penstock.plugins.clients.elastic import basic
from penstock.testing.connectors import OutputContract


class Cluster:
    """An index of its own, in which `number` is a number: what has another is refused."""

    def __init__(self) -> None:
        self.port = opensearch.node().port
        self.index = opensearch.fresh()
        self.front = Front(self.port, logins=[basic("penstock", "secret")])
        self.environment = {"HOST": self.front.url, "INDEX": self.index}
        self.refused: set[str] = set()
        opensearch.ask(self.port, f"/{self.index}", {"mappings": {"properties": {"number": {"type": "long"}}}}, "PUT")

    def start(self) -> None:
        self.front.start()

    def stop(self) -> None:
        self.front.stop()

    def received(self) -> list[str]:
        return [hit["_source"]["message"] for hit in opensearch.documents(self.port, self.index)]

    def answer(self, kind: str, *values: Any) -> None:
        if kind == "refuse":
            self.refused |= set(values)
        elif kind == "busy":
            self.front.tell("/_bulk", Told(429, {"error": "busy"}, {"retry-after": str(int(values[0]))}))
        else:
            self.front.tell("/_bulk", Told(0))


class BulkContract(OutputContract):
    def server(self, directory: Path) -> Cluster:
        return Cluster()

    def event(self, message: str) -> Event:
        more = {"number": "none"} if message in self.backend.refused else {}  # type: ignore[attr-defined]
        return {"message": message, **more}


class TestElasticsearch(BulkContract):
    config = (
        'elasticsearch { hosts => "${HOST}" index => "${INDEX}" user => "penstock" password => "secret"'
        " manage_template => false }"
    )
    wrong = config.replace("secret", "guess")
    wrong_option = "password"


class TestElasticsearchWithIds(BulkContract):
    """Ids, and so lanes; nothing comes twice, and documents of one lane keep their order."""

    config = TestElasticsearch.config.replace(" }", ' document_id => "%{message}" action => "create" max_in_flight => 1 }')
    wrong = config.replace("secret", "guess")
    wrong_option = "password"
