"""The output http: events in requests to a server.

A payload is a list of bodies, one for each event. What is sent in one request is a *span* of them:
one event, or with ``json_batch`` all; a batch that the server finds too large (413) is halved. An
answer decides over its span alone, so that one bad event costs no others.
"""

from __future__ import annotations

import gzip
import json
import time
from collections import deque
from typing import Any
from urllib.parse import urlsplit

from ...dsl.reference import Event
from ...dsl.template import Template
from ..batch import Payload
from ..clients.http import (
    HttpClient,
    HttpOptions,
    Request,
    Response,
    check_options,
    retry_after,
)
from ..clients.http_failures import HttpFailure, TlsFailure, Unsendable
from ..clients.http_probe import probe
from ..clients.tls import ClientTls, client_tls
from ..codec import made_codec
from ..declaration import option
from ..errors import Disconnected, Misconfigured
from ..output import Batching, Output
from ._http_bodies import bodies_of, templates
from ._http_results import BUSY, TOO_LARGE, Results, halves, retry_rest, said_by

_TYPES = {
    "json": "application/json",
    "json_batch": "application/json",
    "form": "application/x-www-form-urlencoded",
    "message": "text/plain",
}
_PER_PAYLOAD = 20
"""Events of a payload where each is a request: few, so that all threads have some."""

_CREDENTIALS = {401: "user", 407: "proxy"}
_LEVEL = 6


