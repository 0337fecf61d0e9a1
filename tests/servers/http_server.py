"""An HTTP server in a thread of the test, which answers as the test says and notes what was asked.

It is aiohttp's: keep-alive, TLS and packed bodies are real. It keeps its port from ``start`` to
``start``, and a ``stop`` cuts every connection.
"""
from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

from aiohttp import web

from .process import LOOPBACK, free_ports


@dataclass(frozen=True)
class Asked:
    """A request: its path with the query, its headers under the names that were sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: object = field(compare=False, default=None)


@dataclass(frozen=True)
class Reply:
    """An answer; ``is_cut``: the connection ends before it."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_cut: bool = False


Answer = Callable[[Asked], Reply]


def ok(asked: Asked) -> Reply:
    """An empty 200."""
    return Reply()


class HttpServer:
    """``answer`` is called for each request, in the server's thread, and may be changed at any
    time; ``asked`` has the requests in order. ``hang`` keeps answers back until ``flow``.
    """

    def __init__(self, answer: Answer = ok, tls: ssl.SSLContext | None = None) -> None:
        self.answer, self._tls = answer, tls
        self.port = free_ports()[0]
        self.asked: list[Asked] = []
        self.busiest = 0
        self._under_way = 0
        self._flows = threading.Event()
        self._flows.set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"{'http' if self._tls is None else 'https'}://localhost:{self.port}"

    def start(self) -> Self:
        """Serve."""
        if self._thread is None:
            started = threading.Event()
            self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)), daemon=True)
            self._thread.start()
            assert started.wait(90)
        return self

    def stop(self) -> None:
        """End, and cut every connection."""
        thread, loop, self._thread = self._thread, self._loop, None
        if thread is not None and loop is not None:
            loop.call_soon_threadsafe(self._ended.set)
            thread.join(90)

    def hang(self) -> None:
        """Keep all answers back."""
        self._flows.clear()

    def flow(self) -> None:
        """End a ``hang``."""
        self._flows.set()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _serve(self, started: threading.Event) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        server = web.Server(self._answered, access_log=None, handler_cancellation=True, request_factory=self._request)
        listening = await self._loop.create_server(server, LOOPBACK, self.port, ssl=self._tls, reuse_address=True)
        started.set()
        await self._ended.wait()
        listening.close()
        for connection in server.connections:
            connection.force_close()
        await server.shutdown(0.1)

    def _request(self, message: object, payload: object, protocol: object, writer: object, task: object) -> web.BaseRequest:
        return web.BaseRequest(message, payload, protocol, writer, task, self._loop, client_max_size=1 << 30)  # type: ignore[arg-type]

    async def _answered(self, request: web.BaseRequest) -> web.StreamResponse:
        asked = Asked(request.method, request.raw_path, dict(request.headers), await request.read(), request.protocol)
        self.asked.append(asked)
        self._under_way += 1
        self.busiest = max(self.busiest, self._under_way)
        try:
            while not self._flows.is_set():
                await asyncio.sleep(0.01)
            reply = self.answer(asked)
        finally:
            self._under_way -= 1
        if reply.is_cut and request.transport is not None:
            request.transport.abort()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
        return web.Response(status=reply.status, body=reply.body, headers=reply.headers)
