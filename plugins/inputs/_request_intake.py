"""What requests hand their bodies to: bodies that come at the same time become one batch.

While the pipeline takes none, up to so many requests wait; those above it are told at once that it
is full, and those that wait when nothing was taken for a second. Bodies are counted in bytes until
they are delivered, so that memory is bounded however many clients there are. All of it is called in
the event loop's thread.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import NamedTuple

from ..batch import Batch, Chunk, Part
from ..errors import Undelivered
from ..servers.event_loop import Intake

_PATIENCE = 1.0
"""Seconds that requests wait for a pipeline that takes nothing."""

_BATCH = 1 << 20
"""Bytes of bodies after which a batch is large enough."""


class Full(Exception):
    """No room is left for a request now."""


class _Waiting(NamedTuple):
    """A body that waits to be taken. ``taken``: gets the future of its delivery, or Full."""

    body: Chunk
    size: int
    taken: asyncio.Future[asyncio.Future[None]]


class Gathering:
    """Gathers bodies to batches. ``most_waiting``: how many requests wait, ``most_bytes``: how much
    of them is held at most, though one body always is; ``partition``: the name of what they are
    events of.
    """

    def __init__(
        self, intake: Intake, most_waiting: int, most_bytes: int, partition: str = "http"
    ) -> None:
        self._intake, self._most_waiting, self._most_bytes = intake, most_waiting, most_bytes
        self._partition = partition
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Waiting] = []
        self._held = 0
        self._task: asyncio.Task[None] | None = None

    def reserve(self, size: int) -> None:
        """Count bytes of a body that begins to be held; raises Full."""
        if len(self._waiting) >= self._most_waiting:
            raise Full
        if self._held and self._held + size > self._most_bytes:
            raise Full
        self._held += size

    def release(self, size: int) -> None:
        """Bytes are held no more."""
        self._held -= size

    def offer(self, body: Chunk, size: int) -> asyncio.Future[None] | None:
        """Hand a body on at once, in a batch of its own, as of ``put``; None where others wait
        before it, or there is no room. For bodies that are large enough to be one.
        """
        if self._waiting:
            return None
        batch = Batch(chunks=[body], parts=[Part(self._partition)], bytes=size)
        delivered = self._intake.offer(batch)
        if delivered is not None:
            delivered.add_done_callback(partial(self._delivered, size))
        return delivered

    async def put(self, body: Chunk, size: int) -> asyncio.Future[None]:
        """Hand a body on, whose ``size`` is reserved, and released when it was delivered. The
        future ends when its batch was delivered, or has the reason why it was not. Raises Full.
        """
        taken: asyncio.Future[asyncio.Future[None]] = self._loop.create_future()
        self._waiting.append(_Waiting(body, size, taken))
        if self._task is None:
            self._task = self._loop.create_task(self._hand_on())
        return await taken

    async def _hand_on(self) -> None:
        """Offer what waits until nothing does."""
        end = self._loop.time() + _PATIENCE
        try:
            while self._waiting:
                if self._offer():
                    end = self._loop.time() + _PATIENCE
                elif self._loop.time() >= end:
                    self._refuse_all()
                else:
                    await self._intake.room()
        except Undelivered:
            self._refuse_all()  # the pipeline stops
        finally:
            self._task = None

    def _offer(self) -> bool:
        count, size = 0, 0
        for waiting in self._waiting:
            count, size = count + 1, size + waiting.size
            if size >= _BATCH:
                break
        some = self._waiting[:count]
        try:
            delivered = self._intake.offer(self._batch(some, size))
        except Exception as error:  # these are answered so, and do not hold up the others
            del self._waiting[:count]
            self._refuse(some, error)
            return True
        if delivered is None:
            return False
        del self._waiting[:count]
        delivered.add_done_callback(partial(self._delivered, size))
        for waiting in some:
            if not waiting.taken.done():
                waiting.taken.set_result(delivered)
        return True

    def _delivered(self, size: int, delivered: asyncio.Future[None]) -> None:
        self.release(size)

    def _refuse_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._refuse(waiting, Full())

    def _refuse(self, waiting: list[_Waiting], error: Exception) -> None:
        for each in waiting:
            self.release(each.size)
            if not each.taken.done():
                each.taken.set_exception(error)

    def _batch(self, some: list[_Waiting], size: int) -> Batch:
        bodies = [waiting.body for waiting in some]
        return Batch(chunks=bodies, parts=[Part(self._partition)], bytes=size)
