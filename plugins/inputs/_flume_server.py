"""The server of the input flume: connections, and what they share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from ..clients.flume import Server
from ..contract import Plugin
from ..servers.admission import Admission
from ._flume_connection import Connection
from ._request_intake import Gathering

_DRAIN = 5.0
"""Seconds that answers may take to be sent when serving ends."""


class Connections(Admission):
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
        super().__init__(plugin, handshake)
        self.gathering, self._speak = gathering, speak
        self.is_compressed, self.longest = is_compressed, longest
        self.read_timeout, self.patience = read_timeout, patience
        metrics = plugin.context.metrics
        self.refused_full = metrics.counter("refused_full")
        self.undelivered = metrics.counter("undelivered")
        self._count = metrics.gauge("connections")
        self._open: dict[Connection, asyncio.Task[None]] = {}

    def protocol_of(self, ip: str) -> asyncio.BaseProtocol:
        """What serves an agent."""
        reader = asyncio.StreamReader()

        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._begin(Connection(self, self._speak(), reader, writer, ip))

        return asyncio.StreamReaderProtocol(reader, begin)

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
        self.admit_no_more()
        for connection in self._open:
            connection.finish()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN):
                await asyncio.gather(*self._open.values(), return_exceptions=True)
        for connection in list(self._open):
            connection.abort()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
