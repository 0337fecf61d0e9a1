"""The input logstash: events of the output `logstash` of another pipeline, taken over whole."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ..codec import Codec, made_codec
from ..declaration import Secret, option
from ..servers.tls import server_tls
from ..tls import refuse_without_tls
from ._http_listener import HttpListener
from ._logstash_body import BodyCodec


class Logstash(HttpListener, name="logstash"):
    """Listen for events that an output `logstash` sends, of Logstash or Penstock.

    An event is what it was there, with its `@timestamp` and its tags, but for `@metadata`, which is
    not sent; nothing is added to it. The other end sends lists of events as JSON in HTTP requests,
    packed with gzip; an event on each line is understood as well.

    A request is answered with 200 when every output has its events (or the dead letters), with the
    disk queue (`queue.type: persisted`) when they are on the disk. Clients send again what was not
    answered, or answered with 429 (there is no room) or 503 (the events were not delivered); so
    events may come twice, and none is lost. The output of Logstash waits ten seconds for an answer
    (its `socket_timeout`): where outputs may take longer, have a disk queue here.

    Connections have TLS, so that `ssl_certificate` and `ssl_key` are required where `ssl_enabled`
    is not false.

    The input needs the package aiohttp: `pip install 'penstock[logstash]'`.

    Differs from Logstash: an answer says that events were delivered, not that they are in the
    memory queue. What is not JSON is an event with the tag `_jsonparsefailure`. Keys and
    certificates are PEM files. `retry_after`, `read_timeout`, `max_content_length`,
    `max_pending_requests` and `max_pending_bytes` are new.
    """

    port: int = option("The port to listen on.", default=9800)
    username: str | None = option("The user that requests must name.", default=None)
    password: Secret | None = option("The password that requests must have.", default=None)
    ssl_enabled: bool = option("Whether connections are encrypted with TLS.", default=True)

    def prepare(self) -> None:
        if "codec" in self.given:
            self.problem("codec", "the input `logstash` has no codec", "remove it")
        self._check_credentials()
        refuse_without_tls(self, self.ssl_enabled)
        tls = server_tls(self, self)
        user = None if self.username is None else (self.username, self.password or "")
        self.serve_with(tls, user, {"Accept": "application/x-ndjson"})
        self._decoder = BodyCodec(
            made_codec(self.context, "json"), made_codec(self.context, "json_lines")
        )

    def _check_credentials(self) -> None:
        if (self.username is None) == (self.password is None):
            return
        given, lacking = "username", "password"
        if self.username is None:
            given, lacking = lacking, given
        self.problem(given, f"`{given}` requires `{lacking}`", f"add {lacking} => …")

    def decoder(self) -> Codec:
        return self._decoder

    def origin_of(self, request: web.BaseRequest) -> dict[str, Any]:
        return {}
