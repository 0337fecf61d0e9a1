"""How generated code reads a field of ``event``."""

from __future__ import annotations

from collections.abc import Sequence

from .reference import index_of


def is_inline(keys: Sequence[str]) -> bool:
    """Whether a path is read inline: one with a place in a list is not, nor all metadata, which is
    a map even where there is none.
    """
    return tuple(keys) != ("@metadata",) and all(index_of(key) is None for key in keys[1:])


def reads(keys: Sequence[str]) -> str:
    """The expression for the field with these keys, which calls ``get(event)`` where a look-up in
    maps does not say it all.
    """
    if not is_inline(keys):
        return "get(event)"
    *parents, last = map(repr, keys)
    if not parents:
        return f"event.get({last})"
    tests, at = [], "event"
    for key in parents:
        tests.append(f"type(m := {at}.get({key})) is dict")
        at = "m"
    return f"m.get({last}) if {' and '.join(tests)} else get(event)"
