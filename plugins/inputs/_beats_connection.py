"""A connection of Lumberjack: windows come in, acknowledgements go out.

A client waits for the number of the last event of its window. It hears it when all outputs have
these events; the numbers of pieces before that as they are delivered; and ``0`` every few seconds
while they are not, so that it goes on waiting. Where events could not be delivered the connection
is closed: the client sends all again that was not acknowledged, here or elsewhere.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections import deque
from typing import Any, Protocol, cast

from ._beats_frames import Frames, Piece, ProtocolError
from ._beats_intake import WindowIntake

KEEP_ALIVE = 3.0
"""Seconds without an answer after which a client that waits hears that it is not forgotten."""

_ACK = struct.Struct(">BBI")
_ACKNOWLEDGED = 0x41
_UNSENT = 1 << 16


class _Owed:
    """A piece that is to be acknowledged."""

    __slots__ = ("is_delivered", "piece")

    def __init__(self, piece: Piece) -> None:
        self.piece, self.is_delivered = piece, False


class Owner(Protocol):
    """What a connection asks of the server that it belongs to, and tells it."""

    intake: WindowIntake
    longest: int
    size: int
    idle_after: float

    def origin_of(self, ip: str, transport: asyncio.BaseTransport, /) -> dict[str, Any]: ...

    def opened(self, connection: Connection) -> None: ...

    def closed(self, connection: Connection) -> None: ...

    def refused(self, ip: str, reason: str) -> None: ...

    def undelivered(self) -> None: ...


class Connection(asyncio.Protocol):
    """One connection; used in the event loop's thread."""

    _transport: asyncio.Transport

    def __init__(self, owner: Owner, ip: str) -> None:
        self._owner, self._ip = owner, ip
        self.origin: dict[str, Any] = {}
        self._frames = Frames(owner.longest, owner.size)
        self._owed: deque[_Owed] = deque()
        self._by_piece: dict[int, _Owed] = {}
        self._heard = self._told = time.monotonic()
        self._is_paused = self._is_ending = False
        self._held = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there, its handshake done."""
        self._transport = cast(asyncio.Transport, transport)
        self.origin = self._owner.origin_of(self._ip, transport)
        self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if self._is_ending:
            return
        if not self._owed:
            self._told = time.monotonic()
        self._heard = time.monotonic()
        try:
            pieces = self._frames.feed(data)
        except ProtocolError as error:
            self._owner.refused(self._ip, str(error))
            self._transport.abort()
            return
        intake = self._owner.intake
        held, self._held = self._held, self._frames.held
        intake.hold(self, self._held - held)
        for piece in pieces:
            owed = self._by_piece[id(piece)] = _Owed(piece)
            self._owed.append(owed)
            intake.put(self, piece)
        if intake.is_full(self):
            self._rest()

    def _rest(self) -> None:
        if not self._is_paused and not self._transport.is_closing():
            self._is_paused = True
            self._transport.pause_reading()
            self._owner.intake.rest(self)

    def resume(self) -> None:
        """Read again."""
        if self._is_paused and not self._is_ending:
            self._is_paused = False
            self._heard = time.monotonic()
            if not self._transport.is_closing():
                self._transport.resume_reading()

    def pause_writing(self) -> None:
        """The client does not read its answers: nothing more is read of it."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        if not self._is_paused and not self._transport.is_closing():
            self._transport.resume_reading()

    def settled(self, piece: Piece, error: BaseException | None) -> None:
        """A piece was delivered, or was not: then the client has to send it again."""
        owed = self._by_piece.pop(id(piece))
        if error is not None:
            self._owner.undelivered()
            self._is_ending = True
            self._owed.clear()  # what follows in the window must not be acknowledged either
            self._transport.close()
            return
        owed.is_delivered = True
        self._acknowledge()

    def _acknowledge(self) -> None:
        answers = []
        last: Piece | None = None
        while self._owed and self._owed[0].is_delivered:
            last = self._owed.popleft().piece
            if last.ends_window:
                answers.append(_ACK.pack(last.version, _ACKNOWLEDGED, last.sequence))
                last = None
        if last is not None:
            answers.append(_ACK.pack(last.version, _ACKNOWLEDGED, last.sequence))
        if answers:
            self._say(b"".join(answers))
            self._heard = time.monotonic()
        if self._is_ending and not self._owed:
            self._transport.close()

    def _say(self, answer: bytes) -> None:
        self._told = time.monotonic()
        if not self._transport.is_closing():
            self._transport.write(answer)

    def connection_lost(self, error: Exception | None) -> None:
        """It has ended, whoever ended it."""
        self._is_ending = True
        self._owner.intake.hold(self, -self._held)
        self._held = 0
        self._owner.intake.gone(self)
        self._owner.closed(self)

    def tick(self, now: float) -> None:
        """About once a second: a client that waits is told that it is not forgotten; one that says
        nothing is. One that is not read may wait for the answer to a window that nobody has seen.
        """
        if self._owed or self._is_paused:
            if now - self._told >= KEEP_ALIVE and self._transport.get_write_buffer_size() < _UNSENT:
                self._say(_ACK.pack(self._frames.version, _ACKNOWLEDGED, 0))
            return
        idle_after = self._owner.idle_after
        if idle_after and now - self._heard > idle_after:
            self._transport.close()

    def finish(self) -> None:
        """Take nothing more, and end when all that was taken is acknowledged."""
        self._is_ending = True
        if not self._transport.is_closing():
            self._transport.pause_reading()
        if not self._owed:
            self._transport.close()

    def abort(self) -> None:
        """End it at once."""
        self._transport.abort()
