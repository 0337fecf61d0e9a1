"""Coverage shown: the configuration with counts in its margin, as text and as HTML, and as JSON."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from typing import Any

from ...dsl.source import Source
from .colors import Painter
from .coverage import Coverage, Point

Counted = tuple[Point, int]


def text(coverage: Coverage, color: bool = False, width: int = 0) -> str:
    """The configurations with a margin: events that passed, ``✗`` where none did; behind a line,
    what is missing. Lines of the source are cut to a width; 0 for any.
    """
    paint = Painter(color)
    parts = [_annotated(coverage, source, paint, width) for source in coverage.sources]
    return "\n".join([*parts, total(coverage)])


def total(coverage: Coverage) -> str:
    """The sum in a line."""
    counts = [count for _, count in coverage.of()]
    return (
        f"coverage: {coverage.percent():.0f} % ({sum(c > 0 for c in counts)} of {len(counts)}"
        " places)"
    )


_MARGIN = len("       ✗ │ ")


def _cut(line: str, room: int) -> str:
    return line if room <= 0 or len(line) <= room else line[: max(room - 1, 20)] + "…"


def _annotated(coverage: Coverage, source: Source, paint: Painter, width: int) -> str:
    by_line = _by_line(coverage.of(source))
    lines = [paint(f"{source.name}  {coverage.percent(source):.0f} %", "head")]
    for number in range(1, source.lines + 1):
        line = source.line(number)
        if number == source.lines and not line:
            break
        found = by_line.get(number, [])
        missing = _missing(found)
        shown = _cut(line, width - _MARGIN - len(missing)) if width else line
        lines.append(f"{_margin(found, paint)} {paint('│', 'weak')} {shown}{paint(missing, 'bad')}")
    return "\n".join(lines) + "\n"


def _by_line(found: Sequence[Counted]) -> dict[int, list[Counted]]:
    by_line: dict[int, list[Counted]] = {}
    for point, count in found:
        by_line.setdefault(point.span.line, []).append((point, count))
    return by_line


def _margin(found: Sequence[Counted], paint: Painter) -> str:
    if not found:
        return " " * 8
    if any(count == 0 for _, count in found):
        return paint(f"{'✗':>8}", "bad")
    return paint(f"{_passed(found):>8}", "good")


def _passed(found: Sequence[Counted]) -> int:
    return found[0][1]


def _missing(found: Sequence[Counted]) -> str:
    names = [point.what for point, _ in found if point.label]
    missing = [
        said(point, names.count(point.what) > 1 and bool(point.label))
        for point, count in found
        if count == 0
    ]
    return "   ← " + "; ".join(missing) if missing else ""


def said(point: Point, by_label: bool = False) -> str:
    """What is missing, in words; plugins ``by_label`` where their names are alike."""
    if point.what in ("else", "the condition holds"):
        return "never taken" if point.what == "else" else "never holds"
    if point.what.endswith("hold") or point.what.endswith("holds"):
        return "always holds" if point.number == 1 else "one of them always holds"
    if point.what == "pattern":
        return "never matches"
    name = point.label if by_label else point.what.partition(" ")[2]
    return f"{name}: no event"


def as_data(coverage: Coverage) -> dict[str, Any]:
    """Coverage as plain data."""
    files = {}
    for source in coverage.sources:
        points = [
            {
                "line": point.span.line,
                "column": point.span.column,
                "what": point.what,
                **({"label": point.label} if point.label else {}),
                "events": count,
            }
            for point, count in coverage.of(source)
        ]
        files[source.name] = {"percent": round(coverage.percent(source), 2), "points": points}
    return {"percent": round(coverage.percent(), 2), "files": files}


def as_json(coverage: Coverage) -> str:
    """Coverage as JSON."""
    return json.dumps(as_data(coverage), indent=1, ensure_ascii=False) + "\n"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Coverage of pipelines</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 14px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem;
  padding: 0 1rem; color: #222; background: #fff }}
table {{ border-collapse: collapse; width: 100% }}
.code td {{ font: 13px/1.5 ui-monospace, monospace; white-space: pre-wrap; padding: 0 .6rem;
  vertical-align: top }}
.code td:nth-child(-n+2) {{ text-align: right; color: #888; user-select: none; width: 4rem }}
.hit td:first-child {{ color: #1a7f37 }}
.miss {{ background: #ffebe9 }} .miss td:first-child {{ color: #cf222e }}
.why {{ color: #cf222e; font: 12px system-ui, sans-serif }}
@media (prefers-color-scheme: dark) {{
  body {{ color: #ddd; background: #111 }} .miss {{ background: #4a1a1a }}
}}
</style></head><body>
<h1>Coverage: {percent:.0f} %</h1>
<ul>{index}</ul>
{files}
</body></html>
"""


def as_html(coverage: Coverage) -> str:
    """Coverage as one HTML page that needs nothing else."""
    index, files = [], []
    for number, source in enumerate(coverage.sources):
        name, percent = html.escape(source.name), coverage.percent(source)
        index.append(f'<li><a href="#f{number}">{name}</a> {percent:.0f} %</li>')
        head = f'<h2 id="f{number}">{name} <small>{percent:.0f} %</small></h2>'
        files.append(f'{head}<table class="code">{_rows(coverage, source)}</table>')
    return _PAGE.format(percent=coverage.percent(), index="".join(index), files="\n".join(files))


def _rows(coverage: Coverage, source: Source) -> str:
    by_line = _by_line(coverage.of(source))
    return "\n".join(
        _row(number, source.line(number), by_line.get(number, []))
        for number in range(1, source.lines + 1)
    )


def _row(number: int, line: str, found: Sequence[Counted]) -> str:
    style = margin = why = ""
    if any(count == 0 for _, count in found):
        style, margin = ' class="miss"', "✗"
        why = f' <span class="why">{html.escape(_missing(found))}</span>'
    elif found:
        style, margin = ' class="hit"', str(_passed(found))
    details = "\n".join(f"{point.what}: {count}" for point, count in found)
    cells = "".join(f"<td>{cell}</td>" for cell in (margin, number, html.escape(line) + why))
    return f'<tr{style} title="{html.escape(details)}">{cells}</tr>'
