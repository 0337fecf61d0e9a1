"""Templates: ``%{field}``, ``%{+yyyy.MM.dd}``, ``%{{java pattern}}`` in a text, compiled to one
function of the event.

A text without any of them is a constant, and says so (``is_constant``): who uses templates in a
loop looks at it once. Source of the rules: Logstash's StringInterpolation; ``%{`` has no escape,
and what is not closed is text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .reference import Event, FieldRef, ReferenceSyntaxError
from .timestamp import Timestamp
from .values import to_text

Render = Callable[[Event], str]


class Template:
    """A text with places for fields and dates; ``render(event)`` fills them.

    A field reference that is none (``%{a[b]}``) raises ReferenceSyntaxError when rendered, as it
    does in Logstash; ``problem`` says so beforehand. A date pattern that is none raises joda's
    PatternError when the template is made.
    """

    __slots__ = ("is_constant", "problem", "render", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.problem: str | None = None
        parts = [self._part(kind, body) for kind, body in _split(text)]
        self.is_constant = all(isinstance(part, str) for part in parts)
        self.render: Render = _joined(parts)

    def _part(self, kind: str, body: str) -> str | Render:
        if kind == "text":
            return body
        if kind == "java":
            return _java(body)
        if kind == "date":
            return _date(body)
        return self._field(body)

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


def _split(text: str) -> Iterator[tuple[str, str]]:
    """The parts of a template: ("text" | "field" | "date" | "java", what it says)."""
    at = 0
    while (open_ := text.find("%{", at)) >= 0:
        java = text.startswith("%{{", open_)
        close = text.find("}}" if java else "}", open_)
        if close < 0:
            break
        if open_ > at:
            yield "text", text[at:open_]
        body = text[open_ + (3 if java else 2) : close]
        if java:
            yield "java", body
        elif body.startswith("+"):
            yield "date", body[1:]
        elif body:
            yield "field", body
        else:
            yield "text", "%{}"
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


def _date(pattern: str) -> Render:
    if pattern in ("%s", ""):
        return _with_timestamp(lambda at: str(at.seconds()))
    from .joda import formatter

    return _with_timestamp(formatter(pattern))


def _java(pattern: str) -> Render:
    if pattern == "TIME_NOW":
        return lambda event: str(Timestamp.now())
    from .joda import java_formatter

    return _with_timestamp(java_formatter(pattern))


def _with_timestamp(render: Callable[[Timestamp], str]) -> Render:
    def of_event(event: Event) -> str:
        at = event.get("@timestamp")
        return render(at) if type(at) is Timestamp else ""

    return of_event
