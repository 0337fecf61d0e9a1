"""Which of many grok expressions may match a text, without trying each.

Expressions that start with a text of their own (``^sshd: …``) stand in a table by that text; of the others, those are passed over
that need a text which is not there. The order of the expressions is kept, so the first to match is the one that matched before.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ..dsl.grok import Expression

_LEAST = 4
_LITERAL = re.compile(r"\\([^A-Za-z0-9])|([^\\.^$*+?{}\[\]|()])")

Choose = Callable[[str], Sequence[int]]


def chooser(expressions: Sequence[Expression]) -> Choose | None:
    """The function that gives the places of the expressions that may match a text; None where trying each is as good."""
    if len(expressions) < _LEAST:
        return None
    prefixed: dict[str, list[int]] = {}
    others: list[tuple[str, int]] = []
    for place, expression in enumerate(expressions):
        prefix = literal_prefix(expression)
        if prefix:
            prefixed.setdefault(prefix, []).append(place)
        else:
            others.append((expression.required or "", place))
    return _chosen(prefixed, sorted({len(prefix) for prefix in prefixed}), others, range(len(expressions)))


def _chosen(
    prefixed: dict[str, list[int]], lengths: list[int], others: list[tuple[str, int]], everything: Sequence[int]
) -> Choose:
    def choose(text: str) -> Sequence[int]:
        if "\n" in text:
            return everything  # an expression may start on any of its lines
        places = [place for required, place in others if required in text]
        for length in lengths:
            found = prefixed.get(text[:length])
            if found is not None:
                places += found
        places.sort()
        return places

    return choose


def literal_prefix(expression: Expression) -> str:
    """The text with which every match of an anchored expression begins; nothing where there is none."""
    pattern = expression.pattern.pattern
    if expression.anchor is None or _has_alternatives(pattern):
        return ""
    at = 2 if pattern.startswith("\\A") else 1 if pattern.startswith("^") else None
    prefix = ""
    while at is not None and (match := _LITERAL.match(pattern, at)) is not None:
        at = match.end()
        if pattern[at : at + 1] in ("*", "+", "?", "{"):
            break
        prefix += match[1] or match[2]
    return prefix


def _has_alternatives(pattern: str) -> bool:
    """Whether there is a ``|`` outside of all groups."""
    bare = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "", pattern, flags=re.DOTALL)
    while (less := re.sub(r"\([^()]*\)", "", bare)) != bare:
        bare = less
    return "|" in bare
