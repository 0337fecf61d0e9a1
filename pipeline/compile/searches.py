"""How generated code looks for a regular expression in a text: whether it is there is all that a
condition asks, so that much of an expression need not be matched.

What leads anywhere (``^.*?``) or may as well be nothing (``.*`` at the end) is cut. An expression
that stands for a few texts is looked for as these texts; before any other, the texts are that it
needs. Where upper and lower case are one, they are looked for in a copy in lower case, of texts of
ASCII: others have characters more than one of which are the same letter.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from ...dsl import regex
from ...dsl.event import add_tag
from ...dsl.grok.boundaries import can_be_empty
from ...dsl.guard import TIMED_OUT, MatchTimeout
from ...dsl.reference import Event
from ...dsl.regex_needs import Clause, code, exact_texts, needs
from ...dsl.regex_tree import (
    At,
    Atomic,
    Back,
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
    sequence,
    walk,
)
from ...plugins.contract import complain

_MOST_TESTS = 12


class Search(msgspec.Struct, frozen=True):
    """What tells whether an expression is in a text: a test (with ``{v}`` for the text, and
    perhaps ``{folded}`` for a variable of its own) that holds wherever it is, if there is one, and
    the pattern to look for after that, None where the test says it all.
    """

    test: str | None
    pattern: re.Pattern[str] | None


@lru_cache(maxsize=1024)
def search_for(expression: str) -> Search:
    """How to look for an expression; raises RegexError."""
    try:
        node = regex.parsed(expression)
        whole = _cut(node)
        at, inner, end = _ends(whole)
        texts = exact_texts(inner)
        if texts is not None and (test := _as_texts(texts, at, end)) is not None:
            return Search(test, None)
        text = regex.written(whole) if whole is not node else regex.translate(expression)
        return Search(_needed(whole, at, inner), re.compile(text, re.MULTILINE))
    except (re.error, OverflowError, RecursionError):
        return Search(None, regex.compile(expression))


def _needed(whole: Node, at: bool, inner: Node) -> str | None:
    """The test of what is needed, None where it is nothing or costs too much."""
    if isinstance(whole, Folded):
        test = _tested(_lowered(whole.node), "\1") if whole.on else None
        return test and _braced(f"(not \0.isascii() or ((\1 := \0.lower()) and {test}))")
    first = inner.items[0] if isinstance(inner, Sequence) and inner.items else inner
    begins = exact_texts(first) if at else None
    if begins is not None and all(begins):
        return _as_texts(begins, True, False)
    test = _tested(whole, "\0")
    return test and _braced(test)


def _tested(node: Node, text: str) -> str | None:
    """The test of a variable for what is needed."""
    branches = needs(node)
    if not branches or sum(len(clause) for branch in branches for clause in branch) > _MOST_TESTS:
        return None
    test = code(branches, text)
    return f"({test})" if len(branches) > 1 else test


def _lowered(node: Node) -> Node:
    """An expression that matches a text in lower case wherever this one does, be it more."""
    if isinstance(node, Text) and node.value.isascii():
        return Text(node.value.lower())
    if isinstance(node, Sequence):
        return Sequence(tuple(map(_lowered, node.items)))
    if isinstance(node, Choice):
        return Choice(tuple(map(_lowered, node.branches)))
    if isinstance(node, Capture | Atomic | Repeat):
        return msgspec.structs.replace(node, node=_lowered(node.node))
    if isinstance(node, Folded) and node.on:
        return _lowered(node.node)
    return node if isinstance(node, At | Look) else Dot(newlines=True)


def _braced(test: str) -> str:
    return test.replace("{", "{{").replace("}", "}}").replace("\0", "{v}").replace("\1", "{folded}")


def _as_texts(texts: Clause, at: bool, end: bool) -> str | None:
    """A test of texts that are looked for at the start of a line, at its end, or anywhere."""
    if not all(texts) or (at and end) or any("\n" in text for text in texts):
        return None
    if at or end:
        method = "startswith" if at else "endswith"
        lines = ["\n" + text if at else text + "\n" for text in texts]
        wanted = repr(texts[0] if len(texts) == 1 else texts)
        others = code([(tuple(lines),)], "\0")
        return _braced(f'(\0.{method}({wanted}) or ("\\n" in \0 and {others}))')
    return _braced(code([(texts,)], "\0"))


def _ends(node: Node) -> tuple[bool, Node, bool]:
    """Whether an expression begins at a line's start, what stands between, and whether it ends at a
    line's end.
    """
    items = node.items if isinstance(node, Sequence) else (node,)
    at = bool(items) and isinstance(items[0], At) and items[0].place == "line start"
    items = items[1:] if at else items
    end = bool(items) and _is_line_end(items[-1])
    return at, sequence(items[:-1] if end else items), end


def _cut(node: Node) -> Node:
    """The expression without what changes nothing about whether it is found."""
    if not isinstance(node, Sequence) or any(isinstance(at, Back | Condition) for at in walk(node)):
        return node
    flat = sequence(node.items)
    items = list(flat.items) if isinstance(flat, Sequence) else []
    if len(items) > 1 and _is_line_end(items[-1]) and _takes_anything(items[-2]):
        items.pop()
    while len(items) > 1 and _takes_anything(items[-1]):
        items.pop()
    start = 1 if items and isinstance(items[0], At) and items[0].place == "line start" else 0
    dots = start
    while dots < len(items) and _takes_anything(items[dots]):
        dots += 1
    rest = sequence(items[dots:])
    if dots > start and items[dots:] and not can_be_empty(rest):
        return rest
    return sequence(items) if items else node


def _is_line_end(node: Node) -> bool:
    return isinstance(node, At) and node.place == "line end"


def _takes_anything(node: Node) -> bool:
    """Whether a node is ``.*`` or ``.*?``."""
    return (
        isinstance(node, Repeat)
        and isinstance(node.node, Dot)
        and (node.low, node.high) == (0, None)
        and node.mode != "possessive"
    )


def patient(
    search: Callable[[str], re.Match[str] | None], where: str
) -> Callable[[Event, str], bool]:
    """A search that finds nothing where it takes too long, and tags the event."""

    def look(event: Event, text: str) -> bool:
        try:
            return search(text) is not None
        except MatchTimeout as error:
            add_tag(event, TIMED_OUT)
            complain(
                where,
                "%s: %s; treated as no match, and the event is tagged %s",
                where,
                error,
                TIMED_OUT,
            )
            return False

    return look


Make = Callable[[float], Any]
"""Makes a search anew, with a number of seconds that a match may take, 0 for no limit."""
