"""The output logstash: events to the input `logstash` of other pipelines, in lists."""

from __future__ import annotations

import gzip
import re
import time
from collections import deque
from typing import Any

from ...dsl.reference import Event
from ..batch import Payload
from ..clients.http import (
    HttpClient,
    HttpOptions,
    Request,
    Response,
    check_options,
    retry_after,
)
from ..clients.http_failures import HttpFailure, TlsFailure
from ..clients.http_probe import probe
from ..clients.tls import ClientTls, client_tls
from ..codec import made_codec
from ..declaration import option
from ..errors import Disconnected, Misconfigured
from ..output import Batching, Output
from ..tls import refuse_without_tls
from ._http_results import BUSY, TOO_LARGE, Results, halves, retry_rest, said_by
from ._logstash_hosts import Hosts

_PORT = 9800
_LEVEL = 6
_HOST_AND_PORT = re.compile(r"([^:\[\]/\s]+|\[[0-9a-fA-F:.]+\])(?::(\d{1,5}))?")
_AGAIN = (429, 500, 502, 503, 504)
_HEADERS = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}


class Logstash(HttpOptions, ClientTls, Output, name="logstash"):
    """Send events to an input `logstash`, of Logstash or Penstock.

    The other end has each event as it is here, but for its `@metadata`: events are sent as JSON, in
    lists, packed with gzip, over HTTP.

    With several `hosts`, requests go in turn to those that have not failed within the last minute;
    a request that has no answer goes to the next host, and where none answers it waits. A list is
    sent again, for as long as it takes, when the answer is 429, 500, 502, 503 or 504. Any other
    status but 2xx sends its events to the dead letters; a list that is too large (413) is halved
    before. Where the other end asks for other credentials (401) or certificates, the run ends at
    its first request, and later waits until they are mended.

    Several requests are under way at once; the order of events is kept with `max_in_flight => 1`
    alone.

    The output needs the package urllib3: `pip install 'penstock[logstash]'`.

    Differs from Logstash: what is refused for good goes to the dead letters and is not dropped;
    with 401 events are kept. `automatic_retries` is 0, since another host is tried instead, and
    `socket_timeout` 60, since Penstock answers when its outputs have the events. Keys and
    certificates are PEM files. `validate_after_inactivity` has no effect.
    """

    batching = Batching(bytes=4 << 20, events=1000, age=0.05)

    hosts: list[str] = option(
        'The hosts that events are sent to: "host" or "host:port"; the default port is 9800.'
        " An IPv6 address stands in brackets."
    )
    username: str | None = option("A user, for basic authentication.", default=None)
    user: str | None = option(
        "As `username`.", default=None, deprecated="write `username`: it is the same"
    )
    socket_timeout: float = option("How long to wait for an answer, in seconds.", default=60)
    automatic_retries: int = option(
        "How often a request that failed in transit is retried at the same host.",
        default=0,
        at_least=0,
    )
    max_in_flight: int = option(
        "How many requests may be under way at once; more than one do not keep the order of"
        " events.",
        default=4,
        at_least=1,
        common=True,
    )

    _client: HttpClient | None = None

    def prepare(self) -> None:
        if "codec" in self.given:
            self.problem("codec", "the output `logstash` has no codec", "remove it")
        self._take_username()
        refuse_without_tls(self, self.ssl_enabled)
        self._tls = client_tls(self, self)
        check_options(self, self)
        scheme = "https" if self.ssl_enabled else "http"
        places = [self._place(index) for index in range(len(self.hosts))]
        if not places:
            self.problem("hosts", "`hosts` is empty", "name at least one")
        self._urls = [f"{scheme}://{place}" for place in places]
        self._hosts = Hosts(self._urls)
        self._lines = made_codec(self.context, "json_lines")

    def _take_username(self) -> None:
        if self.username is not None and self.user is not None:
            self.problem("user", "`user` is the same as `username`", "remove one of the two")
        self._named = "user" if self.username is None else "username"
        self.user = self.username if self.username is not None else self.user
        if self.user is not None and self.password is None:
            message = f"`{self._named}` requires `password`"
            self.problem(self._named, message, "add password => …")

    def _place(self, index: int) -> str:
        given = self.hosts[index]
        found = _HOST_AND_PORT.fullmatch(given)
        if found is None:
            help = 'write "host", "host:port" or "[address]:port"'
            self.problem("hosts", f"`{given}` is not a valid host", help, path=(index,))
            return given
        port = int(found[2] or _PORT)
        if not 0 < port < 65536:
            self.problem("hosts", f"{port} is not a valid port", "1 to 65535", path=(index,))
        return f"{found[1]}:{port}"

    def pack(self, events: list[Event]) -> list[Payload]:
        return [Payload(self._lines.encode(events).split(b"\n")[:-1], events)]

    def open(self) -> None:
        self._client = HttpClient(self, self._tls)

    def probe(self) -> None:
        """Try to reach each host."""
        for url in self._urls:
            probe(url, self, self._tls)

    def deliver(self, payload: Payload) -> None:
        results = Results()
        spans = deque([range(payload.count)])
        while spans:
            span = spans.popleft()
            try:
                answer = self._answer(payload.data[span.start : span.stop])
            except Disconnected as error:
                if span.start == 0 and not results.rejected:
                    raise
                results.retry(span, str(error))
                retry_rest(spans, results, str(error))
            else:
                self._judge(answer, span, spans, results)
        results.tell()

    def _answer(self, items: list[bytes]) -> Response:
        """The answer of the first host that gives one; raises Disconnected, Misconfigured."""
        body = gzip.compress(b"[" + b",".join(items) + b"]", _LEVEL, mtime=0)
        failed: dict[str, str] = {}
        while len(failed) < len(self._hosts):
            try:
                with self._hosts.lease(failed) as url:
                    return self._sent(url, body)
            except TlsFailure as error:
                raise Misconfigured(self._blamed(error), str(error), error.help) from error
            except HttpFailure as error:
                failed[url] = str(error)
        raise Disconnected("; ".join(failed.values()))

    def _sent(self, url: str, body: bytes) -> Response:
        assert self._client is not None
        return self._client.send(Request("POST", url, _HEADERS, body))

    def _judge(self, answer: Response, span: range, spans: deque[range], results: Results) -> None:
        status, said = answer.status, said_by(answer)
        if 200 <= status <= 299:
            return
        if status in _AGAIN:
            after = retry_after(answer, time.time())
            results.retry(span, said, after)
            if after is not None or status in BUSY:
                retry_rest(spans, results, said, after)
        elif status == TOO_LARGE and len(span) > 1:
            spans.extendleft(reversed(halves(span)))
        elif status == 401:
            raise Misconfigured(self._credential(), said, "give what the other end asks for")
        elif status == 407:
            option = "hosts" if self.proxy is None else "proxy"
            raise Misconfigured(option, said, "give the credentials of the proxy")
        else:
            results.reject(span, said)

    def _credential(self) -> str:
        return "hosts" if self.password is None else "password"

    def _blamed(self, error: TlsFailure) -> str:
        """The option that is to blame; ``url`` is the client's word for where it connects to."""
        known: Any = {"url": "hosts"}
        option = known.get(error.option, error.option)
        return option if option in self.given else "hosts"

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()
