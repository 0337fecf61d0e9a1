"""The filter dedupe: of events with the same key, one within a span of time."""

from __future__ import annotations

from typing import Any

from ..dsl.event import add_tag
from ..dsl.reference import Event, FieldRef
from ..plugins.contract import OptionProblem
from ..plugins.declaration import Duration, Example, option
from ._dedupe_operator import DedupeOperator, Passed
from ._event_time import EventTime, Rows, millis
from ._passed_times import PassedTimes
from ._stream_results import instant, merge_map
from .state.keyed import Keyed
from .state.keys import Key, Keys
from .state.outflow import Outflow

_NANOS = 1_000_000


class Dedupe(EventTime, name="dedupe"):
    """Let one event of a key pass within a span of time.

    An event passes at once, unless one with the same values of `by` passed that is at most `within`
    away from it, before or after, in the events' own time. A duplicate ends here; with
    `duplicates => "tag"` it goes on, tagged `_duplicate`. With `refresh` each duplicate lengthens
    the time, so that a flow of them has to pause for `within` before one passes again.

    With `summary` an event tells how many were left out, when no more can come: it has the fields
    of `by`, `[dedupe][name]`, `[dedupe][count]`, and the time of the first and last event as
    `event.start` and `event.end`.

    Events that come too late to tell go on, tagged `_dedupelate`. The common options are applied to
    tagged duplicates and to summaries.
    """

    by: list[FieldRef] = option("The fields whose values identify duplicates.")
    within: Duration = option("How long an event keeps others with its key from passing.")
    duplicates: str = option(
        "Whether duplicates end here or go on, tagged.", default="drop", choices=("drop", "tag")
    )
    refresh: bool = option("Whether a duplicate lengthens the time.", default=False)
    summary: bool = option(
        ("Whether an event is emitted with the number of suppressed duplicates."), default=False
    )

    examples = (
        Example(
            "one event of a flow in ten seconds",
            'dedupe { id => "flows" by => ["ip", "port"] within => "10s" }',
            before=[
                {"@timestamp": "2025-09-04T08:00:00.000Z", "ip": "192.0.2.1", "port": 22},
                {"@timestamp": "2025-09-04T08:00:10.000Z", "ip": "192.0.2.1", "port": 22},
                {"@timestamp": "2025-09-04T08:00:10.001Z", "ip": "192.0.2.1", "port": 22},
                {"@timestamp": "2025-09-04T08:00:10.002Z", "ip": "192.0.2.1", "port": "22"},
            ],
            after=[
                {"@timestamp": "2025-09-04T08:00:00.000Z", "ip": "192.0.2.1", "port": 22},
                {"@timestamp": "2025-09-04T08:00:10.001Z", "ip": "192.0.2.1", "port": 22},
                {"@timestamp": "2025-09-04T08:00:10.002Z", "ip": "192.0.2.1", "port": "22"},
            ],
        ),
        Example(
            "how many were left out",
            'dedupe { id => "d" by => ["m"] within => "1m" summary => true add_tag => ["repeated"]'
            ' remove_field => ["event"] }',
            before=[
                {"@timestamp": "2025-09-04T08:00:00.000Z", "m": "link down"},
                {"@timestamp": "2025-09-04T08:00:01.000Z", "m": "link down"},
                {"@timestamp": "2025-09-04T08:00:02.000Z", "m": "link down"},
            ],
            after=[
                {"@timestamp": "2025-09-04T08:00:00.000Z", "m": "link down"},
                {"m": "link down", "dedupe": {"name": "d", "count": 2}, "tags": ["repeated"]},
            ],
        ),
    )

    neutral = frozenset({"duplicates"})

    def prepare(self) -> None:
        if not self.by:
            raise OptionProblem("by", "`by` must name a field", "give the fields to compare")
        self._within = self.slack = millis(self.within)
        # A duplicate at the very end of the time of the event that passed has a summary told next.
        self.delay = 1 if self.summary else self._within
        if self._within <= 0:
            raise OptionProblem("within", "`within` must be at least 1 ms", "give a longer time")
        self._ids = self.ids()
        keys = Keys(self.by)
        if self.refresh or self.summary:
            summarize = self._summary if self.summary else None
            operator = DedupeOperator(self._within, self.refresh, summarize)
            self.ready(Keyed(operator, keys.order, self.max_keys), keys)
        else:
            self.ready(PassedTimes(self._within, keys.order, self.max_keys), keys)

    def outflow(self) -> Outflow:
        """Most end here, as a rule: those that pass are noted, and not the others."""
        return Outflow(self.keep and self.duplicates == "tag")

    def take_segment(self, rows: Rows, start: int, stop: int, out: Outflow) -> None:
        """Take in rows. Most are measured against the latest event that passed; what lies before
        it, or may be late, goes the long way.
        """
        self._late = set[int]()
        keyed, times = self.keyed, rows.times
        if stop - start == 1 or not isinstance(keyed, PassedTimes):
            passing = [at for at in range(start, stop) if self._passes(rows, at, out)]
        elif stop - start == len(times):
            span = (rows.earliest, rows.latest)
            passing = keyed.passing(times, rows.keys, span, self.marks.watermark)
        else:
            times = times[start:stop]
            span = (min(times), max(times))
            found = keyed.passing(times, rows.keys[start:stop], span, self.marks.watermark)
            passing = [start + at for at in found]
        if self.duplicates == "tag":
            self._tag_others(rows, start, stop, passing)
        elif self.keep:
            index = rows.index
            is_whole = type(index) is range and index.start == 0
            out.all_stay(passing if is_whole else [index[at] for at in passing])
        if self.keyed.changed is not None:
            self.keyed.changed.update(rows.keys[start:stop])

    def _passes(self, rows: Rows, at: int, out: Outflow) -> bool:
        """Whether an event passes; if not, it is late or has been noted as a duplicate."""
        when, key, mark = rows.times[at], rows.keys[at], self.marks.watermark
        if mark > when + self._within:
            self._late.add(at)
            self.too_late(rows.events[at], rows.index[at], mark - when - self._within, out)
            return False
        keyed = self.keyed
        if isinstance(keyed, PassedTimes):
            return not keyed.is_duplicate(key, when, mark)
        return not self._is_noted(keyed, rows, at, out)

    def _is_noted(self, keyed: Any, rows: Rows, at: int, out: Outflow) -> bool:
        """Whether an event that is not late is a duplicate, and is noted as such."""
        key = rows.keys[at]
        state = keyed.states.get(key)
        if state is None:
            state, results = keyed.open(key)
            out.behind(rows.index[at], self.told(results))
        duplicate: bool = keyed.operator.is_duplicate(state, rows.times[at], self.marks.watermark)
        keyed.settle(key, state)
        return duplicate

    def _tag_others(self, rows: Rows, start: int, stop: int, passing: list[int]) -> None:
        """Tag what neither passes nor is late."""
        for at in sorted(set(range(start, stop)).difference(passing, self._late)):
            event = rows.events[at]
            add_tag(event, "_duplicate")
            self.told([event])

    def _summary(self, key: Key, passed: Passed) -> Event:
        event: Event = {"@timestamp": instant(passed.first), "@version": "1"}
        self.keys.put(event, key)
        merge_map(
            event,
            "event",
            {
                "kind": "metric",
                "id": self._ids.of(key, passed.low),
                "start": instant(passed.first),
                "end": instant(passed.last),
                "duration": (passed.last - passed.first) * _NANOS,
            },
        )
        merge_map(event, "dedupe", {"name": self.title, "count": passed.count})
        return event
