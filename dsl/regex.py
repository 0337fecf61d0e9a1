"""Ruby's regular expressions on Python's ``re``: what ``=~``, gsub, kv, prune and grok are written
in.

An expression is parsed as Ruby parses it and written anew for Python, so that ``^`` and ``$`` are
line anchors, ``\\d`` and ``\\w`` are ASCII, ``\\b`` and the POSIX classes are Unicode, unknown
escapes are the character, and a named group silences the unnamed ones.
"""

from __future__ import annotations

import re
from functools import lru_cache

from .regex_escapes import RegexError
from .regex_parser import Parser
from .regex_tree import Call, Capture, Node, children, rebuilt, walk
from .regex_writer import Writer

__all__ = [
    "RegexError",
    "compile",
    "compile_kept",
    "parsed",
    "translate",
    "without_calls",
    "written",
]


def translate(pattern: str) -> str:
    """A Ruby expression as text for ``re.compile(…, re.MULTILINE)``.

    A named group keeps its name if Python can have it; of several groups of one name the first
    does. Raises RegexError.
    """
    try:
        return written(parsed(pattern))
    except RecursionError:
        raise RegexError("the expression is nested too deeply", 0) from None


def parsed(pattern: str) -> Node:
    """A Ruby expression as a tree, without calls of groups; raises RegexError, or RecursionError
    where it is nested too deeply.
    """
    parser = Parser(pattern)
    node = parser.parse()
    return without_calls(node) if parser.calls else node


def written(node: Node) -> str:
    """A tree as text for ``re.compile(…, re.MULTILINE)``."""
    named = any(isinstance(at, Capture) and at.name is not None for at in walk(node))
    return Writer(unnamed=not named).write(node)


def compile(pattern: str) -> re.Pattern[str]:  # noqa: A001 - as re.compile, for Ruby
    """A Ruby expression, ready to match; raises RegexError with the place in the given text."""
    try:
        return re.compile(translate(pattern), re.MULTILINE)
    except (re.error, OverflowError, RecursionError) as error:
        raise RegexError(str(error), 0) from error


compile_kept = lru_cache(maxsize=1024)(compile)
"""``compile``, of which the latest thousand are kept."""


def without_calls(node: Node) -> Node:
    """The tree with every ``\\g<name>`` replaced by the group's expression; what that matches is
    not captured.

    Raises RegexError where a group calls itself.
    """
    return _resolved(node, _groups(node), ())


def _groups(node: Node) -> dict[str, Node]:
    found: dict[str, Node] = {}
    pending = [node]
    while pending:
        at = pending.pop()
        if isinstance(at, Capture) and at.name is not None:
            found[at.name] = at.node
        pending.extend(children(at))
    return found


def _resolved(node: Node, groups: dict[str, Node], inside: tuple[str, ...]) -> Node:
    if isinstance(node, Call):
        if node.name in inside:
            raise RegexError(f"\\g<{node.name}>: recursive groups are not supported", node.position)
        if node.name in groups:
            return _uncaptured(_resolved(groups[node.name], groups, (*inside, node.name)))
    if isinstance(node, Capture) and node.name is not None:
        inside = (*inside, node.name)
    return rebuilt(node, lambda child: _resolved(child, groups, inside))


def _uncaptured(node: Node) -> Node:
    return _uncaptured(node.node) if isinstance(node, Capture) else rebuilt(node, _uncaptured)
