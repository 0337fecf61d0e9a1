"""From the body of an HTTP request to events: the codec that its content type asks for, and the
fields that say who sent it.

A body is a chunk like those of other inputs, so that it may be decoded in a worker; what the
decoder has to know of its request stands in the chunk's origin, as plain data. A body that comes in
pieces is put together first where its codec takes whole payloads.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from ...dsl.reference import Event, FieldRef
from ..codec import Codec
from ._put_aside import put, put_aside

_HOST_AND_PORT = re.compile(r"(?:([^:]+)|\[(.*)\]):(\d+)")
_OWN_NAMES = {"accept": "http_accept", "host": "http_host", "user_agent": "http_user_agent"}
"""What Logstash calls these headers; the other names have underscores for hyphens."""

_NEVER_KEPT = "authorization"


class Origin(NamedTuple):
    """A request, as far as its events tell of it. ``codec``: a type of content, or an empty text
    for the input's own codec.
    """

    codec: str
    remote: str
    headers: dict[str, str]

    def as_data(self) -> dict[str, Any]:
        """The same as a chunk's origin."""
        return self._asdict()


def named_headers(
    headers: Mapping[str, str], method: str, path: str, version: str
) -> dict[str, str]:
    """The headers of a request under the names that Logstash gives them, without credentials."""
    named: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower().replace("-", "_")
        named[_OWN_NAMES.get(key, key)] = value
    named.pop(_NEVER_KEPT, None)
    named["request_method"], named["request_path"], named["http_version"] = method, path, version
    return named


class RequestFields:
    """Sets the fields of requests, in the place of what events have there already. ``host`` and
    ``headers``: the fields for the sender's address and for the headers; None for those that
    Logstash has.
    """

    def __init__(self, is_ecs: bool, host: FieldRef | None, headers: FieldRef | None) -> None:
        self._is_ecs = is_ecs
        default = "[@metadata][input][http][request][headers]" if is_ecs else "[headers]"
        self._headers = headers or FieldRef(default)
        self._host = host or FieldRef("[host][ip]" if is_ecs else "[host]")

    def setter(self, origin: Mapping[str, Any]) -> Callable[[Event], None]:
        """What gives an event the fields of a request."""
        headers: dict[str, str] = origin["headers"]
        described = _described(headers) if self._is_ecs else {}

        def set_each(event: Event) -> None:
            for key, fields in described.items():
                if type(event.get(key, {})) is not dict:
                    put_aside(event, key)
                _merge(event.setdefault(key, {}), fields)
            put(event, self._headers, headers.copy())
            put(event, self._host, origin["remote"])

        template: Event = {}
        set_each(template)
        put(template, self._headers, _HEADERS)
        is_free, set_all = template.keys().isdisjoint, _setting(template, headers)

        def set_fields(event: Event) -> None:
            if is_free(event):  # most events have none of these fields
                set_all(event)
            else:
                set_each(event)

        return set_fields


_HEADERS = object()
"""In the place of the headers, whose names are the client's."""


def _setting(template: Event, headers: dict[str, str]) -> Callable[[Event], None]:
    """The function that sets what a template has in an event. Each event gets maps of its own,
    since filters may change them; this is the hottest code of the input, and maps that are written
    out cost half of what copies do.
    """
    values: list[Any] = []
    lines = [f"event[{key!r}] = {_written(value, values)}" for key, value in template.items()]
    made: Callable[[Event], None] = _factory("\n        ".join(lines), len(values))(
        headers, *values
    )
    return made


def _written(value: Any, values: list[Any]) -> str:
    """A value as Python; what is not a map goes to ``values``."""
    if value is _HEADERS:
        return "headers.copy()"
    if type(value) is dict:
        items = [f"{key!r}: {_written(inner, values)}" for key, inner in value.items()]
        return f"{{{', '.join(items)}}}"
    values.append(value)
    return f"v{len(values) - 1}"


@lru_cache(maxsize=64)
def _factory(body: str, count: int) -> Callable[..., Any]:
    """What binds values to such a function; there are a few of them, by which headers came."""
    names = ", ".join(["headers", *(f"v{number}" for number in range(count))])
    code = f"def bind({names}):\n    def set_all(event):\n        {body}\n    return set_all"
    defined: dict[str, Any] = {}
    exec(code, defined)
    bind: Callable[..., Any] = defined["bind"]
    return bind


def _described(headers: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The fields of ECS that tell of a request."""
    length = headers.get("content_length")
    about = {
        "body": None if length is None else {"bytes": length},
        "mime_type": headers.get("content_type"),
    }
    http = {"version": headers["http_version"], "method": headers["request_method"]}
    domain, port = _domain_and_port(headers.get("http_host"))
    url = {"domain": domain, "port": port, "path": headers["request_path"]}
    found: dict[str, dict[str, Any]] = {
        "http": {**http, "request": _given(about) or None},
        "url": url,
        "user_agent": {"original": headers.get("http_user_agent")},
    }
    described = {key: _given(fields) for key, fields in found.items()}
    return {key: fields for key, fields in described.items() if fields}


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _merge(held: dict[str, Any], fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        if type(value) is dict:
            inner = held.get(name)
            held[name] = inner = inner if type(inner) is dict else {}
            _merge(inner, value)
        else:
            held[name] = value


def _domain_and_port(host: str | None) -> tuple[str | None, int | None]:
    found = _HOST_AND_PORT.fullmatch(host or "")
    if found is None:
        return host, None
    return found[1] or found[2], int(found[3])


class RequestCodec(Codec):
    """Decodes bodies with the codec that ``codecs`` has for their content type, or with
    ``default``.
    """

    def __init__(self, default: Codec, codecs: Mapping[str, Codec], fields: RequestFields) -> None:
        self.context, self.given = default.context, default.given
        self._default, self._codecs, self._fields = default, codecs, fields
        self._inner, self._pieces = default, list[bytes]()

    def stream(self, origin: Mapping[str, Any] | None = None, begun: bool | None = None) -> Codec:
        fresh = copy.copy(self)
        fresh.origin = origin or {}
        fresh._inner = self._codecs.get(fresh.origin.get("codec", ""), self._default).stream()
        fresh._pieces = []
        return fresh

    def decode(self, data: bytes) -> list[Event]:
        return self.decode_or_keep(data)

    def decode_or_keep(self, data: bytes) -> list[Event]:
        if self._inner.boundary() is not None:
            return self._inner.decode_or_keep(data)
        self._pieces.append(data)
        return []

    def flush(self) -> list[Event]:
        pieces, self._pieces = self._pieces, []
        events = self._inner.decode_or_keep(b"".join(pieces)) if pieces else []
        return events + self._inner.flush()

    def complete(self, events: list[Event]) -> list[Event]:
        set_fields = self._fields.setter(self.origin)
        for event in self._inner.complete(events):
            set_fields(event)
        return events
