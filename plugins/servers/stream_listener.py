"""Inputs that streams of bytes are sent to: tcp, unix and syslog.

Nobody acknowledges anything in such a stream, so what was read must not be lost in the process: it
is read only as fast as the runtime takes it, a stop emits what has come, and a reload that leaves
the input as it is goes on with its connections.
"""

from __future__ import annotations

import resource
import socket
import ssl
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from ..codec import Codec
from .connections import Acceptor, Connections, Peer, Settings
from .event_loop import Acceptor as AnyAcceptor
from .event_loop import EventLoopListener, Intake
from .feeds import CodecFeed, CutFeed, Feed
from .gathering import Gathering


class StreamListener(EventLoopListener):
    """A listener for streams. A subclass says what is known of a peer, in ``origin_of``."""

    streams = True
    completes = True
    keeps_connections = True
    holds = True

    gathering: Gathering
    connections: Connections
    _has_begun = False

    def origin_of(self, peer: Peer) -> Mapping[str, Any]:
        """The fields that events of a connection get."""
        raise NotImplementedError

    def connection_settings(self) -> Settings:
        """How connections are treated."""
        return Settings()

    @cached_property
    def whole(self) -> Codec:
        """The codec that those of all connections are made of."""
        return self.new_codec()

    def decoder(self) -> Codec | None:
        codec = self.whole
        if codec.boundary() is None:
            return None
        codec.begun = True  # what cuts a stream takes a byte order mark off
        return codec

    def feed_of(self, peer: Peer) -> Feed:
        """What takes the bytes of a new connection."""
        codec, origin = self.whole, self.origin_of(peer)
        boundary = codec.boundary()
        if boundary is None:
            return CodecFeed(self.gathering, codec.stream(origin))
        return CutFeed(self.gathering, boundary, codec.longest, origin)

    def open(self) -> None:
        """Let the process have as many connections as the system allows it."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != hard:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def start_gathering(self) -> None:
        """Make what connections need; in the event loop, before the first of them."""
        if not self._has_begun:
            self._has_begun = True
            self.gathering = Gathering(self.name, self.chunk_bytes)
            settings, longest = self.connection_settings(), self.whole.longest
            self.connections = Connections(self, settings, self.gathering, self.feed_of, longest)

    async def begin(self, intake: Intake) -> None:
        self.start_gathering()
        self.gathering.begin(intake)
        self.connections.go_on()

    async def accept(self, listening: socket.socket, tls: ssl.SSLContext | None) -> AnyAcceptor:
        return Acceptor(listening, self.connections, tls)

    def look(self) -> None:
        self.connections.tick()

    async def hand_over(self) -> None:
        await self.connections.come_to_rest()
        await self.gathering.finish()

    async def hang_up(self) -> None:
        if self._has_begun:
            await self.connections.hang_up()
            self._has_begun = False
