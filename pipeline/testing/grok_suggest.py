"""A grok expression for sample lines: one of the library where it fits all of them, or one that is
built.

Each line is cut into tokens that the library has patterns for (times, addresses, numbers, quoted
texts, words). The lines' tokens are laid side by side: what is the same everywhere stays text, what
differs becomes a capture of the narrowest kind that fits all; where the lines no longer run in
parallel the rest is one capture. What comes out is tried on all lines before it is proposed.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from ...dsl.grok import Expression, GrokError, Library, compile_expression
from ...dsl.regex import RegexError
from .grok_names import Namer

_TIMES = (
    "%{TIMESTAMP_ISO8601}",
    "%{HTTPDATE}",
    "%{YEAR}[/.]%{MONTHNUM}[/.]%{MONTHDAY}[ T]%{TIME}",
    "%{DAY},? %{MONTHDAY} %{MONTH} %{YEAR} %{TIME}",
    "%{DAY} %{MONTH} +%{MONTHDAY} %{TIME} %{YEAR}",
    "%{SYSLOGTIMESTAMP}",
    "%{MONTHDAY}[./-]%{MONTHNUM}[./-]%{YEAR}[ T-]%{TIME}",
    "%{DATESTAMP}",
    "%{YEAR}-%{MONTHNUM}-%{MONTHDAY}",
    "%{TIME}",
)
_KINDS = ("UUID", "MAC", "IP", "EMAILADDRESS", "URI", "LOGLEVEL")
_LIBRARY_CAPTURES = 4
_QUOTED = re.compile(r'"(?P<inside>(?:[^"\\]|\\.)*)"')
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?![\w.]*\w)")
_PATH = re.compile(r"/[\w.~%+-]*(?:/[\w.~%+-]*)*(?:\?[^\s\"']*)?")
_RUN = re.compile(r"\w(?:[\w.\-]*\w)?")
_KEY = re.compile(r"[A-Za-z_][\w.-]*(?==)")
_CLASS = re.compile(r"[a-z]\w*(?:\.[a-z]\w*)*\.[A-Z][\w$]*")
_IN_PROSE = frozenset({"WORD", "space", "run", "INT", "NUMBER", "IP", "path"})
_BARE_VALUE = re.compile(r"[^\s,;\"'\[\](){}]+")
#: What a kind may be widened to when lines differ: a token of the wider kind takes texts of the
#: narrower one.
_WIDER = {
    frozenset({"INT", "NUMBER"}): "NUMBER",
    frozenset({"IP", "HOSTNAME"}): "IPORHOST",
    frozenset({"IP", "WORD"}): "IPORHOST",
    frozenset({"HOSTNAME", "WORD"}): "IPORHOST",
    frozenset({"IPORHOST", "WORD"}): "IPORHOST",
    frozenset({"IPORHOST", "HOSTNAME"}): "IPORHOST",
    frozenset({"IPORHOST", "IP"}): "IPORHOST",
}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a line, or of several that run in parallel: its kind, and its texts in the lines.

    The kinds are names of patterns; ``text`` for punctuation, ``space``, ``quoted``, ``run`` for a
    value of no special kind; a time is given by its whole expression.
    """

    kind: str
    texts: tuple[str, ...]

    @property
    def constant(self) -> bool:
        """Whether all lines have the same here."""
        return len(set(self.texts)) == 1

    @property
    def is_value(self) -> bool:
        """Whether it may be captured."""
        return self.kind not in ("text", "space", "key")


def suggest(lines: Sequence[str], library: Library, ecs: bool = True) -> str:
    """An expression that matches all lines."""
    known = _of_the_library(lines, library)
    if known:
        return known
    rows = [tokens(line, library) for line in lines]
    merged, parallel = rows[0], True
    for row in rows[1:]:
        merged, whole = _side_by_side(merged, row)
        parallel = parallel and whole
    merged, free = _without_prose(merged, alone=len(lines) == 1, least=3 if parallel else 1)
    for length in range(len(merged), -1, -1):
        rest = free or not parallel or length < len(merged)
        text = _written(merged[:length], ecs, rest)
        if _fits(text, lines, library):
            return text
    return "^%{GREEDYDATA:rest}$"


