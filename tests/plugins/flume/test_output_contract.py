"""The contract of outputs, with the output flume and a real agent behind a proxy."""
from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

from servers import flume
from servers.flume import Received
from servers.proxy import Proxy

from penstock.testing.connectors import OutputContract

NO_ANSWERS = "Flume's protocols have no answer but that events are taken, or are not now"
BASE = 'hosts => "127.0.0.1:${PORT}" headers => { "case" => "${CASE}" } codec => plain { format => "%{message}" }'


@cache
def front(port: int) -> Proxy:
    """A proxy for all cases of a way; it ends with this process."""
    return Proxy(port).__enter__()


class Agent:
    """An agent of the run; the events of a case have its name in a header."""

    def __init__(self, way: str) -> None:
        server = flume.agent()
        self._received = Received(Path(server.home), server.figures)
        self._proxy = front(server.ports[way])
        self._proxy.refuse()
        self._case = uuid4().hex
        foreign = f"{server.certificates}/foreign-ca.pem"
        self.environment = {"PORT": str(self._proxy.port), "CASE": self._case, "TLS_PORT": str(server.ports["avro_tls"]), "FOREIGN": foreign}

    def start(self) -> None:
        self._proxy.refuse(False)

    def stop(self) -> None:
        self._proxy.refuse()

    def received(self) -> list[str]:
        return [body for _, body in self._received.events(self._case)]

    def answer(self, kind: str, *values: Any) -> None:
        assert kind == "break"
        self._proxy.cut()


class TestAvro(OutputContract):
    way: ClassVar[str] = "avro"
    config = f"flume {{ {BASE} max_in_flight => 1 }}"
    wrong = 'flume { hosts => "localhost:${TLS_PORT}" ssl_enabled => true ssl_certificate_authorities => "${FOREIGN}" }'
    wrong_option = "ssl_certificate_authorities"
    absent: ClassVar[Mapping[str, str]] = {
        "a_busy_target_is_left_alone_for_as_long_as_it_says": NO_ANSWERS,
        "refused_items_are_named_by_their_index": NO_ANSWERS,
    }

    def server(self, directory: Path) -> Agent:
        return Agent(self.way)


class TestThrift(TestAvro):
    way = "thrift"
    config = f"flume {{ {BASE} protocol => thrift }}"
    absent: ClassVar[Mapping[str, str]] = TestAvro.absent | {
        name: "shown with Avro" for name in OutputContract.cases() if name.startswith(("a_killed", "a_reload", "a_stop", "tending", "wrong"))
    }
