"""The contracts of inputs and outputs, shown with the plugins sqs and ElasticMQ behind a proxy. The output's needs a FIFO queue, for it looks at the order."""
from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from servers.aws_queue import Queue
from servers.proxy import Proxy

from penstock.dsl.reference import Event
from penstock.testing.connectors import InputContract, OutputContract

COMMON = 'endpoint => "http://127.0.0.1:${PORT}" region => "eu-central-1"'
OUTLIVES = "a receipt outlives the connection it came by, and so does what is under way: it stays invisible, and is deleted when it was delivered"


class Behind:
    """A queue behind a proxy: a server that ends is one that no connection reaches."""

    def __init__(self, server: Any, proxy: Proxy, is_fifo: bool = False) -> None:
        self._proxy = proxy
        self.queue = Queue(server.port, is_fifo)
        proxy.refuse()
        self.environment = {"PORT": str(proxy.port), "QUEUE": self.queue.name}

    def start(self) -> None:
        self._proxy.refuse(False)

    def stop(self) -> None:
        self._proxy.refuse()


class Source(Behind):
    def put(self, messages: Sequence[str]) -> None:
        self.queue.put(messages)


class Target(Behind):
    """``refused``: messages that get a character which SQS does not take."""

    refused: tuple[str, ...] = ()

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._came: list[str] = []
        self._lock = threading.Lock()
        self._next = 0.0

    def received(self) -> list[str]:
        with self._lock:
            time.sleep(max(0.0, self._next - time.monotonic()))  # who asks all the time takes the server's time
            self._came += [message["Body"] for message in self.queue.take()]
            self._next = time.monotonic() + 0.2
            return list(self._came)

    def answer(self, kind: str, *values: Any) -> None:
        if kind == "break":
            self._proxy.cut()
        elif kind == "refuse":
            self.refused = values


class TestInputSqs(InputContract):
    config = f'sqs {{ queue => "${{QUEUE}}" {COMMON} codec => plain visibility_timeout => 2 }}'
    wrong = f'sqs {{ queue => "nowhere" {COMMON} }}'
    wrong_option = "queue"
    flood = 1000
    flood_bytes = 16_000
    absent: ClassVar[Mapping[str, str]] = {"tokens_of_an_older_connection_are_ignored": OUTLIVES}
    servers: ClassVar[tuple[Any, Proxy]]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _servers(cls, elasticmq: Any, front: Proxy) -> None:
        cls.servers = elasticmq, front

    def server(self, directory: Path) -> Source:
        return Source(*self.servers)


class TestOutputSqs(OutputContract):
    config = f'sqs {{ queue => "${{QUEUE}}" {COMMON} codec => plain {{ format => "%{{message}}" }} message_group_id => "one" }}'
    wrong = f'sqs {{ queue => "nowhere" {COMMON} }}'
    wrong_option = "queue"
    absent: ClassVar[Mapping[str, str]] = {
        "a_busy_target_is_left_alone_for_as_long_as_it_says": "ElasticMQ is never busy; see tests/plugins/clients/test_aws.py for what throttling means",
    }
    servers: ClassVar[tuple[Any, Proxy]]
    backend: Target

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _servers(cls, elasticmq: Any, front: Proxy) -> None:
        cls.servers = elasticmq, front

    def server(self, directory: Path) -> Target:
        return Target(*self.servers, True)

    def event(self, message: str) -> Event:
        return {"message": f"{message}\x00" if message in self.backend.refused else message}


del InputContract, OutputContract  # pytest would take them for tests of their own
