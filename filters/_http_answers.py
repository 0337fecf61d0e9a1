"""Answers over HTTP as filters take them: the body as text or as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

_DEEPEST = 300


def type_of(headers: Mapping[str, str | list[str]]) -> tuple[str, str]:
    """The type of a body, and the parameters of it; of several headers the first counts."""
    value = headers.get("content-type", "")
    kind, _, parameters = (value if isinstance(value, str) else value[0]).partition(";")
    return kind.strip().lower(), parameters


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
