"""The output lumberjack: events to Logstash or Penstock, acknowledged by the other end.

Several windows are under way at once. When a connection breaks, what was not acknowledged is sent
to the next host.
"""

from __future__ import annotations

import re
from concurrent.futures import Future
from pathlib import Path
from typing import cast

from ...dsl.reference import Event
from ..batch import Payload
from ..clients.lumberjack import Kind, Link
from ..clients.tcp import check_port, dial, encrypted
from ..clients.tls import ClientTls, client_tls
from ..codec import made_codec
from ..declaration import option
from ..errors import Disconnected
from ..output import Output
from ..tls import TlsContext

_CERTIFICATE = "ssl_certificate"

_HOST_AND_PORT = re.compile(r"(?:([^:\[\]]+)|\[(.+)\]):(\d{1,9})")


class Lumberjack(ClientTls, Output, name="lumberjack"):
    """Send events to an input `beats` or `lumberjack`, of Penstock or Logstash.

    With `format => "line"`, as Logstash does it, an event is sent as the text that the codec makes
    of it, in a field `line` (version 1 of the protocol); the other end has the same codec. `json`
    keeps all fields. With `format => "event"` the event itself is sent, without `@metadata`, as a
    Beat does it (version 2), and the other end needs no codec.

    An event counts as delivered when the other end has acknowledged it. What was not when a
    connection breaks is sent again, to the next host of `hosts`: events may come twice, and none is
    lost. The order is kept.

    `ssl_certificate` without `ssl_key` is, as in Logstash, the certificate of the server or of its
    authority, the same as `ssl_certificate_authorities`; with `ssl_key` it is shown to the server.

    Differs from Logstash: `format`, `timeout`, `compression_level`, mutual TLS and
    `ssl_enabled => false` are new; the name of the server is verified; hosts are tried in their
    order, and the one that a connection was made to is kept until that breaks.
    """

    pipelined = True

    hosts: list[str] = option("The hosts, one of which is connected to; `host:port` has its own.")
    port: int = option("The port of hosts that have none of their own.")
    format: str = option(
        "What is sent of an event: the text that the codec makes, or the event itself.",
        default="line",
        choices=("line", "event"),
    )
    flush_size: int = option("The most events of a window.", default=1024, at_least=1)
    window_size: int | None = option(
        "As `flush_size`.", default=None, at_least=1, deprecated="write `flush_size`"
    )
    idle_flush_time: float = option(
        "Has no effect: what waits is sent at once; `batch_age` has more wait for it.", default=1
    )
    compression_level: int = option(
        "How windows are compressed, from 1 (fast) to 9 (small); 0: not at all.",
        default=3,
        at_least=0,
    )
    timeout: float = option(
        "Seconds that the other end may say nothing while an acknowledgement is awaited.",
        default=60,
        at_least=0.1,
    )
    max_in_flight: int = option(
        "How many batches may be sent and not acknowledged; their order is kept.",
        default=16,
        at_least=1,
        common=True,
    )
    ssl_certificate: Path | None = option(
        "The certificate of the server or its authority, or with `ssl_key` the one that is shown to"
        " the server; a PEM file.",
        default=None,
    )

    _tls: TlsContext | None = None
    _link: Link | None = None
    _turn = 0

    def prepare(self) -> None:
        if self.format == "event":
            if "codec" in self.given:
                message = 'a codec has no effect with format => "event"'
                self.problem("codec", message, "remove one of the two", code="W305")
            self._codec = made_codec(self.context, "json")
        else:
            self._codec = self.new_codec()
        if self.compression_level > 9:
            self.problem("compression_level", "levels go from 0 to 9", "3 is what Beats have")
        check_port(self, self.port)
        self._addresses = [self._address(place) for place in range(len(self.hosts))]
        if not self._addresses:
            self.problem("hosts", "`hosts` is empty", "name at least one")
        self._window = self.window_size or self.flush_size
        self._prepare_tls()

    def _prepare_tls(self) -> None:
        self._trust_option = "ssl_certificate_authorities"
        if self.ssl_certificate is not None and self.ssl_key is None:
            self._trust_option = _CERTIFICATE
            self.ssl_certificate_authorities = [
                *self.ssl_certificate_authorities,
                self.ssl_certificate,
            ]
            self.ssl_certificate = None
        elif "ssl_certificate_authorities" not in self.given:
            self._trust_option = "hosts"
        if self.ssl_enabled:
            self._tls = client_tls(self, self)

    def _address(self, place: int) -> tuple[str, int]:
        given = self.hosts[place]
        found = _HOST_AND_PORT.fullmatch(given)
        if found is None:
            return given.strip("[]"), self.port
        if not 0 < int(found[3]) < 65536:
            self.problem("hosts", f"{found[3]} is not a valid port", "1 to 65535", path=(place,))
        return found[1] or found[2], int(found[3])

    def pack(self, events: list[Event]) -> list[Payload]:
        return [Payload(self._codec.encode_messages(events), events)]

    def connect(self) -> None:
        """Connect to the first host, or, where a connection has ended, to the next one; to one
        behind it where that does not take it. Raises Disconnected where none does, Misconfigured.
        """
        if self._link is not None:
            self._turn += 1
        self.close()
        said: list[str] = []
        for _ in self._addresses:
            host, port = self._addresses[self._turn % len(self._addresses)]
            try:
                self._link = self._linked(host, port)
            except (OSError, Disconnected) as error:
                said.append(str(error))
                self._turn += 1
            else:
                return
        raise Disconnected("; ".join(said))

    def _linked(self, host: str, port: int) -> Link:
        made = dial(host, port)
        if self._tls is not None:
            made = encrypted(made, self._tls.current(), host, self._trust_option)
        return Link(made, self.timeout)

    def deliver(self, payload: Payload) -> Future[None]:
        if self._link is None:
            raise Disconnected("not connected")
        kind = cast(Kind, self.format)
        return self._link.send(payload.data, kind, self.compression_level, self._window)

    def tend(self, timeout: float) -> None:
        if self._link is not None:
            self._link.check()

    def close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()
