"""What integers amount to that are all values of a window: read off their sorted list.

Most windows have few values of a key, of one kind, and end before any of them was folded into a
tally; sums, extremes and percentiles of these are the same without one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..dsl.reference import Event, FieldRef
from .state.keys import put_at
from .state.sketches import rank

WriteWhole = Callable[[Event, list[int]], None]
"""Writes a figure of some sorted integers, of which there is at least one."""


def _mean(values: list[int]) -> float | None:
    try:
        return sum(values) / len(values)
    except OverflowError:
        return None


_FIGURES: dict[str, Callable[[list[int]], Any]] = {
    "count": len,
    "sum": sum,
    "avg": _mean,
    "min": lambda values: values[0],
    "max": lambda values: values[-1],
}


def whole_writers(
    pairs: Sequence[tuple[str, FieldRef]],
    percents: Sequence[float],
    parts: Sequence[tuple[int, int]],
) -> list[WriteWhole] | None:
    """What writes some functions of integers to their targets; None where one of them needs more.
    ``parts``: the percents as fractions.
    """
    made: list[WriteWhole] = []
    for name, target in pairs:
        if name == "percentiles":
            for percent, part in zip(percents, parts, strict=True):
                place = put_at(FieldRef(f"{target.canonical}[p{percent:g}]"))
                made.append(_percentile(place, part))
        elif name in _FIGURES:
            made.append(_figure(put_at(target), _FIGURES[name]))
        else:
            return None
    return made


def _figure(place: Callable[[Event, Any], None], figure: Callable[[list[int]], Any]) -> WriteWhole:
    def write(event: Event, values: list[int]) -> None:
        value = figure(values)
        if value is not None:
            place(event, value)

    return write


def _percentile(place: Callable[[Event, Any], None], part: tuple[int, int]) -> WriteWhole:
    def write(event: Event, values: list[int]) -> None:
        place(event, values[rank(part, len(values))])

    return write
