"""What is known of an expression before it is matched: where it can be found, and what a text must
hold to be matched.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from ..regex_tree import (
    At,
    Atomic,
    Back,
    Call,
    Capture,
    Choice,
    Condition,
    Dot,
    Folded,
    Look,
    Node,
    Repeat,
    Sequence,
    Text,
    children,
    walk,
)
from .boundaries import can_be_empty

Anchor = Literal["start", "line start"]


def anchor(node: Node) -> Anchor | None:
    """Where alone the expression can be found: at the start of the text, or of a line."""
    dots = not any(isinstance(at, Back | Condition | Call) for at in walk(node))
    if _starts(node, ("start",), dots):
        return "start"
    return "line start" if _starts(node, ("start", "line start"), dots) else None


def _starts(node: Node, places: tuple[Anchor, ...], dots: bool) -> bool:
    """``dots``: a leading ``.*`` counts, since it takes all that stands before a later place as
    well.
    """
    if isinstance(node, Sequence):
        return bool(node.items) and _starts(node.items[0], places, dots)
    if isinstance(node, Choice):
        return all(_starts(branch, places, dots) for branch in node.branches)
    if isinstance(node, Capture | Folded):
        return _starts(node.node, places, dots)
    if isinstance(node, Repeat):
        return (
            dots
            and isinstance(node.node, Dot)
            and node.node.newlines
            and (node.low, node.high) == (0, None)
        )
    return isinstance(node, At) and node.place in places


def leading_text(node: Node) -> str:
    """The longest text known with which every match begins."""
    return _leading(node)[0]


def _leading(node: Node) -> tuple[str, bool]:
    """The text, and whether it is all that the node takes, so that what follows belongs to it as
    well.
    """
    if isinstance(node, Text):
        return node.value, True
    if isinstance(node, Sequence):
        text, whole = "", True
        for item in node.items:
            more, whole = _leading(item)
            text += more
            if not whole:
                break
        return text, whole
    if isinstance(node, Choice):
        branches = [_leading(branch) for branch in node.branches]
        texts = [text for text, _ in branches]
        return _common(texts), len(set(texts)) == 1 and all(whole for _, whole in branches)
    if isinstance(node, Capture | Atomic):
        return _leading(node.node)
    if isinstance(node, Repeat):
        text, whole = _leading(node.node)
        return (text, whole and node.high == 1) if node.low else ("", False)
    return "", isinstance(node, At | Look)


def required_text(node: Node) -> str | None:
    """The longest text that every match holds, None where none is known that is worth looking
    for.
    """
    longest = _required(node)[1]
    return longest if len(longest) > 1 else None


def _required(node: Node) -> tuple[str | None, str]:
    """The one text that the node matches, if it is one, and the longest that every match of it
    holds.
    """
    if isinstance(node, Text):
        return node.value, node.value
    if isinstance(node, Sequence):
        return _required_of_all(node.items)
    if isinstance(node, Choice):
        texts = {_required(branch)[1] for branch in node.branches}
        return None, texts.pop() if len(texts) == 1 else ""
    if isinstance(node, Capture | Atomic):
        return _required(node.node)
    if isinstance(node, Repeat):
        return None, _required(node.node)[1] if node.low else ""
    return "" if isinstance(node, At | Look) else None, ""


def _required_of_all(items: tuple[Node, ...]) -> tuple[str | None, str]:
    run, longest, exact = "", "", True
    for item in items:
        only, inside = _required(item)
        run = run + only if only is not None else ""
        exact = exact and only is not None
        longest = max(longest, run, inside, key=len)
    return run if exact else None, longest


def _common(texts: list[str]) -> str:
    """The text with which all of them begin."""
    first, last = min(texts), max(texts)
    length = next(
        (place for place, letter in enumerate(first) if letter != last[place]), len(first)
    )
    return first[:length]


def groups(node: Node, unnamed: bool, sure: bool = True) -> Iterator[tuple[bool, bool]]:
    """For each capturing group in the order of their numbers: does it take part in every match, and
    hold a character where it does? ``unnamed``: groups without a name capture too.
    """
    if isinstance(node, Capture) and (unnamed or node.name is not None):
        yield sure, not can_be_empty(node.node)
    passes = isinstance(node, Sequence | Capture | Atomic | Folded) or (
        isinstance(node, Repeat) and node.low > 0
    )
    for child in children(node):
        yield from groups(child, unnamed, sure and passes)


def least(node: Node, characters: str) -> int:
    """How many of some characters every match has outside of its named groups, at the least."""
    if isinstance(node, Text):
        return sum(map(node.value.count, characters))
    if isinstance(node, Choice):
        return min((least(branch, characters) for branch in node.branches), default=0)
    if isinstance(node, Repeat):
        return node.low * least(node.node, characters)
    is_named = isinstance(node, Capture) and node.name is not None
    if is_named or not isinstance(node, Sequence | Capture | Atomic | Folded):
        return 0
    return sum(least(child, characters) for child in children(node))
