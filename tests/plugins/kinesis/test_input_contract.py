"""The contract of inputs, shown with the input kinesis and emulators behind proxies: a stream of two shards, and its table of leases."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from servers.kinesis import KEYS, Stream
from servers.proxy import Proxy

from penstock.testing.connectors import InputContract


class Backend:
    """A stream behind proxies: services that end are those that no connection reaches."""

    def __init__(self, server: Any, fronts: tuple[Proxy, Proxy]) -> None:
        self._fronts = fronts
        self._stream = Stream(server)
        self.stop()
        streams, tables = (f"http://127.0.0.1:{front.port}" for front in fronts)
        self.environment = {"STREAM": self._stream.name, "KINESIS": streams, "DYNAMO": tables, **KEYS}

    def start(self) -> None:
        for front in self._fronts:
            front.refuse(False)

    def stop(self) -> None:
        for front in self._fronts:
            front.refuse()

    def put(self, messages: Sequence[str]) -> None:
        self._stream.put(messages)


COMMON = """application_name => "${STREAM}" endpoint => "${KINESIS}" dynamodb_endpoint => "${DYNAMO}"
    additional_settings => { failover_time_millis => 1500 idle_time_between_reads_in_millis => 100 }"""


class TestKinesisInput(InputContract):
    config = f'kinesis {{ kinesis_stream_name => "${{STREAM}}" {COMMON} }}'
    wrong = f'kinesis {{ {COMMON} kinesis_stream_name => "nowhere" }}'
    wrong_option = "kinesis_stream_name"
    full_steps = 4
    flood, flood_bytes = 4096, 8192  # the emulator is slow
    absent: ClassVar[Mapping[str, str]] = {
        "tokens_of_an_older_connection_are_ignored": "HTTP has no session: the client connects again, and what is under way stays so"
    }
    servers: ClassVar[tuple[Any, tuple[Proxy, Proxy]]]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _servers(cls, server: Any, fronts: tuple[Proxy, Proxy]) -> None:
        cls.servers = server, fronts

    def server(self, directory: Path) -> Backend:
        return Backend(*self.servers)


del InputContract  # pytest would take it for tests of its own
