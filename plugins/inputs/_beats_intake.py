"""The way of pieces of windows into the pipeline, and how much of them is held meanwhile.

Pieces that come in one turn of the event loop become one batch, since a batch costs as much as ten
events. While the pipeline takes none, connections rest: they read no more, and their clients are
kept waiting. Frames that have not come wholly count, too: where they alone are more than may be
held, one connection reads on until its frame is there, so that never all of them wait.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import Any, NamedTuple, Protocol

from ..batch import Batch, Chunk, Part
from ..errors import Undelivered
from ..servers.event_loop import Intake
from ._beats_frames import HEAD, Piece

PARTITION = "beats"


class Sender(Protocol):
    """A connection. ``origin``: what its events get."""

    origin: dict[str, Any]

    def settled(self, piece: Piece, error: BaseException | None) -> None:
        """A piece was delivered, or was not."""
        ...

    def resume(self) -> None:
        """Read again."""
        ...


class _Waiting(NamedTuple):
    sender: Sender
    piece: Piece


class WindowIntake:
    """Takes pieces of all connections; called in the event loop's thread. ``size``: the bytes of a
    batch; ``most``: the bytes that are held at most, but for one frame.
    """

    def __init__(self, intake: Intake, size: int, most: int) -> None:
        self._intake, self._size, self._most = intake, size, most
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Waiting] = deque()
        self._resting: dict[Sender, None] = {}
        self._reads_on: Sender | None = None
        self._held = self._under_way = 0
        self._is_due = False
        self._room: asyncio.Task[None] | None = None

    def is_full(self, sender: Sender) -> bool:
        """Whether a connection is to rest."""
        if self._room is not None:
            return True
        return self._held > self._most and self._reads_on is not sender

    def rest(self, sender: Sender) -> None:
        """A connection rests, until it is resumed."""
        self._resting[sender] = None
        self._look()

    def hold(self, sender: Sender, bytes_more: int) -> None:
        """A connection holds so many more bytes of frames that have not come wholly, or fewer."""
        self._held += bytes_more
        if bytes_more < 0:
            self._let_read_on(sender)

    def gone(self, sender: Sender) -> None:
        """A connection has ended; its pieces stay under way."""
        self._resting.pop(sender, None)
        self._let_read_on(sender)

    def _let_read_on(self, sender: Sender) -> None:
        """The frame of the one that reads on has come, or never will."""
        if self._reads_on is sender:
            self._reads_on = None
        self._look()

    def put(self, sender: Sender, piece: Piece) -> None:
        """Take a piece; its sender is told how it ended."""
        self._held += len(piece.data)
        self._waiting.append(_Waiting(sender, piece))
        if not self._is_due and self._room is None:
            self._is_due = True
            self._loop.call_soon(self._turn)

    def end(self) -> None:
        """Serving ends: what was not taken goes back to its senders."""
        waiting, self._waiting = self._waiting, deque()
        for each in waiting:
            self._held -= len(each.piece.data)
            each.sender.settled(each.piece, Undelivered("the pipeline stops"))

    def _turn(self) -> None:
        self._is_due = False
        while self._waiting:
            if not self._offer():
                self._room = asyncio.ensure_future(self._offer_with_room())
                return

    def _offer(self) -> bool:
        some, size = [], 0
        for each in self._waiting:
            some.append(each)
            size += len(each.piece.data)
            if size >= self._size:
                break
        chunks = [_chunk(each.sender.origin, each.piece) for each in some]
        batch = Batch(chunks=chunks, parts=[Part(PARTITION)], bytes=size)
        delivered = self._intake.offer(batch)
        if delivered is None:
            return False
        for _ in some:
            self._waiting.popleft()
        self._under_way += 1
        delivered.add_done_callback(partial(self._settled, some, size))
        return True

    async def _offer_with_room(self) -> None:
        try:
            while self._waiting:
                if self._intake.is_stopping:
                    self.end()
                elif not self._offer():
                    await self._intake.room()
        except Undelivered:
            self.end()
        finally:
            self._room = None
        self._look()

    def _settled(self, some: list[_Waiting], size: int, delivered: asyncio.Future[None]) -> None:
        self._held -= size
        self._under_way -= 1
        error = delivered.exception() if not delivered.cancelled() else Undelivered("cancelled")
        for each in some:
            each.sender.settled(each.piece, error)
        self._look()

    def _look(self) -> None:
        """Have connections read again where there is room, or one where only frames are held."""
        if not self._resting or self._room is not None:
            return
        if self._held <= self._most:
            resting, self._resting = self._resting, {}
            for sender in resting:
                sender.resume()
        elif not self._under_way and not self._waiting and self._reads_on is None:
            self._reads_on = next(iter(self._resting))
            del self._resting[self._reads_on]
            self._reads_on.resume()


def _chunk(origin: dict[str, Any], piece: Piece) -> Chunk:
    return Chunk(piece.data, origin, ends=piece.ends, head=HEAD)
