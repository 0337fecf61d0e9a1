"""The input http: a server that takes events in the bodies of requests."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ...dsl.reference import FieldError, FieldRef
from .. import registry
from ..codec import Codec, made_codec
from ..contract import Ecs
from ..declaration import Secret, option
from ..servers.tls import server_tls
from ._http_events import Origin, RequestCodec, RequestFields, named_headers
from ._http_listener import HttpListener

_PLAIN = {"Content-Type": "text/plain"}
_CODES = {"200": 200, "201": 201, "202": 202, "204": 204}


class Http(Ecs, HttpListener, name="http"):
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
    threads: int = option("Has no effect.", default=1)

    def prepare(self) -> None:
        tls = server_tls(self, self)
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
        is_on_disk = self.context.settings.get("queue.type") == "persisted"
        self.awaits_outputs = self.respond_after == "delivered"
        self.serve_with(
            tls,
            None if self.user is None else (self.user, self.password or ""),
            self.response_headers,
            status=_CODES[self.response_code],
            waits=is_on_disk or self.awaits_outputs,
        )

    def _codecs(self) -> dict[str, Codec]:
        made: dict[str, Codec] = {}
        for kind, name in self.additional_codecs.items():
            spec = registry.spec("codec", name)
            if spec is None:
                message, help = f"unknown codec `{name}`", "`penstock plugins list` has all"
                self.problem("additional_codecs", message, help, path=(kind,))
                continue
            made[kind.lower()] = made_codec(self.context, name)
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

    def origin_of(self, request: web.BaseRequest) -> dict[str, Any]:
        return Origin(
            request.content_type,
            request.remote or "",
            named_headers(
                request.headers,
                request.method,
                request.raw_path,
                f"HTTP/{request.version.major}.{request.version.minor}",
            ),
        ).as_data()
