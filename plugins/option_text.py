"""The options of a plugin as text, the same in every process: to tell whether two plugins were
configured alike.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..dsl.program import PluginUse, Setting
from .plugin import Plugin


def options_digest(plugin: Plugin, without: Iterable[str] = ()) -> str:
    """A digest of the options that were given."""
    names = sorted(plugin.given - set(without))
    return digest(repr([(key, _text(getattr(plugin, key))) for key in names]))


def stable_names(plugins: Iterable[Plugin], without: Iterable[str]) -> list[str]:
    """A name for each plugin, fit for a file, that stays when others are added or moved: its id, or
    its kind and a digest of the options that were given but for some. Those that are alike are
    numbered in their order.
    """
    names: list[str] = []
    for plugin in plugins:
        has_id = bool(plugin.id)
        name = _safe(str(plugin.id)) if has_id else _of_options(plugin, without)
        same = sum(known == name or known.startswith(f"{name}.") for known in names)
        names.append(f"{name}.{same + 1}" if same else name)
    return names


def _of_options(plugin: Plugin, without: Iterable[str]) -> str:
    return f"{plugin.name}-{options_digest(plugin, without)}"


def _safe(text: str) -> str:
    """A text as a file's name, unlike that of any other text."""
    plain = re.sub(r"[^\w-]", "_", text, flags=re.ASCII)[:80]
    return plain if plain == text else f"{plain}-{digest(text)}"


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
