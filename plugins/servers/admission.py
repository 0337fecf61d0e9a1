"""Connections between the moment when they are accepted and the one when they are served: TLS
handshakes under way, and clients that are refused.
"""

from __future__ import annotations

import asyncio
import socket
import ssl

from ..contract import Plugin
from .connections import plain_ip
from .handshakes import serve
from .tls_failures import handshake_failure


class Admission:
    """Admits the connections of one listener; used in its event loop. ``handshake``: seconds that
    TLS may take.
    """

    def __init__(self, plugin: Plugin, handshake: float) -> None:
        self.plugin, self._handshake = plugin, handshake
        self._log = plugin.context.log
        self._refused = plugin.context.metrics.counter("connections_refused")
        self._admitting: set[asyncio.Task[None]] = set()

    def protocol_of(self, ip: str) -> asyncio.BaseProtocol:
        """What serves a connection from an address."""
        raise NotImplementedError

    def admit(self, made: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Serve a connection that was accepted."""
        task = asyncio.ensure_future(self._admitted(made, tls))
        self._admitting.add(task)
        task.add_done_callback(self._admitting.discard)

    async def _admitted(self, made: socket.socket, tls: ssl.SSLContext | None) -> None:
        try:
            ip = plain_ip(made.getpeername()[0])
        except OSError:
            made.close()  # the client has gone
            return
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            await serve(made, lambda: self.protocol_of(ip), tls, self._handshake)
        except ssl.SSLError as error:
            self.refused(ip, f"TLS failed: {handshake_failure(error)}")
        except OSError as error:
            self._log.debug("a connection was closed before it was served: %s", error)

    def refused(self, ip: str, reason: str) -> None:
        """A connection is closed for what its client sent."""
        self._refused.add()
        self._log.warning("the connection from %s was closed: %s", ip, reason, about=ip)

    def admit_no_more(self) -> None:
        """End the handshakes that are under way."""
        for task in list(self._admitting):
            task.cancel()
