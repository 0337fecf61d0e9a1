"""A connection on which requests and their answers are under way at the same time.

One thread does all that is said on it, since a connection with TLS must not be used by two.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable

from ..errors import Disconnected
from ..wake_pipe import WakePipe
from .tls_failures import said

_READ = 1 << 16
_STEP = 1.0
_WAITS = (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError)


class Duplex:
    """``received`` gets what comes, and ``look`` is called about once a second at least; both may
    raise Disconnected. ``ended`` is called once, with the reason. All three are called in the
    connection's thread, which begins with ``start``.
    """

    def __init__(
        self,
        connection: socket.socket,
        name: str,
        received: Callable[[bytes], None],
        look: Callable[[], None],
        ended: Callable[[str], None],
    ) -> None:
        self._socket = connection
        connection.setblocking(False)
        self._received, self._look, self._ended = received, look, ended
        self._lock = threading.Lock()
        self._unsent = bytearray()
        self._failure: str | None = None
        self._is_closed = False
        self._pipe = WakePipe()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to talk."""
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Have bytes sent; raises Disconnected where the connection has ended."""
        with self._lock:
            if self._failure is not None:
                raise Disconnected(self._failure)
            self._unsent += data
        self._pipe.wake()

    def check(self) -> None:
        """Raise Disconnected where the connection has ended."""
        if self._failure is not None:
            raise Disconnected(self._failure)

    def close(self) -> None:
        """End the connection; returns when ``ended`` has."""
        self._is_closed = True
        self._pipe.wake()
        self._thread.join()

    def _run(self) -> None:
        reason = "the connection was closed"
        try:
            while not self._is_closed:
                self._wait()
                self._read()
                self._write()
                self._look()
        except Disconnected as error:
            reason = str(error)
        except OSError as error:
            reason = said(error)
        finally:
            with self._lock:
                self._failure = reason
                self._unsent.clear()
            self._ended(reason)
            with contextlib.suppress(OSError):
                self._socket.close()

    def _wait(self) -> None:
        descriptor = self._socket.fileno()
        with self._lock:
            writing = [descriptor] if self._unsent else []
        self._pipe.wait(_STEP, [descriptor], writing)

    def _read(self) -> None:
        while True:
            try:
                data = self._socket.recv(_READ)
            except _WAITS:
                return
            if not data:
                raise Disconnected("the server has closed the connection")
            try:
                self._received(data)
            except (Disconnected, OSError):
                raise
            except Exception as error:
                text = f"what the server has sent cannot be read: {type(error).__name__}: {error}"
                raise Disconnected(text) from error

    def _write(self) -> None:
        with self._lock:
            while self._unsent:
                try:
                    sent = self._socket.send(self._unsent)
                except _WAITS:
                    return
                del self._unsent[:sent]
