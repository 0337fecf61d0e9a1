"""Syntax errors in the user's words: what stands there, what was expected, what was still open, and how to mend it.

Lark says which token failed and which would have been accepted; a plain scan of the text before it finds the braces that are open.
"""
from __future__ import annotations

import re

from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

from .diagnostics import Diagnostic
from .source import Source, Span

_WORDS = {
    "_ARROW": "`=>`",
    "_COMMA": "`,`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "NAME": "a name",
    "STRING": "a string",
    "NUMBER": "a number",
    "SELECTOR": "a field like [a][b]",
    "REGEXP": "a /regular expression/",
    "COMPARE": "a comparison",
    "MATCH": "`=~`",
    "IN": "`in`",
    "AND": "`and`",
    "OR": "`or`",
    "IF": "`if`",
}
_UNSAID = {"NAND", "XOR", "NOT", "BANG", "ELSIF", "ELSE", "COMMENT", "SPACE"}
_TOKENS = re.compile(
    r"""(?P<comment>\#[^\n]*) | (?P<string>"(?:[^"\\]|[\\]"?)*+"|'(?:[^'\\]|[\\]'?)*+')
      | (?P<regexp>(?<=~)\s*/(?:[^/\\]|[\\]/?)*+/) | (?P<unclosed>["']) | (?P<open>[{\[(]) | (?P<close>[}\])])""",
    re.VERBOSE,
)
_CLOSER = {"{": "}", "[": "]", "(": ")"}


def explain_syntax_error(source: Source, error: UnexpectedInput) -> Diagnostic:
    """The diagnostic for an error that Lark raised on this source."""
    offset = _offset(source, error)
    opened, unclosed = _scan(source, offset)
    if unclosed is not None:
        quote = source.text[unclosed]
        return Diagnostic(
            "E101",
            "this string is never closed",
            Span(source, unclosed, _line_end(source, unclosed)),
            f"close it with {quote}; inside, write \\{quote} or use the other kind of quotes",
        )
    return _unexpected(source, offset, _accepted(error), opened)


def _offset(source: Source, error: UnexpectedInput) -> int:
    if isinstance(error, UnexpectedToken) and error.token.type != "$END":
        return error.token.start_pos or 0
    if isinstance(error, UnexpectedCharacters):
        return int(error.pos_in_stream)
    return len(source.text)


def _accepted(error: UnexpectedInput) -> set[str]:
    if isinstance(error, UnexpectedToken):
        return set(error.accepts or error.expected)
    if isinstance(error, UnexpectedCharacters):
        return set(error.allowed or ())
    assert isinstance(error, UnexpectedEOF | UnexpectedInput)
    return set(getattr(error, "expected", ()))


def _line_end(source: Source, offset: int) -> int:
    end = source.text.find("\n", offset)
    return len(source.text) if end < 0 else end


def _scan(source: Source, end: int) -> tuple[list[int], int | None]:
    """The offsets of the brackets open at ``end``, and that of a quote before it that nothing closes."""
    opened: list[int] = []
    for match in _TOKENS.finditer(source.text):
        if match.start() > end:
            break
        kind = match.lastgroup
        if kind == "unclosed":
            return opened, match.start()
        if match.start() == end:
            break
        if kind == "open":
            opened.append(match.start())
        elif kind == "close" and opened:
            opened.pop()
    return opened, None


def _unexpected(source: Source, offset: int, accepted: set[str], opened: list[int]) -> Diagnostic:
    found = _found(source, offset)
    expected = _listed(accepted)
    if offset >= len(source.text.rstrip()):
        return _ended(source, opened, expected)
    span = Span(source, offset, offset + max(1, len(found)))
    remedy = _remedy(source, offset, found, accepted, opened)
    message = f"`{found}` is not expected here" if found.isprintable() else f"the character {found!r} is not expected here"
    if expected and not remedy.startswith("write"):
        message += f"; {expected} would be"
    return Diagnostic("E101", message, span, remedy)


def _ended(source: Source, opened: list[int], expected: str) -> Diagnostic:
    if not opened:
        at = max(0, len(source.text.rstrip()) - 1)
        return Diagnostic("E101", f"the text ends too early; {expected} is missing", Span(source, at, at + 1))
    at = opened[-1]
    opener = source.text[at]
    row, _ = source.place(at)
    head = source.text[source.text.rfind("\n", 0, at) + 1 : at].strip()
    what = f"`{head} {opener}`" if head else f"`{opener}`"
    return Diagnostic(
        "E101", f"{what} on line {row} is never closed", Span(source, at, at + 1), f"add the missing `{_CLOSER[opener]}`"
    )


def _found(source: Source, offset: int) -> str:
    match = re.compile(r"[A-Za-z0-9_.-]+|=+>?|[!=<>~]+|.", re.DOTALL).match(source.text, offset)
    return match.group()[:40] if match else ""


def _listed(accepted: set[str]) -> str:
    words = sorted({_WORDS[name] for name in accepted - _UNSAID if name in _WORDS})
    if not words:
        return ""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]


def _remedy(source: Source, offset: int, found: str, accepted: set[str], opened: list[int]) -> str:
    text = source.text
    if found in (",", ";"):
        return "write no comma between options or hash entries: a space or a new line is enough"
    if "_ARROW" in accepted and found in ("=", ":", "==", "->", "-"):
        return "write `=>` between a name and its value"
    if "COMPARE" in accepted and found in ("=", "===", "eq"):
        return "write `==` to compare"
    if "AND" in accepted and found in ("&", "&&", "|", "||"):
        return "write `and` or `or`"
    if found in ("}", "]", ")"):
        return _closing_remedy(source, found, opened)
    if "AND" in accepted and text[:offset].rstrip().endswith("]") and re.match(r"[=!<>]|in\b", found):
        return "write `!( … )` around the whole comparison: `!` before a field binds to the field alone"
    if "SELECTOR" in accepted and re.match(r"[A-Za-z_]", found):
        return f"write a field in brackets, [{found}], and a text in quotes"
    return ""


def _closing_remedy(source: Source, found: str, opened: list[int]) -> str:
    if not opened:
        return f"nothing is open that `{found}` could close: take it out"
    opener = source.text[opened[-1]]
    row, _ = source.place(opened[-1])
    if _CLOSER[opener] != found:
        return f"`{opener}` of line {row} is still open: close it with `{_CLOSER[opener]}` first"
    return ""


