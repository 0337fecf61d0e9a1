"""A TCP connection that is written to, and what its other end has of that.

TCP tells nobody when the program at the other end has read something. But the system there
acknowledges what it has received, and the system here says how much of that is outstanding (Linux:
``SIOCOUTQ``, ``TCP_INFO``). So a write counts as done when it was acknowledged: what a broken
connection leaves behind is known, and is sent again. What the other program has in its system's
buffer when it dies is not known to anybody.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import ssl
import struct
import sys
import threading
import time
from collections import deque
from concurrent.futures import Future

from ..errors import Disconnected, Misconfigured
from ..plugin import Plugin
from .tls_failures import (
    AUTHORITIES,
    ENDED,
    distrusted,
    has_ended,
    refused,
    refuses_certificate,
    said,
)

_SIOCOUTQ = 0x5411
_ACKED_AT = 120
_INFO = 128
_ACKED = struct.Struct("=Q")
_FIRST_LOOK, _LONGEST_LOOK = 0.0005, 0.02
_STEP = 1.0
_GOODBYE = 1.0
_READ = 1 << 16
_VERDICT = 1.0


def check_port(plugin: Plugin, port: int, lowest: int = 1) -> None:
    """Report a port that does not exist. ``lowest``: 0 where the system may choose one."""
    if not lowest <= port <= 65535:
        message, help = f"`{port}` is not a valid port", f"write {lowest} to 65535"
        plugin.problem("port", message, help)


def dial(host: str, port: int, patience: float = 10.0) -> socket.socket:
    """A connection; raises Disconnected or OSError where there is none."""
    try:
        made = socket.create_connection((host, port), patience)
    except socket.gaierror as error:
        raise Disconnected(f"`{host}` cannot be resolved: {error.strerror}") from error
    except TimeoutError:
        raise Disconnected(f"{host} port {port}: no answer in {patience:.0f} s") from None
    except OSError as error:
        raise Disconnected(f"{host} port {port}: {error.strerror or error}") from error
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


class Writer:
    """Writes to a connection. ``write`` is called in one thread at a time; a thread of its own
    looks for acknowledgements while some are awaited.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._socket.settimeout(_STEP)
        self._awaited: deque[tuple[int, Future[None]]] = deque()
        self._change = threading.Condition()
        self._failure: Disconnected | None = None
        self._is_closed = False
        self._knows = _knows_acknowledgements(connection)
        self._thread = threading.Thread(target=self._look, name="tcp writer", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> Future[None]:
        """Write all of it; the future ends when it was acknowledged. Raises Disconnected."""
        self._check()
        self._send(data)
        future: Future[None] = Future()
        if not self._knows:
            future.set_result(None)
            return future
        with self._change:
            if self._failure is not None:
                raise self._failure
            self._awaited.append((self._written(), future))
            self._change.notify_all()
        return future

    def _send(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            if self._failure is not None:
                raise self._failure
            try:
                left = left[self._socket.send(left) :]
            except (TimeoutError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                continue  # the other end takes nothing for now: a stop waits for it as well
            except OSError as error:
                raise self._fail(said(error)) from error

    def _check(self) -> None:
        """See whether the other end has closed the connection; what it says is passed over."""
        poll = select.poll()  # `select` takes no descriptor above 1023
        poll.register(self._socket, select.POLLIN)
        while poll.poll(0):
            self._socket.settimeout(0)
            try:
                heard = self._socket.recv(_READ)
            except (ssl.SSLWantReadError, BlockingIOError):
                break  # no more than what TLS says by itself
            except OSError as error:
                raise self._fail(said(error)) from error
            finally:
                self._socket.settimeout(_STEP)
            if not heard:
                raise self._fail("the other end has closed the connection")
        if self._failure is not None:
            raise self._failure

    def _fail(self, reason: str) -> Disconnected:
        """What is awaited will not be acknowledged."""
        error = Disconnected(reason)
        with self._change:
            settled = self._settled()
            self._failure = self._failure or error
            awaited, self._awaited = self._awaited, deque()
            self._change.notify_all()
        for future in settled:
            future.set_result(None)
        for _, future in awaited:
            future.set_exception(error)
        return error

    def _written(self) -> int:
        """How many bytes the connection has taken so far, on the wire: those acknowledged and those
        outstanding, read when no acknowledgement came in between.
        """
        while True:
            before = self._acknowledged()
            outstanding = self._outstanding()
            if self._acknowledged() == before:
                return before + outstanding

    def _acknowledged(self) -> int:
        info = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO)
        return int(_ACKED.unpack_from(info, _ACKED_AT)[0])

    def _outstanding(self) -> int:
        return _outstanding(self._socket)

    def _settled(self) -> list[Future[None]]:
        """What was acknowledged and is awaited no more; with the lock held."""
        settled: list[Future[None]] = []
        if self._awaited:
            with contextlib.suppress(OSError, struct.error):
                acknowledged = self._acknowledged()
                while self._awaited and self._awaited[0][0] <= acknowledged:
                    settled.append(self._awaited.popleft()[1])
        return settled

    def _look(self) -> None:
        wait = _FIRST_LOOK
        while True:
            with self._change:
                self._change.wait_for(lambda: self._awaited or self._is_closed)
                if self._is_closed:
                    return
                settled = self._settled()
            for future in settled:
                future.set_result(None)
            wait = _FIRST_LOOK if settled else min(2 * wait, _LONGEST_LOOK)
            if not settled:
                self._look_for_its_end()
                time.sleep(wait)

    def _look_for_its_end(self) -> None:
        """Fail what is awaited where the connection is no more: nothing is written then that would
        find it out.
        """
        poll = select.poll()
        poll.register(self._socket, 0)  # errors and hang-ups alone
        if poll.poll(0):
            code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._fail(os.strerror(code) if code else "the other end has closed the connection")

    def tend(self) -> None:
        """See whether the other end is still there; raises Disconnected."""
        self._check()

    def close(self) -> None:
        """End the connection as its other end expects it, within a second or two; what was
        not acknowledged by then fails.
        """
        with self._change:
            self._is_closed = True
            self._change.notify_all()
        self._thread.join()
        if self._failure is None:
            self._say_goodbye()
        self._fail("the connection was closed")
        self._socket.close()

    def _say_goodbye(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._socket.settimeout(_GOODBYE)
            if isinstance(self._socket, ssl.SSLSocket):
                self._socket = self._socket.unwrap()
            self._socket.shutdown(socket.SHUT_WR)
            end = time.monotonic() + _GOODBYE
            while self._socket.recv(_READ) and time.monotonic() < end:
                pass  # one that never stops to talk is not waited for


def _knows_acknowledgements(connection: socket.socket) -> bool:
    if sys.platform != "linux":
        return False
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO)
        _outstanding(connection)
    except OSError:
        return False
    return len(info) >= _INFO


def _outstanding(connection: socket.socket) -> int:
    """How many bytes were taken by the system and not acknowledged."""
    import fcntl

    return int.from_bytes(fcntl.ioctl(connection, _SIOCOUTQ, b"\0" * 4), sys.byteorder)


def encrypted(
    connection: socket.socket, context: ssl.SSLContext, host: str, option: str
) -> ssl.SSLSocket:
    """The connection with TLS, once the server has taken it. Raises Misconfigured at ``option``
    where the server's certificate is not trusted, at ``ssl_certificate`` where the server does not
    take ours, and Disconnected where TLS fails otherwise.
    """
    try:
        made = context.wrap_socket(connection, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        connection.close()
        authorities = option if option.startswith("ssl_certificate") else AUTHORITIES
        raise Misconfigured(option, *distrusted(error, authorities)) from error
    except OSError as error:
        connection.close()
        raise _failed(error) from error
    try:
        _hear(made)
    except BaseException:
        made.close()
        raise
    return made


def _hear(connection: ssl.SSLSocket) -> None:
    """Wait for a server's first word, where it judges our certificate after the handshake (TLS
    1.3): a ticket for the next handshake, which nearly all give, or why it refuses. What was
    written before that would be taken by its system, and never be read. One that says nothing for
    a second has nothing against us.
    """
    if connection.version() != "TLSv1.3":
        return
    poll, patience = select.poll(), connection.gettimeout()
    poll.register(connection, select.POLLIN)
    if not poll.poll(_VERDICT * 1000):
        return
    connection.settimeout(0)
    try:
        is_closed = not connection.recv(1)
    except (ssl.SSLWantReadError, BlockingIOError):
        is_closed = False
    except OSError as error:
        raise _failed(error) from error
    if is_closed:
        raise Disconnected(ENDED)
    connection.settimeout(patience)


def _failed(error: OSError) -> Misconfigured | Disconnected:
    """What a handshake that failed is to be raised as."""
    reason = getattr(error, "reason", None) or ""
    if refuses_certificate(reason):
        return Misconfigured("ssl_certificate", *refused(reason))
    if has_ended(error):
        return Disconnected(ENDED)
    return Disconnected(f"TLS failed: {said(error)}")
