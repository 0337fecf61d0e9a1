"""Listeners on asyncio: one event loop in the thread of ``serve``, and the way from it to the
runtime and back.

Three things are hard here. The runtime answers batches from other threads, so each answer comes
back through the loop (``Intake``). A stop must not cut off who waits for an answer: the sockets are
closed first, then what was taken is answered, and only then connections end. And connections whose
protocol has no answers should outlive a reload that leaves their listener as it is: then the loop
and its connections stay, at rest, between two calls of ``serve``.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Sequence
from typing import ClassVar, Protocol

from ..batch import Batch
from ..errors import Undelivered
from ..input import Emit, Listener
from ..tls import TlsContext
from .sockets import bind

_LOOKS = 1.0
"""Seconds between looks at whether certificates have changed."""


class Intake:
    """What connections hand their batches to. All of it is called in the event loop's thread."""

    def __init__(self, emit: Emit, stop: threading.Event) -> None:
        self._emit, self._stop = emit, stop
        self._loop = asyncio.get_running_loop()
        self._waiting: list[asyncio.Event] = []

    def offer(self, batch: Batch) -> asyncio.Future[None] | None:
        """Take a batch. The future ends when the batch was delivered, or has the reason why it was
        not; None where too many are under way: say so to the client.
        """
        delivered: asyncio.Future[None] = self._loop.create_future()

        def answer(error: Exception | None) -> None:
            # The loop may be gone where the program ends without a drained stop.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_resolve, delivered, error)

        return delivered if self._emit(batch, answer) else None

    @property
    def is_stopping(self) -> bool:
        """Whether the pipeline is to stop, so that it takes nothing more."""
        return self._stop.is_set() or self._emit.is_stopping

    def give(self, batch: Batch) -> bool:
        """Take a batch whose sender is told nothing; False where too many are under way."""
        return self._emit(batch)

    async def put(self, batch: Batch) -> asyncio.Future[None]:
        """Take a batch, waiting for room; the future is as of ``offer``. Raises Undelivered where
        serving ends before there was room.
        """
        while (delivered := self.offer(batch)) is None:
            await self.room()
        return delivered

    async def room(self) -> None:
        """Wait until there may be room. Raises Undelivered where serving ends before."""
        if self._stop.is_set():
            raise Undelivered("the pipeline stops")
        free = asyncio.Event()
        self._waiting.append(free)

        def call_back() -> None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(free.set)

        self._emit.when_free(call_back)
        try:
            await asyncio.wait_for(free.wait(), _LOOKS)
        except TimeoutError:
            pass  # room may have come between the refusal and `when_free`
        finally:
            self._waiting.remove(free)

    def end(self) -> None:
        """Serving ends: whoever waits for room looks now."""
        for free in self._waiting:
            free.set()


def _resolve(delivered: asyncio.Future[None], error: Exception | None) -> None:
    if delivered.cancelled():
        return
    if error is None:
        delivered.set_result(None)
        return
    delivered.set_exception(error)
    delivered.exception()  # who does not look at it need not be told when it is collected


class Acceptor(Protocol):
    """What takes connections or datagrams from a socket: asyncio's Server, or its transport."""

    def close(self) -> None:
        """Take no more; connections that are open go on."""
        ...


class EventLoopListener(Listener):
    """A listener whose connections asyncio serves. A subclass says how in ``begin``, ``accept`` and
    ``drain``, which run in the event loop.
    """

    host: str
    port: int

    keeps_connections: ClassVar[bool] = False
    """Whether connections outlive ``serve``: ``close`` ends them, with ``hang_up``."""

    _sockets: Sequence[socket.socket] = ()
    _acceptors: Sequence[Acceptor] = ()
    _loop: asyncio.AbstractEventLoop | None = None
    _kept_loop: asyncio.AbstractEventLoop | None = None
    _woken: asyncio.Event

    def tls(self) -> TlsContext | None:
        """The certificates, made in ``prepare``; None without TLS."""
        return None

    def bind(self) -> Sequence[socket.socket]:
        """The sockets to listen on; raises Misconfigured."""
        return bind(self.host, self.port)

    async def begin(self, intake: Intake) -> None:
        """Make what the connections share. ``intake`` takes their batches."""
        raise NotImplementedError

    async def accept(self, listening: socket.socket, tls: ssl.SSLContext | None) -> Acceptor:
        """Begin to take connections from a socket, which then belongs to the acceptor."""
        raise NotImplementedError

    def look(self) -> None:
        """Called about once a second; what it raises ends ``serve``."""

    async def hand_over(self) -> None:
        """The pipeline is to stop, and nothing more is accepted: where it ``holds`` something, emit
        it.
        """

    async def drain(self) -> None:
        """Nothing more is accepted, and all that was emitted is answered: end the connections, once
        their answers are sent, or put them to rest where they are kept.
        """

    async def hang_up(self) -> None:
        """End the connections that were kept."""

    def connect(self) -> None:
        """Take the port. Raises Misconfigured where it is taken, or is not one of this machine."""
        self.close()
        self._sockets = self.bind()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The addresses and ports that are listened on."""
        return [made.getsockname()[:2] for made in self._sockets]

    def serve(self, emit: Emit, stop: threading.Event) -> None:
        """As ``Listener``."""
        if not self.keeps_connections:
            asyncio.run(self._serve(emit, stop))
            return
        self.kept_loop().run_until_complete(self._serve(emit, stop))

    def kept_loop(self) -> asyncio.AbstractEventLoop:
        """The loop of connections that outlive ``serve``."""
        if self._kept_loop is None:
            self._kept_loop = asyncio.new_event_loop()
        return self._kept_loop

    def wake(self) -> None:
        """Look at ``stop`` now."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # it has just ended
                loop.call_soon_threadsafe(self._woken.set)

    def close(self) -> None:
        """Give the port back, and end the connections that were kept."""
        for made in self._sockets:
            made.close()
        self._sockets = ()
        loop, self._kept_loop = self._kept_loop, None
        if loop is not None:
            loop.run_until_complete(self._hung_up())
            loop.close()

    async def _hung_up(self) -> None:
        await self.hang_up()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, emit: Emit, stop: threading.Event) -> None:
        self._woken = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        intake = Intake(emit, stop)
        await self.begin(intake)
        try:
            await self._accept_until(emit, stop)
        finally:
            self._loop = None
            self._stop_accepting()
            intake.end()
            await self.drain()

    async def _accept_until(self, emit: Emit, stop: threading.Event) -> None:
        tls = self.tls()
        used: ssl.SSLContext | None = None
        while not stop.is_set():
            self._woken.clear()
            if self.holds and emit.is_stopping:
                self._stop_accepting()
                await self.hand_over()
                emit.end()
                await self._until(stop)
                return
            self.look()
            current = None if tls is None else tls.current()
            if not self._acceptors or current is not used:
                # Connections that are open go on with the certificates that they have; those that
                # come in between wait in the backlog, since the socket itself stays open.
                self._stop_accepting()
                used = current
                self._acceptors = [await self.accept(s.dup(), current) for s in self._sockets]
            await self._pause()

    async def _until(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self._woken.clear()
            await self._pause()

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), _LOOKS)

    def _stop_accepting(self) -> None:
        for acceptor in self._acceptors:
            acceptor.close()
        self._acceptors = ()
