"""A server that takes events in the bodies of HTTP requests: what the inputs http and logstash are.

The hard part is what an answer means. With the memory queue it may say that the pipeline has taken
the events; with the disk queue it says that they are on the disk, and otherwise that every output
has them. A pipeline that has no room says 429 at once, or after a second in which nothing was
taken, so that clients wait and not the events.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import socket
from base64 import b64encode
from collections.abc import Mapping
from ssl import SSLContext
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from ...dsl.diagnostics import PenstockError
from ..batch import Chunk
from ..contract import Plugin
from ..declaration import Bytes, Duration, option
from ..errors import Undelivered
from ..servers.admission import Admission
from ..servers.connections import Acceptor
from ..servers.event_loop import Acceptor as AnyAcceptor
from ..servers.event_loop import EventLoopListener, Intake
from ..servers.tls import ServerTls
from ..tls import TlsContext
from ._http_body import Body, TooLong, as_utf8
from ._http_unpacking import ENCODINGS, Unreadable
from ._request_intake import Full, Gathering

_DRAIN = 2.0
"""Seconds that answers may take to be sent when serving ends."""

_LINGER = 2.0
"""Seconds that the rest of a body is read for that was refused before its end."""

_SERVER = {"Server": "Penstock"}
_quiet = logging.getLogger("penstock.http_server")
"""For what aiohttp says of connections: a client's mistake is not an error of ours."""


def _demote(record: logging.LogRecord) -> bool:
    record.levelno, record.levelname = logging.DEBUG, "DEBUG"
    return _quiet.isEnabledFor(logging.DEBUG)


_quiet.addFilter(_demote)


class _Refused(PenstockError):
    """A request that is answered with an error: a status, a text, headers."""

    def __init__(self, status: int, text: str, **headers: str) -> None:
        super().__init__(text)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


_FULL = (429, "the pipeline has no room: send it again later")
_FAILED = (503, "the events could not be delivered: send them again later")


