"""The program: what was meant. Plugins are bound to their specs, options typed, conditions and fields resolved.

It is plain data still: nothing has been compiled, no plugin has been made.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from . import tree
from .reference import FieldRef
from .source import Span
from .spec import PluginSpec


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """The value given to an option, and the parts of the tree that gave it."""

    value: Any
    given: tuple[tree.Attribute, ...]

    def span_of(self, path: Sequence[str | int] = ()) -> Span:
        """The place of the value, or of the item of it at a path of hash keys and list indices."""
        for attribute in self.given:
            found = _find(attribute.value, path)
            if found is not None:
                span: Span = found.span
                return span
            path = _past(attribute.value, path)
        return self.given[0].value.span


def _past(node: Any, path: Sequence[str | int]) -> Sequence[str | int]:
    """A path into what an option collects from several attributes, seen from the one after this."""
    if not path or isinstance(path[0], str):
        return path
    return path[0] - (len(node.items) if isinstance(node, tree.Array) else 1), *path[1:]


def _find(node: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        items = node.items if isinstance(node, tree.Array) else ()
        if isinstance(node, tree.Hash):
            node = next((e.value for e in node.entries if str(e.key.value) == step), None)
        elif isinstance(step, int) and step < len(items):
            node = items[step]
        elif isinstance(step, str) and items:
            pairs = zip(items[::2], items[1::2], strict=False)
            node = next((value for key, value in pairs if getattr(key, "value", None) == step), None)
        elif step == 0:
            continue  # one value stands for a list of one
        else:
            return None
    return node


@dataclass(frozen=True, slots=True, eq=False)
class PluginUse:
    """One plugin of the configuration.

    ``settings`` has the options that were given, typed; ``rejected`` names those that were given and are of no use.
    """

    spec: PluginSpec
    settings: dict[str, Setting]
    span: Span
    name_span: Span
    rejected: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The plugin's name."""
        return self.spec.name

    @property
    def id(self) -> str:
        """The id given, or one made of name and place."""
        given = self.settings.get("id")
        return str(given.value) if given else f"{self.spec.name}@{self.span.place}"


@dataclass(frozen=True, slots=True)
class Constant:
    """A text, a number, a truth value or a list of them, known beforehand."""

    value: Any
    span: Span


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the event; alone, its truth is asked."""

    ref: FieldRef
    span: Span


@dataclass(frozen=True, slots=True)
class Exists:
    """Whether a field is there."""

    ref: FieldRef
    span: Span


@dataclass(frozen=True, slots=True)
class Comparison:
    """``==``, ``!=``, ``<``, ``>``, ``<=`` or ``>=`` between two operands."""

    operator: str
    left: Operand
    right: Operand
    span: Span


@dataclass(frozen=True, slots=True)
class Membership:
    """``value in container``."""

    value: Operand
    container: Operand
    span: Span


@dataclass(frozen=True, slots=True)
class Match:
    """``=~``: whether a text holds a match of a regular expression (Ruby's syntax)."""

    value: Operand
    pattern: str
    span: Span


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary."""

    operand: Condition
    span: Span


@dataclass(frozen=True, slots=True)
class Both:
    """``and``: all of several."""

    parts: tuple[Condition, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Either:
    """``or``: any of several."""

    parts: tuple[Condition, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Differ:
    """``xor``: one of the two, not both."""

    left: Condition
    right: Condition
    span: Span


Operand = Constant | Field
Condition = Constant | Field | Exists | Comparison | Membership | Match | Not | Both | Either | Differ


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """One way through a branch; ``condition`` is None for ``else``."""

    condition: Condition | None
    body: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """The first arm whose condition holds is taken."""

    arms: tuple[Arm, ...]
    span: Span


Statement = PluginUse | Branch


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """The sections of all sources, joined in order."""

    inputs: tuple[Statement, ...] = ()
    filters: tuple[Statement, ...] = ()
    outputs: tuple[Statement, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
