"""What is wrong with a configuration, as values; drawn for people in one place, here.

A diagnostic has a stable code (``penstock explain E301`` prints its page), a message in the user's
words, a span, and a help text where one is known. Errors refuse a configuration; warnings do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher, get_close_matches

import msgspec

from .secrets import masked, starred
from .source import Span


class PenstockError(Exception):
    """The root of the errors that Penstock raises on purpose::

        PenstockError
        ├── ConfigError            a configuration that cannot be run, with every diagnostic
        ├── OptionProblem          one option that cannot be used; becomes a diagnostic
        ├── ConnectorError         what inputs and outputs raise, see plugins.errors
        │   └── Disconnected, Retry, Rejected, Misconfigured, EndOfInput
        ├── Undelivered            a pipeline stops with events that were not delivered
        ├── NewerFormat, InUse     a file on disk that cannot be used; also OSError
        ├── FieldError, ReferenceSyntaxError, RegexError, PatternError, GrokError, ScheduleError,
        │   UnknownZoneError …     a text inside a configuration; most are ValueError too
        ├── MatchTimeout           an expression took too long on a text
        └── NotJsonError, XmlError, DissectionError, Unreadable, HttpFailure …
                                   data, or an answer, that one plugin cannot use: it handles them

    What a caller may expect as a ValueError or an OSError is that as well.
    """


class Diagnostic(msgspec.Struct, frozen=True):
    """One finding about a configuration.

    ``code`` starts with E (error) or W (warning); ``span`` is None where no place in a text is to
    blame. ``subject`` names the plugin that is missing, such as ``output kafka``, if one is.
    """

    code: str
    message: str
    span: Span | None = None
    help: str = ""
    subject: str = ""

    @property
    def is_error(self) -> bool:
        """Whether the configuration is refused because of it."""
        return self.code.startswith("E")

    @property
    def place(self) -> str:
        """``file:line:column``, or nothing."""
        return self.span.place if self.span else ""


class ConfigError(PenstockError):
    """A configuration that cannot be run; ``diagnostics`` says all that is wrong with it, in the
    order of the text.
    """

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        super().__init__(render(self.diagnostics))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A help text that names the nearest of the known names, or nothing."""
    folded = {k.lower(): k for k in known}
    near = [folded[k] for k in _nearest(name.lower(), folded)]
    near = near or [
        folded[k]
        for k in folded
        if k.replace("_", "") == name.lower().replace("_", "").replace("-", "")
    ]
    if not near:
        return ""
    return "did you mean " + " or ".join(f"`{n}`" for n in near) + "?"


def _nearest(name: str, known: Iterable[str]) -> list[str]:
    """Up to three names that resemble a name about as well as the one that resembles it most."""
    near = get_close_matches(name, known, n=3, cutoff=0.6)
    likeness = {k: SequenceMatcher(None, k, name).ratio() for k in near}
    return [k for k in near if likeness[k] > max(likeness.values()) - 0.1]


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """By place in the text; those without a place first; each finding once."""
    unique = dict.fromkeys(diagnostics)
    return sorted(unique, key=lambda d: (d.span.source.name, d.span.start) if d.span else ("", -1))


_WIDTH = 120


def render(diagnostics: Sequence[Diagnostic], color: bool = False, width: int = _WIDTH) -> str:
    """All findings as text for a terminal: place, message, the source line, a caret, the help text;
    lines of the source are cut to ``width`` columns.
    """
    return "\n".join(_drawn(d, color, width) for d in diagnostics)


def _drawn(diagnostic: Diagnostic, color: bool, width: int) -> str:
    kind = "error" if diagnostic.is_error else "warning"
    paint = _painter(color)
    head = paint(f"{kind}[{diagnostic.code}]", "1;31" if diagnostic.is_error else "1;33")
    lines = [f"{head}: {paint(masked(diagnostic.message), '1')}"]
    if diagnostic.span is not None:
        lines += _excerpt(diagnostic.span, paint, width)
    if diagnostic.help:
        lines.append(f"{paint('  = ', '34')}{masked(diagnostic.help)}")
    return "\n".join(lines) + "\n"


def excerpt(span: Span, color: bool = False, width: int = _WIDTH) -> str:
    """The place of a span, its line and a caret, as text for a terminal."""
    return "\n".join(_excerpt(span, _painter(color), width))


def _excerpt(span: Span, paint: _Painter, width: int) -> list[str]:
    row, column = span.source.place(span.start)
    text = "".join(c if c.isprintable() else " " for c in starred(span.source.line(row)))
    gutter = " " * len(str(row))
    room = max(20, width - len(gutter) - len(" | "))
    length = max(1, min(span.end - span.start, len(text) - column + 1))
    first, shown = _window(text, column - 1, length, room)
    lead = column - 1 - first
    caret = "^" * max(1, min(length, room - lead))
    bar = paint("|", "34")
    return [
        f"{gutter}{paint('-->', '34')} {span.place}",
        f"{paint(str(row), '34')} {bar} {shown}",
        f"{gutter} {bar} {' ' * lead}{paint(caret, '1;31')}",
    ]


def _window(text: str, at: int, length: int, room: int) -> tuple[int, str]:
    """The part of a line around a place for which there is room, and where it starts; an ellipsis
    stands for what is cut.
    """
    if len(text) <= room:
        return 0, text
    does_fit = at + min(length, room // 2) < room
    first = 0 if does_fit else max(0, min(at - room // 2, len(text) - room))
    shown = text[first : first + room]
    if first:
        shown = "…" + shown[1:]
    return first, shown[:-1] + "…" if first + room < len(text) else shown


class _Painter:
    def __init__(self, on: bool) -> None:
        self.on = on

    def __call__(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.on else text


def _painter(color: bool) -> _Painter:
    return _Painter(color)
