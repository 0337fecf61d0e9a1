"""A server that writes the same to all of its clients.

It has an event loop in a thread of its own. Nobody keeps anything for a client that is not there;
one that is there and does not read holds up all others for half a minute, then it is disconnected.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Sequence
from typing import cast

from ..contract import Plugin
from ..tls import TlsContext
from .handshakes import serve
from .sockets import BACKLOG
from .tls_failures import handshake_failure

_PATIENCE = 30.0
_WAITING = 1 << 20
_GOODBYE = 2.0


class Broadcast:
    """``sockets`` listen; they belong to it."""

    def __init__(
        self, plugin: Plugin, sockets: Sequence[socket.socket], tls: TlsContext | None
    ) -> None:
        self._log, self._tls = plugin.context.log, tls
        self._dropped = plugin.context.metrics.counter("events_dropped_without_a_client")
        self._clients: set[_Client] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sockets = sockets
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="tcp clients", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        for listening in self._sockets:
            self._loop.add_reader(listening, self._accept, listening)
        self._loop.run_forever()
        self._loop.close()

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(BACKLOG):
            try:
                made, _ = listening.accept()
            except OSError:
                return
            made.setblocking(False)
            task = self._loop.create_task(self._welcome(made))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _welcome(self, made: socket.socket) -> None:
        tls = None if self._tls is None else self._tls.current()
        try:
            await serve(made, lambda: _Client(self._clients), tls)
        except OSError as error:
            reason = handshake_failure(error)
            text = "a client was not served, since TLS failed: %s"
            self._log.warning(text, reason, about=reason)

    def send(self, data: bytes, events: int) -> None:
        """Write to all clients; returns when each has taken most of it, or is disconnected."""
        asyncio.run_coroutine_threadsafe(self._send(data, events), self._loop).result()

    async def _send(self, data: bytes, events: int) -> None:
        if not self._clients:
            self._dropped.add(events)
            self._log.warning(
                "no client is connected: %d events dropped so far",
                self._dropped.value,
                about="dropped",
            )
            return
        clients = list(self._clients)
        for client in clients:
            client.write(data)
        for client in clients:
            if not await client.has_taken(_PATIENCE):
                self._log.warning("a client took nothing for %d s; disconnected", _PATIENCE)
                client.abort()

    def close(self) -> None:
        """Let clients take what was written, for two seconds, and disconnect them."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _close(self) -> None:
        for listening in self._sockets:
            self._loop.remove_reader(listening)
            listening.close()
        for task in list(self._tasks):
            task.cancel()
        clients = list(self._clients)
        for client in clients:
            client.close()
        if clients:
            await asyncio.wait(
                [asyncio.ensure_future(client.ended.wait()) for client in clients],
                timeout=_GOODBYE,
            )
        for client in clients:
            client.abort()
        await asyncio.sleep(0)


class _Client(asyncio.Protocol):
    """A client; what it says is passed over."""

    _transport: asyncio.Transport

    def __init__(self, clients: set[_Client]) -> None:
        self._clients = clients
        self._has_room = asyncio.Event()
        self._has_room.set()
        self.ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(_WAITING)
        self._clients.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._clients.discard(self)
        self._has_room.set()
        self.ended.set()

    def pause_writing(self) -> None:
        self._has_room.clear()

    def resume_writing(self) -> None:
        self._has_room.set()

    def write(self, data: bytes) -> None:
        """Write to it."""
        if not self._transport.is_closing():
            self._transport.write(data)

    async def has_taken(self, patience: float) -> bool:
        """Whether it takes what was written, waiting for it so many seconds."""
        try:
            await asyncio.wait_for(self._has_room.wait(), patience)
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """Disconnect it when it has taken all."""
        self._transport.close()

    def abort(self) -> None:
        """Disconnect it at once."""
        self._transport.abort()
