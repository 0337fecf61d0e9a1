"""Guesses at why a field is not as expected: the same value elsewhere or of another type, a name or
a text that is nearly so.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from ...dsl.reference import Event
from ...dsl.timestamp import Timestamp, parse_timestamp
from ...dsl.values import to_text
from .matchers import MISSING, alike, kind

Keys = tuple[str, ...]
_CAPTURE = {"integer": "int", "float": "float"}


def guess(keys: Keys, wanted: Any, got: Any, event: Event) -> str:
    """What may be the reason, or nothing."""
    if got is MISSING:
        return _elsewhere(keys, wanted, event) or _similar_name(keys, event)
    if wanted is MISSING:
        return ""
    if type(got) is Timestamp:
        return _time(wanted, got)
    if isinstance(wanted, list) and isinstance(got, list):
        return _items(wanted, got)
    if isinstance(got, list) and any(alike(wanted, item) for item in got):
        return (
            "the value is in it, with others: it was added to what was there (grok's `overwrite`"
            " replaces)"
        )
    if kind(wanted) != kind(got):
        return _type(wanted, got)
    return _text(wanted, got) if isinstance(wanted, str) else ""


def _elsewhere(keys: Keys, wanted: Any, event: Event) -> str:
    """The field that has the value that is missing here."""
    if wanted is MISSING or wanted in ("", None) or isinstance(wanted, bool):
        return ""
    found = [
        path
        for path, value in _leaves(event)
        if alike(wanted, value) and path != keys and path[-2:] != ("event", "original")
    ]
    return f"{_reference(found[0])} has this value" if found else ""


def _similar_name(keys: Keys, event: Event) -> str:
    names = {_reference(path): path for path, _ in _leaves(event)}
    near = get_close_matches(_reference(keys), names, n=1, cutoff=0.75)
    return f"there is {near[0]}" if near else ""


def _leaves(value: Any, path: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    for key, inner in value.items():
        if type(inner) is dict:
            yield from _leaves(inner, (*path, key))
        else:
            yield (*path, key), inner


def _reference(keys: Keys) -> str:
    return keys[0] if len(keys) == 1 else "".join(f"[{key}]" for key in keys)


def _time(wanted: Any, got: Timestamp) -> str:
    instant = parse_timestamp(wanted) if isinstance(wanted, str) else None
    if instant is None:
        return "the value is a timestamp, not a string" if not isinstance(wanted, str) else ""
    seconds = got.seconds() - instant.seconds()
    side = "later" if seconds > 0 else "earlier"
    hours, rest = divmod(abs(seconds), 3600)
    if seconds and rest == 0 and hours <= 14:
        return f"{hours} h {side}: a time zone?"
    days, rest = divmod(abs(seconds), 86_400)
    if seconds and rest == 0:
        return f"{days} days {side}: a year that was guessed?" if days > 300 else f"{days} d {side}"
    return ""


def _type(wanted: Any, got: Any) -> str:
    if isinstance(got, str) and type(wanted) in (int, float) and got == to_text(wanted):
        short = _CAPTURE[kind(wanted)]
        return (
            f"the value is a string, not a number: %{{NUMBER:…:{short}}} or mutate"
            f" {{ convert => {{ … =>"
            f" {kind(wanted)} }} }} makes it one"
        )
    if isinstance(wanted, str) and wanted == to_text(got):
        return f"expected a string, found the type {kind(got)}"
    return f"expected the type {kind(wanted)}, found {kind(got)}"


def _text(wanted: str, got: str) -> str:
    if wanted.lower() == got.lower():
        return "they differ in upper and lower case"
    if wanted.strip() == got.strip():
        return "they differ in leading or trailing blanks"
    if wanted.split() == got.split():
        return "blanks differ"
    same = next(
        (i for i, (a, b) in enumerate(zip(wanted, got, strict=False)) if a != b),
        min(len(wanted), len(got)),
    )
    if same >= 8 and max(len(wanted), len(got)) > 20:
        part = slice(same, same + 12)
        return (
            f"they differ from character {same + 1} on: expected {wanted[part]!r}, found"
            f" {got[part]!r}"
            " is there"
        )
    return ""


def _items(wanted: list[Any], got: list[Any]) -> str:
    missing = [item for item in wanted if not any(alike(item, other) for other in got)]
    surplus = [item for item in got if not any(alike(other, item) for other in wanted)]
    found = {"missing": missing, "not expected": surplus}
    return "; ".join(
        f"{word}: {', '.join(map(to_text, items))}" for word, items in found.items() if items
    )
