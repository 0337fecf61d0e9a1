"""Regular expressions: Regexp, MatchData, and the last match that ``$~`` and ``$1`` mean.

Expressions are compiled by the project's compiler of Ruby's expressions. The last match is kept for
each thread; a method that the code defines puts back what was there before.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from .. import regex as ruby_regex
from ..guard import MatchTimeout, signals_reach
from ..regex_writer import NO_SPACE
from .comparison import raw
from .dispatch import CONSTANTS, define, singleton
from .errors import RegexpError, TypeError_
from .inspection import class_name, integer, name_of, text
from .objects import STRINGS, MatchData, Proc, Regexp, Symbol

IGNORECASE, EXTENDED, MULTILINE = 1, 2, 4
CONSTANTS.update(
    {
        "Regexp::IGNORECASE": IGNORECASE,
        "Regexp::EXTENDED": EXTENDED,
        "Regexp::MULTILINE": MULTILINE,
    }
)


class LastMatch(threading.local):
    """The last match of a thread."""

    match: MatchData | None = None


LAST = LastMatch()


class TimedPattern:
    """A pattern that ends its matches itself, for threads that no signal reaches."""

    def __init__(self, pattern: re.Pattern[str], seconds: float) -> None:
        import regex  # type: ignore[import-untyped]

        source = pattern.pattern.replace(NO_SPACE, r"[^\t-\r ]")
        self._regex = regex.compile(source, regex.VERSION0 | regex.MULTILINE)
        self._seconds = seconds
        self.groups, self.groupindex = pattern.groups, pattern.groupindex

    def _timed(self, search: Callable[..., Any], *given: Any) -> Any:
        try:
            return search(*given, timeout=self._seconds)
        except TimeoutError:
            raise MatchTimeout(f"a match took longer than {self._seconds:g} s") from None

    def search(self, text: str, at: int = 0) -> Any:
        """The first match from a place on."""
        return self._timed(self._regex.search, text, at)

    def match(self, text: str, at: int = 0) -> Any:
        """The match at a place."""
        return self._timed(self._regex.match, text, at)

    def finditer(self, text: str) -> Iterator[Any]:
        """All matches."""
        at = 0
        while at <= len(text):
            found = self.search(text, at)
            if found is None:
                return
            yield found
            at = found.end() + (found.end() == found.start())


class Limits(threading.local):
    """How long a match may take in this thread, in seconds, where no signal ends it."""

    seconds: float = 0.0


LIMITS = Limits()

_NAME = re.compile(r"\(\?<([A-Za-z_]\w*)>")


@lru_cache(maxsize=2048)
def _compiled(source: str, options: int) -> Regexp:
    letters = "".join(
        letter
        for letter, bit in (("m", MULTILINE), ("i", IGNORECASE), ("x", EXTENDED))
        if options & bit
    )
    end = "\n)" if options & EXTENDED else ")"
    try:
        pattern = ruby_regex.compile(f"(?{letters}:{source}{end}" if letters else source)
    except ruby_regex.RegexError as error:
        raise RegexpError(f"{error}: /{source}/") from None
    names = tuple(dict.fromkeys(_NAME.findall(source)))
    return Regexp(source, options, pattern, names if pattern.groupindex else ())


@lru_cache(maxsize=2048)
def _timed(source: str, options: int, seconds: float) -> Regexp:
    made = _compiled(source, options)
    return Regexp(source, options, TimedPattern(made.pattern, seconds), made.named)


def regexp(source: str, options: int = 0) -> Regexp:
    """The expression of a source; raises RegexpError."""
    if LIMITS.seconds and not signals_reach():
        return _timed(source, options, LIMITS.seconds)
    return _compiled(source, options)


def pattern_of(value: Any) -> Regexp:
    """An argument that must be an expression or a string, which stands for itself."""
    if type(value) is Regexp:
        return value
    if type(value) in STRINGS:
        return regexp(escaped(text(value)))
    raise TypeError_(f"wrong argument type {class_name(value)} (expected Regexp)")


def subject(value: Any) -> str:
    """A string as expressions see it: bytes are characters of their number."""
    data = raw(value)
    if type(data) is str:
        return data
    return data.decode("latin-1") if type(data) is bytes else text(value)


def search(expression: Regexp, value: Any, at: int = 0) -> MatchData | None:
    """The first match; kept as the last match, be it none."""
    found = expression.pattern.search(subject(value), at)
    made = LAST.match = None if found is None else MatchData(found, expression)
    return made


_SPECIAL = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\f": "\\f", "\v": "\\v", " ": "\\ "}
_ESCAPED = re.compile(r"[\[\]{}()|\-*.\\?+^$# \t\f\v\n\r]")


@singleton("Regexp", "escape", "quote")
def escaped(value: Any) -> str:
    """A string as an expression that matches it."""
    return _ESCAPED.sub(lambda m: _SPECIAL.get(m[0], f"\\{m[0]}"), name_of(value))


@singleton("Regexp", "new", "compile")
def new(source: Any, options: Any = None) -> Regexp:
    """An expression made of a string."""
    if type(source) is Regexp:
        return source
    return regexp(text(source), _options(options))


def _options(given: Any) -> int:
    if type(given) is int:
        return given & 7
    if type(given) in STRINGS:
        bits = {"i": IGNORECASE, "m": MULTILINE, "x": EXTENDED}
        return sum(bits.get(letter, 0) for letter in text(given))
    return 0 if given is None or given is False else IGNORECASE


@singleton("Regexp", "union")
def union(*parts: Any) -> Regexp:
    """An expression that matches where one of several does."""
    given = parts[0] if len(parts) == 1 and type(parts[0]) is list else list(parts)
    if len(given) == 1 and type(given[0]) is Regexp:
        return given[0]
    if not given:
        return regexp("(?!)")
    shown = [regexp_to_s(p) if type(p) is Regexp else escaped(p) for p in given]
    return regexp("|".join(shown))


@define("Regexp", "=~")
def matches_at(expression: Regexp, value: Any) -> Any:
    """Where it matches first."""
    if value is None:
        LAST.match = None
        return None
    found = search(expression, _text_or_symbol(value))
    return None if found is None else found.match.start()


def _text_or_symbol(value: Any) -> Any:
    if type(value) is Symbol:
        return value.name
    return value if type(value) in STRINGS else text(value)


@define("Regexp", "match")
def match(expression: Regexp, value: Any, at: Any = 0, block: Proc | None = None) -> Any:
    """What it finds first."""
    if value is None:
        LAST.match = None
        return None
    found = search(expression, _text_or_symbol(value), integer(at))
    return block.one(found) if block is not None and found is not None else found


@define("Regexp", "match?")
def is_match(expression: Regexp, value: Any, at: Any = 0) -> bool:
    """Whether it matches."""
    if value is None:
        return False
    given = subject(_text_or_symbol(value))
    return expression.pattern.search(given, integer(at)) is not None


@define("Regexp", "===")
def case_equal(expression: Regexp, value: Any) -> bool:
    """Whether it matches a string or symbol."""
    if type(value) not in STRINGS and type(value) is not Symbol:
        LAST.match = None
        return False
    return search(expression, _text_or_symbol(value)) is not None


@define("Regexp", "source")
def source(expression: Regexp) -> str:
    """What was written."""
    return expression.source


@define("Regexp", "options")
def options(expression: Regexp) -> int:
    """Its options as bits."""
    return expression.options


@define("Regexp", "casefold?")
def is_casefold(expression: Regexp) -> bool:
    """Whether it disregards case."""
    return bool(expression.options & IGNORECASE)


@define("Regexp", "names")
def names(expression: Regexp) -> list[str]:
    """The names of its groups."""
    return list(expression.named)


@define("Regexp", "to_s")
def regexp_to_s(expression: Regexp) -> str:
    """As an expression in parentheses with its options."""
    bits = (("m", MULTILINE), ("i", IGNORECASE), ("x", EXTENDED))
    on = "".join(letter for letter, bit in bits if expression.options & bit)
    off = "".join(letter for letter, bit in bits if not expression.options & bit)
    return f"(?{on}{'-' + off if off else ''}:{expression.source})"


@define("Regexp", "inspect")
def regexp_inspect(expression: Regexp) -> str:
    """As it is written in code."""
    bits = (("m", MULTILINE), ("i", IGNORECASE), ("x", EXTENDED))
    on = "".join(letter for letter, bit in bits if expression.options & bit)
    return _slashed(expression, on)


def _slashed(expression: Regexp, letters: str) -> str:
    body = re.sub(r"(\\.)|/", lambda m: m[1] or "\\/", expression.source, flags=re.DOTALL)
    return f"/{body}/{letters}"
