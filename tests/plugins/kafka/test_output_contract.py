"""The contract of outputs, shown with the output kafka and a real broker behind a proxy."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from servers.kafka_topics import Topic
from servers.proxy import Proxy

from penstock.dsl.reference import Event
from penstock.testing.connectors import OutputContract


class Broker:
    """A topic of one partition behind a proxy. ``refused``: the messages that are meant for a partition that is not there."""

    def __init__(self, broker: Any, proxy: Proxy) -> None:
        self._proxy = proxy
        self._topic = Topic(broker.address, 1)
        self.refused: tuple[str, ...] = ()
        proxy.refuse()
        self.environment = {
            "BROKERS": f"127.0.0.1:{proxy.port}",
            "SASL": f"127.0.0.1:{broker.ports['sasl']}",
            "TOPIC": self._topic.name,
        }

    def start(self) -> None:
        self._proxy.refuse(False)

    def stop(self) -> None:
        self._proxy.refuse()

    def received(self) -> list[str]:
        return self._topic.values()

    def answer(self, kind: str, *values: Any) -> None:
        if kind == "break":
            self._proxy.cut()
        elif kind == "refuse":
            self.refused = values


COMMON = 'topic_id => "${TOPIC}" partition => "%{[partition]}" codec => plain { format => "%{message}" }'


class TestKafkaOutput(OutputContract):
    config = f'kafka {{ bootstrap_servers => "${{BROKERS}}" {COMMON} }}'
    filters = 'mutate { add_field => { "partition" => "0" } }'
    wrong = (
        f'kafka {{ bootstrap_servers => "${{SASL}}" {COMMON} security_protocol => "SASL_PLAINTEXT" sasl_mechanism => "SCRAM-SHA-512"'
        """ sasl_jaas_config => 'org.apache.kafka.common.security.scram.ScramLoginModule required username="alice" password="guess";' }"""
    )
    wrong_option = "sasl_jaas_config"
    absent: ClassVar[Mapping[str, str]] = {
        "a_busy_target_is_left_alone_for_as_long_as_it_says": "brokers say how long to wait to the client library, which waits",
    }
    servers: ClassVar[tuple[Any, Proxy]]
    backend: Broker

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _servers(cls, broker: Any, front: Proxy) -> None:
        cls.servers = broker, front

    def server(self, directory: Path) -> Broker:
        return Broker(*self.servers)

    def event(self, message: str) -> Event:
        return {"message": message, "partition": "7" if message in self.backend.refused else "0"}
