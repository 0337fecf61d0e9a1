"""The loop of the filter translate, generated for what is usual: a string or an integer looked up
as a whole key, and a string put in a map.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..dsl.generated import CodeWriter, function_of
from ..dsl.reading import is_inline, reads
from ..dsl.reference import FieldRef
from ._dictionaries import MISSING
from ._references import NAMES_APART, BrokenReference

Loop = Callable[..., None]


def translating_loop(
    source: FieldRef, target: FieldRef, overrides: bool, passes_missing: bool, passes_null: bool
) -> Loop | None:
    """The loop; None for a target that is not in maps, or takes no string.

    It is called with the events, ``find(text)``, which gives MISSING where there is nothing,
    ``get(event)`` for the source where it is not in maps, ``slow(event)`` for events that it
    leaves, and ``decorate(event)`` or None. ``passes_missing``: an event is left as it is where
    nothing is found, ``passes_null``: where the source is null or not there as well.
    """
    keys = target.keys
    is_apart = keys[0] in NAMES_APART and (len(keys) == 1 or keys[0] != "@metadata")
    if is_apart or not is_inline(keys) or isinstance(target, BrokenReference):
        return None
    writer = CodeWriter()
    writer.line(0, "def loop(events, find, get, slow, decorate):")
    writer.line(1, "for event in events:")
    writer.line(2, f"value = {reads(source.keys)}")
    writer.line(2, "if type(value) is str:")
    writer.line(3, "found = find(value)")
    writer.line(2, "elif type(value) is int:")
    writer.line(3, "found = find(str(value))")
    if passes_null:
        writer.line(2, "elif value is None:")
        writer.line(3, "continue")
    writer.line(2, "else:")
    _leave(writer)
    if passes_missing:
        writer.line(2, "if found is MISSING:")
        writer.line(3, "continue")
    writer.line(2, "if type(found) is not str:")
    _leave(writer)
    _put(writer, keys, overrides)
    writer.line(2, "if decorate is not None:")
    writer.line(3, "decorate(event)")
    scope: dict[str, Any] = {"MISSING": MISSING}
    loop: Loop = function_of(writer.texts, "translate", scope)
    return loop


def _leave(writer: CodeWriter) -> None:
    writer.line(3, "slow(event)")
    writer.line(3, "continue")


def _put(writer: CodeWriter, keys: Sequence[str], overrides: bool) -> None:
    """Lines that set the field, and make the map that holds it where only that is not there."""
    at, (*parents, last) = "event", keys
    for key in parents[:-1]:
        writer.line(2, f"held = {at}.get({key!r})")
        writer.line(2, "if type(held) is not dict:")
        _leave(writer)
        at = "held"
    if not parents:
        _set(writer, 2, at, last, overrides)
        return
    writer.line(2, f"inner = {at}.get({parents[-1]!r})")
    writer.line(2, "if type(inner) is dict:")
    _set(writer, 3, "inner", last, overrides)
    writer.line(2, f"elif {parents[-1]!r} not in {at}:")
    writer.line(3, f"{at}[{parents[-1]!r}] = {{{last!r}: found}}")
    writer.line(2, "else:")
    _leave(writer)


def _set(writer: CodeWriter, depth: int, at: str, key: str, overrides: bool) -> None:
    if not overrides:
        writer.line(depth, f"if {key!r} in {at}:")
        writer.line(depth + 1, "continue")
    writer.line(depth, f"{at}[{key!r}] = found")
