"""A grok expression and a line for people: what was captured, marked under the line; or how far it
got and what failed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...dsl.grok import Expression, Library
from ...dsl.values import json_text
from .colors import Painter
from .grok_probe import Failure, probe


@dataclass(frozen=True, slots=True)
class Caught:
    """A capture in a line: the field, its value, and the characters from ``start`` up to, not
    including, ``end``.
    """

    field: str
    value: str | int | float
    start: int
    end: int


def caught(expression: Expression, match: re.Match[str]) -> list[Caught]:
    """The captures of a match that are kept, in the order of the line."""
    found = []
    for capture in expression.captures:
        text = match[capture.group]
        if text:
            value = capture.convert(text) if capture.convert is not None else text
            found.append(Caught(capture.name, value, *match.span(capture.group)))
    return sorted(found, key=lambda one: (one.start, -one.end))


def drawn(
    expression: Expression, line: str, library: Library, color: bool = False, width: int = 0
) -> str:
    """What an expression makes of a line; the line and its marks are folded together at a width."""
    paint = Painter(color)
    match = expression.find(line)
    if match:
        lines = _matched(line, match, caught(expression, match), paint, width)
    else:
        lines = _failed(line, probe(expression.text, line, library), paint, width)
    return "\n".join(lines) + "\n"


def _visible(line: str) -> str:
    return "".join(c if c.isprintable() else "·" for c in line)


Styled = tuple[str, str]
"""A text that runs below the line, and how it is painted."""


def _folded(
    line: str, below: Sequence[Styled], paint: Painter, width: int, style: str = ""
) -> Iterator[str]:
    """A line with what stands below it, in pieces of a width; 0 for any width."""
    step = width if width > 0 else max(len(line), 1)
    for start in range(0, max(len(line), 1), step):
        piece = line[start : start + step]
        yield paint(piece, style) if style else piece
        for text, how in below:
            part = text[start : start + step].rstrip()
            if part:
                yield paint(part, how)


def _matched(
    line: str, match: re.Match[str], found: Sequence[Caught], paint: Painter, columns: int
) -> Iterator[str]:
    numbered = list(enumerate(found, 1))
    below: list[Styled] = []
    for row in _rows(numbered):
        below += [(_marks(row), "good"), (_numbers(row), "weak")]
    if not found:
        below = [(" " * match.start() + _mark(match.start(), match.end()), "good")]
    yield from _folded(_visible(line), below, paint, columns)
    if not found:
        yield "matches; it captures nothing"
    width = max((len(one.field) for one in found), default=0)
    for number, one in numbered:
        kind = f" ({type(one.value).__name__})" if not isinstance(one.value, str) else ""
        value, place = paint(json_text(one.value), "head"), paint(f"{one.start}–{one.end}", "weak")
        yield f"{number:>3}  {one.field:<{width}}  {value}{kind}  {place}"


Numbered = tuple[int, Caught]


def _rows(found: Sequence[Numbered]) -> list[list[Numbered]]:
    """Captures in as few rows as they can be marked in without touching."""
    rows: list[list[Numbered]] = []
    for one in found:
        room = (
            row
            for row in rows
            if row[-1][1].end <= one[1].start and _right_of(row[-1]) < one[1].start
        )
        row = next(room, None)
        if row is None:
            rows.append([one])
        else:
            row.append(one)
    return rows


def _right_of(one: Numbered) -> int:
    """The last column that a capture's number takes."""
    return one[1].start + len(str(one[0])) - 1


def _marks(row: Sequence[Numbered]) -> str:
    text = ""
    for _, one in row:
        text = text.ljust(one.start) + _mark(one.start, one.end)
    return text


def _mark(start: int, end: int) -> str:
    return "╵" if end - start < 2 else f"└{'─' * (end - start - 2)}┘"


def _numbers(row: Sequence[Numbered]) -> str:
    text = ""
    for number, one in row:
        text = text.ljust(one.start) + str(number)
    return text


def _failed(line: str, failure: Failure, paint: Painter, width: int) -> Iterator[str]:
    shown = _visible(line)
    if 0 < width < len(shown):
        yield from _folded(shown, [(" " * failure.end + "^", "bad")], paint, width)
    else:
        yield (
            paint(shown[: failure.start], "weak")
            + paint(shown[failure.start : failure.end], "good")
            + shown[failure.end :]
        )
        yield " " * failure.end + paint("^", "bad")
    if failure.end > failure.start:
        yield f"matched: {paint(failure.matched, 'good')}" if failure.matched else "matched: a part"
    else:
        yield "no part of it matched"
    if failure.path:
        yield f"failed:  {paint(' › '.join(map(_part, failure.path)), 'bad')}"
    rest = line[failure.end : failure.end + 40]
    yield (
        f"found:   {json_text(rest) if rest else 'the end of the line'} (character"
        f" {failure.end + 1})"
    )


def _part(text: str) -> str:
    """A part of an expression; blanks in quotes, to be seen."""
    return f'"{text}"' if text != text.strip() else text


def as_data(expression: Expression, line: str, library: Library) -> dict[str, Any]:
    """What an expression makes of a line, as plain data."""
    match = expression.find(line)
    if match:
        captures = [
            {"field": c.field, "value": c.value, "start": c.start, "end": c.end}
            for c in caught(expression, match)
        ]
        return {
            "line": line,
            "matched": True,
            "start": match.start(),
            "end": match.end(),
            "captures": captures,
        }
    failure = probe(expression.text, line, library)
    return {
        "line": line,
        "matched": False,
        "start": failure.start,
        "end": failure.end,
        "prefix": failure.matched,
        "failed": list(failure.path),
    }
