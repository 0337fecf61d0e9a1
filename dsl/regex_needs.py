"""What a text must hold to be matched by a regular expression, read off its tree.

To look for a text in another costs a twentieth of a match in vain, so that is what stands before a
search. A need is a clause: texts of which one must occur. All clauses must be met; where an
expression is a choice at heart, each of its branches has clauses of its own, and one branch must
have all of them met. Everything is on the safe side: too few needs, never too many.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from . import regex_tree as tree

Clause = tuple[str, ...]
Branch = tuple[Clause, ...]

_MOST_TEXTS = 8
_MOST_CLAUSES = 3
_MOST_BRANCHES = 64
_TELLING = 4


class _Known(NamedTuple):
    """All texts that a node can match, where they are few, and clauses that each match meets."""

    exact: Clause | None
    clauses: list[Clause]


def needs(node: tree.Node) -> tuple[Branch, ...]:
    """The branches of an expression, one of which must have all its clauses met; empty where any
    text may match.
    """
    branches = [_best(clauses) for clauses in _branched(node)]
    if not all(branches) or len(branches) > _MOST_BRANCHES:
        return ()
    return tuple(
        branch
        for place, branch in enumerate(branches)
        if not any(_is_weaker(other, branch, at < place) for at, other in enumerate(branches))
    )


def _is_weaker(one: Branch, other: Branch, is_first: bool) -> bool:
    """Whether a branch is met wherever another is (of two alike, the first one), which is then of
    no use.
    """
    if one == other:
        return is_first
    return all(any(_implies(more, less) for more in other) for less in one)


def exact_texts(node: tree.Node) -> Clause | None:
    """The texts that the expression stands for, if it is no more than a few texts: to be found is
    to match.
    """
    if any(isinstance(at, tree.At | tree.Look) for at in tree.walk(node)):
        return None
    return _known(node).exact


def code(branches: Sequence[Branch], text: str) -> str:
    """The needs as a Python expression over a variable."""
    tests = [" and ".join(_occurs(clause, text) for clause in branch) for branch in branches]
    if len(tests) == 1:
        return tests[0]
    return " or ".join(f"({test})" if " and " in test else test for test in tests)


def _occurs(clause: Clause, text: str) -> str:
    if len(clause) == 1:
        return f"{clause[0]!r} in {text}"
    return f"({' or '.join(f'{each!r} in {text}' for each in clause)})"


def _branched(node: tree.Node) -> list[list[Clause]]:
    """The clauses of each branch: of a choice, or of a sequence with a choice in it, the widest."""
    if isinstance(node, tree.Capture | tree.Atomic):
        return _branched(node.node)
    if isinstance(node, tree.Choice):
        return [clauses for branch in node.branches for clauses in _branched(branch)]
    common = _clauses(_known(node))
    if not isinstance(node, tree.Sequence):
        return [common]
    if max(map(_worth, common), default=0) >= _TELLING:
        return [common]
    wide = (item for item in node.items if _is_wide(item) and _known(item).exact is None)
    widest = max(map(_branched, wide), key=len, default=[])
    if len(widest) < 2 or any(max(map(_worth, clauses), default=0) < 2 for clauses in widest):
        return [common]  # single characters of branches tell no more than what is common to all
    return [[*clauses, *common] for clauses in widest]


def _is_wide(node: tree.Node) -> bool:
    while isinstance(node, tree.Capture | tree.Atomic):
        node = node.node
    return isinstance(node, tree.Choice | tree.Sequence)


def _best(clauses: Iterable[Clause]) -> Branch:
    """The clauses that tell most, those with long texts first."""
    worth = sorted(set(map(_shortest, clauses)), key=lambda clause: (-_worth(clause), clause))
    kept: list[Clause] = []
    for clause in worth:
        if len(kept) < _MOST_CLAUSES and not any(_implies(other, clause) for other in kept):
            kept.append(clause)
    return tuple(kept)


def _shortest(clause: Clause) -> Clause:
    """The clause without texts that hold another of it."""
    return tuple(
        text for text in clause if not any(text != each and each in text for each in clause)
    )


def _worth(clause: Clause) -> float:
    return min(map(len, clause)) / math.sqrt(len(clause))


def _implies(one: Clause, other: Clause) -> bool:
    """Whether a text that meets one clause meets the other as well."""
    return all(any(short in long for short in other) for long in one)


def _clauses(known: _Known) -> list[Clause]:
    exact = known.exact
    return [*known.clauses, exact] if exact and all(exact) else known.clauses


@lru_cache(maxsize=8192)
def _known(node: tree.Node) -> _Known:
    if isinstance(node, tree.Text):
        return _Known((node.value,), [])
    if isinstance(node, tree.Set):
        return _Known(_members(node), [])
    if isinstance(node, tree.Sequence):
        return _of_all(node.items)
    if isinstance(node, tree.Choice):
        return _of_either([_known(branch) for branch in node.branches])
    if isinstance(node, tree.Capture | tree.Atomic):
        return _known(node.node)
    if isinstance(node, tree.Repeat):
        return _of_repeated(node)
    return _Known(("",) if isinstance(node, tree.At | tree.Look) else None, [])


def _members(node: tree.Set) -> Clause | None:
    if node.names or node.negated:
        return None
    if sum(high - low + 1 for low, high in node.ranges) > _MOST_TEXTS:
        return None
    return tuple(chr(code) for low, high in node.ranges for code in range(low, high + 1))


def _of_repeated(node: tree.Repeat) -> _Known:
    inner = _known(node.node)
    if (node.low, node.high) == (1, 1):
        return inner
    if (node.low, node.high) == (0, 1):
        exact = None if inner.exact is None else tuple(dict.fromkeys((*inner.exact, "")))
        return _Known(exact, [])
    return _Known(None, _clauses(inner) if node.low else [])


def _of_either(branches: list[_Known]) -> _Known:
    if all(branch.exact is not None for branch in branches):
        texts = tuple(dict.fromkeys(text for branch in branches for text in branch.exact or ()))
        if len(texts) <= _MOST_TEXTS:
            return _Known(texts, [])
    best = [max(_clauses(branch), key=_worth, default=()) for branch in branches]
    texts = tuple(dict.fromkeys(text for clause in best for text in clause))
    return _Known(None, [texts] if all(best) and len(texts) <= 2 * _MOST_TEXTS else [])


def _of_all(items: Sequence[tree.Node]) -> _Known:
    """Texts that stand side by side are one."""
    run: Clause = ("",)
    clauses: list[Clause] = []
    is_exact = True
    for item in items:
        known = _known(item)
        clauses += known.clauses
        longer = _joined(run, known.exact)
        if longer is None:
            is_exact = False
            clauses.append(run)
            run = known.exact or ("",)
        else:
            run = longer
    if is_exact:
        return _Known(run, [clause for clause in clauses if all(clause)])
    return _Known(None, [clause for clause in (*clauses, run) if all(clause)])


def _joined(run: Clause, more: Clause | None) -> Clause | None:
    if more is None or len(run) * len(more) > _MOST_TEXTS:
        return None
    return tuple(dict.fromkeys("".join(pair) for pair in product(run, more)))
