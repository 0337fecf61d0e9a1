"""What integers amount to that are all values of a window: read off their sorted list.

Most windows have few values of a key, of one kind, and end before any of them was folded into a
tally; sums, extremes and percentiles of these are the same without one. A function is generated
for the targets of a filter: those side by side in one map are written as one map.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

import msgspec

from ..dsl.generated import function_of
from ..dsl.reference import Event, FieldRef
from .state.keys import put_at

WriteWhole = Callable[[Event, list[int]], None]
"""Writes figures of some sorted integers, of which there is at least one."""


def _mean(values: list[int]) -> float | None:
    try:
        return sum(values) / len(values)
    except OverflowError:
        return None


_FIGURES = {
    "count": "len(values)",
    "sum": "sum(values)",
    "avg": "mean(values)",
    "min": "values[0]",
    "max": "values[-1]",
}
_MAY_LACK = _FIGURES["avg"]


class _Figure(msgspec.Struct, frozen=True):
    """The text of a figure, and where it goes."""

    text: str
    target: FieldRef

    @property
    def map(self) -> str | None:
        """The map that it may be written to together with its neighbours, if there is one."""
        keys = self.target.keys
        return keys[0] if len(keys) == 2 and self.text != _MAY_LACK else None


def whole_writer(
    pairs: Sequence[tuple[str, FieldRef]],
    percents: Sequence[float],
    parts: Sequence[tuple[int, int]],
) -> WriteWhole | None:
    """What writes some functions of integers to their targets; None where one of them needs more.
    ``parts``: the percents as fractions.
    """
    figures: list[_Figure] = []
    for name, target in pairs:
        if name == "percentiles":
            for percent, part in zip(percents, parts, strict=True):
                place = FieldRef(f"{target.canonical}[p{percent:g}]")
                figures.append(_Figure(_percentile(part), place))
        elif name in _FIGURES:
            figures.append(_Figure(_FIGURES[name], target))
        else:
            return None
    scope: dict[str, Any] = {"mean": _mean}
    lines = ["def write(event, values):"]
    for name, group in groupby(figures, key=lambda figure: figure.map):
        if name is None:
            lines += _one_by_one(group, scope)
        else:
            lines += _together(name, group)
    writer: WriteWhole = function_of(lines, "figures of a window", scope)
    return writer


def _percentile(part: tuple[int, int]) -> str:
    """The value at the nearest rank, as ``sketches.rank`` has it."""
    numerator, denominator = part
    if numerator <= 0:
        return "values[0]"
    return f"values[-(-{numerator} * len(values) // {100 * denominator}) - 1]"


def _together(name: str, figures: Iterator[_Figure]) -> list[str]:
    """Lines that write figures to one map of the event."""
    items = ", ".join(f"{figure.target.keys[1]!r}: {figure.text}" for figure in figures)
    return [
        f"    made = {{{items}}}",
        f"    held = event.get({name!r})",
        "    if type(held) is dict:",
        "        held.update(made)",
        "    else:",
        f"        event[{name!r}] = made",
    ]


def _one_by_one(figures: Iterator[_Figure], scope: dict[str, Any]) -> list[str]:
    """Lines that write each figure to its own place; those that are none are left out."""
    lines = []
    for figure in figures:
        put = f"put_{len(scope)}"
        scope[put] = put_at(figure.target)
        lines += [
            f"    value = {figure.text}",
            "    if value is not None:",
            f"        {put}(event, value)",
        ]
    return lines
