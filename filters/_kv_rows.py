"""Pairs of texts that have the same keys in the same order, as logs of one kind do: an expression
for just these keys, learned from the texts.

The one hard idea: where it is known which keys come and which of their values stand in quotes, one
match takes all values at once, and neither looks for a splitter twice nor makes the keys anew. What
it matches is what the scanner finds: a value in quotes goes up to the next quote, which the end of
the pair follows; one without begins with no quote or bracket, and goes up to the next field
splitter; nothing is empty, and there is no backslash. Any other text is left to the scanner.

Few rows are known at a time, the latest one first, and only so many are ever learned: where every
text has other keys, nothing is won.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from ._kv_scanner import Splitters, literal_characters

_MOST_KNOWN = 4
_MOST_LEARNED = 64
_MOST_SEEN = 256
_MOST_MISSES = 512
_SELDOM = 16
"""After so many texts of which nothing was learned, one of sixteen is looked at: to look costs as
much as to find the pairs.
"""
_MOST_KEYS = 200
"""A row of more keys is not learned: its expression would take long to compile."""

_Row = tuple[tuple[str, ...], tuple[str, ...]]
"""The keys, and what each value stands in: the character that begins it, or nothing."""


class _Known(NamedTuple):
    """A row: what matches texts that have it, and its keys."""

    fullmatch: Callable[[str], re.Match[str] | None]
    keys: tuple[str, ...]


class Rows:
    """The rows of keys that texts have had."""

    def __init__(self, field: str, value: str, splitters: Splitters) -> None:
        """``field`` and ``value``: the characters that split."""
        self._field, self._value, self._lenient = field, value, splitters.lenient
        self._quotes = dict(splitters.quotes)
        self._known: list[_Known] = []
        self._seen: set[_Row] = set()
        self._left = _MOST_LEARNED
        self._misses = 0

    def find(self, text: str) -> dict[str, str] | None:
        """The pairs of a text whose row is known; None for any other."""
        if "\\" in text:
            return None
        for place, (fullmatch, keys) in enumerate(self._known):
            match = fullmatch(text)
            if match is not None:
                if place:
                    self._known.insert(0, self._known.pop(place))
                return dict(zip(keys, match.groups(), strict=True))
        return None

    def learn(self, text: str, found: Mapping[str, str | list[str]]) -> None:
        """Know the row of a text from now on, if it comes for the second time. ``found`` is what
        the scanner finds in it, a list where a key comes again.
        """
        self._misses += 1
        if self._misses > _MOST_MISSES and self._misses % _SELDOM:
            return
        if not self._left or "\\" in text:
            return
        row = self._row(text, found)
        if row is None:
            return
        if row not in self._seen:
            if len(self._seen) >= _MOST_SEEN:
                self._seen.clear()
            self._seen.add(row)
            return
        fullmatch = re.compile(self._expression(row), re.DOTALL).fullmatch
        if fullmatch(text) is None:
            return  # a value that is empty, or a blank before one
        self._left -= 1
        self._misses = 0
        self._seen.discard(row)
        self._known.insert(0, _Known(fullmatch, row[0]))
        del self._known[_MOST_KNOWN:]

    def _row(self, text: str, found: Mapping[str, str | list[str]]) -> _Row | None:
        """The row of a text; None where it is out of the ordinary."""
        marks: list[str] = []
        at = 0
        for key, value in found.items():
            at = self._behind_splitters(text, at)
            start = at + len(key) + 1
            if type(value) is not str or not text.startswith(key, at):
                return None
            mark = text[start : start + 1]
            written = value
            if mark in self._quotes:
                written = f"{mark}{value}{self._quotes[mark]}"
            else:
                mark = ""
            if not text.startswith(written, start):
                return None
            marks.append(mark)
            at = start + len(written)
        ends = self._behind_splitters(text, at) == len(text)
        usual = ends and 0 < len(marks) <= _MOST_KEYS
        return (tuple(found), tuple(marks)) if usual else None

    def _behind_splitters(self, text: str, at: int) -> int:
        """The first place from there on that is not a field splitter."""
        while at < len(text) and text[at] in self._field:
            at += 1
        return at

    def _expression(self, row: _Row) -> str:
        """What texts of a row match: as little of each as the scanner would take."""
        between = f"{_any_of(self._field)}++"
        pairs = f"{between}".join(self._pairs(row))
        return f"{_any_of(self._field)}*+{pairs}{_any_of(self._field)}*+"

    def _pairs(self, row: _Row) -> Iterator[str]:
        openings = "".join(self._quotes)
        blank = " " if self._lenient else ""
        first, rest = _none_of(f"{self._field}{openings}{blank}"), _none_of(self._field)
        for key, mark in zip(*row, strict=True):
            value = f"({first}{rest}*+)"
            if mark:
                closing = self._quotes[mark]
                value = f"{re.escape(mark)}({_none_of(closing)}++){re.escape(closing)}"
            yield f"{re.escape(key)}{_any_of(self._value)}{value}"


def rows(splitters: Splitters) -> Rows | None:
    """The rows of texts with these splitters; None where they are not just some characters."""
    if splitters.by_pattern:
        return None
    field, value = literal_characters(splitters.field), literal_characters(splitters.value)
    if not field or not value:
        return None
    marks = {*"\\", *dict(splitters.quotes), *dict(splitters.quotes).values()}
    is_plain = len({*field, *value} & marks) == 0 and not {*field} & {*value}
    return Rows(field, value, splitters) if is_plain else None


def _any_of(characters: str) -> str:
    return f"[{re.escape(characters)}]"


def _none_of(characters: str) -> str:
    return f"[^{re.escape(characters)}]"
