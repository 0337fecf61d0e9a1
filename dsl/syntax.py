"""Syntax errors in the user's words: what stands there, what was expected, what was still open, and
how to mend it.

Lark says which token failed and which would have been accepted; a rough reading of the text before
it (``brackets``) and the rules of ``help_texts`` say what was probably meant.
"""

from __future__ import annotations

import re
import unicodedata

from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from .brackets import CLOSER, Reading, Token
from .diagnostics import Diagnostic
from .help_texts import Fault, help_for
from .source import Source, Span

_PHRASES = (
    (
        {"LPAR", "SELECTOR", "STRING", "NUMBER", "REGEXP", "NAME", "LSQB"},
        "a field like [a][b], a string, a number or a list",
    ),
    ({"LSQB", "LBRACE", "NAME", "NUMBER", "STRING"}, "a value"),
    ({"IF", "NAME", "STRING"}, "a plugin or `if`"),
    ({"NAME", "STRING", "RBRACE"}, "a name or `}`"),
    ({"REGEXP", "STRING"}, "a /regular expression/ or a string"),
    ({"COMPARE", "MATCH", "IN", "AND", "OR"}, "a comparison, `and` or `or`"),
)
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
    "IN": "`in`",
    "AND": "`and`",
    "OR": "`or`",
    "IF": "`if`",
}
_FOUND = re.compile(r"""[A-Za-z0-9_.-]+|"[^"\n]*"|'[^'\n]*'|=+>?|&&|\|\||[!=<>~]+|.""", re.DOTALL)


def explain_syntax_error(
    source: Source, error: UnexpectedInput, shown: Source | None = None
) -> Diagnostic:
    """The diagnostic for an error that Lark raised on this source; its place is in ``shown``, whose
    text has the same places.
    """
    found = _explained(source, error)
    if shown is None or found.span is None:
        return found
    span = Span(shown, found.span.start, found.span.end)
    return Diagnostic(found.code, found.message, span, found.help)


def is_local(source: Source, error: UnexpectedInput) -> bool:
    """Whether an error is about what stands there, not about a string or bracket left open before,
    behind which nothing can be trusted.
    """
    offset = _offset(source, error)
    is_at_end = offset >= len(source.text.rstrip())
    return not is_at_end and Reading(source, offset).unclosed is None


def _explained(source: Source, error: UnexpectedInput) -> Diagnostic:
    offset = _offset(source, error)
    reading = Reading(source, offset)
    if reading.unclosed is not None:
        return _unclosed(source, reading, reading.unclosed)
    if offset >= len(source.text.rstrip()):
        return _ended(source, reading, _accepted(error))
    match = _FOUND.match(source.text, offset)
    assert match is not None
    return _unexpected(Fault(source, offset, match[0], _accepted(error), reading))


def _offset(source: Source, error: UnexpectedInput) -> int:
    if isinstance(error, UnexpectedToken) and error.token.type != "$END":
        return error.token.start_pos or 0
    if isinstance(error, UnexpectedCharacters):
        return error.pos_in_stream or 0
    return len(source.text)


def _accepted(error: UnexpectedInput) -> frozenset[str]:
    if isinstance(error, UnexpectedToken):
        return frozenset(error.accepts or error.expected)
    return frozenset(getattr(error, "allowed", ()) or ())


def _unclosed(source: Source, reading: Reading, quote: Token) -> Diagnostic:
    line_end = source.text.find("\n", quote.start)
    span = Span(source, quote.start, len(source.text) if line_end < 0 else line_end)
    advice = (
        f"close it with {quote.text}; inside, write \\{quote.text} or use the other kind of quotes"
    )
    before, word = reading.last(2), reading.last()
    if before and word and before.kind == "string" and before.end == word.start:
        advice = (
            f"write a quote inside a string as \\{before.text[0]}, or use the other kind of"
            " quotes around it"
        )
    long = next(
        (token for token in reading.tokens if token.kind == "string" and "\n" in token.text), None
    )
    if long is not None:
        advice += (
            f"; or does the string that starts on line {reading.row(long)} lack its closing quote?"
        )
    return Diagnostic("E101", "this string is never closed", span, advice)


def _ended(source: Source, reading: Reading, accepted: frozenset[str]) -> Diagnostic:
    if not reading.opened:
        at = max(0, len(source.text.rstrip()) - 1)
        return Diagnostic(
            "E101",
            f"the text ends too early; {_listed(accepted)} is missing",
            Span(source, at, at + 1),
            "write a section as filter { … }",
        )
    opener = reading.askew or reading.opened[-1]
    message = f"`{reading.title(opener)}` on line {reading.row(opener)} is never closed"
    if reading.askew is not None:
        message += ", going by the indentation"
    return Diagnostic(
        "E101",
        message,
        Span(source, opener.start, opener.end),
        f"add the missing `{CLOSER[opener.text]}`",
    )


def _unexpected(fault: Fault) -> Diagnostic:
    advice = help_for(fault)
    message = f"{_named(fault.found)} is not expected here"
    expected = _listed(fault.accepted)
    if expected and not advice:
        message += f"; {expected} would be"
    span = Span(fault.source, fault.offset, fault.offset + max(1, len(fault.found)))
    return Diagnostic("E101", message, span, advice)


def _named(found: str) -> str:
    if found.isprintable() and not found.isspace():
        return f"`{found if len(found) <= 40 else found[:39] + '…'}`"
    return (
        f"the character U+{ord(found[0]):04X} ({unicodedata.name(found[0], 'a control character')})"
    )


def _listed(accepted: frozenset[str]) -> str:
    left, words = set(accepted), []
    for tokens, phrase in _PHRASES:
        if tokens <= left:
            left -= tokens
            words.append(phrase)
    words += sorted(_WORDS[name] for name in left if name in _WORDS)
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
