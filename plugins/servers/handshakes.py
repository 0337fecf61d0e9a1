"""Handshakes of TLS on the server's side of an event loop.

The one hard thing: asyncio closes a connection whose handshake fails before it has sent what TLS
says about that, so that a client without a certificate hears nothing but the end. Here a second
descriptor keeps the connection open, and the alert is sent on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Any, cast

_GOODBYE = 1.0
"""Seconds that a client has to read why it is refused. Where it has sent more than was read, an end
at once would be a reset, which may overtake the alert.
"""

_PIECE = 1 << 16


async def serve(
    made: socket.socket,
    factory: Callable[[], asyncio.BaseProtocol],
    tls: ssl.SSLContext | None,
    patience: float | None = None,
) -> None:
    """Serve a connection that was accepted, once its handshake is done, which may take so many
    seconds. Raises SSLError, or another OSError where the client has gone; it is closed then.
    """
    loop = asyncio.get_running_loop()
    try:
        if tls is None:
            await loop.connect_accepted_socket(factory, made)
            return
        said = _Handshake(tls)
        with made.dup() as kept:
            try:
                await loop.connect_accepted_socket(
                    factory, made, ssl=cast(ssl.SSLContext, said), ssl_handshake_timeout=patience
                )
            except ssl.SSLError:
                await _refuse(kept, said.unsent())
                raise
    except (OSError, asyncio.CancelledError):
        made.close()
        raise


class _Shaking(ssl.SSLObject):
    """Keeps what is left to be said when the handshake fails: asyncio throws it away."""

    outgoing: ssl.MemoryBIO
    unsent = b""

    def do_handshake(self) -> None:
        """As that of the base."""
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError:
            self.unsent = self.outgoing.read()
            raise


class _Handshake:
    """Stands for a context in one handshake, to know what was to be sent."""

    def __init__(self, context: ssl.SSLContext) -> None:
        context.sslobject_class = _Shaking
        self._context = context
        self._made: _Shaking | None = None

    def wrap_bio(
        self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, **named: Any
    ) -> ssl.SSLObject:
        """As that of the context."""
        self._made = cast(_Shaking, self._context.wrap_bio(incoming, outgoing, **named))
        self._made.outgoing = outgoing
        return self._made

    def unsent(self) -> bytes:
        """The alert that the client has not heard."""
        return b"" if self._made is None else self._made.unsent


async def _refuse(made: socket.socket, alert: bytes) -> None:
    """Send an alert, and let the client read it."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError, TimeoutError):
        made.send(alert)
        made.shutdown(socket.SHUT_WR)
        async with asyncio.timeout(_GOODBYE):
            while await loop.sock_recv(made, _PIECE):
                pass
