"""Findings as a report for people: each kind of finding once, a count of the rest, and a table.

A directory of configurations has the same finding dozens of times. What is said more than three
times in the same words is shown at its first place; the others are named behind it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ...dsl.codes import pages
from ...dsl.diagnostics import Diagnostic, render

_MOST = 3
"""How often the same finding is shown whole."""
_MOST_PLACES = 10
_MOST_PLAIN = 5
"""How many findings need no table."""

MISSING = ("E201", "E202", "E219", "W219")
"""The codes of plugins that are missing."""


def report(found: Sequence[Diagnostic], color: bool, width: int) -> str:
    """All findings, folded, and behind them a table where there are many."""
    text = folded(found, color, width)
    return f"{text}\n{table(found)}" if len(found) > _MOST_PLAIN else text


def folded(found: Sequence[Diagnostic], color: bool = False, width: int = 120) -> str:
    """Findings as text; of those in the same words, more than three, the first with the places of
    the others.
    """
    alike: dict[tuple[str, str], list[Diagnostic]] = {}
    for finding in found:
        alike.setdefault((finding.code, finding.message), []).append(finding)
    parts = []
    for same in alike.values():
        if len(same) <= _MOST:
            parts.append(render(same, color, width))
        else:
            parts.append(f"{render(same[:1], color, width)}{_others(same[1:])}")
    return "\n".join(parts)


def _others(rest: Sequence[Diagnostic]) -> str:
    places = [finding.place for finding in rest[:_MOST_PLACES] if finding.place]
    dots = ", …" if len(rest) > _MOST_PLACES else ""
    return f"  and {len(rest)} more: {', '.join(places)}{dots}\n"


def table(found: Sequence[Diagnostic]) -> str:
    """How many findings of each kind there are, and which plugins are missing."""
    kinds = Counter(finding.code for finding in found)
    lines = [f"{kinds[code]:6}  {code}  {title_of(code)}" for code in sorted(kinds)]
    missing = missing_plugins(found)
    if missing:
        names = ", ".join(f"{subject} ({count})" for subject, count in missing.items())
        lines.append(f"missing plugins: {names}")
    return "\n".join(lines) + "\n"


def title_of(code: str) -> str:
    """What the page of a code is called."""
    page = pages().get(code)
    return page.title if page is not None else ""


def missing_plugins(found: Sequence[Diagnostic]) -> dict[str, int]:
    """The plugins that are not there, such as ``output kafka``, with how often each is used; the
    most used first.
    """
    uses = Counter(finding.subject for finding in found if finding.code in MISSING)
    del uses[""]
    return dict(sorted(uses.items(), key=lambda pair: (-pair[1], pair[0])))
