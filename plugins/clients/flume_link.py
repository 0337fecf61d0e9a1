"""A connection to a source of Flume's, with several calls under way."""

from __future__ import annotations

import socket
import threading
import time
import zlib
from collections.abc import Sequence
from concurrent.futures import Future

from ...dsl.diagnostics import PenstockError
from ..errors import Disconnected, Retry
from .duplex import Duplex
from .flume import OK, Client, ProtocolError

_SERIALS = 1 << 31


class CallFailed(PenstockError):
    """The server could not do a call, for a reason that may be in what was sent."""


class Link:
    """``patience``: the seconds that an answer may take. ``level``: of compression, 0 for none.
    ``send`` may be called in any thread.
    """

    def __init__(
        self, connection: socket.socket, client: Client, patience: float, level: int = 0
    ) -> None:
        self._client, self._patience = client, patience
        self._lock = threading.Lock()
        self._serial = 0
        self._awaited: dict[int, tuple[float, Future[None]]] = {}
        self._packer = zlib.compressobj(level) if level else None
        self._unpacker = zlib.decompressobj() if level else None
        self._duplex = Duplex(connection, "flume", self._take, self._look, self._fail)
        self._duplex.start()

    def greet(self) -> None:
        """Begin to talk, where the protocol has a way to. Raises Disconnected."""
        with self._lock:
            serial = self._next_serial()
            data = self._client.hello(serial)
            if not data:
                return
            future = self._sent(serial, data)
        future.result()

    def send(self, items: Sequence[bytes]) -> Future[None]:
        """Make a call with encoded events; the future ends when the server has them, or has Retry,
        CallFailed or Disconnected. Raises Disconnected.
        """
        with self._lock:
            serial = self._next_serial()
            return self._sent(serial, self._client.call(serial, items))

    def _next_serial(self) -> int:
        self._serial = (self._serial + 1) % _SERIALS
        return self._serial

    def _sent(self, serial: int, data: bytes) -> Future[None]:
        if self._packer is not None:
            data = self._packer.compress(data) + self._packer.flush(zlib.Z_SYNC_FLUSH)
        self._duplex.write(data)
        future: Future[None] = Future()
        self._awaited[serial] = time.monotonic() + self._patience, future
        return future

    def check(self) -> None:
        """Raise Disconnected where the connection has ended."""
        self._duplex.check()

    def close(self) -> None:
        """End the connection; what was not answered fails."""
        self._duplex.close()

    def _take(self, data: bytes) -> None:
        try:
            if self._unpacker is not None:
                data = self._unpacker.decompress(data)
            answers = self._client.feed(data)
        except (ProtocolError, zlib.error) as error:
            raise Disconnected(str(error)) from error
        for serial, status, problem in answers:
            with self._lock:
                _, future = self._awaited.pop(serial, (0.0, None))
            if future is None:
                raise Disconnected(f"the server has answered call {serial}, which was not made")
            _end(future, status, problem)

    def _look(self) -> None:
        """Answers come in the order of the calls, so that the oldest is late first."""
        with self._lock:
            oldest = next(iter(self._awaited.values()), None)
        if oldest is not None and time.monotonic() > oldest[0]:
            raise Disconnected(f"the server has not answered for {self._patience:g} s")

    def _fail(self, reason: str) -> None:
        with self._lock:
            awaited, self._awaited = list(self._awaited.values()), {}
        for _, future in awaited:
            future.set_exception(Disconnected(reason))


def _end(future: Future[None], status: str, problem: str) -> None:
    if problem:
        future.set_exception(CallFailed(f"the server says: {problem}"))
    elif status == OK:
        future.set_result(None)
    else:
        future.set_exception(Retry(f"the server says {status}"))
