"""Patterns that mean a date, but hardly the one that their author had in mind."""

from __future__ import annotations

import re

from .parse import NAMED
from .pattern import joda_tokens


def doubts(pattern: str) -> list[tuple[str, str]]:
    """What looks wrong in a Joda-Time pattern that is not: messages, each with what to write
    instead.
    """
    if pattern in NAMED:
        return []
    letters = {token.letter for token in joda_tokens(pattern)}
    if re.search("%[A-Za-z]", pattern):
        return [
            (
                "`%` has no special meaning in a date format",
                "write yyyy-MM-dd HH:mm:ss, not %Y-%m-%d %H:%M:%S",
            )
        ]
    found = []
    if "m" in letters and letters & set("yYd") and not letters & set("MHhKkDwC"):
        found.append(("`m` is the minute", "write MM for the month"))
    if "D" in letters and "M" in letters:
        found.append(("`D` is the day of the year", "write dd for the day of the month"))
    if letters & set("hK") and "a" not in letters:
        found.append(
            (
                "`h` is the hour from 1 to 12, and `a` for AM or PM is missing",
                "write HH for hours from 0 to 23",
            )
        )
    return found


def named_like(pattern: str) -> str | None:
    """The name of the format that a text nearly is: `iso8601`, `ISO-8601`, `Unix_ms`."""
    plain = re.sub("[^A-Z0-9]", "", pattern.upper())
    return next((name for name in NAMED if name.replace("_", "") == plain), None)
