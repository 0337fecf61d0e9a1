"""Patterns of dates: `yyyy.MM.dd` cut into tokens, checked against the letters that its dialect
knows.

There are two dialects, close enough to be mistaken for each other: Joda-Time's (`%{+…}` and the
date filter) and that of java.time (`%{{…}}`). In both a run of one letter is a field whose length
says its form, text in quotes and all that is not an ASCII letter stands for itself, and two quotes
are one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from ..diagnostics import PenstockError


class PatternError(PenstockError, ValueError):
    """A pattern that means no date: what is wrong, at which offset of the pattern, and often what
    to write instead.
    """

    def __init__(self, message: str, position: int, help: str = "") -> None:
        super().__init__(message)
        self.message, self.position, self.help = message, position, help


class Token(msgspec.Struct, frozen=True):
    """A field (`letter`, repeated `count` times) or, where `letter` is empty, text that stands for
    itself.
    """

    letter: str
    count: int
    text: str
    position: int


JODA_LETTERS = frozenset("GCYxweEyDMdaKhHkmsSzZ")

_JODA_REMEDIES = {
    "u": "the year is yyyy",
    "L": "the month is M",
    "c": "the day of the week is e (number) or E (name)",
    "X": "write an offset as Z (+0100) or ZZ (+01:00); both accept any form, and `Z`",
    "V": "a zone's name is ZZZ",
    "O": "an offset is Z (+0100) or ZZ (+01:00)",
    "n": "a fraction of a second is S",
    "N": "a fraction of a second is S",
    "f": "a fraction of a second is S",
    "A": "milliseconds are SSS",
    "T": "put text in quotes: 'T'",
    "W": "the week of the year is w",
    "b": "a month's name is MMM or MMMM",
    "B": "morning and afternoon are a; a month's name is MMM or MMMM",
    "i": "minutes are mm",
    "p": "morning and afternoon are a",
}

_JAVA_REMEDIES = {
    "C": "a century has no letter; the year is uuuu",
    "P": "morning and afternoon are a",
    "T": "put text in quotes: 'T'",
    "U": "the year is uuuu",
    "f": "a fraction of a second is S",
    "i": "minutes are mm",
}

# How often a letter of java.time may stand: its forms by length.
JAVA_COUNTS: Mapping[str, frozenset[int]] = {
    **{letter: frozenset(range(1, 20)) for letter in "uyYgAnN"},
    **{letter: frozenset(range(1, 6)) for letter in "GEMLQqeXxZ"},
    **{letter: frozenset({1, 2}) for letter in "dHhKkmsw"},
    **{letter: frozenset({1}) for letter in "aFW"},
    "S": frozenset(range(1, 10)),
    "B": frozenset({1, 4, 5}),
    "D": frozenset({1, 2, 3}),
    "c": frozenset({1, 3, 4, 5}),
    "V": frozenset({2}),
    "v": frozenset({1, 4}),
    "O": frozenset({1, 4}),
    "z": frozenset({1, 2, 3, 4}),
}


def _is_letter(char: str) -> bool:
    return char.isascii() and char.isalpha()


def _run(pattern: str, at: int) -> int:
    """Where the run of the letter at `at` ends."""
    end = at + 1
    while end < len(pattern) and pattern[end] == pattern[at]:
        end += 1
    return end


def _quoted(pattern: str, at: int) -> tuple[str, int, bool]:
    """The text in the quotes that open at `at`, where they end, and whether they are closed at
    all.
    """
    text, end = [], at + 1
    while end < len(pattern):
        if pattern[end] != "'":
            text.append(pattern[end])
        elif pattern.startswith("''", end):
            text.append("'")
            end += 1
        else:
            return "".join(text), end + 1, True
        end += 1
    return "".join(text), end, False


def _cut(pattern: str, strict: bool) -> Iterator[Token]:
    """The tokens of a pattern; `strict` refuses quotes that are not closed."""
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if _is_letter(char):
            end = _run(pattern, at)
            yield Token(char, end - at, pattern[at:end], at)
        elif pattern.startswith("''", at):
            end = at + 2
            yield Token("", 1, "'", at)
        elif char == "'":
            text, end, closed = _quoted(pattern, at)
            if strict and not closed:
                raise PatternError("a quote is not closed", at, "write '' for a literal quote")
            yield Token("", 1, text, at)
        else:
            end = at + 1
            yield Token("", 1, char, at)
        at = end


def _merged(tokens: Iterator[Token]) -> list[Token]:
    """Tokens with neighbouring texts made one."""
    merged: list[Token] = []
    for token in tokens:
        if not token.letter and merged and not merged[-1].letter:
            last = merged.pop()
            token = Token("", 1, last.text + token.text, last.position)
        merged.append(token)
    return merged


def _refuse(token: Token, dialect: str, help_texts: Mapping[str, str]) -> None:
    help = help_texts.get(token.letter, f"put text in quotes: '{token.text}'")
    raise PatternError(
        f"`{token.letter}` is not a letter of {dialect} patterns", token.position, help
    )


def joda_tokens(pattern: str) -> list[Token]:
    """The tokens of a Joda-Time pattern; raises PatternError.

    Source: the reference of org.joda.time.format.DateTimeFormat.
    """
    if not pattern:
        raise PatternError("the pattern is empty", 0, "such as yyyy-MM-dd HH:mm:ss")
    tokens = _merged(_cut(pattern, strict=False))
    for token in tokens:
        if token.letter and token.letter not in JODA_LETTERS:
            _refuse(token, "Joda-Time", _JODA_REMEDIES)
    return tokens


def java_tokens(pattern: str) -> list[Token]:
    """The tokens of a java.time pattern; raises PatternError.

    Brackets, which make a part optional, are dropped: an instant has every field. A token `p` pads
    the one after it. Source: the reference of java.time.format.DateTimeFormatter.
    """
    depth, tokens = 0, []
    for token in _cut(pattern, strict=True):
        if token.letter:
            _check_java(token)
        elif not pattern.startswith("'", token.position):
            depth += _nesting(token, depth)
            if token.text in "[]":
                continue
        tokens.append(token)
    tokens = _merged(iter(tokens))
    for place, token in enumerate(tokens, 1):
        following = tokens[place].letter if place < len(tokens) else ""
        if token.letter == "p" and following in ("", "p"):
            raise PatternError(
                "the padding letter `p` must be followed by a field",
                token.position,
                "write it before a letter, as in ppH",
            )
    return tokens


def _check_java(token: Token) -> None:
    if token.letter == "p":
        return
    counts = JAVA_COUNTS.get(token.letter)
    if counts is None:
        _refuse(token, "java.time", _JAVA_REMEDIES)
    elif token.count not in counts:
        allowed = " or ".join(token.letter * n for n in sorted(counts)[:5])
        raise PatternError(
            f"`{token.text}` is not a valid form of `{token.letter}`",
            token.position,
            f"write {allowed}",
        )


def _nesting(token: Token, depth: int) -> int:
    """How a bare character changes the depth of brackets."""
    if token.text in "{}#":
        raise PatternError(
            f"`{token.text}` is reserved", token.position, f"put it in quotes: '{token.text}'"
        )
    if token.text == "]" and depth == 0:
        raise PatternError("a `]` has no matching `[`", token.position, "put it in quotes: ']'")
    return (token.text == "[") - (token.text == "]")
