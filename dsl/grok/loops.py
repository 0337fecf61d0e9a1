"""The loop of a grok that matches one field, as one generated function: read, match, and set the
captures, without a call between them.

A few expressions are written one after the other, each with its captures; of many, those that may
match are chosen first. Lines whose events are not made yet have a loop of their own, which makes
each event with the captures in it (see ``whole_events``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec

from ..generated import function_of
from ..guard import MatchTimeout
from ..reading import reads
from ..reference import Event
from ..unmade import Shape, literal
from ..values import SMALL_INTEGERS
from .captures import assigning, field_tree, indented
from .expression import Expression
from .whole_events import Making, NotWholeError, Usual

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
    tries = [*_CHOSEN, *decoration]
    if few:
        puts = []
        for number, expression in enumerate(expressions, 1):
            put, added = _ordinary(expression, fill, number)
            puts.append(put)
            scope.update(added)
        tries = _tries(expressions, puts, decoration, ["unmatched(event)"])
    body = [
        f"value = {reads(keys)}",
        "if type(value) is not str:",
        "    other(event, value)",
        "    continue",
        *tries,
    ]
    text = [
        f"def run({_GIVEN}):",
        *([f"    {_names('find_', 1, len(expressions))} = finds"] if few else []),
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


def making_loop(
    expressions: Sequence[Expression],
    usual: Sequence[Usual],
    shape: Shape,
    values: int,
    fill: Fill,
    decoration: Sequence[str],
) -> Loop | None:
    """The loop over lines whose events have a shape, with so many values in it; None where the
    captures cannot be written down with it. ``usual``: what is of each expression.

    It is called with the lines and ``now``, the values, and what ``matching_loop`` gives its loop
    by the names ``finds``, ``decorate``, ``unmatched``, ``timed_out`` and ``failed``.
    """
    if len(expressions) > _MOST_INLINE:
        return None
    scope: dict[str, Any] = {"MatchTimeout": MatchTimeout, "small": SMALL_INTEGERS.get}
    fresh = [f"event = {literal(shape)}", "keep(event)"]
    puts = []
    for number, (expression, kind) in enumerate(zip(expressions, usual, strict=True), 1):
        ordinary, names = _ordinary(expression, fill, number)
        scope.update(names)
        tree = None
        if not fill.keep_empty:
            tree = field_tree(expression.captures, fill.target, fill.overwrite)
        if tree is None:
            return None
        given = expression.captures, shape, tree, fill.overwrite
        one_by_one = f"one_by_one_{number}(event, match)"
        try:
            puts.append(Making(*given, fresh, ordinary, one_by_one).lines(kind))
        except NotWholeError:
            return None
    late = ["if event is None:", *indented(fresh, 1)]
    body = _tries(expressions, puts, decoration, [*fresh, "unmatched(event)"])
    text = [
        "def make(lines, now, values, finds, decorate, unmatched, timed_out, failed):",
        f"    {_names('find_', 1, len(expressions))} = finds",
        *([f"    {_names('o', 0, values)} = values"] if values else []),
        "    made = []",
        "    keep = made.append",
        "    for value in lines:",
        "        event = None",
        "        try:",
        *indented(body, 3),
        "        except MatchTimeout:",
        *indented([*late, "timed_out(event)"], 3),
        "        except Exception as error:",
        *indented([*late, "failed(event, error)"], 3),
        "    return made",
    ]
    make: Loop = function_of(text, f"grok {expressions[0].text[:60]}", scope)
    return make


def _names(stem: str, first: int, count: int) -> str:
    """Names with numbers, to be assigned to at once."""
    return "".join(f"{stem}{number}, " for number in range(first, first + count)).rstrip()


def _ordinary(expression: Expression, fill: Fill, number: int) -> tuple[list[str], dict[str, Any]]:
    """The lines that put a match of the expression into an event that is there, and their names."""
    return assigning(expression, fill.target, fill.overwrite, fill.keep_empty, f"_{number}")


def _tries(
    expressions: Sequence[Expression],
    puts: Sequence[Sequence[str]],
    decoration: Sequence[str],
    unmatched: Sequence[str],
) -> list[str]:
    """The lines that try expressions in turn; ``puts`` are those for a match of each."""
    lines: list[str] = []
    for number, (expression, put) in enumerate(zip(expressions, puts, strict=True), 1):
        needed = f" if {expression.needed} else None" if expression.needed else ""
        lines.append(f"match = find_{number}(value){needed}")
        if number < len(expressions):
            lines.append("if match is not None:")
            lines += indented([*put, *decoration, "continue"], 1)
        else:
            lines += ["if match is None:", *indented([*unmatched, "continue"], 1)]
            lines += [*put, *decoration]
    return lines
