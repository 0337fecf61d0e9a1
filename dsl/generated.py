"""Generated code: lines of Python, and the one place where they become code.

A ``CodeWriter`` collects lines at their depths. ``function_of`` makes a function of lines that come
from no place in particular; ``code_of`` makes code whose tracebacks point into the configuration.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from .code_places import placed
from .source import Source, Span

_HEAD = re.compile(r"def (\w+)\(")


class Line(msgspec.Struct, frozen=True):
    """A line of generated text and the place that it came from, if it has one."""

    text: str
    span: Span | None = None


class CodeWriter:
    """Writes lines of Python, one after the other."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def line(self, depth: int, text: str, span: Span | None = None) -> None:
        """Write a line."""
        self.lines.append(Line("    " * depth + text, span))

    @property
    def texts(self) -> list[str]:
        """What was written."""
        return [line.text for line in self.lines]


def function_of(lines: Sequence[str], place: str, scope: dict[str, Any]) -> Any:
    """The function that the lines define; ``scope`` has the values that it uses by their names, and
    stays its globals. ``place``: what a traceback calls it.
    """
    head = _HEAD.match(lines[0])
    assert head is not None, "the first line begins the function"
    exec(compile("\n".join(lines), f"<{place}>", "exec"), scope)
    return scope.pop(head[1])


def text_of(lines: Sequence[Line]) -> str:
    """The lines as one text."""
    return "\n".join(line.text for line in lines) + "\n"


def code_of(lines: Sequence[Line], source: Source) -> Any:
    """The lines compiled, every instruction at the place of its line; all of them have one."""
    code = compile(text_of(lines), source.name, "exec")
    extents = {line.span: _extent(line.span) for line in lines if line.span}
    places = {number: extents[line.span] for number, line in enumerate(lines, 1) if line.span}
    _show_to_tracebacks(source)
    return placed(code, places)


def _extent(span: Span) -> tuple[int, int, int, int]:
    """A span as ast counts it: lines from 1, columns in UTF-8 bytes; cut at the end of its first
    line.
    """
    row, column = span.source.place(span.start)
    line = span.source.line(row)
    end = min(len(line), column - 1 + span.end - span.start)
    start = len(line[: column - 1].encode())
    return row, start, row, len(line[:end].encode())


def _show_to_tracebacks(source: Source) -> None:
    linecache.cache[source.name] = (
        len(source.text),
        None,
        source.text.splitlines(True),
        source.name,
    )
