"""Why a line does not match a grok expression: how far it gets, and the part that fails.

The expression is cut into its parts (texts, sets, groups, references); the longest row of parts
that is found in the line is what matched, the next part is what failed. If that part has parts
itself (a group, the definition of a named pattern) and some of them still match, the search goes on
inside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ...dsl.grok import GrokError, Library, compile_expression
from ...dsl.regex import RegexError

_QUANTIFIER = re.compile(r"(?:[*+?]|\{\d*,?\d*\})[?+]?")
_ESCAPE = re.compile(
    r"\\(?:[pP]\{[^}]*\}|[xu]\{[^}]*\}|x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{4}"
    r"|[kg](?:<[^>]*>|'[^']*')|.)",
    re.DOTALL,
)
_REFERENCE = re.compile(r"%\{([A-z0-9]+)[^}]*\}")
_GROUP = re.compile(r"\((?:\?(?:<[^=!>][^>]*>|'[^']*'|[imxadu-]*:|>))?")
_DEEPEST = 12


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an expression, with its quantifier if it has one."""

    text: str
    quantifier: str = ""

    @property
    def whole(self) -> str:
        """The part as it is written."""
        return self.text + self.quantifier

    @property
    def optional(self) -> bool:
        """Whether it may be missing."""
        return self.quantifier[:1] in ("?", "*") or self.quantifier.startswith(("{0", "{,"))


def alternatives(text: str) -> list[list[Part]]:
    """An expression as its alternatives, each a row of parts; neighbouring characters are one
    part.
    """
    found: list[list[Part]] = [[]]
    for part in _parts(text):
        if part.whole == "|":
            found.append([])
        elif found[-1] and _is_plain(part) and _is_plain(found[-1][-1]):
            found[-1][-1] = Part(found[-1][-1].text + part.text)
        else:
            found[-1].append(part)
    return found


def _is_plain(part: Part) -> bool:
    """Whether a part is characters that stand for themselves."""
    return (
        not part.quantifier
        and re.fullmatch(r"(?:[^\\\[\](){}|*+?.^$%]|\\[^\w\s]|%(?!\{))+", part.text) is not None
    )


def _parts(text: str) -> Iterator[Part]:
    at = 0
    while at < len(text):
        end = _end(text, at)
        quantifier = _QUANTIFIER.match(text, end) if text[at] not in "|^" else None
        stop = quantifier.end() if quantifier and quantifier[0] not in ("{}", "{,}") else end
        yield Part(text[at:end], text[end:stop])
        at = stop


def _end(text: str, at: int) -> int:
    """Where the part that begins at a place ends."""
    head = text[at]
    if head == "\\":
        escape = _ESCAPE.match(text, at)
        return escape.end() if escape else at + 1
    reference = _REFERENCE.match(text, at)
    if reference:
        return reference.end()
    if head == "[":
        return _closed(text, at, "[", "]")
    return _closed(text, at, "(", ")") if head == "(" else at + 1


def _closed(text: str, at: int, opening: str, closing: str) -> int:
    """The end of what a bracket opens; brackets in sets and behind backslashes do not count."""
    depth = 0
    while at < len(text):
        mark = text[at]
        if mark == "\\":
            at += 1
        elif mark == "[" and opening == "(":
            at = _closed(text, at, "[", "]") - 1
        elif mark == opening:
            depth += 1
        elif mark == closing:
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return len(text)


@dataclass(frozen=True, slots=True)
class Failure:
    """How far a line gets: it matches ``matched`` from ``start``, and what follows that to ``end``;
    then ``path`` fails, from the part at the top of the expression to the innermost, each as
    written.
    """

    start: int
    end: int
    matched: str
    path: tuple[str, ...]


def probe(text: str, line: str, library: Library) -> Failure:
    """How far a line gets that does not match."""
    return _Probe(line, library).furthest("", text, 0)


class _Probe:
    def __init__(self, line: str, library: Library) -> None:
        self.line, self.patterns = line, library
        self.found = lru_cache(maxsize=None)(self._found)

    def _found(self, text: str) -> tuple[int, int] | None:
        """Where an expression is found in the line."""
        try:
            match = compile_expression(text, self.patterns).find(self.line)
        except (GrokError, RegexError):
            return None
        return match.span() if match else None

    def furthest(self, before: str, text: str, depth: int) -> Failure:
        """How far the alternatives of an expression get, behind what matched before."""
        tries = [self.row(before, parts, depth) for parts in alternatives(text)]
        return max(
            tries, key=lambda failure: (failure.end, len(failure.matched), len(failure.path))
        )

    def row(self, before: str, parts: Sequence[Part], depth: int) -> Failure:
        low, high = 0, len(parts)
        while low < high:
            middle = (low + high + 1) // 2
            if self.found(before + "".join(part.whole for part in parts[:middle])):
                low = middle
            else:
                high = middle - 1
        matched = before + "".join(part.whole for part in parts[:low])
        start, end = self.found(matched) or (0, 0)
        if low == len(parts):
            return Failure(start, end, matched, ())
        failing = parts[low]
        inner = self.inside(matched, failing, depth)
        if inner is not None and inner.path and inner.end > end:
            if self.is_leaf(failing):
                return Failure(inner.start, inner.end, matched, (failing.whole,))
            return Failure(inner.start, inner.end, inner.matched, (failing.whole, *inner.path))
        return Failure(start, end, matched, (failing.whole,))

    def is_leaf(self, part: Part) -> bool:
        """Whether a part names a pattern that is made of no others: how it is made helps no one."""
        reference = _REFERENCE.fullmatch(part.text)
        pattern = self.patterns.find(reference[1]) if reference else None
        return pattern is not None and "%{" not in pattern.text

    def inside(self, before: str, part: Part, depth: int) -> Failure | None:
        """How far the line gets inside a part."""
        if depth >= _DEEPEST or part.optional:
            return None
        reference = _REFERENCE.fullmatch(part.text)
        if reference:
            pattern = self.patterns.find(reference[1])
            return self.furthest(before, pattern.text, depth + 1) if pattern else None
        group = _GROUP.match(part.text)
        if (
            group
            and part.text.endswith(")")
            and not part.text.startswith(("(?=", "(?!", "(?<=", "(?<!"))
        ):
            return self.furthest(before, part.text[group.end() : -1], depth + 1)
        if _is_plain(part) and len(part.text) > 1:
            characters = [Part(found[0]) for found in re.finditer(r"\\.|.", part.text, re.DOTALL)]
            return self.row(before, characters, _DEEPEST)
        return None
