"""What the filters of event time share: their options, and the way of a batch through them.

A batch is read into rows (times, keys), one lane for each partition. A lane is cut into segments
(``state.lane``); a filter takes a segment in a tight loop, and what has become due stands right
behind the event that made it due.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import msgspec

from ..dsl.event import add_tag
from ..dsl.reference import Event, FieldRef
from ..plugins.contract import Filter, complain
from ..plugins.declaration import Duration, option
from ._stream_results import Ids
from .state import FOREVER, NEVER
from .state.keyed import VERSION, Keyed
from .state.keys import Key, Keys
from .state.lane import Lane
from .state.outflow import Outflow
from .state.times import EventTimes
from .state.watermarks import Partition, Watermarks

PARTIAL = "_partial"


class Rows(msgspec.Struct):
    """The events of one partition that a filter takes in: each with its index in the batch, its
    time and its key.
    """

    events: list[Event]
    times: list[int]
    keys: list[Key]
    index: Sequence[int]


class Counts(msgspec.Struct):
    """What a filter counts."""

    late: int = 0
    late_most: int = 0
    future: int = 0
    skipped: int = 0
    failed: int = 0
    results: int = 0


class EventTime(Filter):
    """Options and course of the filters of event time."""

    reshapes = True
    keyed_by = ()
    flushes = True
    event_time: ClassVar[bool] = True
    shares: ClassVar[bool] = False

    by: list[FieldRef] = option("The fields whose values group events.", default=[])
    time: FieldRef = option(
        "The field with the time of an event: an instant, or a string in ISO 8601.",
        default=FieldRef("@timestamp"),
    )
    lateness: Duration = option(
        "How long events out of order are waited for, in the events' own time.",
        default=Duration(10),
    )
    idle: Duration = option(
        "After how long without events a partition of the input is not waited for any more, and"
        " the clock moves time on; 0 for never.",
        default=Duration(60),
    )
    future: Duration = option(
        "By how much an event may be later than the clock and still move time on.",
        default=Duration(300),
    )
    late: str = option(
        "What happens to events that come too late: they go on tagged (`tag`), end here (`drop`)"
        " or become dead letters (`dead_letter`).",
        default="tag",
        choices=("tag", "drop", "dead_letter"),
    )
    keep: bool = option("Whether events that were taken in go on as well.", default=True)
    max_keys: int = option("How many keys are held at most.", default=100_000, at_least=1)

    slack: int = 0
    """How far behind the watermark an event is late at the earliest, in milliseconds."""

    delay: int = 0
    """How long after an event something may become due because of it, at the earliest."""

    def ready(self, keyed: Keyed[Any], keys: Keys) -> None:
        """Take up the course; for ``prepare``, when the options are known to be right."""
        if self.id is None:
            self.problem(
                "id",
                f"`{self.name}` has no `id`: its state is lost after a restart",
                'give it one, such as id => "orders"',
                code="W320",
            )
        self.keyed, self.keys = keyed, keys
        self.counts = Counts()
        self.marks = Watermarks(millis(self.lateness), millis(self.idle))
        self.times = EventTimes(self.time)
        self._ahead = millis(self.future)

    def ids(self) -> Ids:
        """The ids of this filter's results."""
        return Ids(str(self.context.settings.get("pipeline.id", "main")), self.title)

    @property
    def title(self) -> str:
        """The name of the filter in its results."""
        return self.id or self.name

    def clock(self) -> int:
        """The present in milliseconds."""
        fixed = self.context.settings.get("penstock.now")
        return time.time_ns() // 1_000_000 if fixed is None else int(fixed.millis())

    # -- a batch ------------------------------------------------------------------------------

    def apply(self, event: Event) -> list[Event]:
        return self.run([event])

    def run(self, events: list[Event]) -> list[Event]:
        """Take a batch of one partition in, and give what goes on."""
        return self.take_batch(events, [(None, len(events))])

    def take_batch(
        self, events: list[Event], partitions: Sequence[tuple[Partition, int]]
    ) -> list[Event]:
        """Take in a batch whose events come from these partitions, in this order, so many of
        each.
        """
        return self._flow(events, partitions).events(events) if events else events

    def take_placed(self, events: list[Event], places: list[Any]) -> tuple[list[Event], list[Any]]:
        """Like ``run``, with the places of events in the whole batch, for a filter in a branch."""
        if not events:
            return events, places
        return self._flow(events, [(None, len(events))]).placed(events, places)

    def _flow(self, events: list[Event], partitions: Sequence[tuple[Partition, int]]) -> Outflow:
        out, clock, base = Outflow(self.keep), self.clock(), 0
        for partition, count in partitions:
            part = events if count == len(events) else events[base : base + count]
            rows = self.rows(part, base, out)
            if rows.events:
                self._see_future(rows, clock + self._ahead)
                self.take_rows(rows, partition, clock, out)
            base += count
        return out

    def rows(self, events: list[Event], base: int, out: Outflow) -> Rows:
        """The events that are taken in; the others go on, one without a time tagged."""
        keys, times = self.keys.of_all(events), self.times.of_all(events)
        return self.selected(events, times, keys, base, out)

    def selected(
        self,
        events: list[Event],
        times: list[int | None],
        keys: list[Key],
        base: int,
        out: Outflow,
    ) -> Rows:
        """Rows of those events that have a key and a time."""
        if None not in keys and None not in times:
            return Rows(events, times, keys, range(base, base + len(events)))  # type: ignore[arg-type]
        rows = Rows([], [], [], index := [])
        for at, (event, when, key) in enumerate(zip(events, times, keys, strict=True), base):
            if key is None or when is None:
                out.stays(at)
                self.counts.skipped += key is None
                if key is not None:
                    self.untimed(event)
                continue
            rows.events.append(event)
            rows.times.append(when)
            rows.keys.append(key)
            index.append(at)
        return rows

    def untimed(self, event: Event) -> None:
        """Tag an event that has no time."""
        self.counts.failed += 1
        add_tag(event, f"_{self.name}timefailure")

    def _see_future(self, rows: Rows, limit: int) -> None:
        if max(rows.times) <= limit:
            return
        for event, when in zip(rows.events, rows.times, strict=True):
            if when > limit:
                self.counts.future += 1
                add_tag(event, f"_{self.name}future")

    def take_rows(self, rows: Rows, partition: Partition, clock: int, out: Outflow) -> None:
        """Take in the rows of a partition, segment by segment."""
        lane = Lane(self.marks, partition, clock, clock + self._ahead)
        times, start, timers = rows.times, 0, self.keyed.timers
        while start < len(times):
            first = min(timers.first, self.boundary())
            stop = lane.stop(times, start, first, self.delay, self.floor(), self.slack)
            self.take_segment(rows, start, stop, out)
            part = times if stop - start == len(times) else times[start:stop]
            mark = lane.passed(max(part))
            if mark >= timers.first:
                out.behind(rows.index[stop - 1], self.due(mark, "watermark"))
            start = stop

    def boundary(self) -> int:
        """The watermark at which ``floor`` changes."""
        return FOREVER

    def floor(self) -> int:
        """The time before which events must be taken in one by one."""
        return NEVER

    def take_segment(self, rows: Rows, start: int, stop: int, out: Outflow) -> None:
        """Take in some rows between which the watermark makes no difference."""
        raise NotImplementedError

    def due(self, mark: int, reason: str) -> list[Event]:
        """What is due at a watermark, decorated."""
        return self.told(self.keyed.due(mark, reason))

    def told(self, results: list[Event]) -> list[Event]:
        """Results, counted and decorated."""
        self.counts.results += len(results)
        if self.decorate is not None:
            for result in results:
                try:
                    self.decorate(result)
                except Exception as error:
                    self.failed(result, error)
        return results

    # -- what comes too late --------------------------------------------------------------------

    def too_late(self, event: Event, index: int, behind: int, out: Outflow) -> None:
        """Deal with an event that came too late, by so many milliseconds."""
        counts = self.counts
        counts.late += 1
        counts.late_most = max(counts.late_most, behind)
        needed = self.marks.lateness + counts.late_most
        complain(
            f"{self.context.where} late",
            '%s: %s: %d late events so far, by at most %.3f s; lateness => "%dms" would have'
            " taken them",
            self.context.where,
            self.title,
            counts.late,
            counts.late_most / 1000,
            needed,
        )
        add_tag(event, f"_{self.name}late")
        if self.late == "dead_letter" and self.context.dead_letter is not None:
            reason = f"{self.title}: {behind / 1000:.3f} s too late"
            self.context.dead_letter([event], reason)
            out.goes(index)
        elif self.late == "drop":
            out.goes(index)
        else:
            out.stays(index)

    # -- time without events ------------------------------------------------------------------

    def flush(self, final: bool) -> list[Event]:
        """What is due by the clock; at the end, all that is held."""
        if not final:
            return self._after(self.marks.tick(self.clock()))
        results = self.told(self.keyed.end("end"))
        self._begin_anew()
        return results

    def _begin_anew(self) -> None:
        """Forget all that was held, but not what was counted."""
        counts = self.counts
        self.prepare()
        self.counts = counts

    def drain(self, reason: str = "stop") -> list[Event]:
        """All that is held, tagged as a part of what there would have been: for a stop without a
        place for state, and for a change of meaning.
        """
        results = self.told(self.keyed.end(reason))
        for result in results:
            add_tag(result, PARTIAL)
        self._begin_anew()
        return results

    def _after(self, mark: int) -> list[Event]:
        return self.due(mark, "idle") if mark >= self.keyed.timers.first else []

    def begin_partitions(self, names: Iterable[Partition]) -> None:
        """Make partitions known that have not begun: time waits for them."""
        self.marks.begin(names, self.clock())

    def idle_partition(self, name: Partition) -> list[Event]:
        """Wait for a partition no longer until it speaks again; what is due because of that."""
        return self._after(self.marks.idle_now(name))

    def finish_partition(self, name: Partition) -> list[Event]:
        """Wait for a partition no longer: it has ended; what is due because of that."""
        return self._after(self.marks.finish(name))

    # -- state ----------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """What changed since the last call (all, at the first one) as plain data."""
        return {
            "version": VERSION,
            "filter": self.name,
            "marks": self.marks.dump(),
            "keys": self.keyed.snapshot(),
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Go on from a snapshot; several are given in the order in which they were taken."""
        if data["version"] > VERSION:
            message = "the state of `%s` was written by a newer version (%d, this one reads %d)"
            raise ValueError(message % (self.title, data["version"], VERSION))
        self.marks.load(data["marks"], self.clock())
        self.keyed.restore(data["keys"])

    def figures(self) -> dict[str, int | float]:
        counts, marks = self.counts, self.marks
        tops = [p.top for p in marks.partitions.values() if p.top > NEVER]
        lag = max(tops) - marks.watermark if tops and marks.watermark > NEVER else 0
        return {
            "watermark_lag_seconds": lag / 1000,
            "keys": len(self.keyed.states),
            "late": counts.late,
            "late_most_seconds": counts.late_most / 1000,
            "future": counts.future,
            "skipped": counts.skipped,
            "results": counts.results,
            "overflow": self.keyed.evicted,
            "idle_partitions": sum(p.state == "idle" for p in marks.partitions.values()),
        }


def millis(seconds: float) -> int:
    """A duration in whole milliseconds."""
    return round(seconds * 1000)
