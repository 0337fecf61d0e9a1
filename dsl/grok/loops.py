"""The loop of a grok that matches one field, as one generated function: read, match, and set the
captures, without a call between them.

A few expressions are written one after the other, each with its captures; of many, those that may
match are chosen first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec

from ..generated import function_of
from ..guard import MatchTimeout
from ..reading import reads
from ..reference import Event
from .captures import assigning, indented
from .expression import Expression

Loop = Callable[..., list[Event]]

_MOST_INLINE = 3


class Fill(msgspec.Struct, frozen=True):
    """How captures are put into events: ``target`` is a reference under which all go, or nothing,
    ``overwrite`` are references whose old value is replaced.
    """

    target: str
    overwrite: Collection[str]
    keep_empty: bool


def matching_loop(
    expressions: Sequence[Expression], keys: Sequence[str], fill: Fill, decoration: Sequence[str]
) -> Loop:
    """The whole loop of a filter that tries expressions on the field with these keys, up to the
    first that matches.

    It is called with the events and with what it does not do itself: ``get(event)`` reads the field
    where something on its path is not a map, ``finds`` look for the expressions, ``choose(text)``
    gives the places of those that may match, ``assign(place, event, match)`` sets the captures of
    one; ``decorate(event)``, ``unmatched(event)``, ``other(event, value)`` for a value that is not
    a string, ``timed_out(event)`` and ``failed(event, error)``. ``decoration`` are the lines that
    decorate ``event``.
    """
    scope: dict[str, Any] = {"MatchTimeout": MatchTimeout}
    few = len(expressions) <= _MOST_INLINE
    tries = _each(expressions, fill, decoration, scope) if few else [*_CHOSEN, *decoration]
    body = [
        f"value = {reads(keys)}",
        "if type(value) is not str:",
        "    other(event, value)",
        "    continue",
        *tries,
    ]
    names = ", ".join(f"find_{number}" for number, _ in enumerate(expressions, 1))
    text = [
        f"def run({_GIVEN}):",
        *([f"    {names}, = finds"] if few else []),
        "    for event in events:",
        "        try:",
        *indented(body, 3),
        "        except MatchTimeout:",
        "            timed_out(event)",
        "        except Exception as error:",
        "            failed(event, error)",
        "    return events",
    ]
    run: Loop = function_of(text, f"grok {expressions[0].text[:60]}", scope)
    return run


_GIVEN = "events, get, finds, choose, assign, decorate, unmatched, other, timed_out, failed"
_CHOSEN = (
    "for place in choose(value):",
    "    match = finds[place](value)",
    "    if match is not None:",
    "        assign(place, event, match)",
    "        break",
    "else:",
    "    unmatched(event)",
    "    continue",
)


def _each(
    expressions: Sequence[Expression], fill: Fill, decoration: Sequence[str], scope: dict[str, Any]
) -> list[str]:
    """The lines that try expressions in turn; the names that they use are put into the scope."""
    lines: list[str] = []
    for number, expression in enumerate(expressions, 1):
        put, names = assigning(
            expression, fill.target, fill.overwrite, fill.keep_empty, f"_{number}"
        )
        scope.update(names)
        needed = f" if {expression.needed} else None" if expression.needed else ""
        lines.append(f"match = find_{number}(value){needed}")
        if number < len(expressions):
            lines.append("if match is not None:")
            lines += indented([*put, *decoration, "continue"], 1)
        else:
            lines += ["if match is None:", "    unmatched(event)", "    continue"]
            lines += [*put, *decoration]
    return lines
