"""What the inputs beats and lumberjack are: a server for Filebeat and its kin, which send by the
protocol Lumberjack.

An acknowledgement is a promise that the client may forget what it has. So it is given when every
output has the events; until then the client hears every few seconds that it is not forgotten.
"""

from __future__ import annotations

import asyncio
import socket
from ssl import SSLContext as SslContext
from typing import Any

from ..codec import Codec
from ..contract import Ecs
from ..declaration import Bytes, option
from ..former import FormerOption, renamed
from ..servers.connections import Acceptor, subject_of
from ..servers.event_loop import Acceptor as AnyAcceptor
from ..servers.event_loop import EventLoopListener, Intake
from ..servers.tls import ServerTls, server_tls
from ..tls import TlsContext
from ._beats_events import EventCodec
from ._beats_intake import WindowIntake
from ._beats_server import Connections

ENRICHMENTS = ("codec_metadata", "source_metadata", "ssl_peer_metadata", "all", "none")
_DEFAULT = ("codec_metadata", "source_metadata")
_SOME, _NONE, _ALL = ENRICHMENTS[:3], "none", "all"
_WITH_ENRICH = ("add_hostname", "include_codec_tag")
_MULTILINE = "write codec => plain, and have Filebeat join lines: its parser `multiline`"

_PIECES = 4
"""How many pieces make a batch where they come at once: each batch wakes two threads."""


class BeatsListener(ServerTls, Ecs, EventLoopListener):
    """A listener for Lumberjack, version 1 or 2."""

    former = renamed(
        {
            "ssl_peer_metadata": FormerOption(
                "enrich", {"true": [*_DEFAULT, "ssl_peer_metadata"], "false": list(_DEFAULT)}
            ),
        },
        unused=("congestion_threshold", "target_field_for_codec"),
    )

    prompt = True
    completes = True

    host: str = option("The name or address to listen on.", default="0.0.0.0")
    port: int = option("The port to listen on.")
    client_inactivity_timeout: float = option(
        "Seconds after which a connection is closed on which nothing was said, and whose client"
        " waits for nothing; 0: never.",
        default=60,
        at_least=0,
    )
    enrich: list[str] = option(
        "What is added to events.", default=list(_DEFAULT), choices=ENRICHMENTS
    )
    include_codec_tag: bool = option(
        "Whether events are tagged with their codec.", default=True, deprecated="write `enrich`"
    )
    add_hostname: bool = option(
        "Whether `[beat][hostname]`, which Beats before version 7 send, is copied to `host`, or"
        " with ECS to `[@metadata][input][beats][host][name]`.",
        default=False,
        deprecated="write `enrich`; Beats have `[host][name]` since version 7",
    )
    max_frame_bytes: Bytes = option(
        "The longest frame, packed and unpacked.", default=Bytes(100 << 20), at_least=1024
    )
    max_pending_bytes: Bytes = option(
        "How many bytes are held at most, until their events are delivered; one frame is taken"
        " whatever its length.",
        default=Bytes(256 << 20),
        at_least=1,
    )
    executor_threads: int = option("Has no effect.", default=1)
    event_loop_threads: int = option("Has no effect.", default=0)

    _connections: Connections | None = None

    def prepare(self) -> None:
        self._tls = server_tls(self, self)
        self._added = self._enrichments()
        inner = self.new_codec()
        if inner.name == "multiline":
            message = "lines cannot be joined here: a Beat sends those of many files in turn"
            self.problem("codec", message, _MULTILINE)
        host = ("@metadata", "input", "beats", "host", "name") if self.ecs else ("host",)
        self._decoder = EventCodec(
            inner,
            self.context.json_bounds(),
            "codec_metadata" in self._added,
            host if self.add_hostname else (),
        )

    def _enrichments(self) -> set[str]:
        added = set(self.enrich)
        if len(added) > 1 and added & {_NONE, _ALL}:
            name = min(added & {_NONE, _ALL})
            self.problem("enrich", f"`{name}` cannot stand beside others", "remove the others")
        for flag in _WITH_ENRICH:
            if flag in self.given and "enrich" in self.given:
                self.problem(flag, f"`{flag}` cannot stand beside `enrich`", "remove it")
        if _ALL in added:
            added = set(_SOME)
        if not self.include_codec_tag:
            added.discard("codec_metadata")
        return added - {_NONE}

    def decoder(self) -> Codec:
        return self._decoder

    def claims(self) -> dict[str, str]:
        return {"port": f"TCP port {self.port} of {self.host}"} if self.port else {}

    def tls(self) -> TlsContext | None:
        return self._tls

    async def begin(self, intake: Intake) -> None:
        size = min(self.chunk_bytes, self.max_frame_bytes)
        self._connections = Connections(
            self,
            WindowIntake(intake, _PIECES * size, self.max_pending_bytes),
            self._origin_of,
            longest=self.max_frame_bytes,
            size=size,
            idle_after=self.client_inactivity_timeout,
            handshake=self.ssl_handshake_timeout / 1000,
        )

    async def accept(self, listening: socket.socket, tls: SslContext | None) -> AnyAcceptor:
        assert self._connections is not None
        return Acceptor(listening, self._connections, tls)

    def look(self) -> None:
        if self._connections is not None:
            self._connections.tick()

    async def drain(self) -> None:
        if self._connections is not None:
            await self._connections.finish()

    def _origin_of(self, ip: str, transport: asyncio.BaseTransport) -> dict[str, Any]:
        """What the events of a connection get."""
        of_input: dict[str, Any] = {}
        metadata: dict[str, Any] = {}
        if "source_metadata" in self._added and ip:
            if self.ecs:
                of_input["host"] = {"ip": ip}
            else:
                metadata["ip_address"] = ip
        if "ssl_peer_metadata" in self._added and self._tls is not None:
            self._add_peer(transport, of_input, metadata)
        if of_input:
            metadata["input"] = {"beats": of_input}
        return {"@metadata": metadata} if metadata else {}

    def _add_peer(
        self,
        transport: asyncio.BaseTransport,
        of_input: dict[str, Any],
        metadata: dict[str, Any],
    ) -> None:
        certificate = transport.get_extra_info("peercert")
        if not certificate:
            metadata["tls_peer"] = {"status": "unverified"}
            return
        metadata["tls_peer"] = {"status": "verified"}
        subject = subject_of(certificate)
        cipher, protocol, _ = transport.get_extra_info("cipher")
        if self.ecs:
            tls = {"version_protocol": protocol, "client": {"subject": subject}, "cipher": cipher}
            of_input["tls"] = tls
        else:
            peer = {"protocol": protocol, "subject": subject, "cipher_suite": cipher}
            metadata["tls_peer"] |= peer
