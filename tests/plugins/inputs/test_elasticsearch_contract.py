"""The input elasticsearch keeps the contract, against a real OpenSearch behind a front that can be stopped.

Messages are documents with a number that grows, which is the tracking field; the query is asked ten times a second.
"""
from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import ClassVar

from servers import opensearch
from servers.front import Front

from penstock.plugins.clients.elastic import basic
from penstock.testing.connectors import InputContract

QUERY = '{ "query": { "range": { "number": { "gt": ":last_value" } } }, "sort": ["number"] }'


class Documents:
    """An index of its own."""

    def __init__(self) -> None:
        self.port = opensearch.node().port
        self.index = opensearch.fresh()
        self.front = Front(self.port, logins=[basic("penstock", "secret")])
        self.environment = {"HOST": self.front.url, "INDEX": self.index}
        self._numbers = count()
        properties = {"number": {"type": "long"}, "message": {"type": "keyword"}}
        opensearch.ask(self.port, f"/{self.index}", {"mappings": {"properties": properties}}, "PUT")

    def start(self) -> None:
        self.front.start()

    def stop(self) -> None:
        self.front.stop()

    def put(self, messages: Sequence[str]) -> None:
        lines = [line for each in messages for line in ({"index": {}}, {"message": each, "number": next(self._numbers)})]
        body = "".join(json.dumps(line) + "\n" for line in lines).encode()
        assert not opensearch.ask(self.port, f"/{self.index}/_bulk?refresh=true", body)["errors"]


class SearchContract(InputContract):
    wrong_option = "password"
    full_steps = 2  # there is no session to lose
    flood, flood_bytes = 2_000, 16_384

    absent: ClassVar[dict[str, str]] = {
        "tokens_of_an_older_connection_are_ignored": "requests go over any connection: what was read stays under way when one ends",
        "a_reload_that_changes_the_input_loses_and_repeats_nothing": (
            "a run that is stopped between two pages begins anew behind the last value but one,"
            " since the next page may have the last one too: that document comes again"
        ),
    }

    def server(self, directory: Path) -> Documents:
        return Documents()


def configured(more: str) -> str:
    """A configuration that asks ten times a second."""
    login = 'user => "penstock" password => "secret"'
    tracking = 'schedule => "every 100ms" tracking_field => "number" tracking_field_seed => "-1"'
    return f"elasticsearch {{ hosts => \"${{HOST}}\" index => \"${{INDEX}}\" {login} {tracking} query => '{QUERY}' {more} }}"


class TestSearchAfter(SearchContract):
    config = configured('search_api => "search_after" size => 7')
    wrong = config.replace("secret", "guess")
