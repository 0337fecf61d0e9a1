"""The output flume: events to sources of Flume agents, over Avro or Thrift.

Items are encoded where events are filtered. A request is one call, answered with one status, so
that it is delivered as a whole or sent again as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import Future
from functools import partial

from ...dsl.reference import Event, FieldRef
from ...dsl.template import Template
from ...dsl.values import to_text
from ..batch import Payload
from ..clients import flume_avro, flume_thrift
from ..clients.flume import Client, Encode
from ..clients.flume_hosts import Hosts, Order, RoundRobin, at_random, failover
from ..clients.flume_link import Link
from ..clients.tcp import dial, encrypted
from ..clients.tls import ClientTls, client_tls
from ..declaration import option
from ..errors import Disconnected
from ..output import Batching, Output
from ..tls import TlsContext, refuse_without_tls

_HOST_AND_PORT = re.compile(r"(?:([^:\[\]\s]+)|\[(.+)\]):(\d{1,9})")
_HEADERS = FieldRef("[flume][headers]")


class Flume(ClientTls, Output, name="flume"):
    """Send events to the source `avro` or `thrift` of Flume agents.

    The body is what the codec makes of an event. Its headers are those in `[flume][headers]`, which
    the input `flume` sets, and those of the option `headers`, which take precedence; all are texts.

    A call has up to `batch_size` events, as many as the channel of the agent takes in one
    transaction (its `transactionCapacity`) or fewer, and counts as delivered when it is answered
    with OK, which says that the agent's channel has the events. What is answered otherwise, such as
    FAILED by an agent whose channel is full, or not at all, is sent again for as long as it takes.
    Up to `max_in_flight` calls are under way. The source `avro` handles several of them at once, so
    that it keeps the order of events with `max_in_flight => 1` alone; the source `thrift` takes
    them one after the other.

    With several `hosts`, `processor => "failover"` sends to the first of them that works, and
    `"load_balance"` to each in turn, or with `selector => "random"` to any. A host that fails is
    left alone for a second, which doubles up to `max_penalty`.

    The output needs the packages fastavro and thriftpy2: `pip install 'penstock[flume]'`.
    """

    default_codec = "json"
    batching = Batching(bytes=4 << 20, events=100, age=0.02)
    pipelined = True

    protocol: str = option(
        "The kind of the agents' source.", default="avro", choices=("avro", "thrift")
    )
    thrift_protocol: str = option(
        "How Thrift encodes: the `protocol` of the source `thrift`.",
        default="compact",
        choices=("compact", "binary"),
    )
    hosts: list[str] = option("The hosts of the agents; `host:port` has a port of its own.")
    port: int | None = option("The port of hosts that have none of their own.", default=None)
    processor: str = option(
        "Which of several hosts gets events: the first that works, or each in turn.",
        default="failover",
        choices=("failover", "load_balance"),
    )
    selector: str = option(
        "With `load_balance`, how the next host is chosen.",
        default="round_robin",
        choices=("round_robin", "random"),
    )
    max_penalty: int = option(
        "How long a host that fails is left alone at most, in milliseconds.",
        default=30_000,
        at_least=0,
    )
    headers: dict[str, Template] = option("Headers, with fields.", default={})
    batch_size: int = option("The most events of a call.", default=100, at_least=1)
    compression_type: str = option(
        "Whether connections are compressed, as the source `avro` has it.",
        default="none",
        choices=("none", "deflate"),
    )
    compression_level: int = option(
        "How much they are, from 1 (fast) to 9 (small).", default=6, at_least=1
    )
    connect_timeout: int = option(
        "How long a connection may take, in milliseconds.", default=20_000, at_least=1
    )
    request_timeout: int = option(
        "How long an answer may take, in milliseconds.", default=20_000, at_least=1
    )
    max_in_flight: int = option(
        "How many calls may be under way at once.", default=64, at_least=1, common=True
    )
    ssl_enabled: bool = option("Whether connections are encrypted with TLS.", default=False)

    _tls: TlsContext | None = None
    _hosts: Hosts | None = None

    def prepare(self) -> None:
        self._codec = self.new_codec()
        self._encode = self._encoder()
        self._addresses = [self._address(place) for place in range(len(self.hosts))]
        if not self._addresses:
            self.problem("hosts", "`hosts` is empty", "name at least one")
        if self.protocol == "thrift" and self.compression_type != "none":
            message = 'Flume compresses with protocol => "avro" only'
            self.problem("compression_type", message, "remove it")
        if self.compression_level > 9:
            self.problem("compression_level", "levels go from 1 to 9", "6 is what Flume has")
        for name, template in self.headers.items():
            if template.problem:
                self.problem("headers", template.problem, template.help, path=(name,), code="W304")
        if self.batch_events is None:
            self.batch_events = self.batch_size
        refuse_without_tls(self, self.ssl_enabled)
        if self.ssl_enabled:
            self._tls = client_tls(self, self)

    def _encoder(self) -> Encode:
        if self.protocol == "avro":
            return flume_avro.encode
        return flume_thrift.encoder(self.thrift_protocol)

    def _address(self, place: int) -> tuple[str, int]:
        given = self.hosts[place]
        found = _HOST_AND_PORT.fullmatch(given)
        port = self.port if found is None else int(found[3])
        if port is None:
            self.problem("hosts", f"`{given}` has no port", 'write "host:4141"', path=(place,))
        elif not 0 < port < 65536:
            self.problem("hosts", f"{port} is not a valid port", "1 to 65535", path=(place,))
        host = given.strip("[]") if found is None else found[1] or found[2]
        return host, port or 0

    def pack(self, events: list[Event]) -> list[Payload]:
        bodies = self._codec.encode_messages(events)
        items = [
            self._encode(self._headers_of(event), body)
            for event, body in zip(events, bodies, strict=True)
        ]
        size = self.batch_size
        return [
            Payload(items[at : at + size], events[at : at + size])
            for at in range(0, len(items), size)
        ]

    def _headers_of(self, event: Event) -> dict[str, str]:
        """The headers that an event is sent with."""
        held = _HEADERS.get(event)
        headers: dict[str, str] = {}
        if isinstance(held, Mapping):
            headers = {str(name): to_text(value) for name, value in held.items()}
        for name, template in self.headers.items():
            headers[name] = template.render(event)
        return headers

    def open(self) -> None:
        order: Order = failover
        if self.processor == "load_balance":
            order = RoundRobin() if self.selector == "round_robin" else at_random
        dials = [
            (f"{host}:{port}", partial(self._dial, host, port)) for host, port in self._addresses
        ]
        self._hosts = Hosts(dials, order, self.max_penalty / 1000)

    def connect(self) -> None:
        assert self._hosts is not None
        self._hosts.connect()

    def _dial(self, host: str, port: int) -> Link:
        made = dial(host, port, self.connect_timeout / 1000)
        if self._tls is not None:
            authorities = "ssl_certificate_authorities"
            blamed = authorities if authorities in self.given else "ssl_enabled"
            made = encrypted(made, self._tls.current(), host, blamed)
        level = self.compression_level if self.compression_type == "deflate" else 0
        link = Link(made, self._client(), self.request_timeout / 1000, level)
        try:
            link.greet()
        except Disconnected as error:
            link.close()
            raise Disconnected(f"{host} port {port}: {error}") from error
        return link

    def _client(self) -> Client:
        if self.protocol == "avro":
            return flume_avro.AvroClient()
        return flume_thrift.ThriftClient(self.thrift_protocol)

    def deliver(self, payload: Payload) -> Future[None]:
        assert self._hosts is not None
        return self._hosts.send(payload.data)

    def tend(self, timeout: float) -> None:
        if self._hosts is not None:
            self._hosts.check()

    def close(self) -> None:
        hosts, self._hosts = self._hosts, None
        if hosts is not None:
            hosts.close()
