"""Tells filters of event time which partition of the input their events come from: a file, a
partition of a topic. A batch that has events of several is cut between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ...dsl.reference import Event
from ...plugins.batch import Batch, Part
from ...plugins.event_time import Here, KeepsState
from ...plugins.filter import Filter
from ...plugins.input import Input
from ..compile.instantiate import Assembly


def filters_of_event_time(assembly: Assembly) -> list[KeepsState]:
    """The filters whose state goes by the time of events, in the order of the text."""
    plugins = assembly.plugins(assembly.program.filters)
    return [p for p in plugins if isinstance(p, Filter) and p.event_time]  # type: ignore[misc]


def filters_kept_by_key(assembly: Assembly) -> list[Any]:
    """The filters that go by the clock, and whose state is kept with the partitions of an input all
    the same: where the input commits them, and the filter has an ``id``.
    """
    program = assembly.program
    inputs = [p for p in assembly.plugins(program.inputs) if isinstance(p, Input)]
    is_memory = str(program.settings.get("penstock.state", "auto")) == "memory"
    if is_memory or all(each.transactional is None for each in inputs):
        return []
    filters: list[Any] = [p for p in assembly.plugins(program.filters) if isinstance(p, Filter)]
    return [each for each in filters if each.by_key and each.keeps_elsewhere]


class Partitions:
    """The partitions of the inputs of one pipeline, as its filters see them; ``by_key`` are those
    of them that are told when another shard's turn has come.
    """

    def __init__(
        self, filters: Sequence[KeepsState], by_key: Sequence[Any] = (), is_shared: bool = False
    ) -> None:
        self._filters, self._here = [*filters, *by_key], Here(None, is_shared)
        self._by_key = by_key
        for plugin in self._filters:
            plugin.here = self._here

    @classmethod
    def of(cls, assembly: Assembly, inputs: Sequence[Input] = ()) -> Partitions | None:
        """Those of a pipeline; None where no filter asks for them."""
        filters, by_key = filters_of_event_time(assembly), filters_kept_by_key(assembly)
        is_shared = any(each.grouped for each in inputs)
        return cls(filters, by_key, is_shared) if filters or by_key else None

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
        for number, some in by_part(batch, part, events):
            self.turn_to(source, batch.parts, number)
            yield some

    def turn_to(self, source: int, parts: Sequence[Part], number: int | None) -> None:
        """The events that follow are of this part; None where a batch has no parts."""
        here = self._here
        here.partition = str(source) if number is None else _name(source, parts[number])
        if here.shard_of is not None and number is not None:
            self._enter(here.shard_of(parts[number].partition))

    def _enter(self, shard: str) -> None:
        self._here.shard = shard
        for plugin in self._by_key:
            plugin.enter_shard(shard)

    def turns(self) -> Iterator[None]:
        """Turn to each shard that filters hold, one after the other: time passes for each alone,
        and its results go to the same shard of the filters behind. Once, where there is none.
        """
        shards = self._filters[0].shards or ()
        for name in sorted(shards) or [""]:
            self._enter(name)
            yield

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


def by_part(
    batch: Batch, part: int | None, events: list[Event]
) -> Iterator[tuple[int | None, list[Event]]]:
    """Events by the number of the part that they are of: all of one ``part``, or of all parts in
    turn; None where a batch has no parts.
    """
    parts = batch.parts
    filled = [number for number, each in enumerate(parts) if each.events]
    if part is not None or len(filled) < 2:
        if part is None:
            part = filled[0] if filled else 0
        yield (part if parts else None), events
        return
    start = 0
    for number in filled:
        stop = start + parts[number].events
        yield number, events[start:] if number == filled[-1] else events[start:stop]
        start = stop


def _name(source: int, part: Part) -> str:
    """The name of a partition for filters; behind the disk queue it has the input's number already
    (see ``input_queue``), and is the same as without one.
    """
    return part.partition if source < 0 else f"{source} {part.partition}"
