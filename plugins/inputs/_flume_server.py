"""The server of the input flume: connections, and what they share."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable

from ..clients.flume import Server
from ..contract import Plugin
from ..servers.connections import attach, plain_ip
from ._flume_connection import Connection
from ._request_intake import Gathering

_DRAIN = 5.0
"""Seconds that answers may take to be sent when serving ends."""


class Connections:
    """The connections of one listener; used in its event loop. ``longest``: the bytes of a call;
    ``read_timeout``: the seconds that one may take to come, ``handshake`` that TLS may take;
    ``patience``: the seconds for which a call waits for room; ``speak`` makes what speaks the
    protocol on a connection.
    """

    def __init__(
        self,
        plugin: Plugin,
        gathering: Gathering,
        speak: Callable[[], Server],
        *,
        is_compressed: bool,
        longest: int,
        read_timeout: float,
        patience: float,
        handshake: float,
    ) -> None:
        self.plugin, self.gathering, self._speak = plugin, gathering, speak
        self.is_compressed, self.longest = is_compressed, longest
        self.read_timeout, self.patience, self._handshake = read_timeout, patience, handshake
        self._log, metrics = plugin.context.log, plugin.context.metrics
        self.refused_full = metrics.counter("refused_full")
        self.undelivered = metrics.counter("undelivered")
        self._refused = metrics.counter("connections_refused")
        self._count = metrics.gauge("connections")
        self._open: dict[Connection, asyncio.Task[None]] = {}
        self._admitting: set[asyncio.Task[None]] = set()

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
        reader = asyncio.StreamReader()

        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._begin(Connection(self, self._speak(), reader, writer, ip))

        try:
            await attach(
                made, lambda: asyncio.StreamReaderProtocol(reader, begin), tls, self._handshake
            )
        except ssl.SSLError as error:
            self.refused(ip, f"TLS failed: {error.reason or error}")
        except OSError as error:
            self._log.debug("a connection was closed before it was served: %s", error)

    def _begin(self, connection: Connection) -> None:
        task = asyncio.ensure_future(connection.serve())
        self._open[connection] = task
        self._count.set(len(self._open))
        task.add_done_callback(lambda task: self._ended(connection, task))

    def _ended(self, connection: Connection, task: asyncio.Task[None]) -> None:
        del self._open[connection]
        self._count.set(len(self._open))
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("a connection failed: %s: %s", type(error).__name__, error)

    def refused(self, ip: str, reason: str) -> None:
        """A connection is closed for what its agent sent."""
        self._refused.add()
        self._log.warning("the connection from %s was closed: %s", ip, reason, about=ip)

    def full(self, ip: str) -> None:
        """A connection is closed, since there is no room for what its agent sends."""
        self.refused_full.add()
        text = "the connection from %s was closed: `max_pending_bytes` are held already"
        self._log.warning(text, ip, about="full")

    def failed(self, error: Exception) -> None:
        """A call could not be handed on."""
        self.undelivered.add()
        self._log.error("a call failed: %s: %s", type(error).__name__, error)

    async def finish(self) -> None:
        """Answer what was taken, then end the connections."""
        for task in list(self._admitting):
            task.cancel()
        for connection in self._open:
            connection.finish()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN):
                await asyncio.gather(*self._open.values(), return_exceptions=True)
        for connection in list(self._open):
            connection.abort()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
