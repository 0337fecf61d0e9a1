"""Ruby's own ways with text and numbers, where Logstash's filters lean on them.

Python's are near but not the same: its ``strip`` and ``split`` know other white space, its ``int``
takes no ``12abc``. Source: the documentation of Ruby's String class.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ..dsl.regex import compile_kept
from ..dsl.values import ruby_text

BLANK = "\t\n\v\f\r "
BLANK_AT_END = BLANK + "\0"
"""What Ruby takes for white space; at the end of a text ``strip`` takes off NUL, too."""

Substitute = str | Callable[[re.Match[str]], str]
"""What ``re.Pattern.sub`` puts in the place of a match."""

_INTEGER = re.compile(r"[+-]?\d+(?:_\d+)*", re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:\d+(?:_\d+)*)?(?:\.\d+(?:_\d+)*)?(?:(?<=\d)[eE][+-]?\d+)?", re.ASCII)
_WORD = re.compile(r"[^\t\n\v\f\r ]+")
_REFERENCE = re.compile(r"\\(?:k<([^>]*)>|(.)|\Z)", re.DOTALL)

pattern = compile_kept
"""A Ruby expression compiled; the latest thousand are kept. Raises RegexError."""


def to_i(text: str) -> int:
    """The integer that a string starts with, 0 if it starts with none; ``_`` may stand between
    digits.
    """
    if text.isdecimal() and text.isascii():
        return int(text)
    found = _INTEGER.match(text)
    return int(found[0]) if found else 0


def strip(text: str) -> str:
    """A text without white space at both ends, and NUL at its end, as JRuby strips it."""
    return text.lstrip(BLANK).rstrip(BLANK_AT_END)


def to_f(text: str) -> float:
    """The number that a text starts with, 0.0 if it starts with none."""
    try:
        number = float(text)
        if number - number == 0 and text.isascii():
            return number
    except ValueError:
        pass
    found = _FLOAT.match(text)
    digits = found[0] if found else ""
    return float(digits) if digits.strip("+-") else 0.0


to_s = ruby_text
"""A value as text: lists and maps in Ruby's notation, floats in JRuby's."""


def split(text: str, separator: str) -> list[str]:
    """The parts of a text without empty ones at the end; a blank splits at white space, nothing at
    every character.
    """
    if separator == " ":
        return _WORD.findall(text)
    parts = text.split(separator) if separator else list(text)
    while parts and not parts[-1]:
        parts.pop()
    return parts


def join(items: list[Any], separator: str) -> str:
    """The items of a list, and of lists in it, as one text; null is empty."""
    try:
        return separator.join(items)
    except TypeError:
        pass  # not all of them are texts
    return separator.join(
        [join(item, separator) if type(item) is list else to_s(item) for item in items]
    )


@lru_cache(maxsize=1024)
def substitute(pattern: re.Pattern[str], replacement: str) -> Substitute:
    r"""A replacement of gsub for ``pattern.sub``: ``\1``, ``\0``, ``\&``, ``\k<name>``, ``\\``, and
    ``\'`` or its opening twin for the text behind or before the match.

    A group without a match is empty, and so is a number without a group; raises LookupError for a
    name without one.
    """
    if "\\" not in replacement:
        return replacement
    parts: list[str | Callable[[re.Match[str]], str]] = []
    at = 0
    for found in _REFERENCE.finditer(replacement):
        parts += [replacement[at : found.start()], _referred(pattern, found)]
        at = found.end()
    parts.append(replacement[at:])
    filled = [part for part in parts if part != ""]

    def replaced(match: re.Match[str]) -> str:
        return "".join([part if isinstance(part, str) else part(match) for part in filled])

    return replaced


def _referred(
    pattern: re.Pattern[str], found: re.Match[str]
) -> str | Callable[[re.Match[str]], str]:
    """What one backslash of a replacement stands for."""
    name, sign = found[1], found[2]
    if name is not None:
        return _group(int(name) if name.isdecimal() else _number(pattern, name), pattern)
    if sign is None or sign == "\\":
        return "\\"
    if sign == "&":
        return _group(0, pattern)
    if sign == "`":
        return lambda match: match.string[: match.start()]
    if sign == "'":
        return lambda match: match.string[match.end() :]
    return _group(int(sign), pattern) if sign in "0123456789" else found[0]


def _number(pattern: re.Pattern[str], name: str) -> int:
    if name not in pattern.groupindex:
        raise LookupError(
            f"the replacement names the group `{name}`, which the expression does not have"
        )
    return pattern.groupindex[name]


def _group(number: int, pattern: re.Pattern[str]) -> str | Callable[[re.Match[str]], str]:
    return (lambda match: match[number] or "") if number <= pattern.groups else ""
