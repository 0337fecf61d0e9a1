"""The input udp: each datagram is a payload."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from ...dsl.reference import FieldRef
from ..codec import Codec
from ..contract import Ecs
from ..declaration import option
from ..servers.datagrams import (
    ChunkDatagrams,
    CodecDatagrams,
    DatagramFeed,
    Datagrams,
    Losses,
    bind_datagrams,
)
from ..servers.event_loop import Acceptor, EventLoopListener, Intake
from ..servers.gathering import Gathering


class Udp(Ecs, EventLoopListener, name="udp"):
    """Read events from UDP datagrams, one a datagram unless the codec says otherwise.

    The address of the sender is in `[host][ip]` (`host` without ECS) unless the event has that
    field already. A codec that remembers something, such as the templates of `netflow`, is one for
    each address.

    UDP promises nothing. While events are not taken as fast as they come, `queue_size` datagrams
    are held, then the system's receive buffer fills, then the system drops what comes: that is
    counted (`datagrams_dropped`) and said in the log. A stop delivers what has come.
    """

    default_codec = "plain"
    completes = True
    holds = True
    keeps_connections = True

    port: int = option("The port to listen on.")
    host: str = option("The address to listen on.", default="0.0.0.0")
    buffer_size: int = option(
        "The longest datagram; what is longer is cut there, counted and said.",
        default=65536,
        at_least=1,
    )
    queue_size: int = option(
        "How many datagrams are held while events are not taken as fast as they come.",
        default=2000,
        at_least=1,
    )
    receive_buffer_bytes: int | None = option(
        "The size of the system's receive buffer, in bytes; default: the system's.",
        default=None,
        at_least=1,
    )
    source_ip_fieldname: FieldRef | None = option(
        "The field for the sender's address; default: `[host][ip]`, without ECS `host`.",
        default=None,
    )
    workers: int = option(
        "Has no effect: datagrams are decoded where events are filtered, see `pipeline.workers`.",
        default=2,
        at_least=1,
    )

    _gathering: Gathering | None = None
    _feed: DatagramFeed

    def prepare(self) -> None:
        default = FieldRef("[host][ip]" if self.ecs else "host")
        self._field = self.source_ip_fieldname or default
        self._losses = Losses(self)
        self.decoder()

    @cached_property
    def _codec(self) -> Codec:
        return self.new_codec()

    def decoder(self) -> Codec | None:
        return None if self._codec.remembers else self._codec

    def claims(self) -> dict[str, str]:
        return {"port": f"UDP port {self.port} of {self.host}"} if self.port else {}

    def bind(self) -> list[socket.socket]:
        return bind_datagrams(self, self.host, self.port, self.receive_buffer_bytes)

    def _origin_of(self, ip: str) -> Mapping[str, Any]:
        origin: dict[str, Any] = {}
        self._field.set(origin, ip)
        return origin

    async def begin(self, intake: Intake) -> None:
        if self._gathering is None:
            gathering = self._gathering = Gathering(self.name, self.chunk_bytes)
            if self.decoder() is None:
                self._feed = CodecDatagrams(gathering, self._codec, self._origin_of)
            else:
                self._feed = ChunkDatagrams(gathering, self._origin_of)
        self._gathering.begin(intake)

    async def accept(self, listening: socket.socket, tls: ssl.SSLContext | None) -> Acceptor:
        assert self._gathering is not None
        given = self._feed, self.buffer_size, self.queue_size
        return Datagrams(self, listening, self._gathering, *given)

    def look(self) -> None:
        self._losses.look(list(self._sockets))

    async def hand_over(self) -> None:
        assert self._gathering is not None
        self.look()
        await self._gathering.finish()

    async def hang_up(self) -> None:
        self._gathering = None
