"""A TCP proxy between Penstock and a server: it delays, cuts, hangs, refuses, and counts.

It runs in a thread of the test; ``with Proxy(port) as proxy: … proxy.port``.
"""
from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Self

from .process import LOOPBACK

_PIECE = 1 << 16
_ANSWER = 1.0


class Proxy:
    """Forwards ``port`` to ``target``. ``delay``: seconds that bytes take one way, however many are
    under way (a round trip takes twice that). Attributes may be changed at any time, but for
    ``port``, which is a free one unless given.
    """

    def __init__(self, target: int, delay: float = 0.0, port: int = 0) -> None:
        self.target, self.delay = target, delay
        self.connections = 0
        self.port = port
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._is_refusing = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._started = threading.Event()
        self._failure: OSError | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait(60)
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)

    def cut(self) -> None:
        """Break all connections."""
        self._call(self._cut)

    def refuse(self, is_refusing: bool = True) -> None:
        """Break all connections, and each new one at once."""
        self._is_refusing = is_refusing
        if is_refusing:
            self.cut()

    def hang(self) -> None:
        """Keep connections open, and forward nothing until ``flow``."""
        self._call(self._flows.clear)

    def flow(self) -> None:
        """End a ``hang``."""
        self._call(self._flows.set)

    def _call(self, action: object) -> None:
        done = threading.Event()

        def run() -> None:
            action()  # type: ignore[operator]
            done.set()

        self._loop.call_soon_threadsafe(run)
        done.wait(60)

    def _cut(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._flows.set()
        try:
            server = self._loop.run_until_complete(asyncio.start_server(self._connected, LOOPBACK, self.port))
        except OSError as error:
            self._failure = error
            self._started.set()
            return
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        self._loop.run_forever()
        server.close()
        self._cut()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self._is_refusing:
            writer.transport.abort()
            return
        try:
            there, to = await asyncio.open_connection(LOOPBACK, self.target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, to}
        back = asyncio.ensure_future(self._forward(there, writer, writer.close))
        await asyncio.gather(self._forward(reader, to, to.write_eof), return_exceptions=True)
        # The server may answer for a moment: one that gets a reset drops what it has not read.
        await asyncio.wait([back], timeout=_ANSWER)
        to.close()
        await asyncio.gather(back, return_exceptions=True)
        self._open -= {writer, to}

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, end: Callable[[], None]) -> None:
        """Bytes are written when their delay is over, while later ones are read already; ``end`` is called behind the last."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def write() -> None:
            while True:
                due, piece = await waiting.get()
                await asyncio.sleep(due - self._loop.time())
                await self._flows.wait()
                if not piece:
                    break
                writer.write(piece)
                await writer.drain()
            end()

        writing = asyncio.ensure_future(write())
        with contextlib.suppress(OSError):
            while piece := await reader.read(_PIECE):
                waiting.put_nowait((self._loop.time() + self.delay, piece))
        waiting.put_nowait((self._loop.time() + self.delay, b""))
        with contextlib.suppress(OSError):
            await writing
