"""Answers over HTTP as filters take them: whether one is well, its body as text or as JSON."""

from __future__ import annotations

from typing import Any

import msgspec

from ..plugins.clients.http import Response

_DEEPEST = 300


def is_well(answer: Response) -> bool:
    """Whether the status says that all went well."""
    return 200 <= answer.status <= 299


def single(value: str | list[str]) -> str:
    """A header, the first of several."""
    return value if isinstance(value, str) else value[0]


def text_of(body: bytes, parameters: str) -> str:
    """A body as text, in the character set that its type names."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name.lower() == "charset":
            try:
                return body.decode(value.strip("\"' "), "replace")
            except (LookupError, ValueError):
                break
    return body.decode("utf-8", "replace")


def read_json(body: bytes) -> Any:
    """The value of a body; raises msgspec.DecodeError, UnicodeError or RecursionError."""
    value = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    if body.count(b"[") + body.count(b"{") > _DEEPEST:
        level = [value]
        for _ in range(_DEEPEST):
            level = [
                item for each in level if isinstance(each, dict | list) for item in _items(each)
            ]
        if level:
            raise RecursionError(f"it nests more than {_DEEPEST} deep")
    return value


def _items(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value
