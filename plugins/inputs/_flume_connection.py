"""A connection of a Flume agent: calls come in, a status goes out for each.

OK says that every output has the events of a call; until then the agent keeps them in its channel.
FAILED, or the end of the connection, has it send them again. Several calls may be under way; they
are answered in their order.
"""

from __future__ import annotations

import asyncio
import itertools
import zlib
from collections import deque
from typing import Any, Protocol

from ..batch import Chunk
from ..clients.flume import FAILED, OK, Call, ProtocolError, Server
from ..metrics import Counter
from ._request_intake import Full, Gathering

_READ = 1 << 16
_ROOM_LOOKS = 0.05
_LARGE = 4096
"""Bytes of a call that is a batch of its own; smaller ones are gathered."""

_FIRST = 1
"""With its first byte a call has begun to come; before it a connection may rest for ever."""

_NOTHING: dict[str, Any] = {"flume": {"headers": {}}}


class Inflating:
    """The bytes of a compressed stream. Never more than asked for, and a bufferful, are unpacked at
    a time.
    """

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader, self._unpacker = reader, zlib.decompressobj()
        self._unread = bytearray()

    async def readexactly(self, count: int) -> bytes:
        """As of StreamReader; raises ProtocolError too."""
        unread, packed = self._unread, self._unpacker.unconsumed_tail
        while len(unread) < count:
            if self._unpacker.eof:  # what comes behind it would pile up in the unpacker
                raise ProtocolError("its compressed stream has ended")
            if not packed:
                packed = await self._reader.read(_READ)
                if not packed:
                    raise asyncio.IncompleteReadError(bytes(unread), count)
            try:
                unread += self._unpacker.decompress(packed, _READ)
            except zlib.error as error:
                raise ProtocolError("it is not compressed with deflate") from error
            packed = self._unpacker.unconsumed_tail
        found = bytes(unread[:count])
        del unread[:count]
        return found


class _Owed:
    """A call that is to be answered, and how, once that is known."""

    __slots__ = ("call", "status")

    def __init__(self, call: Call) -> None:
        self.call = call
        self.status = ""


class Owner(Protocol):
    """What a connection asks of the server that it belongs to, and tells it."""

    gathering: Gathering
    is_compressed: bool
    longest: int
    read_timeout: float
    patience: float
    refused_full: Counter
    undelivered: Counter

    def refused(self, ip: str, reason: str) -> None: ...

    def full(self, ip: str) -> None: ...

    def failed(self, error: Exception) -> None: ...


