"""Results for people: what differs as expected and got, who is to blame with the place in the
configuration, and the sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ...dsl.diagnostics import excerpt, render
from ...dsl.values import json_text
from .blame import Blame
from .colors import Painter
from .compare import Difference
from .results import Result, Tally


class Shown:
    """What was shown before: problems and blames are told in full once."""

    def __init__(self) -> None:
        self.told: dict[object, int] = {}

    def is_new(self, cause: object) -> bool:
        """Whether a cause has not been told yet; from now on it has."""
        self.told[cause] = times = self.told.get(cause, 0) + 1
        return times == 1

    def is_too_often(self, result: Result) -> bool:
        """Whether failures that look alike, for the same cause, fill the screen already."""
        cause = tuple((one.field, one.message) for one in result.differences)
        key = (
            cause,
            tuple((blame.message, blame.span) if blame else None for blame in result.blames),
        )
        self.told[key] = times = self.told.get(key, 0) + 1
        return times > _ALIKE


_ALIKE = 5
"""How many failures of one cause are shown in full."""


def drawn(result: Result, color: bool = False, shown: Shown | None = None, width: int = 120) -> str:
    """A case that did not pass, in full, but for what was shown before."""
    lines = _lines(result, Painter(color), shown or Shown(), width)
    return "\n".join(lines) + "\n"


def brief(result: Result) -> str:
    """Why a case did not pass, in a line."""
    if result.problems:
        return result.problems[0].message
    if not result.differences:
        return result.verdict
    more = len(result.differences) - 1
    first = result.differences[0]
    said = f"{first.field} {first.message}".strip()
    return f"{said} (and {more} more)" if more else said


def _place(result: Result) -> str:
    return f"{result.path}:{result.span.line}" if result.span is not None else str(result.path)


def _word(result: Result) -> str:
    return "ERROR" if result.verdict == "error" else "FAIL"


def failures(results: Sequence[Result], color: bool = False) -> str:
    """The names of those that did not pass, a line each; nothing where there is but one."""
    paint, bad = Painter(color), [result for result in results if result.bad]
    if len(bad) < 2:
        return ""
    return "\n".join(
        f"{paint(_word(one), 'bad')} {_place(one)}  {one.name}  {paint(brief(one), 'weak')}"
        for one in bad
    )


def _lines(result: Result, paint: Painter, shown: Shown, width: int) -> Iterator[str]:
    yield (
        f"{paint(_word(result), 'bad')} {paint(result.name, 'head')}"
        f"  {paint(_place(result), 'weak')}"
    )
    if result.problems:
        is_new = shown.is_new(result.problems)
        text = render(result.problems, paint.color, width - 4).rstrip()
        yield _indented(text) if is_new else f"    as above: {brief(result)}"
    elif shown.is_too_often(result):
        yield f"    as above: {brief(result)}"
        return
    yield from _differences(result, paint, shown, width)
    for line in result.log:
        yield f"  {paint('logged: ' + line, 'weak')}"


def _differences(result: Result, paint: Painter, shown: Shown, width: int) -> Iterator[str]:
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
            yield from _blamed(blame, paint, shown, width)


def _blamed(blame: Blame, paint: Painter, shown: Shown, width: int) -> Iterator[str]:
    if shown.is_new((blame.message, blame.span)):
        yield f"      {paint(blame.message, 'note')}"
        yield _indented(excerpt(blame.span, paint.color, width - 6), 6)
    else:
        yield f"      {paint(blame.message, 'note')}  {paint(blame.span.place, 'weak')}"


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
    """A duration for people."""
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
