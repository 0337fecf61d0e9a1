"""Strings: lists of characters, as ``tr``, ``delete``, ``squeeze`` and ``count`` take them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .errors import ArgumentError
from .inspection import text
from .strings import plain


@plain("tr")
def tr(self: str, old: Any, new: Any) -> str:
    """Characters put in the place of others."""
    return _translated(self, text(old), text(new), squeeze=False)


@plain("tr_s")
def tr_s(self: str, old: Any, new: Any) -> str:
    """As tr, and runs of one replaced character become one."""
    return _translated(self, text(old), text(new), squeeze=True)


def _translated(value: str, old: str, new: str, squeeze: bool) -> str:
    negated = len(old) > 1 and old[0] == "^"
    sources = _expanded(old[1:] if negated else old)
    targets = _expanded(new)
    made: list[str] = []
    last = ""
    for char in value:
        if (char in sources) == negated:
            made.append(char)
            last = ""
            continue
        at = len(targets) - 1
        if not negated:
            at = min(at, sources.index(char))
        into = targets[at] if targets else ""
        if not (squeeze and into and into == last):
            made.append(into)
        last = into
    return "".join(made)


def _expanded(given: str) -> str:
    """The characters of a list such as ``a-z0-9``."""
    made: list[str] = []
    at = 0
    while at < len(given):
        char = given[at]
        if char == "\\" and at + 1 < len(given):
            made.append(given[at + 1])
            at += 2
        elif at + 2 < len(given) and given[at + 1] == "-":
            low, high = ord(char), ord(given[at + 2])
            if low > high:
                raise ArgumentError(
                    f'invalid range "{char}-{given[at + 2]}" in string transliteration'
                )
            made += [chr(code) for code in range(low, high + 1)]
            at += 3
        else:
            made.append(char)
            at += 1
    return "".join(made)


def character_set(lists: tuple[Any, ...]) -> Callable[[str], bool]:
    """Whether a character is in all of several lists."""
    tests: list[tuple[str, bool]] = []
    for given in map(text, lists):
        negated = len(given) > 1 and given[0] == "^"
        tests.append((_expanded(given[1:] if negated else given), negated))
    return lambda char: all((char in chars) != negated for chars, negated in tests)


@plain("delete")
def delete(self: str, *lists: Any) -> str:
    """Without the characters of a list."""
    if not lists:
        raise ArgumentError("wrong number of arguments (given 0, expected 1+)")
    holds = character_set(lists)
    return "".join([char for char in self if not holds(char)])


@plain("squeeze")
def squeeze(self: str, *lists: Any) -> str:
    """Runs of one character become one."""
    holds = character_set(lists)
    return "".join([c for at, c in enumerate(self) if not (at and self[at - 1] == c and holds(c))])


@plain("count")
def count(self: str, *lists: Any) -> int:
    """How many characters are in a list."""
    if not lists:
        raise ArgumentError("wrong number of arguments (given 0, expected 1+)")
    return sum(map(character_set(lists), self))
