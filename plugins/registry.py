"""Finding plugins by name: ``filters/truncate.py`` is ``truncate { }``. Nothing is imported until a
configuration names it.

Third-party plugins are entry points of the groups ``penstock.filters``, ``penstock.inputs``,
``penstock.outputs`` and ``penstock.codecs``; an entry point names the plugin's class.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from functools import cache
from typing import Any

from ..dsl.check import UnusablePlugin
from ..dsl.spec import PluginSpec
from .contract import Codec, Filter, Input, Output, Plugin
from .unsupported import ELSEWHERE, INSTEAD

ROOTS: dict[str, type[Plugin]] = {
    "input": Input,
    "filter": Filter,
    "output": Output,
    "codec": Codec,
}

_ROOT = __package__.rpartition(".")[0]
_DIRECTORYS = {
    "input": f"{_ROOT}.plugins.inputs",
    "filter": f"{_ROOT}.filters",
    "output": f"{_ROOT}.plugins.outputs",
    "codec": f"{_ROOT}.plugins.codecs",
}
_ALIASES = {
    ("filter", "jdbc_static"): "sql_static",
    ("filter", "jdbc_streaming"): "sql_streaming",
}
"""Logstash's names of plugins that have another here."""


@cache
def plugin_class(section: str, name: str) -> type[Plugin] | None:
    """The class of a plugin; None if there is none. Raises UnusablePlugin where a package that it
    needs is missing.
    """
    name = _ALIASES.get((section, name), name)
    if name in _own_names(section):
        return _own(section, name)
    for entry in _entry_points(section):
        if entry.name == name:
            return _foreign(section, entry)
    if name in ELSEWHERE[section]:
        raise UnusablePlugin(
            f"Logstash's {section} `{name}` is not in Penstock",
            INSTEAD.get((section, name))
            or "`penstock plugins list` shows what is; one of your own is an entry point of the"
            f" group penstock.{section}s",
            is_elsewhere=True,
        )
    return None


def _foreign(section: str, entry: Any) -> type[Plugin]:
    package = entry.dist.name if entry.dist else entry.value
    try:
        loaded = entry.load()
    except Exception as error:
        raise UnusablePlugin(
            f"the {section} `{entry.name}` of the package `{package}` cannot be imported:"
            f" {type(error).__name__}: {error}",
            "install a version that fits this Penstock, or ask its authors",
        ) from error
    if not (
        isinstance(loaded, type) and issubclass(loaded, ROOTS[section]) and hasattr(loaded, "spec")
    ):
        raise UnusablePlugin(
            f"`{entry.value}` of the package `{package}` declares no {section}",
            f"its entry point must name a subclass of {ROOTS[section].__name__} with a name",
        )
    if loaded.spec.name != entry.name:
        raise UnusablePlugin(
            f"the {section} `{entry.name}` of the package `{package}` declares the name"
            f" `{loaded.spec.name}`",
            "its entry point and its class must have the same name",
        )
    return loaded


def _own(section: str, name: str) -> type[Plugin]:
    module_name = f"{_DIRECTORYS[section]}.{name}"
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as missing:
        package = (missing.name or "").partition(".")[0]
        if package in ("", _ROOT):
            raise
        raise UnusablePlugin(
            f"the {section} `{name}` needs the package `{package}`, which is not installed",
            f"pip install 'penstock[{name}]'",
        ) from None
    for value in vars(module).values():
        is_plugin = (
            isinstance(value, type) and issubclass(value, ROOTS[section]) and "spec" in vars(value)
        )
        if is_plugin and value.__module__ == module_name:
            found: type[Plugin] = value
            return found
    raise LookupError(f"{module_name} declares no {section}")


def spec(section: str, name: str) -> PluginSpec | None:
    """The spec of a plugin; None if there is none."""
    found = plugin_class(section, name)
    return found.spec if found else None


@cache
def names(section: str) -> Sequence[str]:
    """The names of all plugins of a section, sorted, third-party ones included."""
    return sorted(
        {*_own_names(section), *(entry.name for entry in _entry_points(section)), *aliases(section)}
    )


@cache
def aliases(section: str) -> frozenset[str]:
    """The names of Logstash among them whose plugins have another here."""
    return frozenset(alias for kind, alias in _ALIASES if kind == section)


@cache
def _own_names(section: str) -> frozenset[str]:
    directory = importlib.import_module(_DIRECTORYS[section])
    return frozenset(
        m.name
        for m in pkgutil.iter_modules(directory.__path__)
        if not m.ispkg and not m.name.startswith("_")
    )


@cache
def _entry_points(section: str) -> Sequence[Any]:
    from importlib.metadata import entry_points

    return tuple(entry_points(group=f"penstock.{section}s"))
