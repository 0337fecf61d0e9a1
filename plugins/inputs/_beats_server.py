"""The server of the inputs beats and lumberjack: connections, and what they share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from ..contract import Plugin
from ..servers.admission import Admission
from ._beats_connection import Connection
from ._beats_intake import WindowIntake

_DRAIN = 5.0
"""Seconds that acknowledgements may take to be sent when serving ends."""

OriginOf = Callable[[str, asyncio.BaseTransport], dict[str, Any]]


class Connections(Admission):
    """The connections of one listener; used in its event loop. ``longest``: the bytes of a frame;
    ``size``: of a piece; ``idle_after``: seconds without a word after which a client that waits
    for nothing is closed, or 0; ``handshake``: seconds that TLS may take; ``origin_of`` makes the
    fields of a connection's events.
    """

    def __init__(
        self,
        plugin: Plugin,
        intake: WindowIntake,
        origin_of: OriginOf,
        *,
        longest: int,
        size: int,
        idle_after: float,
        handshake: float,
    ) -> None:
        super().__init__(plugin, handshake)
        metrics = plugin.context.metrics
        self.intake, self.origin_of = intake, origin_of
        self.longest, self.size, self.idle_after = longest, size, idle_after
        self._open: set[Connection] = set()
        self._count = metrics.gauge("connections")
        self._undelivered = metrics.counter("undelivered")

    def protocol_of(self, ip: str) -> Connection:
        """What serves a client."""
        return Connection(self, ip)

    def opened(self, connection: Connection) -> None:
        """A connection is served from now on."""
        self._open.add(connection)
        self._count.set(len(self._open))

    def closed(self, connection: Connection) -> None:
        """A connection has ended."""
        self._open.discard(connection)
        self._count.set(len(self._open))

    def undelivered(self) -> None:
        """A piece was not delivered, and its client is to send it again."""
        self._undelivered.add()

    def tick(self) -> None:
        """Called about once a second."""
        now = time.monotonic()
        for connection in list(self._open):
            connection.tick(now)

    async def finish(self) -> None:
        """Acknowledge what was delivered, then end the connections."""
        self.admit_no_more()
        self.intake.end()
        for connection in list(self._open):
            connection.finish()
        end = time.monotonic() + _DRAIN
        while self._open and time.monotonic() < end:
            await asyncio.sleep(0.005)
        for connection in list(self._open):
            connection.abort()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
