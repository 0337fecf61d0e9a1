"""Strings: parts, characters and lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .comparison import raw
from .dispatch import define
from .errors import TypeError_
from .inspection import class_name, integer, text
from .objects import STRINGS, Proc, Regexp
from .patterns import LAST, search
from .searching import rindex
from .strings import on_text, plain

_WORD = re.compile(r"[^\t\n\v\f\r \0]+")


@plain("split")
def split(self: str, by: Any = None, limit: Any = 0, block: Proc | None = None) -> Any:
    """The parts between separators."""
    most = integer(limit)
    parts = _split(self, by, most)
    if most == 0:
        while parts and not parts[-1]:
            parts.pop()
    if block is None:
        return parts
    for part in parts:
        block.one(part)
    return self


def _split(value: str, by: Any, most: int) -> list[str]:
    if most == 1:
        return [value] if value else []
    if by is None or (type(by) in STRINGS and text(by) == " "):
        return _split_words(value, most)
    if not value:
        return []
    if type(by) in STRINGS:
        separator = text(by)
        if separator:
            return value.split(separator, most - 1 if most > 0 else -1)
        return list(value) if most <= 0 else _split_characters(value, most)
    if type(by) is not Regexp:
        raise TypeError_(f"wrong argument type {class_name(by)} (expected Regexp)")
    return _split_matches(value, by, most)


def _split_words(value: str, most: int) -> list[str]:
    if most <= 0:
        parts = _WORD.findall(value)
        return [*parts, ""] if most < 0 and value and value[-1] in "\t\n\v\f\r \0" else parts
    rest, parts = value.lstrip("\t\n\v\f\r \0"), []
    while rest and len(parts) < most - 1:
        found = _WORD.match(rest)
        assert found is not None
        parts.append(found[0])
        behind = rest[found.end() :]
        rest = behind.lstrip("\t\n\v\f\r \0")
        if behind and not rest:
            return [*parts, ""]
    return [*parts, rest] if rest else parts


def _split_characters(value: str, most: int) -> list[str]:
    head = list(value[: most - 1])
    return [*head, value[most - 1 :]] if len(value) >= most - 1 else head


def _split_matches(value: str, by: Regexp, most: int) -> list[str]:
    parts: list[str] = []
    start = 0
    for found in by.pattern.finditer(value):
        if most > 0 and len(parts) >= most - 1:
            break
        begin, end = found.span()
        if begin == end and (begin == start or begin == len(value)):
            continue
        parts.append(value[start:begin])
        parts += [group for group in found.groups() if group is not None]
        start = end
    parts.append(value[start:])
    return parts


@plain("partition")
def partition(self: str, by: Any) -> list[str]:
    """What is before, is, and is behind the first match."""
    if type(by) is Regexp:
        found = search(by, self)
        if found is None:
            return [self, "", ""]
        at = found.match
        return [self[: at.start()], at[0], self[at.end() :]]
    return list(self.partition(text(by)))


@plain("rpartition")
def rpartition(self: str, by: Any) -> list[str]:
    """What is before, is, and is behind the last match."""
    if type(by) is not Regexp:
        return list(self.rpartition(text(by)))
    place = rindex(self, by)
    if place is None:
        return ["", "", self]
    assert LAST.match is not None
    found = LAST.match.match
    return [self[: found.start()], found[0], self[found.end() :]]


@plain("chars")
def chars(self: str) -> list[str]:
    """The characters."""
    return list(self)


@plain("grapheme_clusters")
def grapheme_clusters(self: str) -> list[str]:
    """The characters as a reader sees them."""
    import regex  # type: ignore[import-untyped]

    return list(regex.findall(r"\X", self))


@plain("lines")
def lines(self: str, by: Any = "\n", chomp: Any = False) -> list[str]:
    """The lines, with their ends."""
    found = list(_lines(self, text(by)))
    if not chomp:
        return found
    return [line[:-2] if line.endswith("\r\n") else line.removesuffix(text(by)) for line in found]


def _lines(value: str, by: str) -> Iterator[str]:
    at = 0
    while at < len(value):
        end = value.find(by, at) if by else -1
        end = len(value) if end < 0 else end + len(by)
        yield value[at:end]
        at = end


@define("String", "each_line", enum=True)
def each_line(self: Any, by: Any = "\n", chomp: Any = False, block: Proc | None = None) -> Any:
    """Run a block for each line."""
    assert block is not None
    for line in lines(raw(self), by, chomp):
        block.one(line)
    return self


@define("String", "each_char", enum=True)
def each_char(self: Any, block: Proc) -> Any:
    """Run a block for each character."""
    for char in on_text(list)(self):
        block.one(char)
    return self
