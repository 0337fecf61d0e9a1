"""A connection that sends by the protocol Lumberjack, several windows at once.

A window is a number of events; the server answers with the number of the last one that it has, or
with several such numbers on the way there, or with 0 while it is busy. One thread does all that is
said on the connection, since one with TLS must not be used by two.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
import zlib
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Literal

from ..errors import Disconnected, Retry
from ..wake_pipe import WakePipe

Kind = Literal["line", "event"]
"""What an item is: the text of an event, sent as its field ``line`` (version 1), or a whole event
as JSON (version 2).
"""

_COUNT = struct.Struct(">BBI")
_EVENT = struct.Struct(">BBII")
_LINE = struct.Struct(">BBIII4sI")
_VERSIONS = {"line": 0x31, "event": 0x32}
_WINDOW, _JSON, _DATA, _PACKED, _ACK = (ord(kind) for kind in "WJDCA")
_READ = 1 << 12
_STEP = 1.0


def framed(items: Sequence[bytes], kind: Kind, level: int) -> bytes:
    """A window with these items. ``level``: of compression, 0 for none."""
    version = _VERSIONS[kind]
    parts = [_COUNT.pack(version, _WINDOW, len(items))]
    frames: list[bytes] = []
    for sequence, item in enumerate(items, 1):
        size = len(item)
        if kind == "event":
            frames += (_EVENT.pack(version, _JSON, sequence, size), item)
        else:
            frames += (_LINE.pack(version, _DATA, sequence, 1, 4, b"line", size), item)
    if level:
        data = zlib.compress(b"".join(frames), level)
        parts += (_COUNT.pack(version, _PACKED, len(data)), data)
    else:
        parts += frames
    return b"".join(parts)


class _Delivery:
    """Items that are one delivery. ``done``: how many of them the server has."""

    def __init__(self, count: int) -> None:
        self.count, self.done = count, 0
        self.future: Future[None] = Future()

    def failure(self, reason: str) -> Exception:
        """What it fails with: what the server has is not delivered again."""
        if self.done:
            return Retry(reason, range(self.done, self.count))
        return Disconnected(reason)


class _Window:
    """A window that is not acknowledged yet."""

    def __init__(self, delivery: _Delivery, count: int) -> None:
        self.delivery, self.count, self.acknowledged = delivery, count, 0


class Link:
    """A connection. ``patience``: the seconds that the server may say nothing while it is waited
    for. ``send`` is called in one thread at a time.
    """

    def __init__(self, connection: socket.socket, patience: float) -> None:
        self._socket, self._patience = connection, patience
        connection.setblocking(False)
        self._lock = threading.Lock()
        self._awaited: deque[_Window] = deque()
        self._unsent = bytearray()
        self._heard = time.monotonic()
        self._answers = bytearray()
        self._failure: str | None = None
        self._is_closed = False
        self._pipe = WakePipe()
        self._thread = threading.Thread(target=self._run, name="lumberjack", daemon=True)
        self._thread.start()

    def send(self, items: Sequence[bytes], kind: Kind, level: int, most: int) -> Future[None]:
        """Send items in windows of at most so many; the future ends when the server has all of
        them. Raises Disconnected.
        """
        delivery = _Delivery(len(items))
        for start in range(0, len(items), most):
            some = items[start : start + most]
            data = framed(some, kind, level)
            with self._lock:
                if self._failure is not None:
                    raise Disconnected(self._failure)
                if not self._awaited:
                    self._heard = time.monotonic()
                self._awaited.append(_Window(delivery, len(some)))
                self._unsent += data
            self._pipe.wake()
        return delivery.future

    def check(self) -> None:
        """Raise Disconnected where the connection has ended."""
        if self._failure is not None:
            raise Disconnected(self._failure)

    def close(self) -> None:
        """End the connection; what was not acknowledged fails."""
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
                self._check_patience()
        except Disconnected as error:
            reason = str(error)
        except OSError as error:
            reason = getattr(error, "reason", None) or error.strerror or str(error)
        finally:
            self._fail(reason)
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
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
                return
            if not data:
                raise Disconnected("the server has closed the connection")
            self._answers += data
            self._take_answers()

    def _write(self) -> None:
        with self._lock:
            while self._unsent:
                try:
                    sent = self._socket.send(self._unsent)
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
                    return
                del self._unsent[:sent]

    def _take_answers(self) -> None:
        answers = self._answers
        while len(answers) >= _COUNT.size:
            version, kind, number = _COUNT.unpack_from(answers)
            if version not in _VERSIONS.values() or kind != _ACK:
                raise Disconnected(f"the server does not speak Lumberjack: {bytes(answers[:6])!r}")
            del answers[: _COUNT.size]
            self._acknowledged(number)

    def _acknowledged(self, number: int) -> None:
        ended: _Delivery | None = None
        with self._lock:
            self._heard = time.monotonic()
            if number == 0:
                return
            if not self._awaited or not self._awaited[0].acknowledged <= number:
                raise Disconnected(f"the server has acknowledged event {number}, out of turn")
            window = self._awaited[0]
            if number > window.count:
                raise Disconnected(f"event {number} of {window.count} was acknowledged")
            delivery = window.delivery
            delivery.done += number - window.acknowledged
            window.acknowledged = number
            if number == window.count:
                self._awaited.popleft()
            if delivery.done == delivery.count:
                ended = delivery
        if ended is not None:
            ended.future.set_result(None)

    def _check_patience(self) -> None:
        with self._lock:
            is_late = self._awaited and time.monotonic() - self._heard > self._patience
        if is_late:
            raise Disconnected(f"the server has said nothing for {self._patience:g} s")

    def _fail(self, reason: str) -> None:
        with self._lock:
            self._failure = reason
            deliveries = dict.fromkeys(window.delivery for window in self._awaited)
            self._awaited.clear()
            self._unsent.clear()
        for delivery in deliveries:
            delivery.future.set_exception(delivery.failure(reason))
