"""The server that an output writes a stream of bytes to: one connection at a time, made anew after
it broke.
"""

from __future__ import annotations

from concurrent.futures import Future

from ..errors import Disconnected
from ..plugin import Plugin
from ..tls import TlsContext
from .tcp import Writer, dial, encrypted
from .tls_failures import AUTHORITIES


class TcpServer:
    """A server at ``host`` and ``port``, with TLS where there is a context for it; for one thread
    at a time.

    ``trust``: the option to name where the server's certificate is not trusted, unless authorities
    are given; ``pause``: seconds before the next attempt to connect, or None for a growing time.
    """

    def __init__(
        self,
        plugin: Plugin,
        host: str,
        port: int,
        tls: TlsContext | None,
        trust: str,
        pause: float | None,
    ) -> None:
        self._host, self._port, self._tls, self._pause = host, port, tls, pause
        self._trust = AUTHORITIES if AUTHORITIES in plugin.given else trust
        self._writer: Writer | None = None

    def connect(self) -> None:
        """Connect, anew where there is a connection; raises Disconnected, Misconfigured."""
        self.close()
        try:
            made = dial(self._host, self._port)
            if self._tls is not None:
                made = encrypted(made, self._tls.current(), self._host, self._trust)
            self._writer = Writer(made)
        except Disconnected as error:
            if self._pause is not None:
                error.after = self._pause
            raise

    def write(self, data: bytes) -> Future[None]:
        """Write all of it; the future ends when it was acknowledged. Raises Disconnected."""
        if self._writer is None:
            raise Disconnected("not connected")
        return self._writer.write(data)

    def tend(self) -> None:
        """See whether the other end is still there; raises Disconnected."""
        if self._writer is not None:
            self._writer.tend()

    def close(self) -> None:
        """End the connection, if there is one; what was not acknowledged fails."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
