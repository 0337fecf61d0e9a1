"""What the output http makes of an event: the body of a request, in its formats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote_plus

from ...dsl.reference import Event
from ...dsl.template import Template
from ...dsl.values import ruby_text, to_text
from ..codec import Codec

Render = Callable[[Event], Any]


def templates(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """The texts of a hash or list that may have fields in them, each with the path to it."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from templates(item, (*path, key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from templates(item, (*path, place))
    else:
        yield path, to_text(value)


def mapped(mapping: Any) -> Render:
    """The function that fills in the values of a mapping; every value is a text then, as in
    Logstash. Raises joda's PatternError.
    """
    if isinstance(mapping, Mapping):
        pairs = [(key, mapped(value)) for key, value in mapping.items()]
        return lambda event: {key: render(event) for key, render in pairs}
    if isinstance(mapping, list):
        renders = [mapped(value) for value in mapping]
        return lambda event: [render(event) for render in renders]
    return Template(to_text(mapping)).render


def bodies_of(
    form: str, mapping: Any, message: Template | None, lines: Codec
) -> Callable[[list[Event]], list[bytes]]:
    """The function that makes a body of each event, as ``format`` says; ``lines`` is the codec that
    writes events as lines of JSON.
    """
    if form == "message":
        render = (message or Template("")).render
        return lambda events: [render(event).encode("utf-8", "replace") for event in events]
    fields = None if mapping is None else mapped(mapping)
    if form == "form":
        return lambda events: [_form(fields(event) if fields else event) for event in events]

    def as_json(events: list[Event]) -> list[bytes]:
        shown = events if fields is None else [fields(event) for event in events]
        return lines.encode(shown).split(b"\n")[:-1]

    return as_json


def _form(fields: Mapping[str, Any]) -> bytes:
    pairs = [
        f"{_quoted(name)}={_quoted(ruby_text(value))}"
        for name, value in fields.items()
        if name != "@metadata"
    ]
    return "&".join(pairs).encode()


def _quoted(text: str) -> str:
    return quote_plus(text, safe="*", errors="replace")
