r"""The scanner of kv: the pairs of a text, by one regular expression that no text makes explode.

A pair is a key, a value splitter, a value and a field splitter, where a backslash keeps the
character behind it from splitting and a value may stand in quotes or brackets. Written down as it
is said, `(\\.|[^= ])+` for a key, this takes exponential time: a run of backslashes can be cut into
escapes in very many ways, and all of them are tried where no splitter follows. Two things prevent
that, and change nothing of what is found:

- A run of backslashes is taken as a whole. Where it ends does not matter but in front of a splitter
  (or closing quote), and there only whether its last backslash escapes that: yes first, if their
  number is odd; no first, if it is even.
- Where no pair starts at a character of a key, none starts at the characters behind it either, up
  to where the key ends: so they are passed over as a whole, by the last branch of the expression.

Most texts have no quotes, brackets, backslashes or blanks beside the value splitter: those are cut
with ``str.split``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, partial

from ..dsl.regex import compile_kept as compile_ruby

Pair = tuple[str, str]
"""A key and a value; the value is empty where there is none."""

_LEAN, _FULL = 3, 4
"""How many groups an expression has without any of the user's: key, quoted, rest, and bare."""

QUOTES = (('"', '"'), ("'", "'"))
BRACKETS = (("(", ")"), ("[", "]"), ("<", ">"))


@dataclass(frozen=True, slots=True)
class Splitters:
    """What stands between pairs and between key and value, in Ruby's syntax: the inside of a
    character class or, with ``…_by_pattern``, an expression. ``lenient`` lets blanks stand around
    the value splitter.
    """

    field: str
    value: str
    field_by_pattern: bool = False
    value_by_pattern: bool = False
    lenient: bool = True
    quotes: tuple[tuple[str, str], ...] = QUOTES + BRACKETS

    @property
    def by_pattern(self) -> bool:
        """Whether an expression of the user's is matched at every character: how long that takes is
        not known.
        """
        return self.field_by_pattern or self.value_by_pattern


class Scanner:
    """Finds the pairs of texts. Raises RegexError where the splitters are none.

    ``cut(text)`` gives the pairs of a plain text as a dict, None for any other text; it is None
    where there is no such short cut.
    """

    def __init__(self, splitters: Splitters) -> None:
        writer = _Writer(splitters)
        self._plain = compile_ruby(writer.expression(escapes=False))
        self._write_escaped = partial(writer.expression, escapes=True)
        if not (literal_characters(splitters.field) and literal_characters(splitters.value)):
            self._escaped  # noqa: B018 - compiled here, so that what is wrong is told here
        self.cut = _cutter(splitters)

    @cached_property
    def _escaped(self) -> re.Pattern[str]:
        """The expression for texts with backslashes, which are seldom."""
        return compile_ruby(self._write_escaped())

    def pairs(self, text: str) -> list[Pair]:
        """The pairs of a text, in order."""
        pattern = self._escaped if "\\" in text else self._plain
        if pattern.groups == _LEAN:
            return [
                (key, rest or quoted[1:-1]) for key, quoted, rest in pattern.findall(text) if key
            ]
        if pattern.groups == _FULL:
            return [
                (key, bare or rest or quoted[1:-1])
                for key, bare, quoted, rest in pattern.findall(text)
                if key
            ]
        return _matched(pattern.finditer(text))

    def pairs_within(self, text: str, seconds: float) -> list[Pair]:
        """The pairs of a text, by a slower matcher that stops after a time; raises TimeoutError."""
        import regex  # type: ignore[import-untyped]

        pattern = regex.compile(self._escaped.pattern, regex.VERSION0 | regex.MULTILINE)
        return _matched(pattern.finditer(text, timeout=seconds))


def _matched(matches: Iterable[re.Match[str]]) -> list[Pair]:
    """The pairs of matches, among whose groups may be some of the user's."""
    groups = [match.group("kv_key", "kv_bare", "kv_quoted", "kv_rest") for match in matches]
    return [
        (key, bare or rest or (quoted or "")[1:-1]) for key, bare, quoted, rest in groups if key
    ]


def literal_characters(inside: str) -> str | None:
    """The characters that the inside of a character class stands for, None where it is more than a
    row of them.
    """
    if not re.fullmatch(r"(?:[^\\\[\]^&-]|\\[^\w\s])+", inside, re.ASCII | re.DOTALL):
        return None
    return re.sub(r"\\(.)", r"\1", inside)


