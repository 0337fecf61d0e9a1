"""With which characters a part of an expression can begin and end, and whether it can fail: what ``lean`` decides by.

Everything here is on the safe side: a set may hold too many characters, never too few; "sure" and "fixed" are said only where they
hold.
"""
from __future__ import annotations

from typing import NamedTuple

from .. import regex_sets as sets
from ..regex_sets import Ranges
from ..regex_tree import (
    At,
    Atomic,
    Capture,
    Choice,
    Dot,
    Folded,
    Look,
    Node,
    Repeat,
    Sequence,
    Set,
    Text,
    is_single,
    width,
)


class Edge(NamedTuple):
    """The characters that may stand at a place; ``open`` where the text may end (or begin) there too."""

    characters: Ranges
    open: bool

    def joined(self, other: Edge) -> Edge:
        """What may stand there, one or the other."""
        return Edge(sets.normal(self.characters + other.characters), self.open or other.open)


class Rest(NamedTuple):
    """What follows a part: its edge, whether it matches whatever the text is, and whether it does behind one character."""

    edge: Edge
    sure: bool
    sure_behind_one: bool


ANYTHING = Edge(sets.EVERYTHING, True)
_FOREIGN: Ranges = ((0x80, sets.LAST),)


def members(node: Node) -> Ranges:
    """The characters that a node of one character takes."""
    if isinstance(node, Text):
        return sets.of_text(node.value)
    if isinstance(node, Dot):
        return sets.EVERYTHING if node.newlines else sets.complement(sets.of_text("\n"))
    assert isinstance(node, Set)
    if node.negated:
        return sets.EVERYTHING
    named = sets.normal((*sets.WORD, *_FOREIGN)) if node.names else ()
    return sets.normal(node.ranges + named)


def begins(node: Node, follow: Edge) -> Edge:
    """With what the node, or where it can be empty what follows it, can begin."""
    return _edge(node, follow, -1)


def ends(node: Node, before: Edge) -> Edge:
    """With what the node, or where it can be empty what stands before it, can end."""
    return _edge(node, before, 0)


def _edge(node: Node, beyond: Edge, side: int) -> Edge:
    """``side`` is 0 for the end of a node, -1 for its beginning."""
    if isinstance(node, Text):
        return Edge(sets.of_text(node.value[-1 - side]), False) if node.value else beyond
    if isinstance(node, Set | Dot):
        return Edge(members(node), False)
    if isinstance(node, Sequence):
        for item in node.items if side == 0 else reversed(node.items):
            beyond = _edge(item, beyond, side)
        return beyond
    if isinstance(node, Choice):
        edge = _edge(node.branches[0], beyond, side)
        for branch in node.branches[1:]:
            edge = edge.joined(_edge(branch, beyond, side))
        return edge
    if isinstance(node, Repeat):
        inner = _edge(node.node, beyond, side)
        return inner.joined(beyond) if node.low == 0 or not width(node.node)[0] else inner
    if isinstance(node, Capture | Atomic):
        return _edge(node.node, beyond, side)
    if isinstance(node, At | Look):
        return beyond
    return ANYTHING


def is_sure(node: Node) -> bool:
    """Whether the node matches at any place of any text, be it nothing."""
    if isinstance(node, Sequence):
        return all(map(is_sure, node.items))
    if isinstance(node, Choice):
        return any(map(is_sure, node.branches))
    if isinstance(node, Repeat):
        return node.low == 0 or is_sure(node.node)
    if isinstance(node, Capture | Atomic | Folded):
        return is_sure(node.node)
    return False


def is_fixed(node: Node, rest: Rest) -> bool:
    """Whether the node's first way to match is the only one that helps: where what follows fails, no other would do."""
    if rest.sure or is_single(node) or isinstance(node, Text | At | Look | Atomic):
        return True
    if isinstance(node, Sequence):
        return all(is_fixed(item, later) for item, later in with_rests(node.items, rest))
    if isinstance(node, Choice):
        return _are_apart(node.branches, rest.edge) and all(is_fixed(branch, rest) for branch in node.branches)
    if isinstance(node, Repeat):
        return _is_fixed_repeat(node, rest)
    return isinstance(node, Capture) and is_fixed(node.node, rest)


def _is_fixed_repeat(node: Repeat, rest: Rest) -> bool:
    if node.mode == "possessive":
        return True
    if node.mode == "lazy":
        return False
    if is_single(node.node) and (node.low == node.high or sets.disjoint(members(node.node), rest.edge.characters)):
        return True
    inside = in_loop(node, rest)
    return (
        width(node.node)[0] > 0
        and (node.low == node.high or sets.disjoint(begins(node.node, rest.edge).characters, rest.edge.characters))
        and is_fixed(node.node, inside)
    )


def _are_apart(branches: tuple[Node, ...], follow: Edge) -> bool:
    seen: Ranges = ()
    for branch in branches:
        edge = begins(branch, follow)
        if not sets.disjoint(seen, edge.characters):
            return False
        seen = sets.normal(seen + edge.characters)
    return sum(begins(branch, follow).open for branch in branches) < 2


def in_loop(node: Repeat, rest: Rest) -> Rest:
    """What follows one round of a repetition: another one, or what follows the whole."""
    if node.high == 1:
        return rest
    return Rest(rest.edge.joined(begins(node.node, rest.edge)), rest.sure and node.low < 2, False)


def with_rests(items: tuple[Node, ...], rest: Rest) -> list[tuple[Node, Rest]]:
    """Each of the items with what follows it."""
    found: list[tuple[Node, Rest]] = []
    for item in reversed(items):
        found.append((item, rest))
        rest = before(item, rest)
    return found[::-1]


def before(item: Node, rest: Rest) -> Rest:
    """What follows a place behind which the item stands, and then the rest."""
    if is_single(item):
        return Rest(begins(item, rest.edge), False, rest.sure)
    if isinstance(item, Capture):
        inner = before(item.node, rest)
        return Rest(inner.edge, inner.sure, inner.sure_behind_one)
    return Rest(begins(item, rest.edge), rest.sure and is_sure(item), False)
