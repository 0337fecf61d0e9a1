"""Tells filters of event time which partition of the input their events come from: a file, a
partition of a topic. A batch that has events of several is cut between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...dsl.reference import Event
from ...plugins.batch import Batch, Part
from ...plugins.event_time import Here, KeepsState
from ...plugins.filter import Filter
from ..compile.instantiate import Assembly


def filters_of_event_time(assembly: Assembly) -> list[KeepsState]:
    """The filters whose state goes by the time of events, in the order of the text."""
    plugins = assembly.plugins(assembly.program.filters)
    return [p for p in plugins if isinstance(p, Filter) and p.event_time]  # type: ignore[misc]


class Partitions:
    """The partitions of the inputs of one pipeline, as its filters see them."""

    def __init__(self, filters: Sequence[KeepsState]) -> None:
        self._filters, self._here = filters, Here()
        for plugin in filters:
            plugin.here = self._here

    @classmethod
    def of(cls, assembly: Assembly) -> Partitions | None:
        """Those of a pipeline; None where no filter goes by the time of events."""
        filters = filters_of_event_time(assembly)
        return cls(filters) if filters else None

    def begin(self, source: int, parts: Sequence[Part]) -> None:
        """A batch is about to be taken in: tell of partitions that begin."""
        begun = [_name(source, part) for part in parts if part.state == "begun"]
        if begun:
            for plugin in self._filters:
                plugin.begin_partitions(begun)

    def slices(
        self, source: int, batch: Batch, part: int | None, events: list[Event]
    ) -> Iterator[list[Event]]:
        """Events of one partition each: of one part, or of all parts of a batch."""
        parts = batch.parts
        if part is not None and parts:
            self._here.partition = _name(source, parts[part])
            yield events
            return
        filled = [each for each in parts if each.events] or parts[:1]
        if len(filled) < 2:
            self._here.partition = _name(source, filled[0]) if filled else str(source)
            yield events
            return
        start = 0
        for each in filled:
            self._here.partition = _name(source, each)
            yield events[start : start + each.events]
            start += each.events
        if start < len(events):
            yield events[start:]

    def end(self, source: int, parts: Sequence[Part]) -> bool:
        """A batch was taken in: tell of partitions that have ended, or are idle; whether something
        is due because of that.
        """
        told = [part for part in parts if part.state in ("idle", "finished")]
        for part in told:
            name = _name(source, part)
            for plugin in self._filters:
                ended = part.state == "finished"
                tell = plugin.finish_partition if ended else plugin.idle_partition
                plugin.leftover = [*plugin.leftover, *tell(name)]
        return bool(told)


def _name(source: int, part: Part) -> str:
    """The name of a partition for filters; behind the disk queue it has the input's number already
    (see ``input_queue``), and is the same as without one.
    """
    return part.partition if source < 0 else f"{source} {part.partition}"
