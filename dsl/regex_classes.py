"""The sets in brackets of Ruby's regular expressions: ranges, classes in classes, ``&&``, POSIX
classes.

Two rules that Python does not have: a bracket inside is a set inside (``[a-z[0-9]]``), and ``&&``
binds weakest (``[a-z&&[^aeiou]0]`` is the intersection of ``a-z`` with all that follows).
"""

from __future__ import annotations

import re

from .regex_escapes import Cursor, named_set, read_escape
from .regex_tree import Node, Set, Text, both, either, neither

_POSIX = re.compile(r"\[:(\^?)(\w{1,20}):\]")
_EMPTY = Set(())


def read_set(cursor: Cursor, charset: str) -> Node:
    """The set whose opening bracket has just been read, up to and with its closing bracket."""
    start = cursor.position - 1
    negated = cursor.take("^")
    if cursor.starts("]") and "]" not in cursor.text[cursor.position + 1 :]:
        cursor.fail("the character class is empty", start)
    found: Node | None = None
    part: Node = _EMPTY
    first = True
    while first or not cursor.take("]"):
        if not cursor.peek():
            cursor.fail("the character class is not closed: add `]`", start)
        if not first and cursor.take("&&"):
            found, part = _meet(found, part), _EMPTY
        else:
            part = either(part, _member(cursor, charset))
        first = False
    found = _meet(found, part)
    return neither(found) if negated else found


def _meet(found: Node | None, part: Node) -> Node:
    return part if found is None else both(found, part)


def _member(cursor: Cursor, charset: str) -> Node:
    low = _one(cursor, charset)
    if not isinstance(low, str) or not cursor.starts("-") or cursor.peek(1) in ("]", "", "["):
        return _as_set(low)
    if cursor.text.startswith("-&&", cursor.position):
        return _as_set(low)
    start = cursor.position
    cursor.position += 1
    high = _one(cursor, charset)
    if not isinstance(high, str):
        return either(either(_as_set(low), _as_set("-")), high)
    if high < low:
        cursor.fail(f"the range {low}-{high} is reversed", start)
    return Set(((ord(low), ord(high)),))


def _one(cursor: Cursor, charset: str) -> str | Node:
    """One member: a character, or a set."""
    if posix := cursor.take_match(_POSIX):
        return _posix(cursor, posix, charset)
    if cursor.take("["):
        return read_set(cursor, charset)
    character = cursor.peek()
    cursor.position += 1
    if character != "\\":
        return character
    if cursor.take("b"):
        return "\b"
    escaped = read_escape(cursor, charset)
    if not isinstance(escaped, Text):
        return escaped
    return escaped.value if len(escaped.value) == 1 else _of_characters(escaped.value)


def _posix(cursor: Cursor, found: re.Match[str], charset: str) -> Node:
    members = named_set(found[2].lower(), charset)
    if members is None:
        cursor.fail(f"unknown character class {found[2]!r}", found.start())
    return neither(members) if found[1] else members


def _as_set(member: str | Node) -> Node:
    return Set(((ord(member), ord(member)),)) if isinstance(member, str) else member


def _of_characters(text: str) -> Node:
    members: Node = _EMPTY
    for character in text:
        members = either(members, _as_set(character))
    return members
