"""The input http: a server that takes events in the bodies of requests.

The hard part is what an answer means. With the memory queue it says that the pipeline has taken the
events, with the disk queue that they are on the disk, and with ``respond_after => "delivered"``
that every output has them. A pipeline that has no room says 429 at once, or after a second in
which nothing was taken, so that clients wait and not the events.
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
from ...dsl.reference import FieldError, FieldRef
from .. import registry
from ..batch import Chunk
from ..codec import Codec
from ..contract import Ecs
from ..declaration import Bytes, Duration, Secret, option
from ..errors import Undelivered
from ..servers.event_loop import Acceptor, EventLoopListener, Intake
from ..servers.tls import ServerTls, server_tls
from ..tls import TlsContext
from ._http_body import Body, TooLong, as_utf8
from ._http_events import Origin, RequestCodec, RequestFields, named_headers
from ._http_intake import Full, Gathering
from ._http_old_names import OldNames

_CODES = {"200": 200, "201": 201, "202": 202, "204": 204}
_DRAIN = 2.0
"""Seconds that answers may take to be sent when serving ends."""

_LINGER = 2.0
"""Seconds that the rest of a body is read for that was refused before its end."""

_PLAIN = {"Content-Type": "text/plain"}
_SERVER = {"Server": "Penstock"}
_ENCODINGS = ("", "identity", "gzip", "deflate")
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


class Http(OldNames, ServerTls, Ecs, EventLoopListener, name="http"):
    """Listen for HTTP requests; what is in their bodies becomes events.

    The codec of a body is that which `additional_codecs` has for its content type, else `codec`: a
    body is one payload, so JSON may be a map or a list of maps. Bodies packed with gzip or deflate
    are unpacked; a character set that the content type names is heeded. Every method and every path
    is taken.

    Events get the address of the client and the headers, with names in small letters and with
    underscores, without `authorization`, in the place of fields that the client sent under these
    names. Without ECS they are `host` and `headers`, among them `http_version`, `request_method`,
    `request_path`, `http_host` and `http_user_agent`. With ECS the address is `[host][ip]`, all
    headers are in `[@metadata][input][http][request][headers]`, and of the request there are
    `[http][version]`, `[http][method]`, `[url][path]`, `[url][domain]` and `[url][port]` (from the
    header Host), `[user_agent][original]`, `[http][request][mime_type]` and
    `[http][request][body][bytes]`.

    An answer with `response_code` says that the events were taken: with the memory queue that they
    are on their way to the filters, with the disk queue (`queue.type: persisted`) that they are on
    the disk, so that a kill loses nothing that was answered. With `respond_after => "delivered"` it
    says that every output has them, or the dead letters.

    Clients send again what was not answered, or answered with 429 (the queue is full, or too much
    is pending) or 503 (the events were not delivered); both have `Retry-After`. The other errors
    are 400 and 415 (the body cannot be unpacked), 401 (`user` and `password` are set, and not in
    the request), 408 (the body did not come within `read_timeout`) and 413 (it is longer than
    `max_content_length`).

    The input needs the package aiohttp: `pip install 'penstock[http]'`.

    Differs from Logstash: a body that its codec cannot read is an event with the codec's tag, not
    an error 500. `respond_after`, `retry_after`, `read_timeout` and `max_pending_bytes` are new.
    Keys and certificates are PEM files. Where ECS has a map, a `host`, `url` or `http` of the
    client's that is none is kept as `_host`, `_url` or `_http`. `threads` has no effect: one event
    loop serves all connections.
    """

    prompt = True

    host: str = option("The name or address to listen on.", default="0.0.0.0")
    port: int = option("The port to listen on.", default=8080)
    user: str | None = option("The user that requests must name.", default=None)
    password: Secret | None = option("The password that requests must have.", default=None)
    additional_codecs: dict[str, str] = option(
        "The codecs of content types.", default={"application/json": "json"}
    )
    remote_host_target_field: FieldRef | None = option(
        "The field for the address of the client.", default=None
    )
    request_headers_target_field: FieldRef | None = option(
        "The field for the headers of the request.", default=None
    )
    response_code: str = option(
        "The status of an answer that says that the events were taken.",
        default="200",
        choices=tuple(_CODES),
    )
    response_headers: dict[str, str] = option(
        "The headers of such an answer.", default=dict(_PLAIN)
    )
    respond_after: str = option(
        "When a request is answered: as soon as the queue has its events, or when the outputs have"
        " them.",
        default="accepted",
        choices=("accepted", "delivered"),
    )
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
    threads: int = option("Has no effect.", default=1)

    _server: web.Server | None = None

    def prepare(self) -> None:
        self._tls = server_tls(self, self)
        self._check_targets()
        self._decoder = RequestCodec(
            self.new_codec(),
            self._codecs(),
            RequestFields(
                self.ecs, self.remote_host_target_field, self.request_headers_target_field
            ),
        )
        if (self.user is None) != (self.password is None):
            given, lacking = ("user", "password") if self.password is None else ("password", "user")
            self.problem(given, f"`{given}` requires `{lacking}`", f"add {lacking} => …")
        self._authorization = f"{self.user}:{self.password or ''}".encode()
        is_on_disk = self.context.settings.get("queue.type") == "persisted"
        self.awaits_outputs = self.respond_after == "delivered"
        self._waits = is_on_disk or self.awaits_outputs
        self._retry_later = str(self.retry_after)
        self._headers = {**_SERVER, **self.response_headers}

    def _codecs(self) -> dict[str, Codec]:
        made: dict[str, Codec] = {}
        for kind, name in self.additional_codecs.items():
            spec = registry.spec("codec", name)
            if spec is None:
                message, help = f"unknown codec `{name}`", "`penstock plugins list` has all"
                self.problem("additional_codecs", message, help, path=(kind,))
                continue
            assert self.context.make_codec is not None
            made[kind.lower()] = self.context.make_codec(name, False)
        return made

    def _check_targets(self) -> None:
        for name, value in (("remote_host_target_field", ""), ("request_headers_target_field", {})):
            field: FieldRef | None = getattr(self, name)
            try:
                if field is not None:
                    field.set({}, value)
            except FieldError as error:
                self.problem(name, str(error), "name another field")

    def decoder(self) -> Codec:
        return self._decoder

    def claims(self) -> dict[str, str]:
        return {"port": f"port {self.port} of {self.host}"} if self.port else {}

    def tls(self) -> TlsContext | None:
        return self._tls

    async def begin(self, intake: Intake) -> None:
        loop = asyncio.get_running_loop()
        self._gathering = Gathering(intake, self.max_pending_requests, self.max_pending_bytes)

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
        )

    async def accept(self, listening: socket.socket, tls: SSLContext | None) -> Acceptor:
        assert self._server is not None
        timeout = None if tls is None else self.ssl_handshake_timeout / 1000
        return await asyncio.get_running_loop().create_server(
            self._server, sock=listening, ssl=tls, ssl_handshake_timeout=timeout
        )

    async def drain(self) -> None:
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
        status = _CODES[self.response_code]
        body = None if status == 204 else b"ok"
        return web.Response(status=status, body=body, headers=self._headers)

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
        if self.user is None:
            return
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        wanted = b"Basic " + b64encode(self._authorization)
        if not hmac.compare_digest(given, wanted):
            self.context.metrics.counter("refused_credentials").add()
            realm = 'Basic realm="Penstock"'
            raise _Refused(401, "user and password are wanted", WWW_Authenticate=realm)

    async def _chunk(self, request: web.BaseRequest) -> tuple[Chunk, int]:
        """A request's body as what becomes events, and its size, which is reserved. Raises
        _Refused and Full.
        """
        body = await self._body(request)
        size, charset = len(body), request.charset
        if charset is not None and charset.lower() not in ("utf-8", "utf8"):
            body = as_utf8(body, charset)
        origin = Origin(
            request.content_type,
            request.remote or "",
            named_headers(
                request.headers,
                request.method,
                request.raw_path,
                f"HTTP/{request.version.major}.{request.version.minor}",
            ),
        )
        return Chunk(body, origin.as_data()), size

    async def _body(self, request: web.BaseRequest) -> bytes:
        if request.headers.get("Content-Encoding", "").lower() not in _ENCODINGS:
            raise _Refused(415, "send the body as it is, or packed with gzip or deflate")
        if (request.content_length or 0) > self.max_content_length:
            raise self._too_long()
        body = Body(self._gathering, self.max_content_length)
        try:
            body.expect(request.content_length or 0)
            if request.headers.get("Expect", "").lower() == "100-continue":
                await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            async with asyncio.timeout(self.read_timeout):
                return await body.read(request)
        except BaseException as error:
            body.drop()
            if isinstance(error, TimeoutError):
                raise _Refused(408, "the body came too slowly") from error
            if isinstance(error, web.RequestPayloadError):
                raise _Refused(400, "the body cannot be read") from error
            if isinstance(error, TooLong):
                raise self._too_long() from error
            raise

    def _too_long(self) -> _Refused:
        return _Refused(413, f"a body has at most {self.max_content_length} bytes")


def _error(
    request: web.BaseRequest, status: int, text: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    answer = web.Response(status=status, text=text, headers={**_SERVER, **(headers or {})})
    if not request.content.is_eof():
        answer.force_close()
    return answer
