"""The loop of the filter csv over rows of one line, generated: the columns of a row are unpacked
into variables and written down as a map, which costs half of what a comprehension does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..dsl.generated import CodeWriter, function_of

Loop = Callable[..., None]

_WIDEST = 500


def row_loop(
    source: str,
    target: str | None,
    keys: Sequence[str],
    separator: str,
    quote: str,
    skips_empty: bool,
    decorates: bool,
) -> Loop | None:
    """The loop for rows whose columns are these keys, each once, in a map at ``target`` that is not
    there yet, or in the event; None where it would be too long, or is not that simple.

    It is called with the events, a list for those that it leaves, ``read(text)`` for the row of a
    line with quotes, None where it is not one, ``other(row)`` for the map of a row of another
    length, None where there is none, and ``decorate(event)``. Lines with quotes are left where
    empty columns are kept, since a quoted one is not null.
    """
    if len(set(keys)) < len(keys) or len(keys) > _WIDEST:
        return None
    writer = CodeWriter()
    writer.line(0, "def loop(events, left, read, other, decorate):")
    writer.line(1, "for event in events:")
    writer.line(2, f"text = event.get({source!r})")
    is_there = "" if target is None else f" or {target!r} in event"
    writer.line(2, f"if type(text) is not str or not text{is_there}:")
    _leave(writer)
    is_quoted = "" if skips_empty else f"{quote!r} in text or "
    writer.line(2, rf"if {is_quoted}'\n' in text or '\r' in text:")
    _leave(writer)
    row = f"text.split({separator!r})"
    if skips_empty:
        row = f"read(text) if {quote!r} in text else {row}"
    writer.line(2, f"row = {row}")
    writer.line(2, f"if row and len(row) == {len(keys)}:")
    _write_map(writer, keys, skips_empty)
    writer.line(2, "else:")
    writer.line(3, "found = other(row) if row else None")
    writer.line(3, "if found is None:")
    _leave(writer, 4)
    if target is None:
        writer.line(2, "event.update(found)")
    else:
        writer.line(2, "if found:")
        writer.line(3, f"event[{target!r}] = found")
    if decorates:
        writer.line(2, "decorate(event)")
    loop: Loop = function_of(writer.texts, "csv", {})
    return loop


def _leave(writer: CodeWriter, depth: int = 3) -> None:
    writer.line(depth, "left.append(event)")
    writer.line(depth, "continue")


def _write_map(writer: CodeWriter, keys: Sequence[str], skips_empty: bool) -> None:
    names = [f"c{number}" for number in range(1, len(keys) + 1)]
    value = "{}" if skips_empty else "{} or None"
    pairs = zip(keys, names, strict=True)
    items: list[Any] = [f"{key!r}: {value.format(name)}" for key, name in pairs]
    writer.line(3, f"{', '.join(names)}, = row")
    writer.line(3, f"found = {{{', '.join(items)}}}")
    if skips_empty:
        for key, name in zip(keys, names, strict=True):
            writer.line(3, f"if not {name}:")
            writer.line(4, f"del found[{key!r}]")
