"""The contract of inputs, shown with the input kafka and a real broker.

A proxy is all that its clients see of the broker: a server that ends is one that no connection reaches.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from servers.kafka_topics import Topic
from servers.proxy import Proxy

from penstock.testing.connectors import InputContract

KEEPS_ITS_SESSION = "the client outlives broken connections, and gives again only what has failed"


class Broker:
    """A topic of two partitions behind a proxy."""

    def __init__(self, broker: Any, proxy: Proxy) -> None:
        self._broker, self._proxy = broker, proxy
        self._topic = Topic(broker.address)
        proxy.refuse()
        self.environment = {
            "BROKERS": f"127.0.0.1:{proxy.port}",
            "SASL": f"127.0.0.1:{broker.ports['sasl']}",
            "TOPIC": self._topic.name,
            "GROUP": f"g-{uuid4().hex[:12]}",
        }

    def start(self) -> None:
        self._proxy.refuse(False)

    def stop(self) -> None:
        self._proxy.refuse()

    def put(self, messages: Sequence[str]) -> None:
        self._topic.put(messages)


COMMON = """topics => ["${TOPIC}"] group_id => "${GROUP}" auto_offset_reset => "earliest" session_timeout_ms => 2000
    heartbeat_interval_ms => 500 poll_timeout_ms => 20"""


class TestKafkaInput(InputContract):
    config = f'kafka {{ bootstrap_servers => "${{BROKERS}}" {COMMON} }}'
    wrong = (
        f'kafka {{ bootstrap_servers => "${{SASL}}" {COMMON} security_protocol => "SASL_PLAINTEXT"'
        """ sasl_jaas_config => 'org.apache.kafka.common.security.plain.PlainLoginModule required username="alice" password="guess";' }"""
    )
    wrong_option = "sasl_jaas_config"
    absent: ClassVar[Mapping[str, str]] = {"tokens_of_an_older_connection_are_ignored": KEEPS_ITS_SESSION}

    servers: ClassVar[tuple[Any, Proxy]]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _servers(cls, broker: Any, front: Proxy) -> None:
        cls.servers = broker, front

    def server(self, directory: Path) -> Broker:
        return Broker(*self.servers)

