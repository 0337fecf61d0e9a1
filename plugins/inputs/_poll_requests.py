"""What a poller asks for: the option ``urls`` read, each entry a URL or a hash with more."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from ...dsl.diagnostics import PenstockError
from ...dsl.values import to_text
from ..clients.http import Request

METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
_OVERRIDES = ("request_timeout", "socket_timeout", "connect_timeout", "follow_redirects")
_KEYS = (
    "url",
    "method",
    "headers",
    "body",
    "query",
    "params",
    "user",
    "password",
    "auth",
    *_OVERRIDES,
)
_SECRET = ("user", "password", "auth", "authorization", "cookie")


class BadRequest(PenstockError, ValueError):
    """An entry that cannot be asked for. ``path`` leads to what is wrong with it, ``help`` says
    what to write.
    """

    def __init__(self, message: str, help: str, *path: str) -> None:
        super().__init__(message)
        self.help, self.path = help, path


class Poll(NamedTuple):
    """A request that is sent again and again. ``shown``: what events say of it, without
    credentials; ``overrides``: options of the client that are its own.
    """

    name: str
    request: Request
    shown: dict[str, Any]
    overrides: dict[str, Any]


def poll_of(name: str, given: Any) -> Poll:
    """The request of an entry of ``urls``; raises BadRequest."""
    spec = given if isinstance(given, Mapping) else {"url": given}
    unknown = [key for key in spec if key not in _KEYS]
    if unknown:
        raise BadRequest(
            f"`{unknown[0]}` is not known here", f"take one of {', '.join(_KEYS)}", unknown[0]
        )
    method = str(spec.get("method", "get")).lower()
    if method not in METHODS:
        raise BadRequest(
            f"`{method}` is not a method", f"take one of {', '.join(METHODS)}", "method"
        )
    url = _url(spec)
    headers = {str(key): to_text(value) for key, value in (spec.get("headers") or {}).items()}
    headers |= _authorization(spec)
    body = spec.get("body")
    if isinstance(body, Mapping | list):
        raise BadRequest("a body is a text", "write JSON as a text in quotes", "body")
    request = Request(
        method.upper(), url, headers, None if body is None else to_text(body).encode()
    )
    hidden = ("user", "password", "auth")
    shown = {key: value for key, value in spec.items() if key not in hidden}
    shown |= {"method": method, "url": spec["url"]}
    return Poll(name, request, shown, {key: spec[key] for key in _OVERRIDES if key in spec})


def _url(spec: Mapping[str, Any]) -> str:
    url = str(spec.get("url", ""))
    try:
        parts = urlsplit(url)
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_valid = False
    if not is_valid:
        message = f"`{url}` is not a valid URL" if url else "`url` is missing"
        raise BadRequest(message, 'write it as "https://host.example/path"')
    query = spec.get("query", spec.get("params"))
    if query is None:
        return url
    pairs = (
        {key: to_text(value) for key, value in query.items()} if isinstance(query, Mapping) else {}
    )
    text = urlencode(pairs) if pairs else to_text(query)
    return f"{url}{'&' if parts.query else '?'}{text}"


def _authorization(spec: Mapping[str, Any]) -> dict[str, str]:
    auth = spec.get("auth") or {}
    user = spec.get("user", auth.get("user"))
    password = spec.get("password", auth.get("password", auth.get("pass")))
    if user is None and password is None:
        return {}
    if user is None or password is None:
        lacking = "user" if user is None else "password"
        raise BadRequest(f"credentials need a `{lacking}` too", f"add {lacking} => …")
    token = b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}
