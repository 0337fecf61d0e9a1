"""Field references: ``name``, ``[a][b]``, ``[[a]][b]``, with numbers as places in lists.

A reference is read once, when the pipeline is compiled, into a tuple of keys and three functions
(``get``, ``set``, ``remove``) made for its depth, so that an event pays for nothing but its own
look-ups. The rules are those of Logstash's strict tokenizer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from .diagnostics import PenstockError
from .timestamp import Timestamp

Event = dict[str, Any]


class ReferenceSyntaxError(PenstockError, ValueError):
    """A text that is not a valid field reference."""


class FieldError(PenstockError, ValueError):
    """A field that cannot be set: what stands on its way holds no fields, or its place takes no
    such value.
    """


class PassedOverError(FieldError):
    """A field that cannot be set, which Logstash passes over as if it were: a name in a list, a
    capture into a timestamp.
    """


class FieldRef:
    """A field of an event. ``str()`` gives it as written; ``keys`` are its path.

    ``get(event)`` gives the value, None where there is none. ``set(event, value)`` makes the maps
    on its way and raises FieldError where it cannot. ``remove(event)`` takes the field out and
    gives what it held, None where there was nothing.
    """

    __slots__ = ("get", "keys", "remove", "set", "text")

    def __init__(self, text: str, style: str | None = None) -> None:
        self.text = text
        self.keys = keys = parse_keys(text, style)
        self.get: Callable[[Event], Any] = _getter(keys)
        self.set: Callable[[Event, Any], None] = _setter(keys)
        self.remove: Callable[[Event], Any] = _remover(keys)

    def has(self, event: Event) -> bool:
        """Whether the field is there, be it null."""
        return lookup(event, self.keys, _MISSING) is not _MISSING

    def restore(self, event: Event, value: Any) -> None:
        """Put back what ``remove`` gave, in a list at its place."""
        parent = lookup(event, self.keys[:-1])
        if type(parent) is list:
            spot = int(self.keys[-1])
            parent.insert(spot if spot >= 0 else len(parent) + 1 + spot, value)
        else:
            parent[self.keys[-1]] = value

    @property
    def canonical(self) -> str:
        """``[a][b]``, however it was written."""
        return "".join(f"[{key}]" for key in self.keys)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"FieldRef({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FieldRef) and other.keys == self.keys

    def __hash__(self) -> int:
        return hash(self.keys)

    def __reduce__(self) -> tuple[type[FieldRef], tuple[str]]:
        return FieldRef, (
            self.text if parse_keys(self.text, "none") == self.keys else self.canonical,
        )


def reference(text: str, style: str | None = None) -> FieldRef:
    """The reference that a text made at run time means; the latest few thousand are kept."""
    return _kept(text, _style.get() if style is None else style)


@lru_cache(maxsize=4096)
def _kept(text: str, style: str) -> FieldRef:
    return FieldRef(text, style)


_MISSING = object()


def parse_keys(text: str, style: str | None = None) -> tuple[str, ...]:
    """The keys of a reference as written, with escapes of a style; raises ReferenceSyntaxError."""
    return _keys(text, _style.get() if style is None else style)


_PLAIN = re.compile(r"(?:\[[^\[\]]+\])+")


@lru_cache(maxsize=4096)
def _keys(text: str, style: str) -> tuple[str, ...]:
    if style == "none" and _PLAIN.fullmatch(text) is not None:
        return tuple(text[1:-1].split("]["))
    if "[" not in text and "]" not in text:
        if not text:
            raise ReferenceSyntaxError("a field reference is empty")
        return (_unescaped(text, style),)
    keys, at = _bracketed(text, 0, 0)
    if at != len(text):
        raise ReferenceSyntaxError(f"`{text}` is not a valid field reference: write [a][b]")
    return tuple(_unescaped(key, style) for key in keys)


_ESCAPES = {
    "percent": re.compile(r"(?:%[0-9A-Fa-f]{2})+"),
    "ampersand": re.compile(r"&#([0-9]{1,7});"),
}
_style: ContextVar[str] = ContextVar("escape_style", default="none")


@contextmanager
def escape_style(style: str) -> Iterator[None]:
    """How characters that a name cannot hold are written in the references that are read inside:
    ``none``, ``percent`` (%5B) or ``ampersand`` (&#91;). A pipeline is compiled in its own.
    """
    before = _style.set(style)
    try:
        yield
    finally:
        _style.reset(before)


def current_escape_style() -> str:
    """The style in which references are read here, for names that are made later."""
    return _style.get()


def _unescaped(key: str, style: str) -> str:
    return key if style == "none" else _ESCAPES[style].sub(_character, key)


def _character(match: re.Match[str]) -> str:
    if match[0].startswith("%"):
        return bytes.fromhex(match[0].replace("%", "")).decode("utf-8", "replace")
    code = int(match[1])
    return chr(code) if code < 0x110000 else match[0]


def _bracketed(text: str, at: int, depth: int) -> tuple[tuple[str, ...], int]:
    """The keys of the ``[…]`` that follow each other from ``at``, and where they end."""
    keys: list[str] = []
    while at < len(text) and text[at] == "[":
        if depth > 100:
            raise ReferenceSyntaxError(f"`{text[:40]}…` has too many nested brackets")
        if text[at + 1 : at + 2] == "[":
            inner, at = _bracketed(text, at + 1, depth + 1)
            keys += inner
        else:
            end = min(
                (i for i in (text.find("]", at), text.find("[", at + 1)) if i >= 0),
                default=len(text),
            )
            if end == at + 1:
                raise ReferenceSyntaxError(f"`{text}` has empty brackets")
            keys.append(text[at + 1 : end])
            at = end
        if text[at : at + 1] != "]":
            raise ReferenceSyntaxError(
                f"`{text}` is not a valid field reference: its brackets do not match"
            )
        at += 1
    if not keys:
        raise ReferenceSyntaxError(f"`{text}` is not a valid field reference: write [a][b]")
    return tuple(keys), at


def index_of(key: str) -> int | None:
    """The place in a list that a key means, or None."""
    digits = key[1:] if key[:1] in "+-" else key
    return int(key) if digits.isascii() and digits.isdigit() else None


def lookup(event: Any, keys: tuple[str, ...], default: Any = None) -> Any:
    """The value at a path of keys."""
    value = event
    for key in keys:
        if type(value) is dict:
            value = value.get(key, _MISSING)
            if value is _MISSING:
                return default
        elif type(value) is list:
            place = index_of(key)
            if place is None or not -len(value) <= place < len(value):
                return default
            value = value[place]
        else:
            return default
    return value


def _getter(keys: tuple[str, ...]) -> Callable[[Event], Any]:
    if keys == ("@metadata",):
        return lambda event: event.get("@metadata", {})
    if len(keys) == 1:
        (key,) = keys
        return lambda event: event.get(key)
    if len(keys) == 2 and index_of(keys[1]) is None:
        first, second = keys

        def get(event: Event) -> Any:
            inner = event.get(first)
            return inner.get(second) if type(inner) is dict else None

        return get
    if len(keys) == 3 and index_of(keys[1]) is None and index_of(keys[2]) is None:
        return _getter_of_three(*keys)
    return lambda event: lookup(event, keys)


def _getter_of_three(first: str, second: str, third: str) -> Callable[[Event], Any]:
    def get(event: Event) -> Any:
        outer = event.get(first)
        inner = outer.get(second) if type(outer) is dict else None
        return inner.get(third) if type(inner) is dict else None

    return get


def _setter(keys: tuple[str, ...]) -> Callable[[Event, Any], None]:
    if keys[0] in _RESERVED:
        return _RESERVED[keys[0]] if len(keys) == 1 else _reserved_setter(keys)
    if len(keys) == 1:
        (key,) = keys

        def put(event: Event, value: Any) -> None:
            event[key] = value

        return put

    def put_deep(event: Event, value: Any) -> None:
        place(event, keys, value)

    return put_deep


def _set_timestamp(event: Event, value: Any) -> None:
    if type(value) is not Timestamp:
        raise FieldError("`@timestamp` must be a timestamp: use a date filter")
    event["@timestamp"] = value


def are_tags(value: Any) -> bool:
    """Whether `tags` takes a value: a string or a list of strings."""
    if type(value) is list:
        return all(map(_is_tag, value))
    return _is_tag(value)


def _is_tag(value: Any) -> bool:
    return isinstance(value, str) and type(value) is not Timestamp


def _set_tags(event: Event, value: Any) -> None:
    if not are_tags(value):
        raise FieldError("`tags` must be a string or a list of strings")
    event["tags"] = value


def _set_metadata(event: Event, value: Any) -> None:
    if type(value) is not dict:
        raise FieldError("`@metadata` must be a map")
    event["@metadata"] = value


_RESERVED: dict[str, Callable[[Event, Any], None]] = {
    "@timestamp": _set_timestamp,
    "@metadata": _set_metadata,
    "tags": _set_tags,
}


def _reserved_setter(keys: tuple[str, ...]) -> Callable[[Event, Any], None]:
    """How a field below a reserved one is set: there is none below tags and a timestamp."""
    if keys[0] == "@metadata":
        return lambda event, value: place(event, keys, value)

    def refuse(event: Event, value: Any) -> None:
        raise FieldError(f"`{_text(keys)}` cannot be set: `{keys[0]}` cannot hold fields")

    return refuse


def place(event: Any, keys: tuple[str, ...], value: Any) -> None:
    """Set the value at a path of two or more keys, making the maps on the way; raises
    FieldError.
    """
    at = event
    for key in keys[:-1]:
        at = _step(at, key, keys)
    last = keys[-1]
    if type(at) is dict:
        at[last] = value
    elif type(at) is list:
        _put_in_list(at, last, value, keys)
    else:
        raise FieldError(f"`{_text(keys)}` cannot be set: its parent is not a map")


def _step(at: Any, key: str, keys: tuple[str, ...]) -> Any:
    if type(at) is dict:
        return at.setdefault(key, {})
    if type(at) is list:
        spot = index_of(key)
        if spot is not None and -len(at) <= spot < len(at):
            return at[spot]
        fresh: Event = {}
        _put_in_list(at, key, fresh, keys)
        return fresh
    raise FieldError(f"`{_text(keys)}` cannot be set: its parent is not a map")


def _put_in_list(at: list[Any], key: str, value: Any, keys: tuple[str, ...]) -> None:
    spot = index_of(key)
    if spot is None:
        raise PassedOverError(f"`{_text(keys)}` cannot be set: `{key}` is not a valid list index")
    if spot < -len(at) or spot > len(at) + 100_000:
        raise FieldError(f"`{_text(keys)}` cannot be set: the list has {len(at)} items")
    if spot >= len(at):
        at.extend([None] * (spot - len(at)))
        at.append(value)
    else:
        at[spot] = value


def _remover(keys: tuple[str, ...]) -> Callable[[Event], Any]:
    if len(keys) == 1:
        (key,) = keys
        return lambda event: event.pop(key, None)
    parents, last = keys[:-1], keys[-1]

    def remove(event: Event) -> Any:
        parent = lookup(event, parents)
        if type(parent) is dict:
            return parent.pop(last, None)
        if type(parent) is list:
            spot = index_of(last)
            if spot is not None and -len(parent) <= spot < len(parent):
                return parent.pop(spot)
        return None

    return remove


def _text(keys: tuple[str, ...]) -> str:
    return "".join(f"[{key}]" for key in keys)