class Connection:
    """One connection; used in the event loop's thread."""

    def __init__(
        self,
        owner: Owner,
        server: Server,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        ip: str,
    ) -> None:
        self._owner, self._server, self._writer, self._ip = owner, server, writer, ip
        self._source = Inflating(reader) if owner.is_compressed else reader
        self._packer = zlib.compressobj() if owner.is_compressed else None
        self._owed: deque[_Owed] = deque()
        self._putting: set[asyncio.Task[None]] = set()
        self._all_answered = asyncio.Event()
        self._origin = {"@metadata": {"flume": {"ip": ip}}}
        self._reading: asyncio.Task[None] | None = None
        self._reserved = 0

    async def serve(self) -> None:
        """Take and answer calls until the agent goes or ``finish`` is called."""
        self._reading = asyncio.ensure_future(self._read_all())
        try:
            await asyncio.wait([self._reading])
            if not self._reading.cancelled():
                self._reading.result()
            while self._owed:
                self._all_answered.clear()
                await self._all_answered.wait()
        finally:
            self._reading.cancel()
            self._writer.close()

    def finish(self) -> None:
        """Take nothing more, and end when all that was taken is answered."""
        if self._reading is not None:
            self._reading.cancel()

    def abort(self) -> None:
        """End it at once."""
        self.finish()
        self._writer.transport.abort()

    async def _read_all(self) -> None:
        try:
            while True:
                head = await self._source.readexactly(_FIRST)
                await self._read_call(head)
        except ProtocolError as error:
            self._owner.refused(self._ip, str(error))
        except TimeoutError:
            self._owner.refused(self._ip, "a call came too slowly")
        except Full:
            self._owner.full(self._ip)
        except (asyncio.IncompleteReadError, OSError):
            pass  # the agent has gone, or its connection
        finally:
            self._release()

    async def _read_call(self, head: bytes) -> None:
        """The rest of a call that has begun to come, and its way into the pipeline."""

        async def read(count: int) -> bytes:
            nonlocal head
            if head:
                found, head = head + await self._source.readexactly(count - len(head)), b""
                return found
            return await self._source.readexactly(count)

        async with asyncio.timeout(self._owner.read_timeout):
            call = await self._server.receive(read, self._expect)
        size, self._reserved = self._reserved, 0
        self._take(call, size)

    async def _expect(self, size: int) -> None:
        """Reserve the bytes of a call, waiting a while for room; raises Full."""
        if size > self._owner.longest:
            raise ProtocolError(f"a call of {size} bytes is longer than `max_frame_bytes`")
        loop = asyncio.get_running_loop()
        end = loop.time() + self._owner.patience
        while True:
            try:
                self._owner.gathering.reserve(size)
            except Full:
                if loop.time() >= end:
                    raise
                await asyncio.sleep(_ROOM_LOOKS)
            else:
                self._reserved += size
                return

    def _release(self) -> None:
        self._owner.gathering.release(self._reserved)
        self._reserved = 0

    def _take(self, call: Call, size: int) -> None:
        """Hand a call on; it is answered when that is known how."""
        owed, gathering = _Owed(call), self._owner.gathering
        self._owed.append(owed)
        if not call.events:
            gathering.release(size)
            self._settle(owed, OK)
            return
        chunk = self._chunk(call)
        try:
            delivered = gathering.offer(chunk, size) if size >= _LARGE else None
        except Exception as error:  # the queue's own, such as a full disk
            gathering.release(size)
            self._fail(owed, error)
            return
        if delivered is not None:
            delivered.add_done_callback(lambda done: self._settle(owed, self._status_of(done)))
            return
        task = asyncio.ensure_future(self._put(owed, chunk, size))
        self._putting.add(task)
        task.add_done_callback(self._putting.discard)

    async def _put(self, owed: _Owed, chunk: Chunk, size: int) -> None:
        """Hand a call on together with others, or when there is room."""
        try:
            delivered = await self._owner.gathering.put(chunk, size)
        except Full:
            self._owner.refused_full.add()
            self._settle(owed, FAILED)
            return
        except Exception as error:
            self._fail(owed, error)
            return
        await asyncio.wait([delivered])
        self._settle(owed, self._status_of(delivered))

    def _fail(self, owed: _Owed, error: Exception) -> None:
        self._owner.failed(error)
        self._settle(owed, FAILED)

    def _status_of(self, delivered: asyncio.Future[None]) -> str:
        if not delivered.cancelled() and delivered.exception() is None:
            return OK
        self._owner.undelivered.add()
        return FAILED

    def _chunk(self, call: Call) -> Chunk:
        bodies = [event.body for event in call.events]
        ends = list(itertools.accumulate(map(len, bodies)))
        origins = [
            {"flume": {"headers": event.headers}} if event.headers else _NOTHING
            for event in call.events
        ]
        return Chunk(b"".join(bodies), self._origin, 0, ends, origins, owned=True)

    def _settle(self, owed: _Owed, status: str) -> None:
        """Answer a call, when those before it are answered."""
        owed.status = status
        waiting, answers = self._owed, []
        while waiting and waiting[0].status:
            first = waiting.popleft()
            answers.append(first.call.reply(first.status))
        if answers and not self._writer.is_closing():
            self._say(b"".join(answers))
        if not waiting:
            self._all_answered.set()

    def _say(self, data: bytes) -> None:
        if self._packer is not None:
            data = self._packer.compress(data) + self._packer.flush(zlib.Z_SYNC_FLUSH)
        self._writer.write(data)
