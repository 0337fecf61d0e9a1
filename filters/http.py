"""The filter http: a server is asked for each event, and its answer put into the event.

An answer takes its time, so the requests of a batch are under way beside each other; its events
keep their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ..dsl.event import add_tag
from ..dsl.reference import Event, FieldRef
from ..dsl.template import Template
from ..dsl.values import copy, json_text, plain, to_text
from ..plugins.clients.cache import Cache
from ..plugins.clients.http import (
    HttpOptions,
    Request,
    Response,
    check_options,
)
from ..plugins.clients.tls import ClientTls, client_tls
from ..plugins.contract import Ecs, Filter, complain
from ..plugins.declaration import Example, option
from ._deep_templates import check_texts, deep_render
from ._http_answers import read_json, text_of, type_of
from ._http_requests import Answer, Requests, has_type, with_parameters
from ._ruby import strip

_SAFE_VERBS = ("GET", "HEAD")


class Http(HttpOptions, ClientTls, Ecs, Filter, name="http"):
    """Ask a server over HTTP, and put its answer into the event.

    `url`, `headers`, `query` and `body` may have fields in their strings. With `body_format =>
    "json"`, the body is sent as JSON; a Content-Type that is not among the `headers` is set by the
    format.

    The body of the answer goes to `target_body`, parsed if its type is `application/json`, else as
    text, without white space at its ends; an answer to HEAD has none. The headers go to
    `target_headers`, a map with names in small letters. Where the body should be JSON and is not,
    the event gets the tags of `tag_on_json_failure`. When there is no answer, or one with a status
    other than 2xx, it gets those of `tag_on_request_failure`, and the common options do not apply.

    The requests of a batch are sent at the same time, over `pool_max` connections,
    `pool_max_per_route` to a host. What a broken connection lost is sent again `automatic_retries`
    times if nothing is changed by it (no POST, no PATCH), unless `retry_non_idempotent` says that
    it does no harm. An answer of more than 64 MiB is a failure.

    With ECS, `target_body` must be given, and the headers go to
    `[@metadata][filter][http][response][headers]`; without, to `body` and `headers`.

    Each event costs a request; where the same is asked again and again, `cache_size` says how many
    answers to GET and HEAD are remembered, for `cache_expiration` seconds.

    The filter needs the package urllib3: `pip install 'penstock[http]'`.

    Differs from Logstash: keys and certificates are PEM files; Java's stores are an error. A body
    that is a list or a hash needs `body_format => "json"`. `validate_after_inactivity` has no
    effect. `cache_size` and `cache_expiration` are new.
    """

    external = True

    url: Template = option("The URL, with fields.")
    verb: str = option(
        "The method.", default="GET", choices=("GET", "HEAD", "PATCH", "DELETE", "POST", "PUT")
    )
    headers: dict[str, Any] = option("Headers, with fields.", default={})
    query: dict[str, Any] = option("Parameters that are added to the URL, with fields.", default={})
    body: Any = option(
        "The body: a string, or a list or hash for JSON, with field references.", default=None
    )
    body_format: str = option("How the body is sent.", default="text", choices=("text", "json"))
    target_body: FieldRef | None = option(
        "The field for the body of the response. Default: `body`, except with ECS.", default=None
    )
    target_headers: FieldRef | None = option(
        "The field for the headers of the response.", default=None
    )
    tag_on_request_failure: list[str] = option(
        "Tags for an event whose request failed.", default=["_httprequestfailure"]
    )
    tag_on_json_failure: list[str] = option(
        "Tags for an event whose response is not valid JSON.", default=["_jsonparsefailure"]
    )
    cache_size: int = option("How many answers to cache.", default=0)
    cache_expiration: float = option("For how many seconds an answer is cached.", default=5.0)

    examples = (
        Example(
            "a server that cannot be reached",
            """http {
  url => "http://127.0.0.1:1/users/%{[user][id]}"
  query => { "fields" => "name,mail" }
  target_body => "[user][details]"
  automatic_retries => 0
}""",
            before={"user": {"id": 7}},
            after={"user": {"id": 7}, "tags": ["_httprequestfailure"]},
        ),
        Example(
            "JSON sent to a server, and a tag of one's own when it is away",
            """http {
  url => "http://127.0.0.1:1/score"
  verb => "POST"
  body_format => "json"
  body => { "text" => "%{message}" "source" => "%{[host][name]}" }
  target_body => "[score]"
  tag_on_request_failure => ["unscored"]
}""",
            before={"message": "hello", "host": {"name": "web"}},
            after={"message": "hello", "host": {"name": "web"}, "tags": ["unscored"]},
        ),
    )

    def prepare(self) -> None:
        self._put_body, self._put_headers = self._targets()
        tls = client_tls(self, self)
        check_options(self, self)
        check_texts(self, "headers", "query", "body")
        self._headers, self._query, self._body = (
            deep_render(each) for each in (self.headers, self.query, self.body)
        )
        if self.body_format == "text" and isinstance(self.body, list | dict):
            self.problem(
                "body", "a list or a hash cannot be sent as a string", 'write body_format => "json"'
            )
        self._requests = Requests(self, tls, "http")
        self._cache: Cache[Response] = Cache(
            self.cache_size if self.verb in _SAFE_VERBS else 0, self.cache_expiration
        )

    def _targets(self) -> tuple[FieldRef, FieldRef]:
        body = self.target_body
        if body is None and self.ecs:
            message = "with ECS, http needs a `target_body`"
            help = 'write target_body => "[field]", or ecs_compatibility => disabled'
            self.problem("target_body", message, help, code="E214")
        headers = "[@metadata][filter][http][response][headers]" if self.ecs else "[headers]"
        return body or FieldRef("[body]"), self.target_headers or FieldRef(headers)

    def open(self) -> None:
        self._requests.open()

    def run(self, events: list[Event]) -> list[Event]:
        for event, answer in zip(events, self._answers(events), strict=True):
            try:
                if self._take(event, answer) and self.decorate is not None:
                    self.decorate(event)
            except Exception as error:
                self.failed(event, error)
        return events

    def _answers(self, events: Sequence[Event]) -> list[Answer]:
        """The answer to each event's request, or why there is none."""
        requests = [self._request(event) for event in events]
        known = [
            self._cache.get(_key(request)) if self._cache.size else None for request in requests
        ]
        unknown = [
            request for request, answer in zip(requests, known, strict=True) if answer is None
        ]
        if self._cache.size:  # the same is asked once
            unknown = list({_key(request): request for request in unknown}.values())
        got = self._requests.ask(unknown)
        if self._cache.size:
            return self._remembered(
                requests,
                known,
                {_key(request): answer for request, answer in zip(unknown, got, strict=True)},
            )
        return got

    def _remembered(
        self,
        requests: list[Request | Exception],
        known: list[Response | None],
        got: dict[Any, Answer],
    ) -> list[Answer]:
        for key, answer in got.items():
            if isinstance(answer, Response):
                self._cache.put(key, answer)
        return [
            answer or got[_key(request)] for request, answer in zip(requests, known, strict=True)
        ]

    def _request(self, event: Event) -> Request | Exception:
        try:
            url, query = self.url.render(event), self._query(event)
            if query:
                url = with_parameters(url, query)
            headers = {name: to_text(value) for name, value in self._headers(event).items()}
            if not has_type(headers):
                headers["Content-Type"] = (
                    "application/json" if self.body_format == "json" else "text/plain"
                )
            return Request(self.verb, url, headers, self._encoded(self._body(event)))
        except Exception as error:
            return error

    def _encoded(self, body: Any) -> bytes | None:
        if body is None:
            return None
        text = json_text(plain(body)) if isinstance(body, list | dict) else to_text(body)
        return text.encode("utf-8", "replace")

    def _take(self, event: Event, answer: Answer) -> bool:
        """Put an answer into its event; whether it is one."""
        if isinstance(answer, Exception):
            complain(self.context.where, "%s: a request failed: %s", self.context.where, answer)
            self.failures += 1
            _tag(event, self.tag_on_request_failure)
            return False
        self._put_headers.set(event, copy(answer.headers))
        kind, parameters = type_of(answer.headers)
        if kind != "application/json":
            if answer.body or self.verb != "HEAD":
                self._put_body.set(event, strip(text_of(answer.body, parameters)))
        elif answer.body.strip():
            try:
                self._put_body.set(event, read_json(answer.body))
            except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
                complain(
                    f"{self.context.where} JSON",
                    "%s: the JSON of an answer cannot be read: %s",
                    self.context.where,
                    error,
                )
                self.failures += 1
                _tag(event, self.tag_on_json_failure)
        return True

    def stats(self) -> dict[str, int | float]:
        return self._cache.stats() if self._cache.size else {}

    def close(self) -> None:
        self._requests.close()


def _key(request: Request | Exception) -> Any:
    if isinstance(request, Exception):
        return repr(request)
    return request.url, tuple(request.headers.items()), request.body


def _tag(event: Event, tags: Sequence[str]) -> None:
    for tag in tags:
        add_tag(event, tag)
