"""Optimizes an expanded grok expression without changing what it matches or captures.

What costs time in Python's ``re`` (measured with 3.11) is taken away where the neighbours show that
it changes nothing:

- groups that no field is filled from do not capture;
- ``.*?`` before a known character jumps from one such character to the next instead of trying each
  place: it was two thirds of the time of an access log's line;
- a repetition that what follows cannot share characters with, or behind which nothing can fail,
  never gives back;
- a word boundary or a look around that holds anyway is dropped, and so is an atomic group that has
  one way to match;
- an optional group is a choice between it and nothing; a group repeated a few times is written out.

The hard idea is that each step needs to know what stands before and behind a part (``edges``),
since ``re`` tries the parts in order: a step is right only if it leaves the order of the ways that
can still succeed as it was.
"""

from __future__ import annotations

from .. import regex_sets as sets
from ..regex_tree import (
    NOTHING,
    At,
    Atomic,
    Back,
    Capture,
    Choice,
    Condition,
    Dot,
    Look,
    Node,
    Repeat,
    Sequence,
    Set,
    alone,
    choice,
    is_single,
    rebuilt,
    sequence,
    walk,
)
from .boundaries import (
    ANYTHING,
    FOREIGN,
    LOCKED,
    WORD,
    Edge,
    Rest,
    ends,
    in_loop,
    is_fixed,
    members,
    with_rests,
)
from .sharing import shared_out

_MOST_COPIES = 4
_LARGEST_COPY = 12
_MOST_STOPS = 4


def slimmed(node: Node) -> Node:
    """The same expression, faster."""
    if not counts_groups(node):
        node = named_only(node)
    return _slim(shared_out(node), ANYTHING, LOCKED)


def counts_groups(node: Node) -> bool:
    """Whether a reference counts on groups without a name; Ruby allows it only where no group has
    one.
    """
    every = list(walk(node))
    counted = any(isinstance(at, Back | Condition) and isinstance(at.group, int) for at in every)
    return counted and not any(isinstance(at, Capture) and at.name is not None for at in every)


def named_only(node: Node) -> Node:
    """The same expression without groups that have no name."""
    if isinstance(node, Capture) and node.name is None:
        return named_only(node.node)
    return rebuilt(node, named_only)


def _slim(node: Node, before: Edge, rest: Rest) -> Node:
    if isinstance(node, Sequence):
        return _slim_sequence(node, before, rest)
    if isinstance(node, Choice):
        return choice([_slim(branch, before, rest) for branch in node.branches])
    if isinstance(node, Capture):
        return Capture(_slim(node.node, before, rest), node.name)
    if isinstance(node, Repeat):
        return _slim_repeat(node, before, rest)
    if isinstance(node, Atomic):
        inner = _slim(node.node, before, LOCKED)
        return _slim(inner, before, rest) if is_fixed(inner, rest) else Atomic(inner)
    if isinstance(node, At):
        return NOTHING if _holds(node, before, rest.edge) else node
    if isinstance(node, Look):
        return _slim_look(node, before, rest.edge)
    return node


def _slim_sequence(node: Sequence, before: Edge, rest: Rest) -> Node:
    slim: list[Node] = []
    for item, later in with_rests(node.items, rest):
        made = _slim(item, before, later)
        slim.append(made)
        before = ends(made, before)
    return sequence(slim)


def _holds(node: At, before: Edge, follow: Edge) -> bool:
    """Whether a word boundary (or the lack of one) is certain between these edges."""
    left, right = _is_word(before), _is_word(follow)
    if left is None or right is None:
        return False
    return (node.place == "boundary" and left != right) or (
        node.place == "no boundary" and left == right
    )


def _is_word(edge: Edge) -> bool | None:
    """Whether a word's character stands there for certain, or for certain none; None where it may
    be either.
    """
    if not edge.open and edge.characters and not edge.characters & ~WORD:
        return True
    return None if edge.characters & (WORD | FOREIGN) else False


