"""The tree: what was written, part by part, each with its span. It judges nothing.

Comments are kept beside the tree (``Tree.comments``), by place, for the formatter.
"""
from __future__ import annotations

from dataclasses import dataclass

from .source import Source, Span


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted string; ``value`` is what stands between the quotes, escapes untouched."""

    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class Bareword:
    """A name without quotes where a value is wanted."""

    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class Number:
    """A number, an int unless it has a point."""

    value: int | float
    span: Span


@dataclass(frozen=True, slots=True)
class Array:
    """``[ a, b ]``."""

    items: tuple[Value, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Entry:
    """``key => value`` in a hash."""

    key: Text | Bareword | Number
    value: Value
    span: Span


@dataclass(frozen=True, slots=True)
class Hash:
    """``{ key => value … }``."""

    entries: tuple[Entry, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Attribute:
    """``name => value`` in a plugin."""

    name: str
    name_span: Span
    value: Value
    span: Span


@dataclass(frozen=True, slots=True)
class Plugin:
    """``name { attributes }``."""

    name: str
    name_span: Span
    attributes: tuple[Attribute, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Selector:
    """A field in a condition, ``[a][b]``, as written."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Regexp:
    """``/pattern/``; ``value`` is what stands between the slashes, with ``\\/`` read as ``/``."""

    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """``name(arguments)`` in a condition."""

    name: str
    arguments: tuple[Condition, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Unary:
    """``!x`` or ``not x``."""

    operator: str
    operand: Condition
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands and the operator between them: boolean, comparison, ``in``, ``not in``, ``=~`` or ``!~``."""

    operator: str
    left: Condition
    right: Condition
    span: Span


@dataclass(frozen=True, slots=True)
class Group:
    """``( condition )``."""

    inner: Condition
    span: Span


@dataclass(frozen=True, slots=True)
class Arm:
    """One way through a branch; ``condition`` is None for ``else``."""

    condition: Condition | None
    body: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Branch:
    """``if … else if … else``."""

    arms: tuple[Arm, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Section:
    """``input { }``, ``filter { }`` or ``output { }``."""

    kind: str
    body: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Comment:
    """From ``#`` to the end of the line."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Tree:
    """One source, parsed."""

    source: Source
    sections: tuple[Section, ...]
    comments: tuple[Comment, ...]


Value = Text | Bareword | Number | Array | Hash | Plugin
Condition = Text | Bareword | Number | Array | Selector | Regexp | Call | Unary | Binary | Group
Statement = Plugin | Branch
