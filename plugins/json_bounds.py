"""How deep and how large a JSON text may be, found out before it is read: what it becomes takes many times its length.

Texts that are too short to be over a bound are not looked at. Of longer ones brackets and commas are counted, wherever they stand;
only where those are enough to be over a bound, strings are taken out and it is looked at closely.
"""
from __future__ import annotations

import re
from typing import Any

_TEXT = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL), re.compile(r"[\[\]{}]")
_BYTES = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL), re.compile(rb"[\[\]{}]")
_OPENING = frozenset(("[", "{", b"[", b"{"))


class Bounds:
    """At most ``depth`` maps and lists in each other, and ``fields`` values in all of them. Texts up to ``short`` keep them."""

    def __init__(self, depth: int, fields: int) -> None:
        self.depth, self.fields = depth, fields
        self.short = 2 * min(depth, fields)

    def check(self, text: Any) -> None:
        """Raise ValueError where a text (or bytes) is over a bound."""
        if len(text) <= self.short:
            return
        opened, values = _counted(text)
        if opened <= self.depth and values <= self.fields:
            return
        patterns: Any = _TEXT if isinstance(text, str) else _BYTES
        strings, brackets = patterns
        bare = strings.sub(text[:0], text)
        opened, values = _counted(bare)
        if values > self.fields:
            raise ValueError(f"the JSON holds more than {self.fields} values (penstock.limits.fields)")
        if opened > self.depth and _depth(brackets.findall(bare)) > self.depth:
            raise ValueError(f"the JSON nests more than {self.depth} deep (penstock.limits.depth)")


def _counted(text: Any) -> tuple[int, int]:
    """How many brackets are opened, and the most values that there can be: each stands behind one of them or a comma."""
    opening, comma = (("{", "["), ",") if isinstance(text, str) else ((b"{", b"["), b",")
    opened = sum(map(text.count, opening))
    return opened, opened + text.count(comma)


def _depth(brackets: list[Any]) -> int:
    depth = deepest = 0
    for bracket in brackets:
        depth += 1 if bracket in _OPENING else -1
        deepest = max(deepest, depth)
    return deepest