def _slim_look(node: Look, before: Edge, follow: Edge) -> Node:
    inner = alone(node.node)
    if is_single(inner):
        edge, wanted = (before if node.behind else follow), members(inner)
        if node.negative and not wanted & edge.characters:
            return NOTHING
        exact = not (isinstance(inner, Set) and (inner.names or inner.negated))
        if (
            not node.negative
            and exact
            and not edge.open
            and not edge.characters & (~wanted | FOREIGN)
        ):
            return NOTHING
    if node.behind:
        return node
    return Look(_slim(inner, before, LOCKED), node.behind, node.negative)


def _slim_repeat(node: Repeat, before: Edge, rest: Rest) -> Node:
    inner = alone(node.node)
    if is_single(inner):
        return _slim_run(Repeat(inner, node.low, node.high, node.mode), rest)
    if (
        node.mode == "greedy"
        and node.low < 2
        and node.high is None
        and isinstance(inner, Choice)
        and not _captures(inner)
    ):
        inner = _unrolled(
            inner, rest
        )  # a bare ``(a+)+`` stays as slow as it is elsewhere: its author is to see the time-out
        if is_single(inner):
            return _slim_run(Repeat(inner, node.low, None), rest)
    inside = (
        in_loop(node, rest) if node.mode != "possessive" else LOCKED._replace(sure=node.low < 2)
    )
    made = _slim(inner, before.joined(ends(inner, before)) if node.high != 1 else before, inside)
    if (node.low, node.high) == (0, 1):
        return _optional(made, node, rest)
    slim = Repeat(made, node.low, node.high, node.mode)
    if node.mode == "possessive" or _captures(made):
        return slim
    if node.low == node.high and node.low <= _MOST_COPIES and _size(made) <= _LARGEST_COPY:
        return sequence([made] * node.low)
    return slim


def _unrolled(node: Node, rest: Rest) -> Node:
    """The round of a loop without a loop of its own in it: ``(?:a+|b)*`` is ``(?:a|b)*``, which has
    one way to match.

    Where what follows the loop has no use for a part of a run, the run is taken whole: that is
    faster.
    """
    if isinstance(node, Choice):
        return choice([_unrolled(branch, rest) for branch in node.branches])
    node = alone(node)
    if (
        not isinstance(node, Repeat)
        or (node.low, node.high, node.mode) != (1, None, "greedy")
        or not is_single(node.node)
    ):
        return node
    if rest.sure or not members(node.node) & rest.edge.characters:
        return Repeat(node.node, 1, None, "possessive")
    return node.node


def _optional(made: Node, node: Repeat, rest: Rest) -> Node:
    if node.mode == "lazy":
        return Choice((NOTHING, made))
    either = choice((made, NOTHING))
    return Atomic(either) if node.mode == "possessive" and not is_fixed(either, rest) else either


def _slim_run(node: Repeat, rest: Rest) -> Node:
    """A repetition of one character."""
    if node.mode == "lazy":
        return _slim_lazy_run(node, rest)
    if node.mode == "possessive" or node.low == node.high:
        return node
    if rest.sure or not members(node.node) & rest.edge.characters:
        return Repeat(node.node, node.low, node.high, "possessive")
    return node


def _slim_lazy_run(node: Repeat, rest: Rest) -> Node:
    follow = rest.edge
    if rest.sure:
        return Repeat(node.node, node.low, node.low) if node.low else NOTHING
    if not follow.open and not members(node.node) & follow.characters:
        return Repeat(node.node, node.low, node.high, "possessive")
    if (
        not isinstance(node.node, Dot)
        or follow.open
        or node.low > 1
        or node.high is not None
        or not _are_few(follow)
    ):
        return node
    stops = tuple([(code, code) for code in range(0x80) if follow.characters >> code & 1])
    taken = sets.EVERYTHING if node.node.newlines else sets.complement(sets.of_text("\n"))
    between = Repeat(Set(sets.intersection(taken, sets.complement(stops))), 0, None, "possessive")
    jumps: list[Node] = [*[node.node] * node.low, between]
    if not rest.sure_behind_one:
        jumps.append(Repeat(Sequence((Set(stops), between)), 0, None, "lazy"))
    return sequence(jumps)


def _are_few(edge: Edge) -> bool:
    return edge.characters < FOREIGN and edge.characters.bit_count() <= _MOST_STOPS


def _captures(node: Node) -> bool:
    return any(isinstance(at, Capture) for at in walk(node))


def _size(node: Node) -> int:
    return len(walk(node))
