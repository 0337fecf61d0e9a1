"""What the filters of event time share: their options, and the way of a batch through them.

A batch is read into rows (times, keys), one lane for each partition. A lane is cut into segments
(``state.lane``); a filter takes a segment in a tight loop, and what has become due stands right
behind the event that made it due.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, Self

import msgspec

from ..dsl.event import add_tag
from ..dsl.reference import Event, FieldRef
from ..dsl.unmade import UnmadeEvents
from ..dsl.values import to_text
from ..plugins.declaration import Duration, option
from ..plugins.event_time import Seen
from ..plugins.rate_limit import is_due, log
from ._columns import Columns, columns_of_rows
from ._held_state import HeldState, millis
from ._stream_results import fresh
from .state import FOREVER, NEVER
from .state.calendar import Span
from .state.held_keys import HeldKeys
from .state.keys import Key, Keys, value_of
from .state.lane import Lane, may_be_late
from .state.outflow import Outflow
from .state.times import EventTimes
from .state.watermarks import Partition, Watermarks

__all__ = ["EventTime", "Rows", "millis"]


class Rows(msgspec.Struct):
    """The events of one partition that a filter takes in: each with its index in the batch, its
    time and its key; and the earliest and the latest time.
    """

    events: list[Event]
    times: list[int]
    keys: list[Key]
    index: Sequence[int]
    earliest: int = NEVER
    latest: int = NEVER


class EventTime(HeldState):
    """Options and course of the filters of event time."""

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

    puts_off: bool = False
    """Whether events put off what the timers of their key wait for, and nothing else is done when
    these wake it: timers that have become too early are then set anew before a batch, which would
    else be cut into segments at each of them.
    """

    _late_logged: int = 0
    """Of how many late events the log has said."""

    delay: int = 0
    """How long after an event something may become due because of it, at the earliest."""

    def ready(self, keyed: HeldKeys[Any], keys: Keys) -> None:
        """Take up the course; for ``prepare``, when the options are known to be right."""
        if self.id is None:
            self.problem(
                "id",
                f"`{self.name}` has no `id`: its state is lost after a restart",
                'give it one, such as id => "orders"',
                code="W320",
            )
        self.hold(keyed, keys, Watermarks(millis(self.lateness), millis(self.idle)))
        self.times = EventTimes(self.time)
        self._ahead = millis(self.future)

    def keys_of(self, events: list[Event]) -> list[Key]:
        """The key by which each event comes to a place; None where it passes by."""
        return self.keys.of_all(events)

    @property
    def combines(self) -> bool:
        """Whether its results may be made in parts, on several machines, and merged."""
        return False

    def latest_of(self, events: list[Event]) -> int:
        """The latest time of events that are not ahead of the clock; NEVER where there is none."""
        limit = self.clock() + self._ahead
        times = self.times.of_all(events)
        return max((t for t in times if t is not None and t <= limit), default=NEVER)

    def key_texts(self) -> list[str]:
        """The fields of the key, as a configuration has them."""
        return [field.canonical for field in self.by]

    # -- a batch ------------------------------------------------------------------------------

    def apply(self, event: Event) -> list[Event]:
        return self.run([event])

    def run(self, events: list[Event]) -> list[Event]:
        """Take a batch of one partition in, and give what goes on."""
        if not events:
            return events
        return self.mine().take_batch(events, [(self.here.partition, len(events))])

    def mine(self) -> Self:
        """The filter that holds the shard of the moment: this one, where there are none."""
        return self if self.shards is None else self.shards[self.here.shard]

    def take_batch(
        self, events: list[Event], partitions: Sequence[tuple[Partition, int]]
    ) -> list[Event]:
        """Take in a batch whose events come from these partitions, in this order, so many of
        each.
        """
        return self._flow(events, partitions).events(events) if events else events

    # -- as columns: between a worker and the main process ---------------------------------------

    gives_columns: bool = False
    """Whether all that is taken in of an event that is not late can be said in columns."""

    def columns_of(self, events: list[Event]) -> list[list[Any]] | None:
        """Times, keys and values of events; None where one of them goes on by itself."""
        if type(events) is UnmadeEvents and events.rows is not None:
            columns = columns_of_rows(events.rows, self.keys, self.times, self.column_sources())
            if columns is not None:
                return columns
        keys, have_keys = self.keys.read(events)
        times, have_times = self.times.read(events)
        if not (have_keys and have_times):
            return None
        return [times, keys, *self.column_values(events)]

    def column_sources(self) -> Sequence[FieldRef]:
        """The fields that are asked for besides times and keys, a column each."""
        return ()

    def column_values(self, events: list[Event]) -> list[list[Any]]:
        """The values of events besides times and keys."""
        return []

    def floor_at(self, mark: int) -> Span:
        """The time from which on no event is late at a watermark, and the next watermark at which
        that is another one.
        """
        raise NotImplementedError

    def take_columns(self, given: list[list[Any]]) -> list[Event] | None:
        """Take in what ``columns_of`` gave, of one partition, and give the results; None, and
        nothing was taken in, where the events themselves are needed: one may be late.
        """
        if self.shards is not None:
            return self.mine().take_columns(given)
        times, keys, *values = given
        clock, earliest, latest = self.clock(), min(times), max(times)
        if latest > clock + self._ahead or self.begins_partial:
            return None
        if may_be_late(self.marks, self.here.partition, times, self.floor_at):
            return None
        if self.here.is_shared:
            self.see_partition(keys, self.here.shard or self.here.partition)
        count, out = len(times), Outflow(False)
        columns = Columns(values, 0, count)
        rows = Rows(columns, times, keys, range(count), earliest, latest)  # type: ignore[arg-type]
        self.take_rows(rows, self.here.partition, clock, out)
        if len(self.keyed.states) >= self.next_look:
            out.behind(count - 1, self.bound())
        return out.events([])

    def take_placed(self, events: list[Event], places: list[Any]) -> tuple[list[Event], list[Any]]:
        """Like ``run``, with the places of events in the whole batch, for a filter in a branch."""
        if not events:
            return events, places
        out = self.mine()._flow(events, [(self.here.partition, len(events))])
        return out.placed(events, places)

    def _flow(self, events: list[Event], partitions: Sequence[tuple[Partition, int]]) -> Outflow:
        out, clock, base = self.outflow(), self.clock(), 0
        for partition, count in partitions:
            part = events if count == len(events) else events[base : base + count]
            rows = self.rows(part, base, out)
            if rows.events and self.here.is_shared:
                self.see_partition(rows.keys, self.here.shard or partition)
            if rows.events:
                if self.begins_partial:
                    self.see_first(rows.times)
                rows.earliest, rows.latest = min(rows.times), max(rows.times)
                if rows.latest > clock + self._ahead:
                    self._see_future(rows, clock + self._ahead)
                self.take_rows(rows, partition, clock, out)
                if len(self.keyed.states) >= self.next_look:
                    out.behind(rows.index[-1], self.bound())
            base += count
        return out

    def outflow(self) -> Outflow:
        """What leaves of a batch, before any event of it was looked at."""
        return Outflow(self.keep)

    def rows(self, events: list[Event], base: int, out: Outflow) -> Rows:
        """The events that are taken in; the others go on, one without a time tagged."""
        keys, have_keys = self.keys.read(events)
        times, have_times = self.times.read(events)
        if have_keys and have_times:
            return Rows(events, times, keys, range(base, base + len(events)))
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
            places = range(base, base + len(events))
            return Rows(events, times, keys, places)  # type: ignore[arg-type]
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
        for event, when in zip(rows.events, rows.times, strict=True):
            if when > limit:
                self.counts.future += 1
                add_tag(event, f"_{self.name}future")

    def take_rows(self, rows: Rows, partition: Partition, clock: int, out: Outflow) -> None:
        """Take in the rows of a partition, segment by segment."""
        limit, start, timers = clock + self._ahead, 0, self.keyed.timers
        span = (rows.earliest, rows.latest)
        lane = Lane(self.marks, partition, clock, limit, rows.times, span)
        if self.puts_off and timers.first <= lane.mark_at(min(rows.latest, limit)):
            self.keyed.put_off(lane.mark_at(min(rows.latest, limit)))
        while start < len(rows.times):
            first = min(timers.first, self.boundary())
            stop = lane.stop(start, first, self.delay, self.floor(), self.slack)
            self.take_segment(rows, start, stop, out)
            mark = lane.passed(start, stop)
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

    # -- for a trace ----------------------------------------------------------------------------

    def seen(self, event: Event) -> Seen | None:
        """An event as it will be taken in; None where it passes by."""
        counts = copy(self.counts)
        rows = self.rows([fresh(event)], 0, Outflow(False))
        self.counts = counts
        if not rows.events:
            return None
        (key,), (when,) = rows.keys, rows.times
        parts = [] if key == () else self.keys.parts(key)
        texts = [to_text(value_of(part)) for part in parts]
        return Seen(key, ", ".join(texts), when, tuple(self.spans_of(when)))

    def spans_of(self, when: int) -> list[Span]:
        """The windows that a time lies in."""
        return []

    def is_part(self, seen: Seen, result: Event) -> bool:
        """Whether a result was made of an event: it has its key, and a time of which the result
        speaks.
        """
        theirs = self.keys.of(result)
        if theirs != seen.key:
            return False
        start, end = _ends_of(result)
        if start is None or end is None:
            return self.is_at(seen.time, result)
        return (start, end) in seen.spans if seen.spans else start <= seen.time <= end

    def is_at(self, when: int, result: Event) -> bool:
        """Whether a result that speaks of no span is about an event of this time."""
        return self.times.of(result) == when

    # -- what comes too late --------------------------------------------------------------------

    def too_late(self, event: Event, index: int, behind: int, out: Outflow) -> None:
        """Deal with an event that came too late, by so many milliseconds."""
        counts = self.counts
        counts.late += 1
        counts.late_most, self.late_by = max(counts.late_most, behind), behind
        if is_due(f"{self.context.where} late"):
            self._log_late()
        add_tag(event, f"_{self.name}late")
        if self.late == "dead_letter" and self.context.dead_letter is not None:
            reason = f"{self.title}: {behind / 1000:.3f} s too late"
            self.context.dead_letter([event], reason)
            out.goes(index)
        elif self.late == "drop":
            out.goes(index)
        else:
            out.stays(index)

    def _log_late(self) -> None:
        counts = self.counts
        self._late_logged = counts.late
        log.warning(
            '%s: %s: late events so far: %d, by at most %.3f s; lateness => "%s" would have'
            " taken them",
            self.context.where,
            self.title,
            counts.late,
            counts.late_most / 1000,
            coarse(self.marks.lateness + counts.late_most),
        )

    def flush(self, final: bool) -> list[Event]:
        results = super().flush(final)
        if final and self.counts.late > self._late_logged:
            self._log_late()
        return results


_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000))


def coarse(millis: int) -> str:
    """A duration of at least so many milliseconds, as a configuration has it, in the largest unit
    of which it has ten.
    """
    for unit, length in _UNITS:
        if millis >= 10 * length:
            return f"{-(-millis // length)}{unit}"
    return f"{millis}ms"


def _ends_of(result: Event) -> tuple[int | None, int | None]:
    """The start and end that a result speaks of."""
    for name in ("event", "window", "correlation", "dedupe"):
        about = result.get(name)
        if isinstance(about, dict) and "start" in about:
            return EventTimes.millis(about["start"]), EventTimes.millis(about.get("end"))
    return None, None
