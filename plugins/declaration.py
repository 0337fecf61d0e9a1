"""Declaring options: class annotations and ``option(…)`` become the plugin's spec, as plain data
for the language.

    length_bytes: int = option("The longest length to keep.", at_least=1)

An option without a default must be given. The annotation says the kind; ``KINDS`` below is the
whole table.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NewType, get_args, get_origin, get_type_hints

import msgspec

from ..dsl.reference import Event, FieldRef
from ..dsl.spec import REQUIRED, FormerOption, Kind, OptionSpec, PluginSpec
from ..dsl.template import Template

Bytes = NewType("Bytes", int)
"""A size, written as 10MiB, 180 kb or a number."""

Duration = NewType("Duration", float)
"""A duration in seconds (or in the option's own unit, for a bare number), written as 90 or "2
hours".
"""

Pattern = NewType("Pattern", str)
"""A directory, or files and directories by a pattern; they are read, and never written."""

Mode = NewType("Mode", int)
"""The permissions of a file, written as 0640 (octal, for its leading zero), "0640" or 416."""

Secret = NewType("Secret", str)
"""A text that is never shown."""

Uri = NewType("Uri", str)
"""A URI."""

Regex = re.Pattern[str]
"""A regular expression in Ruby's syntax, compiled."""

KINDS: dict[Any, str] = {
    Any: "any",
    str: "text",
    int: "integer",
    float: "number",
    bool: "boolean",
    Path: "path",
    Pattern: "pattern",
    FieldRef: "field",
    Template: "template",
    Bytes: "bytes",
    Duration: "duration",
    Mode: "mode",
    Secret: "password",
    Uri: "uri",
    Regex: "regex",
}


class Option(msgspec.Struct, frozen=True):
    """What ``option`` was told, until the class gives it a name and a kind."""

    doc: str
    default: Any
    choices: tuple[str, ...]
    at_least: float | None
    deprecated: str
    obsolete: str
    common: bool
    kind: str | None
    literal: bool


def option(
    doc: str,
    *,
    default: Any = REQUIRED,
    choices: Sequence[str] = (),
    at_least: float | None = None,
    deprecated: str = "",
    obsolete: str = "",
    common: bool = False,
    kind: str | None = None,
    literal: bool = False,
) -> Any:
    """Declare an option of a plugin; see the module's text.

    ``choices`` closes the set of values; ``deprecated``/``obsolete`` say what to write instead;
    ``kind`` overrides the kind that the annotation says (``kind="codec"``); ``literal``: `\\n` in
    its texts is a backslash and an `n`, which is warned of.
    """
    return Option(
        doc, default, tuple(choices), at_least, deprecated, obsolete, common, kind, literal
    )


class Example(msgspec.Struct, frozen=True):
    """An example of a plugin, run as a test and shown in its page.

    ``before``: an event or several; ``after``: what comes out (fields that are compared whole but
    for ``@timestamp``/``@version``).
    """

    title: str
    config: str
    before: Event | list[Event]
    after: Event | list[Event]
    settings: dict[str, Any] = msgspec.field(default_factory=dict)


def declared(cls: type, section: str, name: str) -> PluginSpec:
    """The spec of a plugin class, from its annotations, its bases' and its docstring. Raises
    TypeError where an option has no annotation.
    """
    hints = get_type_hints(cls)
    options: dict[str, OptionSpec] = {}
    former: dict[str, FormerOption] = {}
    for base in reversed(cls.__mro__):
        untyped = vars(base).get("_declared", {}).keys() - vars(base).get("__annotations__", {})
        if untyped:
            key = min(untyped)
            raise TypeError(f"the option `{key}` of `{name}` has no type: `{key}: str = option(…)`")
        for key in vars(base).get("__annotations__", {}):
            given = vars(base).get("_declared", {}).get(key, vars(base).get(key))
            if isinstance(given, Option):
                options[key] = _spec(key, given, hints[key])
        former |= vars(base).get("former", {})
    former = {name: each for name, each in former.items() if name not in options}
    known = {name: each for name, each in former.items() if not each.now or each.now in options}
    return PluginSpec(section, name, _doc(cls), options, known)


def _spec(name: str, given: Option, hint: Any) -> OptionSpec:
    kind = Kind(given.kind) if given.kind else _kind(hint)
    return OptionSpec(
        name,
        kind,
        given.doc,
        given.default,
        given.choices,
        given.at_least,
        given.deprecated,
        given.obsolete,
        given.common,
        given.literal,
    )


def _kind(hint: Any) -> Kind:
    inner = [arg for arg in get_args(hint) if arg is not type(None)]
    if get_origin(hint) is list:
        return Kind("list", _kind(inner[0]))
    if get_origin(hint) is dict:
        return Kind("hash", _kind(inner[1]))
    if hint in KINDS:
        return Kind(KINDS[hint])
    if len(inner) == 1:  # X | None
        return _kind(inner[0])
    if set(inner) == {int, float}:
        return Kind("number")
    raise TypeError(f"the annotation {hint!r} is not a known option type")


def _doc(cls: type) -> str:
    from inspect import cleandoc

    return cleandoc(cls.__doc__ or "")
