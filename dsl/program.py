"""The program: what was meant. Plugins are bound to their specs, options typed, conditions and
fields resolved.

It is plain data still: nothing has been compiled, no plugin has been made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from . import tree
from .reference import FieldRef
from .source import Span
from .spec import PluginSpec


class Setting(msgspec.Struct, frozen=True, eq=False):
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
            node = next(
                (value for key, value in pairs if getattr(key, "value", None) == step), None
            )
        elif step == 0:
            continue  # one value stands for a list of one
        else:
            return None
    return node


class PluginUse(msgspec.Struct, frozen=True, eq=False):
    """One plugin of the configuration.

    ``settings`` has the options that were given, typed; ``rejected`` names those that were given
    and are of no use.
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


class Constant(msgspec.Struct, frozen=True):
    """A string, a number, a boolean or a list of them, known beforehand."""

    value: Any
    span: Span


class Field(msgspec.Struct, frozen=True):
    """A field of the event; alone, its truth is asked."""

    ref: FieldRef
    span: Span


class Exists(msgspec.Struct, frozen=True):
    """Whether a field is there."""

    ref: FieldRef
    span: Span


class Comparison(msgspec.Struct, frozen=True):
    """``==``, ``!=``, ``<``, ``>``, ``<=`` or ``>=`` between two operands."""

    operator: str
    left: Operand
    right: Operand
    span: Span


class Membership(msgspec.Struct, frozen=True):
    """``value in container``."""

    value: Operand
    container: Operand
    span: Span


class Match(msgspec.Struct, frozen=True):
    """``=~``: whether a text holds a match of a regular expression (Ruby's syntax)."""

    value: Operand
    pattern: str
    span: Span


class Not(msgspec.Struct, frozen=True):
    """The contrary."""

    operand: Condition
    span: Span


class Both(msgspec.Struct, frozen=True):
    """``and``: all of several."""

    parts: tuple[Condition, ...]
    span: Span


class Either(msgspec.Struct, frozen=True):
    """``or``: any of several."""

    parts: tuple[Condition, ...]
    span: Span


class Differ(msgspec.Struct, frozen=True):
    """``xor``: one of the two, not both."""

    left: Condition
    right: Condition
    span: Span


Operand = Constant | Field
Condition = (
    Constant | Field | Exists | Comparison | Membership | Match | Not | Both | Either | Differ
)


class Arm(msgspec.Struct, frozen=True, eq=False):
    """One way through a branch; ``condition`` is None for ``else``."""

    condition: Condition | None
    body: tuple[Statement, ...]
    span: Span


class Branch(msgspec.Struct, frozen=True, eq=False):
    """The first arm whose condition holds is taken."""

    arms: tuple[Arm, ...]
    span: Span


Statement = PluginUse | Branch


class Program(msgspec.Struct, frozen=True, eq=False):
    """The sections of all sources, joined in order."""

    inputs: tuple[Statement, ...] = ()
    filters: tuple[Statement, ...] = ()
    outputs: tuple[Statement, ...] = ()
    settings: dict[str, Any] = msgspec.field(default_factory=dict)
