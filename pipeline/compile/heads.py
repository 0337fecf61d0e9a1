"""Which maps of an event a condition cannot do without: where one is not there, the condition does
not hold, and need not be looked at.

Most events lack most of what a long row of conditions asks for. So the conditions of a loop that
need the same map stand together below one test of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import reduce

from ...dsl.program import (
    Both,
    Comparison,
    Condition,
    Constant,
    Either,
    Exists,
    Field,
    Match,
    Membership,
    Operand,
)
from ...dsl.reading import is_inline

_NONE: frozenset[str] = frozenset()


def heads(condition: Condition | None) -> frozenset[str]:
    """The keys of an event at each of which a map must stand if a condition is to hold."""
    if isinstance(condition, Both):
        return frozenset().union(*map(heads, condition.parts))
    if isinstance(condition, Either):
        return reduce(frozenset.intersection, map(heads, condition.parts))
    if isinstance(condition, Field | Exists):
        return _head(condition)
    if isinstance(condition, Match):
        return _head(condition.value)
    if isinstance(condition, Membership) and isinstance(condition.container, Constant):
        return _head(condition.value)
    if isinstance(condition, Comparison) and condition.operator != "!=":
        return _compared(condition.left, condition.right)
    return _NONE


def _compared(left: Operand, right: Operand) -> frozenset[str]:
    """Two fields are equal as well where neither is there."""
    if isinstance(left, Field) and isinstance(right, Field):
        return _NONE
    return _head(left) | _head(right)


def _head(operand: Operand | Exists) -> frozenset[str]:
    if isinstance(operand, Constant):
        return _NONE
    keys = operand.ref.keys
    return frozenset(keys[:1]) if len(keys) > 1 and is_inline(keys) else _NONE


def grouped(needed: Sequence[frozenset[str]]) -> list[tuple[str, list[int]]]:
    """The places of conditions that need maps, those together that need the same, each with its
    key; one that needs none is by itself, without a key. ``needed`` are the keys for each place.
    """
    counts = Counter(key for keys in needed for key in keys)
    groups: dict[tuple[str, int], list[int]] = {}
    for place, keys in enumerate(needed):
        key = max(sorted(keys), key=counts.__getitem__, default="")
        groups.setdefault((key, 0 if key else place), []).append(place)
    return [(key, places) for (key, _), places in groups.items()]
