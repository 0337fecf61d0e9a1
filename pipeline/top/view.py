"""A frame as lines of text of a given width: what ``penstock top`` shows, and ``--once`` prints.

Columns of figures have fixed widths; the first column takes what is left, and loses its middle
where that is too little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from .model import FilterRow, Frame, InputRow, OutputRow, Rate

LEAST = 80
"""The narrowest that lines are made for."""

SORTS = ("cost", "rate", "name")
"""What filters may be sorted by."""

UNKNOWN = "–"
_UNITS = ("", "k", "M", "G", "T")


class Line(NamedTuple):
    """A line; ``style``: plain, title, head, bad or quiet."""

    text: str
    style: str = "plain"


def lines(frame: Frame, width: int, sort: str = "cost", only: str | None = None) -> list[Line]:
    """The lines of a frame. ``only``: the name of the pipeline that is shown, None for all."""
    width = max(width, LEAST)
    found = [*_top(frame, width)]
    shown = [row for row in frame.pipelines if only in (None, row.name)]
    prefix = len(frame.pipelines) > 1 and only is None
    found += _table("PIPELINE", _PIPELINE, shown, width, lambda row: row.name)
    for head, columns, rows in (
        ("INPUT", _INPUT, frame.inputs),
        ("FILTER", _FILTER, _sorted(frame.filters, sort)),
        ("OUTPUT", _OUTPUT, frame.outputs),
    ):
        chosen = [row for row in rows if only in (None, row.pipeline)]
        found += _table(head, columns, chosen, width, lambda row: _titled(row, prefix))
    return found


def _titled(row: InputRow | FilterRow | OutputRow, prefix: bool) -> str:
    return f"{row.pipeline}: {row.title}" if prefix else row.title


def _sorted(rows: Sequence[FilterRow], sort: str) -> list[FilterRow]:
    if sort == "name":
        return sorted(rows, key=lambda row: (row.title, row.pipeline))
    by = (lambda row: row.into or 0.0) if sort == "rate" else (lambda row: row.cost or 0.0)
    return sorted(rows, key=by, reverse=True)


def _top(frame: Frame, width: int) -> Iterable[Line]:
    cpu = UNKNOWN if frame.cpu is None else f"{100 * frame.cpu:.0f} %"
    memory = size(frame.memory)
    if frame.children:
        memory += f" + {size(frame.children_memory)} in {frame.children} processes"
    state = "not ready" if frame.reasons else "ready"
    text = f"penstock {frame.version} on {frame.host}: {state}, up {span(frame.uptime)}"
    yield Line(shortened(text, width), "title")
    yield Line(f"CPU {cpu}, memory {memory}")
    for reason in frame.reasons:
        yield Line(shortened(f"  {reason}", width), "bad")


class _Column(NamedTuple):
    head: str
    width: int
    cell: Callable[..., str]
    is_bad: Callable[..., bool] = lambda row: False


def _table(
    head: str,
    columns: Sequence[_Column],
    rows: Sequence[object],
    width: int,
    title: Callable[..., str],
) -> list[Line]:
    """A table with an empty line before it; nothing where there are no rows."""
    if not rows:
        return []
    first = width - sum(column.width for column in columns)
    heads = "".join(column.head.rjust(column.width) for column in columns)
    found = [Line(""), Line(head.ljust(first) + heads, "head")]
    for row in rows:
        cells = "".join(column.cell(row).rjust(column.width) for column in columns)
        bad = any(column.is_bad(row) for column in columns)
        text = shortened(title(row), first - 1).ljust(first) + cells
        found.append(Line(text.rstrip(), "bad" if bad else "plain"))
    return found


def number(value: Rate) -> str:
    """A number in five characters or fewer: 0, 0.12, 3.4, 120, 1.2k, 34M."""
    if value is None:
        return UNKNOWN
    unit = 0
    while abs(value) >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    if value == 0:
        return "0"
    if value < 1 and not unit:
        return f"{value:.2f}" if value >= 0.005 else "0.00"
    digits = 1 if value < 9.95 and (unit or value != int(value)) else 0
    return f"{value:.{digits}f}{_UNITS[unit]}"


def size(value: float | None) -> str:
    """Bytes, with a unit."""
    if value is None:
        return UNKNOWN
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1023.5:
            return f"{value:.0f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def span(seconds: float) -> str:
    """A duration by its two largest units."""
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{int(seconds)} s"


def short_time(seconds: float | None) -> str:
    """A time from microseconds to seconds."""
    if seconds is None:
        return UNKNOWN
    if seconds < 1e-3:
        return f"{number(seconds * 1e6)} µs"
    return f"{number(seconds * 1e3)} ms" if seconds < 1 else f"{number(seconds)} s"


def shortened(text: str, width: int) -> str:
    """A text without its middle where it is too long."""
    if len(text) <= width:
        return text
    kept = max(width - 1, 2)
    return text[: kept - kept // 2] + "…" + text[len(text) - kept // 2 :]


def _lag(row: InputRow) -> str:
    if row.lag_events is not None:
        return f"{number(row.lag_events)} events"
    return size(row.lag_bytes)


_PIPELINE = (
    _Column("in/s", 7, lambda row: number(row.into)),
    _Column("filtered/s", 11, lambda row: number(row.filtered)),
    _Column("out/s", 7, lambda row: number(row.out)),
    _Column("queue", 7, lambda row: number(row.queue_events)),
    _Column("letters", 9, lambda row: size(row.dead_letters)),
    _Column("workers", 8, lambda row: str(row.workers), lambda row: not row.running),
    _Column("reloads", 8, lambda row: number(row.reloads)),
    _Column("failed", 7, lambda row: number(row.reload_failures), lambda r: r.reload_failures > 0),
)
_INPUT = (
    _Column("events/s", 12, lambda row: number(row.out)),
    _Column("lag", 16, _lag),
)
_FILTER = (
    _Column("in/s", 8, lambda row: number(row.into)),
    _Column("out/s", 8, lambda row: number(row.out)),
    _Column("per event", 11, lambda row: short_time(row.each)),
    _Column("share", 8, lambda row: UNKNOWN if row.share is None else f"{100 * row.share:.0f} %"),
    _Column("failed/s", 10, lambda row: number(row.failures), lambda row: bool(row.failures)),
)
_OUTPUT = (
    _Column("events/s", 9, lambda row: number(row.delivered)),
    _Column("waiting", 8, lambda row: number(row.waiting)),
    _Column("retried/s", 10, lambda row: number(row.retried)),
    _Column("lost", 6, lambda row: number(row.lost), lambda row: row.lost > 0),
    _Column("request", 8, lambda row: short_time(row.latency)),
    _Column("circuit", 10, lambda row: row.circuit, lambda row: row.circuit != "closed"),
)
