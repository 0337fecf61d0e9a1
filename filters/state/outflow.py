"""What leaves a filter: the events of a batch that go on, each followed by the results that it made
due.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...dsl.reference import Event


class Outflow:
    """Gathers what goes on of a batch. ``keep``: whether events that were taken in go on."""

    __slots__ = ("_behind", "_gone", "_in_order", "_kept", "keep")

    def __init__(self, keep: bool) -> None:
        self.keep = keep
        self._behind: dict[int, list[Event]] = {}
        self._kept: list[int] = []
        self._in_order = True
        self._gone: set[int] = set()

    def behind(self, index: int, results: list[Event]) -> None:
        """Let results follow the event with this index."""
        if results:
            held = self._behind.get(index)
            self._behind[index] = results if held is None else held + results

    def stays(self, index: int) -> None:
        """Let an event go on although events that are taken in do not."""
        if not self.keep:
            self._kept.append(index)
            self._in_order = False

    def goes(self, index: int) -> None:
        """Let an event end here."""
        if self.keep:
            self._gone.add(index)

    def all_stay(self, indexes: Iterable[int]) -> None:
        """Let events go on although events that are taken in do not. The indexes rise."""
        self._in_order = self._in_order and not self._kept
        self._kept.extend(indexes)

    def events(self, events: list[Event]) -> list[Event]:
        """What goes on, in order; the list that was given, where that is all of it."""
        behind, gone = self._behind, self._gone
        if self.keep and not behind:
            if not gone:
                return events
            return [event for index, event in enumerate(events) if index not in gone]
        if not self.keep and not self._kept:
            return [result for index in sorted(behind) for result in behind[index]]
        if not self.keep and not behind:
            kept = self._kept if self._in_order else sorted(set(self._kept))
            return [events[index] for index in kept]
        return [event for event, _ in self._walk(events)]

    def placed(self, events: list[Event], places: list[Any]) -> tuple[list[Event], list[Any]]:
        """What goes on, and the place of each: results have that of the event before them."""
        pairs = self._walk(events)
        return [event for event, _ in pairs], [places[index] for _, index in pairs]

    def _walk(self, events: list[Event]) -> list[tuple[Event, int]]:
        going: list[tuple[Event, int]] = []
        behind, gone = self._behind, self._gone
        if self.keep:
            walked = [index for index in range(len(events)) if index not in gone]
        else:
            walked = self._kept
        staying = set(walked)
        for index in sorted(staying.union(behind)):
            if index in staying:
                going.append((events[index], index))
            going += [(result, index) for result in behind.get(index, ())]
        return going
