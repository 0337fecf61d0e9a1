"""Shares a text out at once where neighbours take anything:
``%{DATA:a};%{DATA:b};%{GREEDYDATA:c}``.

Each of them could end at any of the separators, and a line that fails at last would be tried in all
the ways to give them out: n separators and k fields make n^k. But which way wins is known
beforehand:

- Of two that take anything, the first as little as it can: if it ends at a later separator, it can
  as well end at the first one and leave the rest to its neighbour. So it never holds the separator.
- The first as much as it can: if the second holds a separator, the first could have gone up to that
  one. So the second never holds it.

What comes behind them sees the same place in the text either way, so nothing else changes, unless
it refers back to one of them.
"""

from __future__ import annotations

from .. import regex_sets as sets
from ..regex_tree import (
    Atomic,
    Back,
    Call,
    Capture,
    Condition,
    Dot,
    Folded,
    Mode,
    Node,
    Repeat,
    Sequence,
    Set,
    Text,
    rebuilt,
    sequence,
    walk,
)


def shared_out(node: Node) -> Node:
    """The same expression, in which fewer parts can hold what separates them."""
    if any(isinstance(at, Back | Call | Condition) for at in walk(node)):
        return node
    return _shared_out(node)


def _shared_out(node: Node) -> Node:
    if isinstance(node, Folded):
        return node
    made = rebuilt(node, _shared_out)
    if not isinstance(made, Sequence):
        return made
    items = list(_flat(made).items)
    for index in range(len(items) - 3, -1, -1):
        _bound_the_second(items, index)
    index = 0
    while index < len(items) - 2:
        _bound_the_first(items, index)
        index += 1
    return sequence(items)


def _flat(node: Sequence) -> Sequence:
    flat = sequence(node.items)
    return flat if isinstance(flat, Sequence) else Sequence((flat,))


def _bound_the_first(items: list[Node], index: int) -> None:
    first, between, second = items[index : index + 3]
    taker = _taker(first)
    if (
        taker is None
        or taker.mode != "lazy"
        or not isinstance(between, Text)
        or not _takes_anything(second)
    ):
        return
    if len(between.value) == 1:
        items[index] = _without(first, between.value, "possessive")
    else:
        items[index : index + 2] = [Atomic(Sequence((first, between)))]


def _bound_the_second(items: list[Node], index: int) -> None:
    first, between, second = items[index : index + 3]
    taker = _taker(first)
    if taker is None or taker.mode != "greedy" or not _takes_anything(first):
        return
    other = _taker(second)
    if (
        other is not None
        and isinstance(between, Text)
        and len(between.value) == 1
        and other.mode != "possessive"
    ):
        items[index + 2] = _without(second, between.value, other.mode)


def _taker(node: Node) -> Repeat | None:
    """The ``.*`` or ``.*?`` that a node is, perhaps in a group."""
    while isinstance(node, Capture):
        node = node.node
    if (
        isinstance(node, Repeat)
        and isinstance(node.node, Dot)
        and (node.low, node.high) == (0, None)
    ):
        return node
    return None


def _takes_anything(node: Node) -> bool:
    taker = _taker(node)
    return (
        taker is not None
        and taker.mode != "possessive"
        and isinstance(taker.node, Dot)
        and taker.node.newlines
    )


def _without(node: Node, separator: str, mode: Mode) -> Node:
    """The same, never holding the separator."""
    if isinstance(node, Capture):
        return Capture(_without(node.node, separator, mode), node.name)
    assert isinstance(node, Repeat)
    assert isinstance(node.node, Dot)
    excluded = separator if node.node.newlines else separator + "\n"
    return Repeat(Set(sets.complement(sets.of_text(excluded))), 0, None, mode)
