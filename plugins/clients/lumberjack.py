"""A connection that sends by the protocol Lumberjack, several windows at once.

A window is a number of events; the server answers with the number of the last one that it has, or
with several such numbers on the way there, or with 0 while it is busy.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
import zlib
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Literal

from ..errors import Disconnected, Retry
from .duplex import Duplex

Kind = Literal["line", "event"]
"""What an item is: the text of an event, sent as its field ``line`` (version 1), or a whole event
as JSON (version 2).
"""

_COUNT = struct.Struct(">BBI")
_EVENT = struct.Struct(">BBII")
_LINE = struct.Struct(">BBIII4sI")
_VERSIONS = {"line": 0x31, "event": 0x32}
_WINDOW, _JSON, _DATA, _PACKED, _ACK = (ord(kind) for kind in "WJDCA")


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
        self._patience = patience
        self._lock = threading.Lock()
        self._awaited: deque[_Window] = deque()
        self._heard = time.monotonic()
        self._answers = bytearray()
        self._duplex = Duplex(
            connection, "lumberjack", self._take_answers, self._check_patience, self._fail
        )
        self._duplex.start()

    def send(self, items: Sequence[bytes], kind: Kind, level: int, most: int) -> Future[None]:
        """Send items in windows of at most so many; the future ends when the server has all of
        them. Raises Disconnected.
        """
        delivery = _Delivery(len(items))
        for start in range(0, len(items), most):
            some = items[start : start + most]
            data = framed(some, kind, level)
            with self._lock:
                self._duplex.write(data)
                if not self._awaited:
                    self._heard = time.monotonic()
                self._awaited.append(_Window(delivery, len(some)))
        return delivery.future

    def check(self) -> None:
        """Raise Disconnected where the connection has ended."""
        self._duplex.check()

    def close(self) -> None:
        """End the connection; what was not acknowledged fails."""
        self._duplex.close()

    def _take_answers(self, data: bytes) -> None:
        answers = self._answers
        answers += data
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
            raise Disconnected(f"the server has sent nothing for {self._patience:g} s")

    def _fail(self, reason: str) -> None:
        with self._lock:
            deliveries = dict.fromkeys(window.delivery for window in self._awaited)
            self._awaited.clear()
        for delivery in deliveries:
            delivery.future.set_exception(delivery.failure(reason))
