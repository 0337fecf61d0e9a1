"""With which characters a part of an expression can begin and end, and whether it can fail: what
``optimize`` decides by.

Everything here is on the safe side: a set may hold too many characters, never too few; "sure" and
"fixed" are said only where they hold.
"""

from __future__ import annotations

from functools import cache
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
)


class Edge(NamedTuple):
    """The characters that may stand at a place; ``open`` where the text may end (or begin) there
    too.

    Characters are bits of a number: those of ASCII each their own, all others the one above.
    """

    characters: int
    open: bool

    def joined(self, other: Edge) -> Edge:
        """What may stand there, one or the other."""
        return Edge(self.characters | other.characters, self.open or other.open)


class Rest(NamedTuple):
    """What follows a part: its edge, whether it matches whatever the text is, and whether it does
    behind one character.
    """

    edge: Edge
    sure: bool
    sure_behind_one: bool


FOREIGN = 1 << 0x80
EVERYTHING = FOREIGN * 2 - 1
ANYTHING = Edge(EVERYTHING, True)
#: The end of an expression or of a part that keeps its first match: what stands behind, whatever it
#: is, changes nothing.
LOCKED = Rest(ANYTHING, True, False)


@cache
def bits(ranges: Ranges) -> int:
    """The characters of some ranges as bits."""
    found = 0
    for low, high in ranges:
        if low < 0x80:
            found |= (2 << min(high, 0x7F)) - (1 << low)
        if high >= 0x80:
            found |= FOREIGN
    return found


WORD = bits(sets.WORD)
_NO_NEWLINE = EVERYTHING & ~(1 << 10)


def members(node: Node) -> int:
    """The characters that a node of one character takes."""
    if isinstance(node, Set):
        return (
            EVERYTHING
            if node.negated
            else bits(node.ranges) | (WORD | FOREIGN if node.names else 0)
        )
    if isinstance(node, Dot):
        return EVERYTHING if node.newlines else _NO_NEWLINE
    assert isinstance(node, Text)
    return 1 << min(ord(node.value), 0x80)


def begins(node: Node, follow: Edge) -> Edge:
    """With what the node, or where it can be empty what follows it, can begin."""
    return _edge(node, follow, -1)


def ends(node: Node, before: Edge) -> Edge:
    """With what the node, or where it can be empty what stands before it, can end."""
    return _edge(node, before, 0)


def _edge(node: Node, beyond: Edge, side: int) -> Edge:
    """``side`` is 0 for the end of a node, -1 for its beginning."""
    if isinstance(node, Text):
        return Edge(1 << min(ord(node.value[-1 - side]), 0x80), False) if node.value else beyond
    if isinstance(node, Set | Dot):
        return Edge(members(node), False)
    if isinstance(node, Sequence):
        for item in reversed(_up_to_a_character(node.items if side else node.items[::-1])):
            beyond = _edge(item, beyond, side)
        return beyond
    if isinstance(node, Choice):
        edge = _edge(node.branches[0], beyond, side)
        for branch in node.branches[1:]:
            edge = edge.joined(_edge(branch, beyond, side))
        return edge
    if isinstance(node, Repeat):
        inner = _edge(node.node, beyond, side)
        return inner.joined(beyond) if node.low == 0 or can_be_empty(node.node) else inner
    if isinstance(node, Capture | Atomic):
        return _edge(node.node, beyond, side)
    if isinstance(node, At | Look):
        return beyond
    return ANYTHING


def _up_to_a_character(items: tuple[Node, ...]) -> tuple[Node, ...]:
    """The first of the items, with the first one that takes a character."""
    for index, item in enumerate(items, 1):
        if not can_be_empty(item):
            return items[:index]
    return items


def can_be_empty(node: Node) -> bool:
    """Whether the node may take no character."""
    if isinstance(node, Text | Set | Dot):
        return False
    if isinstance(node, Sequence):
        return all(map(can_be_empty, node.items))
    if isinstance(node, Choice):
        return any(map(can_be_empty, node.branches))
    if isinstance(node, Repeat):
        return node.low == 0 or can_be_empty(node.node)
    return can_be_empty(node.node) if isinstance(node, Capture | Atomic | Folded) else True


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
    """Whether the node's first way to match is the only one that helps: where what follows fails,
    no other would do.
    """
    if rest.sure or is_single(node) or isinstance(node, Text | At | Look | Atomic):
        return True
    if isinstance(node, Sequence):
        return all(is_fixed(item, later) for item, later in with_rests(node.items, rest))
    if isinstance(node, Choice):
        return _are_apart(node.branches, rest.edge) and all(
            is_fixed(branch, rest) for branch in node.branches
        )
    if isinstance(node, Repeat):
        return _is_fixed_repeat(node, rest)
    return isinstance(node, Capture) and is_fixed(node.node, rest)


def _is_fixed_repeat(node: Repeat, rest: Rest) -> bool:
    if node.mode == "possessive":
        return True
    if node.mode == "lazy":
        return False
    if is_single(node.node):
        return node.low == node.high or not members(node.node) & rest.edge.characters
    apart = (
        node.low == node.high or not begins(node.node, rest.edge).characters & rest.edge.characters
    )
    return apart and not can_be_empty(node.node) and is_fixed(node.node, in_loop(node, rest))


def _are_apart(branches: tuple[Node, ...], follow: Edge) -> bool:
    # An empty match of a branch is taken whatever comes, also where only a later branch would lead
    # on.
    if any(map(can_be_empty, branches[:-1])):
        return False
    seen = Edge(0, False)
    for branch in branches:
        edge = begins(branch, follow)
        if seen.characters & edge.characters or (seen.open and edge.open):
            return False
        seen = seen.joined(edge)
    return True


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
