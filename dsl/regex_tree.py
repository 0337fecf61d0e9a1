"""A regular expression as a tree: ``regex_parser`` reads it, ``grok.lean`` makes it leaner,
``regex_writer`` writes it.

Nodes are never changed once built, so that a subtree may stand in many trees: a grok pattern is
parsed once and shared.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

import msgspec

from . import regex_sets as sets
from .regex_sets import Ranges

Place = Literal[
    "line start", "line end", "start", "end", "last line end", "boundary", "no boundary"
]
Mode = Literal["greedy", "lazy", "possessive"]


class Text(msgspec.Struct, eq=False):
    """Characters that stand for themselves."""

    value: str


class Set(msgspec.Struct, eq=False):
    """One character of a set; ``names`` are classes that Python's ``re`` has an own word for
    (``sets.NAMED``).
    """

    ranges: Ranges
    names: frozenset[str] = frozenset()
    negated: bool = False


class Dot(msgspec.Struct, eq=False):
    """Any character; newlines too where ``newlines``."""

    newlines: bool


class At(msgspec.Struct, eq=False):
    """A place between characters."""

    place: Place


class Sequence(msgspec.Struct, eq=False):
    """One after the other; an empty one matches the empty text."""

    items: tuple[Node, ...]


class Choice(msgspec.Struct, eq=False):
    """The first that matches, the others in order when what follows fails."""

    branches: tuple[Node, ...]


class Repeat(msgspec.Struct, eq=False):
    """``low`` to ``high`` times; ``high`` None is without end."""

    node: Node
    low: int
    high: int | None
    mode: Mode = "greedy"


class Capture(msgspec.Struct, eq=False):
    """A capturing group; ``name`` None for one that is only counted."""

    node: Node
    name: str | None = None


class Atomic(msgspec.Struct, eq=False):
    """A group that keeps its first match."""

    node: Node


class Look(msgspec.Struct, eq=False):
    """A look ahead, or behind, that takes nothing."""

    node: Node
    behind: bool
    negative: bool


class Folded(msgspec.Struct, eq=False):
    """A part in which upper and lower case are one (``on``), or are told apart again."""

    node: Node
    on: bool


class Back(msgspec.Struct, eq=False):
    """The text of a group again: by its name, or by its number."""

    group: str | int
    position: int


class Call(msgspec.Struct, eq=False):
    """The expression of a named group once more (``\\g<name>``)."""

    name: str
    position: int


class Condition(msgspec.Struct, eq=False):
    """One of two parts, as a group has matched or not."""

    group: str | int
    yes: Node
    no: Node
    position: int


Node = (
    Text
    | Set
    | Dot
    | At
    | Sequence
    | Choice
    | Repeat
    | Capture
    | Atomic
    | Look
    | Folded
    | Back
    | Call
    | Condition
)

NOTHING = Sequence(())


def sequence(nodes: Iterable[Node]) -> Node:
    """The nodes one after the other, in the fewest nodes: sequences in sequences are laid flat,
    texts joined.
    """
    flat: list[Node] = []
    for item in _laid_flat(nodes):
        last = flat[-1] if flat else None
        if isinstance(item, Text) and isinstance(last, Text):
            flat[-1] = Text(last.value + item.value)
        else:
            flat.append(item)
    return flat[0] if len(flat) == 1 else Sequence(tuple(flat))


def _laid_flat(nodes: Iterable[Node]) -> Iterator[Node]:
    for node in nodes:
        if isinstance(node, Sequence):
            yield from _laid_flat(node.items)
        else:
            yield node


def choice(branches: Iterable[Node]) -> Node:
    """One of the branches, in the fewest nodes."""
    flat: list[Node] = []
    for branch in map(alone, branches):
        flat.extend(branch.branches if isinstance(branch, Choice) else (branch,))
    return flat[0] if len(flat) == 1 else Choice(tuple(flat))


def alone(node: Node) -> Node:
    """The one node of a sequence of one."""
    while isinstance(node, Sequence) and len(node.items) == 1:
        node = node.items[0]
    return node


def repeated(node: Node, low: int, high: int | None, mode: Mode) -> Node:
    """A repetition; of something optional it is one only: ``(a?)*`` is ``a*``.

    ``(a+)+`` stays what it is, though it tries every way to split a text: who writes it is to see
    the time-out that it asks for.
    """
    inner = alone(node)
    if isinstance(inner, Repeat) and mode == inner.mode == "greedy" and inner.low < 2:
        if high is None and inner.high == 1:
            return Repeat(inner.node, low * inner.low, None)
        if high == 1 and inner.high in (None, 1):
            return Repeat(inner.node, low * inner.low, inner.high)
    return Repeat(node, low, high, mode)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes right below one."""
    below = _BELOW.get(type(node))
    return () if below is None else below(node)