def _fits(text: str, lines: Sequence[str], library: Library) -> bool:
    try:
        find = compile_expression(text, library).find
    except (GrokError, RegexError):
        return False
    return all(find(line) is not None for line in lines)


def _of_the_library(lines: Sequence[str], library: Library) -> str:
    """The pattern of the library that takes all lines whole and captures most of them; nothing
    where none captures enough.
    """
    best, most = "", _LIBRARY_CAPTURES - 1
    for expression in _whole_lines(library):
        matches = [expression.find(line) for line in lines]
        counts = [
            sum(1 for capture in expression.captures if match[capture.group])
            for match in matches
            if match
        ]
        if len(counts) == len(lines) and min(counts) > most:
            best, most = expression.text, min(counts)
    return best


@cache
def _whole_lines(library: Library) -> list[Expression]:
    """The patterns of the library that may be for whole lines."""
    found = []
    for pattern in library:
        if pattern.text.count("%{") >= 2:
            with contextlib.suppress(GrokError, RegexError):
                found.append(compile_expression(f"^%{{{pattern.name}}}$", library))
    return [expression for expression in found if len(expression.captures) >= _LIBRARY_CAPTURES]


@cache
def _compiled(text: str, library: Library) -> Expression:
    return compile_expression(text, library)


def tokens(line: str, library: Library) -> list[Token]:
    """A line as tokens."""
    found: list[Token] = []
    at = 0
    while at < len(line):
        token = _token(line, at, library, found[-1] if found else None)
        found.append(token)
        at += len(token.texts[0]) + (2 if token.kind == "quoted" else 0)
    return found


def _token(line: str, at: int, library: Library, before: Token | None) -> Token:
    if line[at].isspace():
        space = re.compile(r"\s+").match(line, at)
        assert space is not None
        return Token("space", (space[0],))
    quoted = _QUOTED.match(line, at)
    if quoted:
        return Token("quoted", (quoted["inside"],))
    key = _KEY.match(line, at)
    if key:
        return Token("key", (key[0],))
    kind = _known_kind(line, at, library)
    if kind is not None:
        return kind
    return _plain(line, at, after_equals=before is not None and before.texts[0] == "=")


def _known_kind(line: str, at: int, library: Library) -> Token | None:
    """A token of which the library has a pattern; it begins and ends where words do."""
    if at and line[at - 1].isalnum():
        return None
    for kind in (*_TIMES, *_KINDS):
        text = kind if kind in _TIMES else f"%{{{kind}}}"
        match = _compiled(text, library).pattern.match(line, at)
        if match and match.end() > at and not line[match.end() : match.end() + 1].isalnum():
            return Token(kind, (match[0],))
    return None


def _plain(line: str, at: int, after_equals: bool) -> Token:
    number = _NUMBER.match(line, at)
    if number and (number[0][0].isdigit() or at == 0 or not line[at - 1].isalnum()):
        return Token("NUMBER" if "." in number[0] else "INT", (number[0],))
    value = _BARE_VALUE.match(line, at)
    if after_equals and value:
        return Token("WORD" if value[0].isalnum() else "run", (value[0],))
    path = _PATH.match(line, at)
    if path and (len(path[0]) > 1 or at == 0 or line[at - 1].isspace()):
        return Token("path", (path[0],))
    run = _RUN.match(line, at)
    if run is None:
        return Token("text", (line[at],))
    if re.fullmatch(r"[A-Za-z]\w*", run[0]):
        return Token("WORD", (run[0],))
    if _CLASS.fullmatch(run[0]):
        return Token("JAVACLASS", (run[0],))
    return Token(
        "HOSTNAME" if re.fullmatch(r"[A-Za-z][\w-]*(?:\.[\w-]+){2,}", run[0]) else "run", (run[0],)
    )


