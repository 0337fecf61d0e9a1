"""What a backslash means in Ruby's regular expressions, where it means the same inside and outside
of a set.

Either a text (``\\t``, ``\\x41``, ``\\u{61 62}``, or a character whose escape means nothing: the
character) or a set (``\\d``, ``\\p{Alpha}``).
"""

from __future__ import annotations

import re
from typing import NoReturn

from . import regex_sets as sets
from .diagnostics import PenstockError
from .regex_sets import Ranges
from .regex_tree import Node, Set, Text, neither


class RegexError(PenstockError):
    """An expression that Ruby would refuse, or that cannot be said in Python; ``position`` is
    where, in its text.
    """

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


class Cursor:
    """A place in the text of an expression, moved on by whoever reads."""

    __slots__ = ("position", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def peek(self, ahead: int = 0) -> str:
        """The next character (or a later one), or nothing at the end."""
        place = self.position + ahead
        return self.text[place : place + 1]

    def starts(self, text: str) -> bool:
        """Whether the text stands here."""
        return self.text.startswith(text, self.position)

    def take(self, text: str) -> bool:
        """Step over the text if it stands here."""
        if self.text.startswith(text, self.position):
            self.position += len(text)
            return True
        return False

    def take_match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Step over what the pattern matches here."""
        found = pattern.match(self.text, self.position)
        if found:
            self.position = found.end()
        return found

    def take_until(self, end: str, what: str, start: int) -> str:
        """Step over everything up to and with ``end``; gives what stood before it."""
        place = self.text.find(end, self.position)
        if place < 0:
            self.fail(f"{what} is not closed", start)
        found = self.text[self.position : place]
        self.position = place + len(end)
        return found

    def fail(self, message: str, position: int | None = None) -> NoReturn:
        """Raise RegexError for a place (default: here)."""
        raise RegexError(message, self.position if position is None else position)


_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "a": "\a", "e": "\x1b"}
_SHORTHANDS: dict[str, tuple[Ranges, str]] = {
    "d": (sets.DIGIT, "digit"),
    "w": (sets.WORD, "word"),
    "s": (sets.SPACE, "space"),
    "h": (sets.HEX, "xdigit"),
}
_PLAIN = {key: Set(ranges) for key, (ranges, _) in _SHORTHANDS.items()}
_PLAIN |= {key.upper(): Set(sets.complement(ranges)) for key, (ranges, _) in _SHORTHANDS.items()}

_HEX = re.compile(
    r"x\{([0-9A-Fa-f]{1,8})\}|x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{4})|u\{\s*([0-9A-Fa-f\s]+)\}"
)
_OCTAL = re.compile(r"[0-3]?[0-7]{1,2}")
_CONTROL = re.compile(r"c(\\?.)|C-(\\?.)", re.DOTALL)
_PROPERTY = re.compile(r"[pP]\{(\^?)([^}]*)\}")


def read_escape(cursor: Cursor, charset: str) -> Text | Node:
    """What the escape means whose backslash has just been read; the cursor is moved behind it.

    ``charset`` is ``d`` (``\\d \\w \\s`` are ASCII, properties Unicode), ``a`` (all ASCII) or ``u``
    (all Unicode).
    """
    start = cursor.position - 1
    letter = cursor.peek()
    if not letter:
        cursor.fail("the expression ends with a lone backslash", start)
    if letter in _PLAIN and charset != "u":
        cursor.position += 1
        return _PLAIN[letter]
    if letter in _PLAIN:
        cursor.position += 1
        found = named_set(_SHORTHANDS[letter.lower()][1], charset)
        assert found is not None
        return neither(found) if letter.isupper() else found
    if letter in "pP":
        return _property(cursor, charset, start)
    return Text(_character(cursor, letter, start))


def _character(cursor: Cursor, letter: str, start: int) -> str:
    if letter in _CONTROLS:
        cursor.position += 1
        return _CONTROLS[letter]
    if letter in "xu":
        return _code_point(cursor, letter, start)
    if letter in "01234567" and (octal := cursor.take_match(_OCTAL)):
        return chr(int(octal[0], 8))
    if letter in "cC" and (control := cursor.take_match(_CONTROL)):
        return chr(ord((control[1] or control[2])[-1]) & 0x1F)
    if letter in "cCM":
        cursor.fail(f"\\{letter} must be followed by a control character's letter", start)
    cursor.position += 1
    return letter


def _code_point(cursor: Cursor, letter: str, start: int) -> str:
    found = cursor.take_match(_HEX)
    if not found:
        cursor.fail(f"\\{letter} must be followed by hexadecimal digits", start)
    try:
        if found[2] and int(found[2], 16) >= 0x80:
            return _utf8(cursor, found[2])
        return "".join(
            chr(int(code, 16)) for code in (found[1] or found[2] or found[3] or found[4]).split()
        )
    except (ValueError, OverflowError):
        cursor.fail(f"{found[0]} is not a valid character", start)


def _utf8(cursor: Cursor, first: str) -> str:
    """Bytes written one by one (``\\xC3\\xA9``) are one character."""
    following = re.compile(r"(?:\\x[89ABab][0-9A-Fa-f]){1,3}").match(cursor.text, cursor.position)
    if following:
        data = bytes.fromhex(first + following[0].replace("\\x", ""))
        length = 2 + (data[0] >= 0xE0) + (data[0] >= 0xF0)
        try:
            character = data[:length].decode()
        except UnicodeDecodeError:
            return chr(int(first, 16))
        cursor.position += 4 * (length - 1)
        return character
    return chr(int(first, 16))


def _property(cursor: Cursor, charset: str, start: int) -> Node:
    found = cursor.take_match(_PROPERTY)
    if not found:
        cursor.fail(f"\\{cursor.peek()} must be followed by a class name in braces", start)
    members = named_set(re.sub(r"[-_\s]", "", found[2]).lower(), charset)
    if members is None:
        cursor.fail(f"unknown character class {found[2]!r}", start)
    negated = (found[0][0] == "P") != bool(found[1])
    return neither(members) if negated else members


def named_set(name: str, charset: str) -> Node | None:
    """The set of a POSIX class or Unicode property, None where none has the name."""
    if charset == "a" and name in sets.ASCII_CLASSES:
        return Set(sets.ASCII_CLASSES[name])
    if name in sets.NAMED:
        return Set((), frozenset((name,)))
    ranges = sets.unicode_class(name)
    return None if ranges is None else Set(ranges)
