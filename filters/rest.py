"""The filter rest, of lucashenning/logstash-filter-rest: a request for each event, described as one
hash. What it asks and how is the client's, which the filter http has as well.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ..dsl.event import add_tag
from ..dsl.reference import Event, FieldRef
from ..dsl.values import copy, json_text, plain, to_text
from ..plugins.clients.http import (
    HttpOptions,
    Request,
    check_options,
)
from ..plugins.clients.tls import ClientTls, client_tls
from ..plugins.contract import Filter, complain
from ..plugins.declaration import Example, option
from ._deep_templates import check_texts, deep_render
from ._http_answers import read_json, text_of, type_of
from ._http_requests import Answer, Requests, encoded, has_type, with_parameters
from ._ruby import strip

_KEYS = ("url", "method", "headers", "auth", "params", "body")


class Rest(HttpOptions, ClientTls, Filter, name="rest"):
    """Ask a server over HTTP, and put its answer into the event; the filter `http` has more.

    `request` is a hash: `url`; `method`, `get` (the default) or `post`; `headers`; `auth` with
    `user` and `password`; `params`, which are added to the URL, or sent as the body of a POST; or
    a `body`. All of them may have fields in their texts. With `json`, a body is sent as JSON, and
    the answer is parsed as JSON whatever its type; without, the answer is text without white space
    at its ends, and a body that is a hash is sent as a form.

    When there is no answer, one with a status other than 2xx, or one that is empty JSON, the event
    gets the tags of `tag_on_rest_failure`; where the answer is not JSON, those of
    `tag_on_json_failure`. With a `fallback` it is put into `target` instead of tags. The common
    options apply in any case, as in Logstash.

    The filter needs the package urllib3: `pip install 'penstock[http]'`.

    Differs from Logstash: a request that is sent as JSON says so in its Content-Type, and a
    `fallback` may have fields in its texts.
    """

    external = True

    request: dict[str, Any] = option("The request; see above.")
    target: FieldRef = option("The field for the answer.")
    json: bool = option("Whether body and answer are JSON.", default=True)
    fallback: dict[str, Any] = option("What the target gets without an answer.", default={})
    sprintf: bool = option(
        "Has no effect.", default=False, deprecated="remove it: fields are always filled in"
    )
    tag_on_rest_failure: list[str] = option(
        "Tags for an event without an answer.", default=["_restfailure"]
    )
    tag_on_json_failure: list[str] = option(
        "Tags for an event whose answer is not JSON.", default=["_jsonparsefailure"]
    )

    examples = (
        Example(
            "a server that cannot be reached",
            """rest {
  request => { url => "http://127.0.0.1:1/users/%{[user][id]}" }
  target => "details"
  automatic_retries => 0
}""",
            before={"user": {"id": 7}},
            after={"user": {"id": 7}, "tags": ["_restfailure"]},
        ),
        Example(
            "parameters sent as JSON, and something else when the server is away",
            """rest {
  request => { url => "http://127.0.0.1:1/score" method => "post" params => { "text" => "%{m}" } }
  target => "score"
  fallback => { "value" => 0 }
}""",
            before={"m": "hello"},
            after={"m": "hello", "score": {"value": 0}},
        ),
    )

    def prepare(self) -> None:
        tls = client_tls(self, self)
        check_options(self, self)
        self._method = str(self.request.get("method", "get")).upper()
        self._check_request()
        parts = {key: value for key, value in self.request.items() if key != "method"}
        self._parts: Callable[[Event], Mapping[str, Any]] = deep_render(parts)
        self._fallback = deep_render(self.fallback)
        self._requests = Requests(self, tls, "rest")

    def _check_request(self) -> None:
        if not self.request.get("url"):
            self.problem("request", "`request` has no `url`", 'add url => "http://…"')
        if self._method not in ("GET", "POST"):
            message = f"`{self._method.lower()}` is not a method of rest"
            self.problem("request", message, "write get or post; the filter http has the others")
        auth = self.request.get("auth")
        if auth is not None and not (isinstance(auth, dict) and {"user", "password"} <= set(auth)):
            help = 'write auth => { user => "…" password => "…" }'
            self.problem("request", "`auth` needs `user` and `password`", help, path=("auth",))
        for key in self.request:
            if key not in _KEYS:
                message = f"`{key}` of a request has no effect"
                help = f"a request has {', '.join(_KEYS)}"
                self.problem("request", message, help, path=(key,), code="W305")
        check_texts(self, "request", "fallback")

    def open(self) -> None:
        self._requests.open()

    def run(self, events: list[Event]) -> list[Event]:
        """Ask for all events at the same time; the same list."""
        requests = [self._request(event) for event in events]
        for event, answer in zip(events, self._requests.ask(requests), strict=True):
            try:
                self._take(event, answer)
                if self.decorate is not None:
                    self.decorate(event)
            except Exception as error:
                self.failed(event, error)
        return events

    def _request(self, event: Event) -> Request | Exception:
        try:
            parts = self._parts(event)
            headers = {name: to_text(value) for name, value in parts.get("headers", {}).items()}
            if "auth" in parts:
                pair = f"{parts['auth']['user']}:{parts['auth']['password']}"
                headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
            url, body = str(parts["url"]), parts.get("body")
            params = parts.get("params")
            if params and self._method == "POST":
                body = params
            elif params:
                url = with_parameters(url, params)
            return Request(self._method, url, headers, self._encoded(body, headers))
        except Exception as error:
            return error

    def _encoded(self, body: Any, headers: dict[str, str]) -> bytes | None:
        """The body as bytes; its type is added to the headers, unless they say one."""
        if body is None:
            return None
        kind = "text/plain"
        if self.json:
            text, kind = json_text(plain(body)), "application/json"
        elif isinstance(body, dict):
            text, kind = encoded(body), "application/x-www-form-urlencoded"
        else:
            text = to_text(body)
        if not has_type(headers):
            headers["Content-Type"] = kind
        return text.encode("utf-8", "replace")

    def _take(self, event: Event, answer: Answer) -> None:
        if isinstance(answer, Exception):
            self._fail(event, answer, self.tag_on_rest_failure)
        elif not self.json:
            _, parameters = type_of(answer.headers)
            self.target.set(event, strip(text_of(answer.body, parameters)))
        else:
            self._take_json(event, answer.body)

    def _take_json(self, event: Event, body: bytes) -> None:
        try:
            value = read_json(body)
            if not isinstance(value, dict | list | str):
                raise ValueError("it is neither a map nor a list")
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            self._fail(event, error, self.tag_on_json_failure)
            return
        if value:
            self.target.set(event, value)
        else:
            for tag in self.tag_on_rest_failure:
                add_tag(event, tag)

    def _fail(self, event: Event, reason: Exception, tags: list[str]) -> None:
        where = self.context.where
        complain(where, "%s: a request failed: %s", where, reason)
        self.failures += 1
        if self.fallback:
            self.target.set(event, copy(self._fallback(event)))
            return
        for tag in tags:
            add_tag(event, tag)

    def close(self) -> None:
        self._requests.close()
