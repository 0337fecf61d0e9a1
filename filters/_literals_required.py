"""Words that a text must hold to be matched by a regular expression.

Trying a thousand patterns on a text is dear, asking whether it holds a word is cheap: most patterns
name words that they need, and are skipped where one is missing. The words are read off the pattern
as written, without compiling it. Where the reader is in doubt it finds nothing, and the pattern is
tried.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_TOKEN = re.compile(
    r"""[\w /,;:=%&@#"'!<>~-]+(?![*+?{])|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?:|\(\?P<\w+>|\(\?."""
    r"""|[*+?][?+]?|\{\d+(?:,\d*)?\}[?+]?|.""",
    re.DOTALL,
)

Words = tuple[str, ...]
"""Words in lower case, of which a text's lower case holds at least one if the pattern matches it.
"""


def needles(pattern: str) -> list[Words]:
    """What a text must hold, each of these, to be matched by the pattern."""
    tokens = _TOKEN.findall(pattern)
    found, end = _alternatives(tokens, 0)
    return found if end == len(tokens) else []


class Index:
    """Finds the patterns that may match a text: those that need a word that it holds, and those
    that need none.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        needed = [needles(pattern) for pattern in patterns]
        often = Counter(word for words in needed for word in {w for some in words for w in some})
        self._always: list[int] = []
        places: dict[str, list[int]] = {}
        for place, words in enumerate(needed):
            if not words:
                self._always.append(place)
            for word in min(
                words,
                key=lambda some: (max(often[w] for w in some), -min(map(len, some))),
                default=(),
            ):
                places.setdefault(word, []).append(place)
        self._by_gram: dict[str, list[tuple[str, list[int]]]] = {}
        for word, at in places.items():
            self._by_gram.setdefault(word[:3], []).append((word, at))

    def candidates(self, lower: str, grams: set[str]) -> list[int]:
        """The places of the patterns that may match a text, in order: its lower case, and
        ``grams_of`` that.
        """
        found = set(self._always)
        for gram in self._by_gram.keys() & grams:
            for word, places in self._by_gram[gram]:
                if word in lower:
                    found.update(places)
        return sorted(found)


def grams_of(lower: str) -> set[str]:
    """The parts of a text of one, two and three characters."""
    pairs = {lower[at : at + 2] for at in range(len(lower))}
    return {lower[at : at + 3] for at in range(len(lower))} | pairs | set(lower)


def _alternatives(tokens: list[str], at: int) -> tuple[list[Words], int]:
    """What a group needs, and the place of the bracket that closes it."""
    branches: list[list[Words]] = []
    while True:
        branch, at = _sequence(tokens, at)
        branches.append(branch)
        if at == len(tokens) or tokens[at] == ")":
            break
        at += 1
    if len(branches) == 1:
        return branches[0], at
    if not all(branches):
        return [], at
    best = [max(branch, key=lambda some: (min(map(len, some)), -len(some))) for branch in branches]
    return [tuple({word: None for some in best for word in some})], at


def _sequence(tokens: list[str], at: int) -> tuple[list[Words], int]:
    """What the sequence from here needs, and the place of the `|` or `)` that ends it."""
    found: list[Words] = []
    run = ""
    while at < len(tokens) and tokens[at] not in ("|", ")"):
        token = tokens[at]
        literal = _literal(token)
        inner: list[Words] = []
        if token[0] == "(":
            inner, at = _group(tokens, at)
        at += 1
        quantifier = tokens[at] if at < len(tokens) and _quantifies(tokens[at]) else ""
        at += bool(quantifier)
        if literal and not quantifier:
            run += literal
            continue
        if not quantifier.startswith(("*", "?", "{0")):
            run += literal
            found += inner
        if run:
            found.append((run,))
        run = ""
    return ([*found, (run,)] if run else found), at


def _group(tokens: list[str], at: int) -> tuple[list[Words], int]:
    """What a group needs, and the place of its closing bracket; a look-around needs nothing."""
    inner, end = _alternatives(tokens, at + 1)
    plain = tokens[at] in ("(", "(?:") or tokens[at].startswith("(?P<")
    return (inner if plain else []), end


def _quantifies(token: str) -> bool:
    return token[0] in "*+?" or (token[0] == "{" and len(token) > 1)


def _literal(token: str) -> str:
    """The text that a token stands for, in lower case, or nothing."""
    first = token[0]
    if first == "\\":
        return "" if token[1:].isalnum() else token[1:].lower()
    if first == "[":
        inside = set(token[1:-1].lower())
        return inside.pop() if len(inside) == 1 and not inside & {"^", "\\"} else ""
    return "" if first in "^$.()]{}|*+?" else token.lower()
