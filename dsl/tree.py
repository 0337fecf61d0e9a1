"""The tree: what was written, part by part, each with its span. It judges nothing.

Comments are kept beside the tree (``Tree.comments``), by place, for the formatter.
"""

from __future__ import annotations

import msgspec

from .source import Source, Span


class Text(msgspec.Struct, frozen=True):
    """A quoted string; ``value`` is what stands between the quotes, escapes untouched."""

    value: str
    span: Span


class Bareword(msgspec.Struct, frozen=True):
    """A name without quotes where a value is wanted."""

    value: str
    span: Span


class Number(msgspec.Struct, frozen=True):
    """A number, an int unless it has a point."""

    value: int | float
    span: Span


class Array(msgspec.Struct, frozen=True):
    """``[ a, b ]``."""

    items: tuple[Value, ...]
    span: Span


class Entry(msgspec.Struct, frozen=True):
    """``key => value`` in a hash."""

    key: Text | Bareword | Number
    value: Value
    span: Span


class Hash(msgspec.Struct, frozen=True):
    """``{ key => value … }``."""

    entries: tuple[Entry, ...]
    span: Span


class Attribute(msgspec.Struct, frozen=True):
    """``name => value`` in a plugin."""

    name: str
    name_span: Span
    value: Value
    span: Span


class Plugin(msgspec.Struct, frozen=True):
    """``name { attributes }``."""

    name: str
    name_span: Span
    attributes: tuple[Attribute, ...]
    span: Span


class Selector(msgspec.Struct, frozen=True):
    """A field in a condition, ``[a][b]``, as written."""

    text: str
    span: Span


class Regexp(msgspec.Struct, frozen=True):
    """``/pattern/``; ``value`` is what stands between the slashes, with ``\\/`` read as ``/``."""

    value: str
    span: Span


class Call(msgspec.Struct, frozen=True):
    """``name(arguments)`` in a condition."""

    name: str
    arguments: tuple[Condition, ...]
    span: Span


class Unary(msgspec.Struct, frozen=True):
    """``!x`` or ``not x``."""

    operator: str
    operand: Condition
    span: Span


class Binary(msgspec.Struct, frozen=True):
    """Two operands and the operator between them: boolean, comparison, ``in``, ``not in``, ``=~``
    or ``!~``.
    """

    operator: str
    left: Condition
    right: Condition
    span: Span


class Group(msgspec.Struct, frozen=True):
    """``( condition )``."""

    inner: Condition
    span: Span


class Arm(msgspec.Struct, frozen=True):
    """One way through a branch; ``condition`` is None for ``else``."""

    condition: Condition | None
    body: tuple[Statement, ...]
    span: Span


class Branch(msgspec.Struct, frozen=True):
    """``if … else if … else``."""

    arms: tuple[Arm, ...]
    span: Span


class Section(msgspec.Struct, frozen=True):
    """``input { }``, ``filter { }`` or ``output { }``."""

    kind: str
    body: tuple[Statement, ...]
    span: Span


class Comment(msgspec.Struct, frozen=True):
    """From ``#`` to the end of the line."""

    text: str
    span: Span


class Tree(msgspec.Struct, frozen=True):
    """One source, parsed."""

    source: Source
    sections: tuple[Section, ...]
    comments: tuple[Comment, ...]


Value = Text | Bareword | Number | Array | Hash | Plugin
Condition = Text | Bareword | Number | Array | Selector | Regexp | Call | Unary | Binary | Group
Statement = Plugin | Branch