def _only(node: Any) -> tuple[Node, ...]:
    return (node.node,)


_BELOW: dict[type, Callable[[Any], tuple[Node, ...]]] = {
    Sequence: operator.attrgetter("items"),
    Choice: operator.attrgetter("branches"),
    Condition: operator.attrgetter("yes", "no"),
    **dict.fromkeys((Repeat, Capture, Atomic, Look, Folded), _only),
}
"""How to come from a node to those right below it, by its type."""


def walk(node: Node) -> list[Node]:
    """The node and all below it."""
    found = [node]
    for at in found:
        found.extend(children(at))
    return found


def holds(node: Node, kind: type) -> bool:
    """Whether a node of a kind is among the node and all below it. A subtree that stands in many
    places, as those of patterns of patterns do, is looked at once.
    """
    pending, seen = [node], {id(node)}
    for at in pending:
        if isinstance(at, kind):
            return True
        fresh = [below for below in children(at) if id(below) not in seen]
        pending += fresh
        seen.update(map(id, fresh))
    return False


def rebuilt(node: Node, change: Callable[[Node], Node]) -> Node:
    """A copy of the node over changed children; the node itself where none has changed."""
    before = children(node)
    after = tuple([change(child) for child in before])
    if all(map(operator.is_, before, after)):
        return node
    if isinstance(node, Sequence):
        return sequence(after)
    if isinstance(node, Choice):
        return choice(after)
    if isinstance(node, Repeat):
        return repeated(after[0], node.low, node.high, node.mode)
    if isinstance(node, Capture):
        return Capture(after[0], node.name)
    if isinstance(node, Look):
        return Look(after[0], node.behind, node.negative)
    if isinstance(node, Condition):
        return Condition(node.group, after[0], after[1], node.position)
    return Folded(after[0], node.on) if isinstance(node, Folded) else Atomic(after[0])


def is_single(node: Node) -> bool:
    """Whether the node takes exactly one character, whichever it is, and remembers nothing."""
    return isinstance(node, Set | Dot) or (isinstance(node, Text) and len(node.value) == 1)


def width(node: Node) -> tuple[int, int | None]:
    """The fewest and the most characters that a node takes; the most is None where it is not known
    or has no end.
    """
    if isinstance(node, Text):
        return len(node.value), len(node.value)
    if isinstance(node, Set | Dot):
        return 1, 1
    if isinstance(node, Sequence):
        return _total([width(item) for item in node.items])
    if isinstance(node, Choice | Condition):
        widths = [width(branch) for branch in children(node)]
        return min(low for low, _ in widths), _most([high for _, high in widths])
    if isinstance(node, Repeat):
        low, high = width(node.node)
        low *= node.low
        if 0 in (high, node.high):
            return low, 0
        if high is None or node.high is None:
            return low, None
        return low, high * node.high
    if isinstance(node, Capture | Atomic | Folded):
        return width(node.node)
    return (0, None) if isinstance(node, Back | Call) else (0, 0)


def _total(widths: list[tuple[int, int | None]]) -> tuple[int, int | None]:
    highs = [high for _, high in widths if high is not None]
    return sum(low for low, _ in widths), sum(highs) if len(highs) == len(widths) else None


def _most(highs: list[int | None]) -> int | None:
    known = [high for high in highs if high is not None]
    return max(known) if len(known) == len(highs) else None


def either(left: Node, right: Node) -> Node:
    """One character of one set or the other: a single set where that can be said."""
    if not (isinstance(left, Set) and isinstance(right, Set)) or left.negated or right.negated:
        return choice((left, right))
    ranges = sets.normal(left.ranges + right.ranges)
    names = set(left.names | right.names)
    if {"alpha", "digit"} <= names:
        names = names - {"alpha", "digit"} | {"alnum"}
    if "word" in names or ("alnum" in names and sets.within(sets.of_text("_"), ranges)):
        names = names - {"alnum", "alpha", "digit"} | {"word"}
    return Set(ranges, frozenset(names))


def both(left: Node, right: Node) -> Node:
    """One character that is in both sets."""
    if isinstance(left, Set) and isinstance(right, Set) and not left.names and not right.names:
        return Set(sets.intersection(left.ranges, right.ranges))
    return Sequence((Look(left, behind=False, negative=False), right))


def neither(node: Node) -> Node:
    """One character that is not in the set."""
    if not isinstance(node, Set):
        return Sequence((Look(node, behind=False, negative=True), Dot(newlines=True)))
    if node.names:
        return Set(node.ranges, node.names, not node.negated)
    return Set(sets.complement(node.ranges))
