"""Lists of events put together again in their order, behind branches whose filters make more or
fewer of them. Places go along with events; what a flush adds stands behind all.
"""

from __future__ import annotations

from collections.abc import Callable

from ...dsl.reference import Event

Events = list[Event]

END = 1 << 60
"""The place of events that had none."""


def spreader(
    spread: Callable[[Event], Events],
) -> Callable[[Events, list[int]], tuple[Events, list[int]]]:
    """A filter over events and their places: what it makes of one has that one's place."""

    def spread_all(events: Events, at: list[int]) -> tuple[Events, list[int]]:
        out: Events = []
        places: list[int] = []
        for event, place in zip(events, at, strict=True):
            made = spread(event)
            out += made
            places += [place] * len(made)
        return out, places

    return spread_all


def merge(*parts: tuple[Events, list[int]]) -> tuple[Events, list[int]]:
    """Lists of events, each with the places that they had, as one list in the order of the
    places.
    """
    filled = [part for part in parts if part[0]]
    if len(filled) == 1:
        return filled[0]
    events = [event for part in filled for event in part[0]]
    places = [place for part in filled for place in part[1]]
    order = sorted(range(len(places)), key=places.__getitem__)
    return [events[i] for i in order], [places[i] for i in order]


def reorder(at: list[int], order: list[int]) -> list[int]:
    """The places of events that were merged, seen from outside."""
    return [at[i] if i < len(at) else END for i in order]
