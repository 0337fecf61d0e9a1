"""What many connections bring, gathered into batches of a usual size.

A batch costs the runtime some fifty microseconds, as much as ten events, and most connections bring
a line at a time. So what all of them bring in one turn of the event loop becomes one batch. Where
the runtime takes no more, one batch waits here, and whoever brings something is put to rest until
it is gone: that bounds what is held, and the kernels at both ends do the rest.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from ...dsl.reference import Event
from ..batch import Batch, Chunk, Part
from ..errors import Undelivered
from .event_loop import Intake

_MOST_CHUNKS = 1000


class Source(Protocol):
    """Who brings something: a connection, or a socket of datagrams."""

    def resume(self) -> None:
        """There is room again."""
        ...


class Gathering:
    """Called in the event loop's thread. ``size``: the bytes of a batch; ``name``: the partition of
    all of it.
    """

    def __init__(self, name: str, size: int) -> None:
        self._name, self._size = name, size
        self._loop = asyncio.get_running_loop()
        self._intake: Intake | None = None
        self._chunks: list[Chunk] = []
        self._bytes = 0
        self._waiting: deque[Batch] = deque()
        self._resting: dict[Source, None] = {}
        self._is_due = False
        self._room: asyncio.Task[None] | None = None

    @property
    def is_full(self) -> bool:
        """Whether a batch waits for room: bring nothing, and ``rest``."""
        return bool(self._waiting)

    def rest(self, source: Source) -> None:
        """Resume a source when there is room."""
        self._resting[source] = None

    def begin(self, intake: Intake) -> None:
        """Batches go there from now on."""
        self._intake = intake
        self._emit()

    def add(self, chunk: Chunk) -> None:
        """Take what can be decoded by itself."""
        self._chunks.append(chunk)
        self._bytes += len(chunk.data)
        if self._bytes >= self._size or len(self._chunks) >= _MOST_CHUNKS:
            self._close()
            self._emit()
        else:
            self._emit_soon()

    def add_events(self, events: list[Event], size: int) -> None:
        """Take events that came of so many bytes, complete."""
        if events:
            self._close()
            part = Part(self._name, events=len(events))
            self._waiting.append(Batch(events, parts=[part], bytes=size))
            self._emit()

    async def finish(self) -> None:
        """All that was brought is taken, or the runtime takes nothing any more; nobody is resumed.

        What is left then is emitted to the next ``begin``.
        """
        self._resting.clear()
        self._close()
        self._emit()
        while self._room is not None:
            await asyncio.wait([self._room])

    def _emit_soon(self) -> None:
        """At the next turn of the loop, when all connections that were ready have been read."""
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._is_due = False
        if not self._waiting:
            self._close()
            self._emit()

    def _close(self) -> None:
        if self._chunks:
            parts = [Part(self._name)]
            self._waiting.append(Batch(chunks=self._chunks, parts=parts, bytes=self._bytes))
            self._chunks, self._bytes = [], 0

    def _emit(self) -> None:
        if self._room is not None or self._intake is None:
            return
        while self._waiting and self._intake.give(self._waiting[0]):
            self._waiting.popleft()
        if self._waiting:
            self._room = asyncio.ensure_future(self._emit_with_room(self._intake))

    async def _emit_with_room(self, intake: Intake) -> None:
        try:
            while self._waiting:
                await intake.room()
                while self._waiting and intake.give(self._waiting[0]):
                    self._waiting.popleft()
        except Undelivered:
            return  # the pipeline stops
        finally:
            self._room = None
        self._close()
        resting, self._resting = self._resting, {}
        for source in resting:
            source.resume()
        self._emit()
