"""Results for people: what differs as expected and got, who is to blame with the place in the
configuration, and the sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ...dsl.diagnostics import excerpt, render
from ...dsl.values import json_text
from .colors import Painter
from .compare import Difference
from .runner import Result, Tally


def drawn(result: Result, color: bool = False, brief: bool = False) -> str:
    """A case that did not pass, in full; ``brief`` where its problems were shown with another
    one.
    """
    return "\n".join(_lines(result, Painter(color), brief)) + "\n"


def _lines(result: Result, paint: Painter, brief: bool) -> Iterator[str]:
    word = "ERROR" if result.verdict == "error" else "FAIL"
    place = f"{result.path}:{result.span.line}" if result.span is not None else str(result.path)
    yield f"{paint(word, 'bad')} {paint(result.name, 'head')}  {paint(place, 'weak')}"
    if result.problems:
        yield "    as above" if brief else _indented(render(result.problems, paint.color).rstrip())
    event: int | None = None
    for number, difference in enumerate(result.differences):
        if difference.event is not None and difference.event != event:
            event = difference.event
            yield f"  event {event + 1}{paint(_message(result, event), 'weak')}"
        yield from _difference(difference, paint)
        blame = result.blames[number] if number < len(result.blames) else None
        before = result.blames[:number]
        if blame is not None and not any(
            b is not None and b.span == blame.span and b.message == blame.message for b in before
        ):
            yield f"      {paint(blame.message, 'note')}"
            yield _indented(excerpt(blame.span, paint.color), 6)
    for line in result.log:
        yield f"  {paint('logged: ' + line, 'weak')}"


def _message(result: Result, number: int) -> str:
    """The start of an event's message, to know it by."""
    message = result.events[number].get("message") if number < len(result.events) else None
    return f"  {_short(json_text(message), 70)}" if isinstance(message, str) else ""


def _difference(difference: Difference, paint: Painter) -> Iterator[str]:
    title = f"{difference.field} {difference.message}" if difference.field else difference.message
    yield f"    {title}"
    if difference.wanted:
        yield f"      expected  {paint(_short(difference.wanted), 'good')}"
    if difference.got:
        yield f"      got       {paint(_short(difference.got), 'bad')}"
    if difference.note:
        yield f"      {paint('→ ' + difference.note, 'note')}"


def _short(text: str, width: int = 600) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _indented(text: str, by: int = 4) -> str:
    return "\n".join(" " * by + line for line in text.splitlines())


def file_line(path: Path, results: Sequence[Result], color: bool = False) -> str:
    """A line for a test file: how many passed."""
    paint, tally = Painter(color), Tally()
    tally.add(results)
    mark = paint("✗", "bad") if tally.bad else paint("✓", "good")
    seconds = sum(result.seconds for result in results)
    return f"{mark} {path}  {counts(tally)}  {paint(duration(seconds), 'weak')}"


def counts(tally: Tally) -> str:
    """Verdicts in words: ``3 passed, 1 failed``."""
    words = {"passed": "passed", "failed": "failed", "error": "in error", "skipped": "skipped"}
    parts = [f"{tally.counts[key]} {word}" for key, word in words.items() if tally.counts.get(key)]
    return ", ".join(parts) or "no tests"


def duration(seconds: float) -> str:
    """A time span for people."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def summary(tally: Tally, files: int, seconds: float, color: bool = False) -> str:
    """The last line."""
    paint = Painter(color)
    total = sum(tally.counts.values())
    sum_ = f" of {_number(total, 'test')}" if total else ""
    text = f"{counts(tally)}{sum_} in {_number(files, 'file')}, {duration(seconds)}"
    return paint(text, "bad" if tally.bad else "good")


def _number(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' if number != 1 else ''}"
