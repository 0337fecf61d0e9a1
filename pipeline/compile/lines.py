"""Generated code: lines of text, each with the place of the configuration that it came from, made a
function whose tracebacks point there.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Sequence
from typing import Any

import msgspec

from ...dsl.source import Source, Span


class Line(msgspec.Struct, frozen=True):
    """A line of generated text and the place that it came from."""

    text: str
    span: Span


def text_of(lines: Sequence[Line]) -> str:
    """The lines as one text."""
    return "\n".join(line.text for line in lines) + "\n"


def code_of(lines: Sequence[Line], source: Source) -> Any:
    """The lines compiled, every node at the place of its line."""
    tree = ast.parse(text_of(lines))
    places = {number: _extent(line.span) for number, line in enumerate(lines, 1)}
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt | ast.expr | ast.arg | ast.keyword):
            node.lineno, node.col_offset, node.end_lineno, node.end_col_offset = places[node.lineno]
    _show_to_tracebacks(source)
    return compile(tree, source.name, "exec")


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
