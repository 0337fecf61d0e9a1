"""Texts with fields inside of lists and hashes: compiled once, filled in for each event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..dsl.reference import Event
from ..dsl.template import Template

Render = Callable[[Event], Any]


def deep_render(value: Any) -> Render:
    """The function that fills in a value: every text in it, keys of hashes too."""
    if isinstance(value, str):
        return Template(value).render
    if isinstance(value, list):
        items = [deep_render(item) for item in value]
        return lambda event: [item(event) for item in items]
    if isinstance(value, dict):
        pairs = [(deep_render(key), deep_render(item)) for key, item in value.items()]
        return lambda event: {key(event): item(event) for key, item in pairs}
    return lambda event: value


def texts(
    value: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The texts in a value, keys included, with the paths to them."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from texts(item, (*path, place))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield (*path, key), key
            yield from texts(item, (*path, key))
