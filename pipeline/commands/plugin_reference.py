"""The reference page of a plugin, from its declaration: as blocks, which a terminal or a page of
the documentation draws.

Nothing on it is written twice: options, kinds, defaults and examples are those that the plugin runs
with.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...dsl.reference import FieldRef
from ...dsl.spec import REQUIRED, FormerOption, Kind, OptionSpec
from ...dsl.template import Template
from ...plugins import registry
from ...plugins.contract import Codec, Plugin
from ...plugins.declaration import Example

SECTIONS = ("input", "filter", "codec", "output")


@dataclass(frozen=True, slots=True)
class Heading:
    """A title; level 1 is the page's."""

    text: str
    level: int


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, with `code` between backticks."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """Lines to be shown as they are, in a language: conf or json."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Option:
    """An option: its type, its default and its description."""

    name: str
    takes: str
    default: str
    doc: str


Block = Heading | Text | Code | Option


def page(cls: type[Plugin]) -> Iterator[Block]:
    """The blocks of a plugin's page."""
    spec = cls.spec
    yield Heading(f"{spec.name} ({spec.section})", 1)
    for paragraph in spec.doc.split("\n\n"):
        yield Text(paragraph.replace("\n", " "))
    if issubclass(cls, Codec) and cls.decodes != cls.encodes:
        yield Text(f"For {'inputs' if cls.decodes else 'outputs'} only.")
    shown = sorted(
        (o for o in spec.options.values() if not o.obsolete), key=lambda o: (not o.required, o.name)
    )
    for title, common in (("Options", False), (f"Options of every {spec.section}", True)):
        options = [option for option in shown if option.common is common]
        if options:
            yield Heading(title, 2)
            yield from map(_option, options)
    if spec.former:
        yield Heading("Options of older versions of Logstash", 2)
        yield Text("; ".join(_former(name, now) for name, now in sorted(spec.former.items())) + ".")
    if cls.examples:
        yield Heading("Examples", 2)
    for example in cls.examples:
        yield from _example(example)


def _option(spec: OptionSpec) -> Option:
    doc = spec.doc if not spec.deprecated else f"Deprecated: {spec.deprecated}. {spec.doc}"
    return Option(spec.name, takes(spec), default(spec), doc)


def _former(name: str, now: FormerOption) -> str:
    if now.help and not now.now:
        return f"`{name}`: {now.help}"
    return f"`{name}` is `{now.now}` now" if now.now else f"`{name}` has no effect"


def _example(example: Example) -> Iterator[Block]:
    yield Heading(example.title[0].upper() + example.title[1:], 3)
    yield Code(example.config, "conf")
    if example.settings:
        yield Text(
            "With the settings "
            + ", ".join(f"`{key}: {value}`" for key, value in example.settings.items())
            + "."
        )
    yield Text("Before:")
    yield Code(_events(example.before), "json")
    yield Text("After:")
    yield Code(_events(example.after), "json")


def _events(events: Any) -> str:
    several = events if isinstance(events, list) else [events]
    return "\n".join(json.dumps(event, ensure_ascii=False) for event in several) or "(no event)"


_PLURALS = {
    "any": "values",
    "boolean": "booleans",
    "field": "field references",
    "integer": "integers",
    "number": "numbers",
    "password": "secret strings",
    "path": "existing files",
    "pattern": "paths or patterns of paths",
    "regex": "regular expressions",
    "template": "strings with %{…}",
    "text": "strings",
    "uri": "URIs",
}
_SINGULARS = {
    "any": "any value",
    "boolean": "boolean",
    "bytes": "size",
    "codec": "codec",
    "duration": "duration",
    "field": "field reference",
    "integer": "integer",
    "mode": "mode, such as 0640",
    "number": "number",
    "password": "secret string",
    "path": "existing file",
    "pattern": "path or pattern of paths",
    "regex": "regular expression",
    "template": "string with %{…}",
    "text": "string",
    "uri": "URI",
}


def takes(spec: OptionSpec) -> str:
    """What an option takes, in words."""
    if spec.choices:
        choices = ", ".join(f"`{choice}`" for choice in spec.choices)
        return {"list": f"list of {choices}", "hash": f"hash to {choices}"}.get(
            spec.kind.name, f"one of {choices}"
        )
    bound = "" if spec.at_least is None else f", at least {spec.at_least:g}"
    return _kind(spec.kind) + bound


def _kind(kind: Kind) -> str:
    if kind.name in ("list", "hash"):
        of, to = ("list of", "lists") if kind.name == "list" else ("hash to", "hashes")
        item = kind.item
        return kind.name if item is None else f"{of} {_PLURALS.get(item.name, to)}"
    return _SINGULARS[kind.name]


def default(spec: OptionSpec) -> str:
    """The default of an option as a user writes it; empty where there is none."""
    if spec.default is REQUIRED:
        return "required"
    return "" if spec.default is None else _written(spec.default)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Template):
        value = value.text
    if isinstance(value, str | FieldRef):
        return json.dumps(str(value), ensure_ascii=False)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, dict):
        inner = " ".join(f"{_written(key)} => {_written(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{ }"
    return f"{value:g}" if isinstance(value, float) else str(value)


def plugins(section: str | None = None) -> Iterator[type[Plugin]]:
    """All plugins, or those of a section, by name, each once; those that cannot be had are left
    out.
    """
    from ...dsl.check import UnusablePlugin

    for kind in SECTIONS if section is None else (section,):
        for name in (name for name in registry.names(kind) if name not in registry.aliases(kind)):
            try:
                cls = registry.plugin_class(kind, name)
            except UnusablePlugin:
                continue
            if cls is not None:
                yield cls


def unusable_plugins(section: str | None = None) -> Iterator[tuple[str, str, str]]:
    """The plugins that are there and cannot be used: section, name, and why not."""
    from ...dsl.check import UnusablePlugin

    for kind in SECTIONS if section is None else (section,):
        for name in registry.names(kind):
            try:
                registry.plugin_class(kind, name)
            except UnusablePlugin as problem:
                yield kind, name, str(problem)