def _cutter(splitters: Splitters) -> Callable[[str], dict[str, str] | None] | None:
    """The short cut, if the splitters are one character each."""
    field, value = literal_characters(splitters.field), literal_characters(splitters.value)
    if (
        splitters.by_pattern
        or not field
        or not value
        or field == value
        or len(field) + len(value) > 2
    ):
        return None
    signs = ["\\", *(opening for opening, _ in splitters.quotes)]
    if splitters.lenient and field != " ":
        signs += [" " + value, value + " "]

    def cut(text: str) -> dict[str, str] | None:
        for sign in signs:
            if sign in text:
                return None
        pairs = [part.split(value, 1) for part in text.split(field) if value in part]
        found: dict[str, str] = dict(pairs)
        if len(found) < len(pairs) or "" in found or "" in found.values():
            return None  # a key twice, or blanks around a value splitter
        return found

    return cut


class _Writer:
    """Writes the expression of a scanner. In its parts, ``k`` is a character of a key, ``b`` a
    backslash that is one.
    """

    backslash = r"\\"

    def __init__(self, splitters: Splitters) -> None:
        blanks = " *" if splitters.lenient else ""
        value = splitters.value if splitters.value_by_pattern else f"[{splitters.value}]"
        field = splitters.field if splitters.field_by_pattern else f"[{splitters.field}]"
        self.splitters = splitters
        self.value = f"{blanks}(?:{value}){blanks}"
        self.end = f"(?:(?:{field})|$)"
        self.before_field = f"(?!{field})"
        self.openings = "".join(re.escape(opening) for opening, _ in splitters.quotes)
        self.k = f"[^{splitters.value}{splitters.field}]"
        self.quotes_split = any(
            compile_ruby(field).match(opening) for opening, _ in splitters.quotes
        )
        self.escapes_split = not splitters.by_pattern and not compile_ruby(self.k).match("\\")
        if splitters.by_pattern:
            self.k = f"(?:(?!{self.value}|{field}).)"

    def expression(self, escapes: bool) -> str:
        """A pair, or what is passed over. ``escapes``: for texts with backslashes."""
        quoted = "|".join(_quoted(*quote, escapes) for quote in self.splitters.quotes)
        values = [
            f"(?<kv_quoted>{quoted}){self.end}",
            f"{self._bare('kv_rest', escapes, quotes=True)}{self.end}",
        ]
        # Where no backslash counts and no quote splits, a value without quotes is what is left.
        if escapes or self.quotes_split or self.splitters.by_pattern:
            values.insert(0, f"{self._bare('kv_bare', escapes, quotes=False)}{self.end}")
        key = self._key(escapes)
        passed_over = f"{self.k}++" if self.escapes_split else f"{key}+"
        return f"(?<kv_key>{key}){self.value}(?:{'|'.join(values)})|{passed_over}"

    def _bare(self, name: str, escapes: bool, quotes: bool) -> str:
        """A value up to the next field splitter, or nothing; ``quotes``: whether it may start with
        one.
        """
        if self.splitters.field_by_pattern:
            one = rf"(?:{self.before_field}(?:\\.|.))" if escapes else f"(?:{self.before_field}.)"
            start = "" if quotes else f"(?![{self.openings}])"
            return f"{start}(?<{name}>{one}++)?"
        one = f"[^{self.splitters.field}]"
        rest = rf"(?:{_without(one, self.backslash)}++|\\.|{one})*+" if escapes else f"{one}*+"
        if quotes:
            return f"(?<{name}>{rest})"
        if escapes or self.quotes_split:
            return f"(?![{self.openings}])(?<{name}>{rest})"
        return f"(?<{name}>{_without(one, self.openings)}{rest})?"

    def _key(self, escapes: bool) -> str:
        if not escapes:
            return f"(?>{self.k}+)"
        if self.escapes_split:
            return rf"(?:\\.|{self.k})+"
        k, b, rest = self.k, rf"(?:(?=\\){self.k})", rf"(?:(?!\\){self.k})"
        if not self.splitters.by_pattern:
            b, rest = self.backslash, _without(k, self.backslash)
        goes_on = rf"(?:{k}|\n|\z)"
        splits = rf"(?:{b}{b})++(?!{goes_on})|{b}++(?!{goes_on}).|{b}++(?!{goes_on})"
        return rf"(?:{rest}++|{b}++(?={goes_on})|{splits})+"


def _without(one: str, characters: str) -> str:
    """A character class without some characters."""
    return f"[{one}&&[^{characters}]]"


def _quoted(opening: str, closing: str, escapes: bool) -> str:
    first, last = re.escape(opening), re.escape(closing)
    if not escapes:
        return f"{first}[^{last}]*+{last}"
    runs = rf"\\++(?!{last})|(?:\\\\)++(?={last})|\\++{last}|\\++(?={last})"
    return rf"{first}(?:[^{last}\\]++|{runs})*{last}"