class Http(HttpOptions, ClientTls, Output, name="http"):
    """Send events to a server in the bodies of HTTP requests.

    `format => "json"` sends each event as JSON, `json_batch` many of them as a list in one request
    (up to `batch_events` and `batch_bytes`), `form` as the fields of a form, `message` what the
    option `message` makes of it. With `mapping` only what is named there is sent, as texts. `url`,
    `headers`, `mapping` and `message` may have fields in their texts.

    Up to `max_in_flight` requests are under way at once, over connections that are kept; the order
    of events is kept with `max_in_flight => 1` alone.

    A status 2xx, or one of `ignorable_codes`, means delivered. After one of `retryable_codes`, or
    without an answer, the events are sent again, for as long as it takes; `Retry-After` is heeded.
    Any other status means that the server will never take the events: they go to the dead letters,
    or, where there are none, are dropped, counted and logged. A batch that is too large (413) is
    halved until it is one event. Where the server asks for other credentials (401, 407) or
    certificates, the run ends at its first request, and later waits until they are mended.

    The output needs the package urllib3: `pip install 'penstock[http]'`.

    Differs from Logstash: a status that is not retried does not repeat a batch for ever, and drops
    nothing where there are dead letters. A Content-Type among the `headers` is kept. With
    `json_batch`, `url` and `headers` may have fields too: each target gets a batch of its own. With
    401 the events are kept, not dropped, unless `url` has fields. `max_in_flight` bounds the
    requests, not `pool_max`. Keys and certificates are PEM files; Java's stores are an error.
    `validate_after_inactivity` and `codec` have no effect.
    """

    batching = Batching(bytes=512 << 10, events=1000, age=0.05)

    url: Template = option("The URL, with fields.")
    http_method: str = option(
        "The method.", choices=("put", "post", "patch", "delete", "get", "head")
    )
    headers: dict[str, Any] = option("Headers, with fields.", default={})
    content_type: str | None = option("The type of the body; default: the format's.", default=None)
    format: str = option("How events are sent.", default="json", choices=tuple(_TYPES))
    mapping: dict[str, Any] | None = option(
        "What is sent of an event: names, and texts with fields, also in lists and hashes.",
        default=None,
    )
    message: Template | None = option(
        "What is sent with `format => message`, with fields.", default=None
    )
    http_compression: bool = option("Whether bodies are packed with gzip.", default=False)
    retry_failed: bool = option(
        "Whether to send again what failed and may be taken later.", default=True
    )
    retryable_codes: list[int] = option(
        "The statuses after which events are sent again.", default=[429, 500, 502, 503, 504]
    )
    ignorable_codes: list[int] = option("Statuses other than 2xx that mean delivered.", default=[])
    max_in_flight: int = option(
        "How many requests may be under way at once; more than one do not keep the order of"
        " events.",
        default=8,
        at_least=1,
        common=True,
    )

    _client: HttpClient | None = None

    def prepare(self) -> None:
        self._tls = client_tls(self, self)
        check_options(self, self)
        self._is_batch = self.format == "json_batch"
        if self.format == "message" and self.message is None:
            self.problem("format", "`format => message` needs a `message`", "add message => …")
        if self.format == "message" and self.mapping is not None:
            message = "`mapping` has no effect with `format => message`"
            self.problem("mapping", message, "remove it", code="W305")
        self._check_url()
        self._check_texts()
        lines = made_codec(self.context, "json_lines")
        self._bodies = bodies_of(self.format, self.mapping, self.message, lines)
        self._headers = self._header_templates()
        is_constant = all(template.is_constant for template in self._headers.values())
        self._fixed = self._target({}) if is_constant and self.url.is_constant else None

    def _check_url(self) -> None:
        if self.url.problem:
            self.problem("url", self.url.problem, "write a field as [a][b]", code="W304")
        elif self.url.is_constant and not _is_url(self.url.text):
            message = f"`{self.url.text}` is not a valid URL"
            self.problem("url", message, 'write it as "https://host.example/path"')

    def _check_texts(self) -> None:
        """Warn of templates that cannot be filled in."""
        for name in ("headers", "mapping"):
            for path, text in templates(getattr(self, name) or {}):
                template = Template(text)
                if template.problem:
                    self.problem(name, template.problem, template.help, path=path, code="W304")

    def _header_templates(self) -> dict[str, Template]:
        headers = {name: Template(text) for (name,), text in templates(self.headers)}
        typed = [name for name in headers if name.lower() == "content-type"]
        if self.content_type is not None or not typed:
            headers = {name: headers[name] for name in headers if name not in typed}
            headers["Content-Type"] = Template(self.content_type or _TYPES[self.format])
        return headers

    def _target(self, event: Event) -> str:
        """Where an event goes: its URL and headers, as a text."""
        headers = {name: template.render(event) for name, template in self._headers.items()}
        return json.dumps([self.url.render(event), headers])

    def pack(self, events: list[Event]) -> list[Payload]:
        bodies = self._bodies(events)
        if self._fixed is not None:
            return self._payloads(bodies, events, None)
        if self._is_batch:
            return self._by_target(bodies, events)
        targets = [self._target(event) for event in events]
        return self._payloads(list(map(list, zip(targets, bodies, strict=True))), events, None)

    def _by_target(self, bodies: list[bytes], events: list[Event]) -> list[Payload]:
        indexes: dict[str, list[int]] = {}
        for index, event in enumerate(events):
            indexes.setdefault(self._target(event), []).append(index)
        return [
            Payload([bodies[i] for i in some], [events[i] for i in some], target)
            for target, some in indexes.items()
        ]

    def _payloads(self, items: list[Any], events: list[Event], lane: str | None) -> list[Payload]:
        size = len(items) if self._is_batch else _PER_PAYLOAD
        starts = range(0, len(items), size or 1)
        return [Payload(items[at : at + size], events[at : at + size], lane) for at in starts]

    def joins(self, payload: Payload) -> bool:
        return self._is_batch

    def open(self) -> None:
        self._client = HttpClient(self, self._tls)

    def probe(self) -> None:
        """Try to reach the server; one whose name is in the events is not known before them."""
        if self.url.is_constant:
            probe(self.url.text, self, self._tls)

    def deliver(self, payload: Payload) -> None:
        results = Results()
        spans = deque(self._spans(payload.count))
        while spans:
            span = spans.popleft()
            try:
                answer = self._send(payload, span)
            except Unsendable as error:
                results.reject(span, f"the request cannot be sent: {error}")
            except HttpFailure as error:
                self._failed(payload, span, error, results)
                if self.retry_failed:
                    retry_rest(spans, results, str(error))
            else:
                self._judge(answer, span, spans, results)
        results.tell()

    def _spans(self, count: int) -> list[range]:
        return [range(count)] if self._is_batch else [range(at, at + 1) for at in range(count)]

    def _send(self, payload: Payload, span: range) -> Response:
        assert self._client is not None
        items = payload.data[span.start : span.stop]
        target, body = self._fixed or str(payload.lane), items[0]
        if self._is_batch:
            body = b"[" + b",".join(items) + b"]"
        elif self._fixed is None:
            target, body = items[0]
        url, headers = json.loads(target)
        if not _is_url(url):
            raise Unsendable(f"`{url}` is not a valid URL")
        if self.http_compression:
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, _LEVEL, mtime=0)
        return self._client.send(Request(self.http_method.upper(), url, headers, body))

    def _failed(self, payload: Payload, span: range, error: HttpFailure, results: Results) -> None:
        """A request has no answer."""
        if isinstance(error, TlsFailure):
            raise Misconfigured(error.option, str(error), error.help) from error
        if not self.retry_failed:
            results.reject(span, f"no answer: {error}")
        elif span.start == 0 and not results.rejected:
            raise Disconnected(str(error)) from error
        else:
            results.retry(span, str(error))

    def _judge(self, answer: Response, span: range, spans: deque[range], results: Results) -> None:
        status = answer.status
        if 200 <= status <= 299 or status in self.ignorable_codes:
            return
        said = said_by(answer)
        if status in self.retryable_codes and self.retry_failed:
            after = retry_after(answer, time.time())
            results.retry(span, said, after)
            if after is not None or status in BUSY:
                retry_rest(spans, results, said, after)
        elif status == TOO_LARGE and len(span) > 1:
            spans.extendleft(reversed(halves(span)))
        elif status in _CREDENTIALS and self.url.is_constant:
            raise Misconfigured(self._credentials(status), said, "give what the server asks for")
        else:
            results.reject(span, said)

    def _credentials(self, status: int) -> str:
        """The option that holds what the server refuses."""
        wanted = _CREDENTIALS[status]
        if wanted == "user" and self.password is not None:
            return "password"
        return wanted if getattr(self, wanted) is not None else "url"

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