def _side_by_side(one: Sequence[Token], other: Sequence[Token]) -> tuple[list[Token], bool]:
    """Two rows of tokens as one, as far as they run in parallel; and whether they do to the end."""
    merged: list[Token] = []
    for a, b in zip(one, other, strict=False):
        kind = _common(a, b)
        if kind is None:
            return merged, False
        merged.append(Token(kind, (*a.texts, *b.texts)))
    return merged, len(one) == len(other)


def _common(a: Token, b: Token) -> str | None:
    if a.kind in ("text", "key") or b.kind in ("text", "key"):
        if a.kind == b.kind and a.texts[0] == b.texts[0]:
            return a.kind
        return (
            "run" if {a.texts[0], b.texts[0]} & {"-"} and "quoted" not in (a.kind, b.kind) else None
        )
    if a.kind == b.kind:
        return a.kind
    if "space" in (a.kind, b.kind) or "quoted" in (a.kind, b.kind):
        return None
    return _WIDER.get(frozenset({a.kind, b.kind}), "run")


def _without_prose(found: list[Token], alone: bool, least: int) -> tuple[list[Token], bool]:
    """The tokens before a message in words at the end of the line, and whether there is one, of
    some words at least.
    """
    at = len(found)
    while at and (
        found[at - 1].kind in _IN_PROSE or found[at - 1].texts[0] in (",", ".", "'", "!", "-")
    ):
        at -= 1
    while at < len(found) and not (found[at].kind == "WORD" and _prose(found[at], alone)):
        at += 1
    words = [token for token in found[at:] if token.kind == "WORD" and _prose(token, alone)]
    return (found[:at], True) if len(words) >= least else (found, False)


def _prose(token: Token, alone: bool) -> bool:
    """Whether a word looks like one of a sentence."""
    return (alone or not token.constant) and all(
        re.fullmatch(r"[A-Za-z]?[a-z']+", text) for text in token.texts
    )


def _written(found: Sequence[Token], ecs: bool, rest: bool) -> str:
    """Tokens as an expression."""
    namer, parts = Namer(ecs), list[str]()
    for number, token in enumerate(found):
        following = found[number + 1] if number + 1 < len(found) else None
        parts.append(_part(token, found[:number], following, namer))
    return "^" + "".join(parts) + ("%{GREEDYDATA:rest}" if rest else "") + "$"


def _part(token: Token, before: Sequence[Token], following: Token | None, namer: Namer) -> str:
    if token.kind == "space":
        return " " if set(token.texts) == {" "} else r"\s+"
    if token.kind in ("text", "key"):
        return _escaped(token.texts[0])
    is_word = token.kind == "WORD" and token.constant and not namer.hinted("", before)
    if is_word and (len(token.texts) > 1 or not token.texts[0].isupper()):
        return _escaped(token.texts[0])
    name = namer.name(token.kind, token.texts, before, following)
    if token.kind == "quoted":
        return f'"%{{DATA:{name}}}"'
    if token.kind.startswith("%"):
        one = re.fullmatch(r"%\{\w+\}", token.kind)
        return f"{token.kind[:-1]}:{name}}}" if one else f"(?<{name}>{token.kind})"
    open_end = following is None or following.kind == "space"
    patterns = {"run": "NOTSPACE" if open_end else "DATA", "path": "URIPATHPARAM"}
    return f"%{{{patterns.get(token.kind, token.kind)}:{name}{_TYPES.get(token.kind, '')}}}"


_TYPES = {"INT": ":int", "NUMBER": ":float"}


def _escaped(text: str) -> str:
    return re.sub(r"([\\.^$*+?{}\[\]|()])", r"\\\1", text)
