"""Templates: ``%{field}``, ``%{+yyyy.MM.dd}``, ``%{{java pattern}}`` in a text, compiled to one
function of the event.

A text without any of them is a constant, and says so (``is_constant``): who uses templates in a
loop looks at it once. Source of the rules: Logstash's StringInterpolation; ``%{`` has no escape,
and what is not closed is text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .reference import Event, FieldRef, ReferenceSyntaxError
from .timestamp import Timestamp
from .values import to_text

Render = Callable[[Event], str]

REMEDY = "write a field as name, [name] or [outer][inner]"
_SECONDS = ("", "%", "%s")
"""The patterns that mean the epoch second, which Logstash looks for by their beginning."""


class Template:
    """A text with places for fields and dates; ``render(event)`` fills them.

    A field reference that is not one (``%{a[b]}``) raises ReferenceSyntaxError when rendered, and a
    bad date pattern (``%{+BB}``) joda's PatternError, as they do in Logstash; ``problem`` says so
    beforehand, ``help`` what to write instead.
    """

    __slots__ = ("help", "is_constant", "problem", "render", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.problem: str | None = None
        self.help = REMEDY
        self.is_constant = True
        self.render: Render = _constant(text)
        if "%{" in text:
            parts = [self._part(kind, body) for kind, body in _split(text)]
            self.is_constant = all(isinstance(part, str) for part in parts)
            self.render = _joined(parts)

    @property
    def fields(self) -> list[str]:
        """The fields that it names, as they stand there."""
        return [body for kind, body in _split(self.text) if kind == "field"]

    def _part(self, kind: str, body: str) -> str | Render:
        if kind == "text":
            return body
        if kind == "field":
            return self._field(body)
        if kind == "date" and body in _SECONDS:
            return _with_timestamp(lambda at: str(at.seconds()))
        if kind == "java" and body == "TIME_NOW":
            return lambda event: str(Timestamp.now())
        return self._date(kind, body)

    def _date(self, kind: str, pattern: str) -> Render:
        from .joda import PatternError, formatter, java_formatter

        try:
            return _with_timestamp((java_formatter if kind == "java" else formatter)(pattern))
        except PatternError as error:
            written = f"%{{{{{pattern}}}}}" if kind == "java" else f"%{{+{pattern}}}"
            self.problem = f"bad date pattern in `{written}`: {error}"
            self.help = error.help or "write letters of a date, other text in single quotes"
            return _with_timestamp(_refuser(error))

    def _field(self, body: str) -> Render:
        try:
            ref = FieldRef(body)
        except ReferenceSyntaxError as error:
            self.problem = message = str(error)
            return _raiser(message)
        return _field(ref, f"%{{{body}}}")

    def __repr__(self) -> str:
        return f"Template({self.text!r})"

    def __reduce__(self) -> tuple[type[Template], tuple[str]]:
        return Template, (self.text,)


def texts(
    value: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The texts in a value, in its lists and hashes, keys included, with the paths to them."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from texts(item, (*path, place))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield (*path, key), key
            yield from texts(item, (*path, key))


def _split(text: str) -> Iterator[tuple[str, str]]:
    """The parts of a template: ("text" | "field" | "date" | "java", what it says)."""
    at = 0
    while (open_ := text.find("%{", at)) >= 0:
        close = text.find("}", open_)
        if close < 0:
            break
        java = text.startswith("%{{", open_) and text.startswith("}}", close)
        if open_ > at:
            yield "text", text[at:open_]
        body = text[open_ + (3 if java else 2) : close]
        if java:
            yield "java", body
        elif body.startswith("+"):
            yield "date", body[1:]
        else:
            yield "field" if body else "date", body  # %{} is the seconds, as %{+%s} is
        at = close + (2 if java else 1)
    if at < len(text) or at == 0:
        yield "text", text[at:]


def _joined(parts: list[str | Render]) -> Render:
    if len(parts) == 1:
        only = parts[0]
        return only if callable(only) else lambda event: only
    renders = [part if callable(part) else _constant(part) for part in parts]
    if len(renders) == 2:
        first, second = renders
        return lambda event: first(event) + second(event)
    return lambda event: "".join([render(event) for render in renders])


def _constant(text: str) -> Render:
    return lambda event: text


def _raiser(message: str) -> Render:
    def render(event: Event) -> str:
        raise ReferenceSyntaxError(message)

    return render


def _field(ref: FieldRef, unresolved: str) -> Render:
    get = ref.get

    def render(event: Event) -> str:
        value = get(event)
        if type(value) is str:
            return value
        return unresolved if value is None else to_text(value)

    return render


def _refuser(error: Exception) -> Callable[[Timestamp], str]:
    def refuse(at: Timestamp) -> str:
        raise error

    return refuse


def _with_timestamp(render: Callable[[Timestamp], str]) -> Render:
    def of_event(event: Event) -> str:
        at = event.get("@timestamp")
        return render(at) if type(at) is Timestamp else ""

    return of_event
