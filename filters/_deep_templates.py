"""Texts with fields inside of lists and hashes: compiled once, filled in for each event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..dsl.reference import Event
from ..dsl.template import Template, texts
from ..plugins.contract import Plugin
from ._references import named_template

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


def check_texts(plugin: Plugin, *options: str) -> None:
    """Warn of the texts in these options that fail as templates when events come."""
    for option in options:
        for path, text in texts(getattr(plugin, option)):
            named_template(plugin, option, text, path)
