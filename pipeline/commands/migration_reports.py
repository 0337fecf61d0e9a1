"""A migration shown: as text, as JSON, and as a page of HTML."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

from .findings import MISSING, title_of
from .migration import Kind, Migration
from .stores import counted

_MOST = 20
"""How many rows of a table a terminal gets."""


def text(made: Migration, every: bool = False) -> str:
    """The report for a terminal; tables are cut, unless ``every`` row is wanted."""
    most = None if every else _MOST
    accepted = sum(file.runs for file in made.files)
    parts = [f"{made.root}: {accepted} of {counted(len(made.files), 'file')} would run\n"]
    refused = [file.path for file in made.files if not file.runs]
    parts += _section("Files that would not run", refused, most)
    missing = [f"{count:6}  {subject}" for subject, count in made.missing.items()]
    parts += _section("Plugins that are missing, with the number of uses", missing, most)
    others = [kind for kind in made.obstacles if kind.code not in MISSING]
    parts += _section("What else keeps files from running", _rows(others), most)
    settings = [f"{each.place}: {each.message}" for each in made.settings]
    parts += _section("Settings", settings, most)
    parts += _section("Deprecated options", _rows(made.deprecated), most)
    parts += _section("Worth a look", _rows(made.warnings), most)
    parts += _section("Ruby", _ruby(made), None)
    return "\n".join(parts)


def _section(title: str, rows: Sequence[str], most: int | None) -> list[str]:
    if not rows:
        return []
    shown = [f"  {row}" for row in rows[:most]]
    left = len(rows) - len(shown)
    if left:
        shown.append(f"  … and {left} more; --all shows them")
    return ["\n".join([title, *shown, ""])]


def _rows(found: Iterable[Kind]) -> list[str]:
    return [
        f"{kind.count:6}  {kind.code}  {kind.message}; {kind.help} ({kind.place})" for kind in found
    ]


def _ruby(made: Migration) -> list[str]:
    compiled, process = made.ruby["compiled"], made.ruby["process"]
    if not compiled and not process:
        return []
    return [
        f"{counted(compiled, 'filter')} with Ruby that is compiled",
        f"{counted(process, 'filter')} with Ruby that runs in a process of a real ruby",
    ]


def as_data(made: Migration) -> dict[str, Any]:
    """The report as plain data."""
    return {
        "directory": made.root,
        "runs": made.runs,
        "files": [
            {
                "path": file.path,
                "runs": file.runs,
                "findings": [
                    {"code": each.code, "message": each.message, "remedy": each.help}
                    | {"place": each.place}
                    for each in file.findings
                ],
                "ruby": dict(file.ruby),
            }
            for file in made.files
        ],
        "missing_plugins": made.missing,
        "obstacles": [_kind(kind) for kind in made.obstacles],
        "deprecated": [_kind(kind) for kind in made.deprecated],
        "warnings": [_kind(kind) for kind in made.warnings],
        "settings": [
            {"code": each.code, "message": each.message, "place": each.place}
            for each in made.settings
        ],
        "ruby": made.ruby,
    }


def _kind(kind: Kind) -> dict[str, Any]:
    return {
        "code": kind.code,
        "title": title_of(kind.code),
        "message": kind.message,
        "remedy": kind.help,
        "count": kind.count,
        "first": kind.place,
    }


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Migration of {root}</title>
<style>
body {{ font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; }}
table {{ border-collapse: collapse; width: 100%; margin-bottom: 2rem; }}
th, td {{ text-align: left; padding: .25rem .6rem; vertical-align: top; }}
th, td {{ border-bottom: 1px solid #ddd; }}
td.n {{ text-align: right; }} .bad {{ color: #b00020; }} .good {{ color: #1a7f37; }}
code {{ font-size: .92em; }}
</style></head><body>
<h1>{root}</h1>
<p class="{state}">{sum}</p>
{tables}
</body></html>
"""


def page(made: Migration) -> str:
    """The report as a page of HTML that stands by itself."""
    accepted = sum(file.runs for file in made.files)
    files = [
        (file.path, "runs" if file.runs else "would not run", len(file.findings))
        for file in made.files
    ]
    others = [kind for kind in made.obstacles if kind.code not in MISSING]
    tables = [
        _table("Plugins that are missing", ("plugin", "uses"), made.missing.items()),
        _kinds_table("What else keeps files from running", others),
        _table("Settings", ("place", "finding"), [(s.place, s.message) for s in made.settings]),
        _kinds_table("Deprecated options", made.deprecated),
        _kinds_table("Worth a look", made.warnings),
        _table("Ruby", ("route", "filters"), made.ruby.items() if _ruby(made) else []),
        _table("Files", ("file", "", "findings"), files),
    ]
    return _PAGE.format(
        root=html.escape(made.root),
        state="good" if made.runs else "bad",
        sum=f"{accepted} of {counted(len(made.files), 'file')} would run.",
        tables="\n".join(table for table in tables if table),
    )


def _kinds_table(title: str, found: Sequence[Kind]) -> str:
    rows = [(k.count, k.code, k.message, k.help, k.place) for k in found]
    return _table(title, ("times", "code", "finding", "instead", "first at"), rows)


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    cells = ["".join(map(_cell, row)) for row in rows]
    if not cells:
        return ""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in heads)
    body = "\n".join(f"<tr>{row}</tr>" for row in cells)
    return f"<h2>{html.escape(title)}</h2>\n<table><tr>{head}</tr>\n{body}\n</table>"


def _cell(value: Any) -> str:
    kind = ' class="n"' if isinstance(value, int) else ""
    return f"<td{kind}>{html.escape(str(value))}</td>"
