"""Texts made from expressions: such as they match, and near misses."""
from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from penstock.dsl import regex_sets as sets
from penstock.dsl.regex_tree import (
    Atomic,
    Capture,
    Choice,
    Dot,
    Folded,
    Node,
    Repeat,
    Sequence,
    Set,
    Text,
)

Say = Callable[[Node, random.Random], str]
Spoil = Callable[[str, random.Random], str]

ODD = ' -.:/"[]()\t\n\\,;aZ05é_=%<>|@+'


def said(node: Node, chance: random.Random) -> str:
    """A text that the node matches, or nearly: what it looks for around itself is left out of account."""
    if isinstance(node, Text):
        return node.value
    if isinstance(node, Set):
        return "-" if node.negated else a_member(node.ranges or sets.span("az"), chance)
    if isinstance(node, Dot):
        return chance.choice(ODD)
    if isinstance(node, Sequence):
        return "".join([said(item, chance) for item in node.items])
    if isinstance(node, Choice):
        return said(chance.choice(node.branches), chance)
    if isinstance(node, Repeat):
        most = min(node.low + 6, node.low + 6 if node.high is None else node.high)
        return "".join([said(node.node, chance) for _ in range(chance.randint(node.low, most))])
    return said(node.node, chance) if isinstance(node, Capture | Atomic | Folded) else ""


def a_member(ranges: sets.Ranges, chance: random.Random) -> str:
    low, high = chance.choice(ranges)
    first = min(max(low, 0x20), high)
    return chr(chance.randint(first, max(first, min(high, 0x17F))))


def spoilt(text: str, chance: random.Random) -> str:
    """A near miss: characters lost, doubled or exchanged."""
    for _ in range(chance.randint(1, 3)):
        at = chance.randint(0, len(text))
        put = chance.choice(("", chance.choice(ODD), text[at : at + 3] * 2))
        text = text[:at] + put + text[at + chance.randint(0, 1) :]
    return text


@pytest.fixture(scope="session")
def say() -> Say:
    """``say(node, chance)``: a text that an expression's tree matches, or nearly."""
    return said


@pytest.fixture(scope="session")
def spoil() -> Spoil:
    """``spoil(text, chance)``: a near miss of the text."""
    return spoilt
