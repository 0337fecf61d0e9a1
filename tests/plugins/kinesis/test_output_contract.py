"""The contract of outputs, shown with the output kinesis and an emulator behind a proxy: a request for many records, and one for each."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from servers.kinesis import KEYS, Stream
from servers.proxy import Proxy

from penstock.dsl.reference import Event
from penstock.testing.connectors import OutputContract

HUGE = "x" * (1 << 20)
NO_PAUSE = "Kinesis says of no error how long it lasts; see test_requests for what is throttled"


class Target:
    """A stream of one shard behind a proxy. ``refused``: the messages that are made too large for it."""

    def __init__(self, server: Any, fronts: tuple[Proxy, Proxy]) -> None:
        self._front = fronts[0]
        self._stream = Stream(server, 1)
        self.refused: tuple[str, ...] = ()
        self.stop()
        self.environment = {"STREAM": self._stream.name, "KINESIS": f"http://127.0.0.1:{self._front.port}", **KEYS}

    def start(self) -> None:
        self._front.refuse(False)

    def stop(self) -> None:
        self._front.refuse()

    def received(self) -> list[str]:
        return [record["Data"].decode() for record in self._stream.read()]

    def answer(self, kind: str, *values: Any) -> None:
        if kind == "break":
            self._front.cut()
        elif kind == "refuse":
            self.refused = values


class KinesisContract(OutputContract):
    wrong_option = "stream_name"
    filters = 'mutate { add_field => { "filling" => "" } }'
    absent: ClassVar[Mapping[str, str]] = {"a_busy_target_is_left_alone_for_as_long_as_it_says": NO_PAUSE}
    servers: ClassVar[tuple[Any, tuple[Proxy, Proxy]]]
    backend: Target

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _servers(cls, server: Any, fronts: tuple[Proxy, Proxy]) -> None:
        cls.servers = server, fronts

    def server(self, directory: Path) -> Target:
        return Target(*self.servers)

    def event(self, message: str) -> Event:
        return {"message": message, "filling": HUGE if message in self.backend.refused else ""}


def options(more: str) -> dict[str, Any]:
    common = f'{more} endpoint => "${{KINESIS}}" codec => plain {{ format => "%{{message}}%{{filling}}" }}'
    return {"config": f'kinesis {{ stream_name => "${{STREAM}}" {common} }}', "wrong": f'kinesis {{ {common} stream_name => "nowhere" }}'}


class TestKinesisOutput(KinesisContract):
    vars().update(options("max_in_flight => 1"))


@pytest.mark.servers  # the same once more, with a request for each event
class TestKinesisOutputInOrder(KinesisContract):
    vars().update(options('partition_key => "one"'))


del KinesisContract, OutputContract
