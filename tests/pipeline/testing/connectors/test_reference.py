"""The contract of connectors, shown with reference connectors that talk to a broker over TCP."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from broker import Broker, LineClient

from penstock.testing.connectors import InputContract, ListenerContract, OutputContract


class TestReferenceInput(InputContract):
    config = 'reference { port => "${PORT}" }'
    wrong = 'reference { port => "${PORT}" password => "guess" }'
    wrong_option = "password"

    def server(self, directory: Path) -> Broker:
        return Broker()


class TestReferenceListener(ListenerContract):
    config = 'reference_listener { port => "${PORT}" }'
    absent: ClassVar[Mapping[str, str]] = {"wrong_credentials_are_said_at_their_option": "it asks for no credentials"}

    def server(self, directory: Path) -> LineClient:
        return LineClient()


class TestReferenceOutput(OutputContract):
    config = 'reference { port => "${PORT}" }'
    wrong = 'reference { port => "${PORT}" password => "guess" }'
    wrong_option = "password"

    def server(self, directory: Path) -> Broker:
        return Broker(partitions=("only",))
