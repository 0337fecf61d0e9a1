"""The options of a plugin as text, the same in every process: to tell whether two plugins were
configured alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from ..dsl.program import PluginUse, Setting
from .plugin import Plugin


def options_digest(plugin: Plugin, without: Iterable[str] = ()) -> str:
    """A digest of the options that were given."""
    names = sorted(plugin.given - set(without))
    return digest(repr([(key, _text(getattr(plugin, key))) for key in names]))


def option_texts(plugin: Plugin, names: Iterable[str]) -> dict[str, str]:
    """Options as texts, whether they were given or not."""
    return {name: _text(getattr(plugin, name)) for name in names}


def digest(text: str) -> str:
    """Ten characters that stand for a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:10]


def _text(value: Any) -> str:
    if isinstance(value, PluginUse):
        return repr(
            (value.name, sorted((key, _text(item)) for key, item in value.settings.items()))
        )
    if isinstance(value, Setting):
        return _text(value.value)
    if isinstance(value, Mapping):
        return repr([(str(key), _text(item)) for key, item in value.items()])
    if isinstance(value, list | tuple):
        return repr([_text(item) for item in value])
    return str(getattr(value, "text", value))