class HttpListener(ServerTls, EventLoopListener):
    """A listener for requests of every method and path. A subclass has the option ``port``, calls
    ``serve_with`` in ``prepare``, and says in ``origin_of`` what events get of their request.
    """

    prompt = True

    host: str = option("The name or address to listen on.", default="0.0.0.0")
    retry_after: int = option(
        "The seconds that clients are asked to wait with 429 and 503.", default=1, at_least=0
    )
    read_timeout: Duration = option(
        "How long the headers, and then the body of a request may take, and how long a connection"
        " may stay idle.",
        default=Duration(60),
    )
    max_content_length: Bytes = option(
        "The longest body, unpacked.", default=Bytes(100 << 20), at_least=1
    )
    max_pending_requests: int = option(
        "How many requests may wait for room in the queue.", default=200, at_least=1
    )
    max_pending_bytes: Bytes = option(
        "How many bytes of bodies are held at most, until their events are delivered; one body is"
        " taken whatever its length.",
        default=Bytes(256 << 20),
        at_least=1,
    )

    _server: web.Server | None = None
    _admission: _Admission | None = None

    def serve_with(
        self,
        tls: TlsContext | None,
        credentials: tuple[str, str] | None,
        headers: Mapping[str, str],
        *,
        status: int = 200,
        waits: bool = True,
    ) -> None:
        """Say how requests are answered that were taken, and who may send them: the user and the
        password, or None for everybody. ``waits``: whether an answer waits for the delivery.
        """
        self._tls, self._status, self._waits = tls, status, waits
        self._authorization: bytes | None = None
        if credentials is not None:
            self._authorization = b"Basic " + b64encode(":".join(credentials).encode())
        self._retry_later = str(self.retry_after)
        self._headers = {**_SERVER, **headers}

    def origin_of(self, request: web.BaseRequest) -> dict[str, Any]:
        """The origin of the chunk that a request's body becomes."""
        raise NotImplementedError

    def claims(self) -> dict[str, str]:
        return {"port": f"port {self.port} of {self.host}"} if self.port else {}

    def tls(self) -> TlsContext | None:
        return self._tls

    async def begin(self, intake: Intake) -> None:
        loop = asyncio.get_running_loop()
        self._gathering = Gathering(
            intake, self.max_pending_requests, self.max_pending_bytes, self.name
        )

        def request(
            message: Any, payload: Any, protocol: Any, writer: AbstractStreamWriter, task: Any
        ) -> web.BaseRequest:
            return web.BaseRequest(message, payload, protocol, writer, task, loop)

        self._server = web.Server(
            self._answer,
            request_factory=request,
            access_log=None,
            logger=_quiet,
            keepalive_timeout=self.read_timeout,
            lingering_time=_LINGER,
            auto_decompress=False,
        )
        self._admission = _Admission(self, self._server, self.ssl_handshake_timeout / 1000)

    async def accept(self, listening: socket.socket, tls: SSLContext | None) -> AnyAcceptor:
        assert self._admission is not None
        return Acceptor(listening, self._admission, tls)

    async def drain(self) -> None:
        if self._admission is not None:
            self._admission.admit_no_more()
        if self._server is not None:
            self._server.pre_shutdown()
            await self._server.shutdown(_DRAIN)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            await self._take(request)
        except _Refused as refused:
            return _error(request, refused.status, str(refused), refused.headers)
        except ConnectionError:
            raise  # the client has gone
        except Exception as error:
            _quiet.debug("a request failed", exc_info=True)
            self.context.log.error("a request failed: %s: %s", type(error).__name__, error)
            return _error(request, 500, "internal error")
        body = None if self._status == 204 else b"ok"
        return web.Response(status=self._status, body=body, headers=self._headers)

    async def _take(self, request: web.BaseRequest) -> None:
        """Hand a request's body on, and wait for what the answer is to say. Raises _Refused."""
        self._authorize(request)
        try:
            chunk, size = await self._chunk(request)
            delivered = await self._gathering.put(chunk, size)
        except Full:
            self.context.metrics.counter("refused_full").add()
            raise self._later(*_FULL) from None
        if self._waits:
            try:
                await delivered
            except Undelivered as error:
                self.context.metrics.counter("undelivered").add()
                raise self._later(*_FAILED) from error

    def _later(self, status: int, text: str) -> _Refused:
        return _Refused(status, text, Retry_After=self._retry_later)

    def _authorize(self, request: web.BaseRequest) -> None:
        if self._authorization is None:
            return
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self._authorization):
            self.context.metrics.counter("refused_credentials").add()
            realm = 'Basic realm="Penstock"'
            raise _Refused(401, "a user and a password are required", WWW_Authenticate=realm)

    async def _chunk(self, request: web.BaseRequest) -> tuple[Chunk, int]:
        """A request's body as what becomes events, and its size, which is reserved. Raises
        _Refused and Full.
        """
        body = await self._body(request)
        size, charset = len(body), request.charset
        if charset is not None and charset.lower() not in ("utf-8", "utf8"):
            body = as_utf8(body, charset)
        return Chunk(body, self.origin_of(request)), size

    async def _body(self, request: web.BaseRequest) -> bytes:
        encoding = request.headers.get("Content-Encoding", "").strip().lower()
        if encoding not in ENCODINGS:
            raise _Refused(415, "send the body as it is, or packed with gzip or deflate")
        if (request.content_length or 0) > self.max_content_length:
            raise self._too_long()
        body = Body(self._gathering, self.max_content_length)
        try:
            body.expect(request.content_length or 0)
            if request.headers.get("Expect", "").lower() == "100-continue":
                await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            async with asyncio.timeout(self.read_timeout):
                return await body.read(request, encoding)
        except BaseException as error:
            body.drop()
            if isinstance(error, TimeoutError):
                raise _Refused(408, "the body came too slowly") from error
            if isinstance(error, web.RequestPayloadError):
                raise _Refused(400, "the body cannot be read") from error
            if isinstance(error, Unreadable):
                raise _Refused(400, str(error)) from error
            if isinstance(error, TooLong):
                raise self._too_long() from error
            raise

    def _too_long(self) -> _Refused:
        return _Refused(413, f"a body has at most {self.max_content_length} bytes")


class _Admission(Admission):
    """Admits connections that the server of aiohttp serves."""

    def __init__(self, plugin: Plugin, server: web.Server, handshake: float) -> None:
        super().__init__(plugin, handshake)
        self._server = server

    def protocol_of(self, ip: str) -> asyncio.BaseProtocol:
        return self._server()


def _error(
    request: web.BaseRequest, status: int, text: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    answer = web.Response(status=status, text=text, headers={**_SERVER, **(headers or {})})
    if not request.content.is_eof():
        answer.force_close()
    return answer
