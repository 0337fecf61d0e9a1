"""The filter correlate: events of one key, near each other in time, that mean something
together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..dsl.reference import Event, FieldRef, ReferenceSyntaxError
from ..dsl.values import copy
from ..plugins.contract import OptionProblem
from ..plugins.filter import Undivided
from ._correlate_checks import check_condition
from ._correlate_examples import EXAMPLES
from ._correlate_operator import (
    AbsentOperator,
    AlignedOperator,
    ArrivalOperator,
    Correlation,
    CountOperator,
    Finding,
    tags_of,
)
from ._correlate_options import CorrelateOptions
from ._correlate_rules import (
    AT_ONCE,
    COLLECTED,
    Entry,
    Measure,
    any_interval,
    distinct_tags,
    distinct_values,
    fulfils,
    growing,
    ordered,
    value_mean,
    value_percentile,
    value_sum,
)
from ._correlate_rules import count as count_of
from ._correlate_tags import all_have, of_many_tags, of_one_tag
from ._event_time import Rows, millis
from ._stream_results import instant, merge_map
from ._window_tally import percent_parts
from .state.keyed import Keyed
from .state.keys import Key, Keys, canonical, order_of, put, value_of
from .state.outflow import Outflow
from .state.sums import finite_number

_TWO_KEYS = Undivided(
    "aliases",
    "`aliases`: an event may belong to two keys, which may be in two places",
    "give each key its own filter, without it",
)
_NANOS = 1_000_000
_VALUES = 100
_NUMBERS = frozenset({"value_sum", "value_avg", "value_percentile"})


class Correlate(CorrelateOptions, name="correlate"):
    """Tell of events of one key that mean something together, in any span of time of a length.

    Which events count is said by tags that filters before have given: `events` names them. At each
    such event the filter looks for an interval of the length `within`, both ends inclusive, that
    contains it and whose events fulfil the condition. If there is one, an alert follows right
    behind the event, and its key is quiet for `again`.

    `event_count` compares the number of events with `condition`; `value_count` the number of
    distinct values of `field`; `value_sum`, `value_avg` and `value_percentile` what these make of
    the values. `temporal` wants all tags, in any order; `temporal_ordered` in the order given;
    with a `condition`, so many of them. `absent` wants an event of the first tag that no event of
    the second one follows within the time; the same tag twice tells of a heartbeat that stopped.

    An alert has the time of the event that made it, `event.kind` `alert`, `event.start` and
    `event.end`, `[rule][name]` (the `id`), the fields of `by`, and `[correlation]` with `type`,
    `count` or `value`, `tags`, and the `values` of the fields of `collect`. It is an event like any
    other: with `add_tag` it counts in a `correlate` behind.

    `lt`, `lte`, `eq` and `neq` can only be judged when the time is over: of windows of the length
    `within`, for keys that had events in the ten windows before. Events later than `within` behind
    the watermark go on, tagged `_correlatelate`. The common options are applied to alerts.
    """

    examples = EXAMPLES
    keyed: Keyed[Any]
    neutral = frozenset({"again"})

    def prepare(self) -> None:
        if not self.events:
            raise OptionProblem("events", "`events` must name a tag", "give the tags that count")
        if self.type == "absent" and len(self.events) != 2:
            raise OptionProblem(
                "events", "`absent` needs two tags", "give the first event, then the missing one"
            )
        if millis(self.within) <= 0:
            raise OptionProblem("within", "`within` must be at least 1 ms", "give a longer time")
        if not 0 < self.percent <= 100:
            raise OptionProblem(
                "percent",
                f"{self.percent:g} is not a valid percentile",
                "give more than 0, and at most 100",
            )
        if not check_condition(self):
            return
        keys = Keys(self.by)
        self._keys = [self._aliased(tag, keys) for tag in self.events]
        self._same_keys = not self.aliases
        self.undivided = _TWO_KEYS if self.aliases else None
        self._ids = self.ids()
        self._makes_entries = True
        self._operator = self._made()
        # Whether timers of a key may come earlier with an event.
        self._exact = isinstance(self._operator, AbsentOperator | AlignedOperator)
        self.slack = self.delay = 0
        self.ready(Keyed(self._operator, keys.order, self.max_keys), keys)

    def _aliased(self, tag: str, keys: Keys) -> Keys:
        """How the key of events with a tag is read."""
        if tag not in self.aliases:
            return keys
        given = self.aliases[tag]
        try:
            fields = [FieldRef(str(f)) for f in (given if isinstance(given, list) else [given])]
        except ReferenceSyntaxError as error:
            raise OptionProblem("aliases", str(error), "write [a][b]", (tag,), "E207") from None
        if len(fields) != len(self.by):
            message = f"`{tag}` has {len(fields)} fields, `by` has {len(self.by)}"
            self.problem("aliases", message, "give one for each field of `by`", path=(tag,))
        return Keys(fields)

    # -- what is looked for ---------------------------------------------------------------------

    def _made(self) -> Any:
        """The operator of this type and condition."""
        again = self.within if self.again is None else self.again
        correlation = Correlation(millis(self.within), millis(again), self._alert)
        conditions = self._conditions()
        if self.type == "absent":
            return AbsentOperator(correlation)
        measure, within = self._measure(), millis(self.within)
        if not AT_ONCE.issuperset(name for name, _ in conditions):
            return AlignedOperator(correlation, self._aligned(measure, conditions))
        if self.type == "event_count" and len(self.events) == 1 and not self.collect:
            self._makes_entries = False
            return CountOperator(correlation, max(_least(*each) for each in conditions))
        if self.type == "temporal_ordered":
            need = max(int(_least(*each)) for each in conditions)

            def judge_order(entries: list[Entry], at: int) -> Finding | None:
                return _finding(entries, at, ordered(entries, at, within, need))

            return ArrivalOperator(correlation, judge_order)
        search = any_interval if self.type in _NUMBERS else growing

        def judge(entries: list[Entry], at: int) -> Finding | None:
            found = search(entries, at, within, measure, lambda n: fulfils(conditions, n))
            return _finding(entries, at, found)

        return ArrivalOperator(correlation, judge)

    def _conditions(self) -> list[tuple[str, float]]:
        if not self.condition and self.type in ("temporal", "temporal_ordered"):
            return [
                (
                    "gte",
                    len(dict.fromkeys(self.events))
                    if self.type == "temporal"
                    else len(self.events),
                )
            ]
        return list(self.condition.items())

    def _measure(self) -> Measure:
        measures: dict[str, Measure] = {
            "event_count": count_of,
            "value_count": distinct_values,
            "value_sum": value_sum,
            "value_avg": value_mean,
            "value_percentile": value_percentile(percent_parts(self.percent)),
            "temporal": distinct_tags,
            "temporal_ordered": distinct_tags,
        }
        return measures[self.type]

    def _aligned(self, measure: Measure, conditions: list[tuple[str, float]]) -> Any:
        def judge(entries: list[Entry]) -> Any | None:
            number = measure(entries)
            return number if fulfils(conditions, number) else None

        return judge

    # -- events ---------------------------------------------------------------------------------

    def rows(self, events: list[Event], base: int, out: Outflow) -> Rows:
        if len(self.events) == 1 and not self._makes_entries and all_have(events, self.events[0]):
            keys, have_keys = self._keys[0].read(events)
            times, have_times = self.times.read(events)
            if have_keys and have_times:
                return Rows(events, times, keys, range(base, base + len(events)))
        if len(self.events) == 1:
            tagged = of_one_tag(events, self.events[0], self._keys[0])
        else:
            tagged = of_many_tags(events, self.events, self._keys, self._same_keys)
        chosen, entries, at = tagged
        for index in sorted(set(range(len(events))).difference(at)) if not self.keep else ():
            out.stays(base + index)
        return self._selected(events, chosen, entries, at, base, out)

    def _selected(
        self,
        events: list[Event],
        keys: list[Key],
        numbers: list[list[int]],
        at: Sequence[int],
        base: int,
        out: Outflow,
    ) -> Rows:
        """Rows of the events that count, each with an entry to be taken in."""
        chosen = events if len(at) == len(events) else [events[index] for index in at]
        times = self.times.of_all(chosen)
        self._entries: list[Any] = []
        if not self._makes_entries and None not in keys and None not in times:
            whole = len(at) == len(events)
            places = range(base, base + len(at)) if whole else [base + n for n in at]
            return Rows(chosen, times, keys, places)  # type: ignore[arg-type]
        rows = Rows([], [], [], index := [])
        for place, event, when, key, tags in zip(at, chosen, times, keys, numbers, strict=True):
            value = self._value(event) if self._makes_entries and key is not None else ()
            if key is None or when is None or value is None:
                self._passes(event, key is not None and when is None, base + place, out)
                continue
            rows.events.append(event)
            rows.times.append(when)
            rows.keys.append(key)
            index.append(base + place)
            if self._makes_entries:
                self._entries.append([when, list(tags), value, self._collected(event)])
        return rows

    def _passes(self, event: Event, timeless: bool, index: int, out: Outflow) -> None:
        """Let an event go on that cannot be taken in."""
        out.stays(index)
        if timeless:
            self.untimed(event)
        else:
            self.counts.skipped += 1

    def _value(self, event: Event) -> Any:
        """The value of an event; None where it has none, and does not count."""
        if not self.field:
            return ()
        if self.type in _NUMBERS:
            return finite_number(self.field[0].get(event))
        values = tuple(canonical(field.get(event)) for field in self.field)
        return None if None in values else values

    def _collected(self, event: Event) -> list[Key]:
        return [canonical(field.get(event)) for field in self.collect]

    def take_segment(self, rows: Rows, start: int, stop: int, out: Outflow) -> None:
        mark, operator = self.marks.watermark, self._operator
        behind = operator.late_by(rows.times[start], mark)
        if stop - start == 1 and behind > 0:
            self.too_late(rows.events[start], rows.index[start], behind, out)
        elif type(operator) is CountOperator:
            self._count(operator, rows, start, stop, out)
        else:
            for at in range(start, stop):
                self._take(rows, at, mark, out)
        if self.keyed.changed is not None:
            self.keyed.changed.update(rows.keys[start:stop])

    def _count(
        self, operator: CountOperator, rows: Rows, start: int, stop: int, out: Outflow
    ) -> None:
        """Take in events of which only the times are held. While there are too few of a key to
        matter, a later one is noted, and old ones are let go many at a time.
        """
        mark, few = self.marks.watermark, operator.need - 1
        oldest = mark - operator.within - operator.within // 4
        at, times, keys = start - 1, rows.times, rows.keys
        if stop - start < len(times):
            times, keys = times[start:stop], keys[start:stop]
        for when, state in zip(times, map(self.keyed.states.get, keys), strict=True):
            at += 1
            if state is not None and when >= state.latest:
                known = state.entries
                if known and known[0] >= oldest and len(known) < few:
                    state.latest = when
                    known.append(when)
                    continue
            self._take(rows, at, mark, out)

    def _take(self, rows: Rows, at: int, mark: int, out: Outflow) -> None:
        """Take an event in; what it makes stands right behind it."""
        keyed, when, key = self.keyed, rows.times[at], rows.keys[at]
        state = keyed.states.get(key)
        fresh = state is None
        if state is None:
            state, evicted = keyed.open(key)
            out.behind(rows.index[at], self.told(evicted))
        entry = self._entries[at] if self._makes_entries else None
        results = self._operator.take(state, when, entry, mark)
        if results:
            out.behind(rows.index[at], self.told(results))
        if fresh or results or self._exact:
            keyed.settle(key, state)

    # -- alerts -----------------------------------------------------------------------------

    def _alert(self, key: Key, finding: Finding) -> Event:
        event: Event = {"@timestamp": instant(finding.time), "@version": "1"}
        self.keys.put(event, key)
        ident = self._ids.of(key, finding.time, finding.start, finding.number)
        ends: Event = {"start": instant(finding.start), "end": instant(finding.end)}
        if self.ecs:
            ends["duration"] = (finding.end - finding.start) * _NANOS
            merge_map(event, "event", {"kind": "alert", "id": ident, **ends})
        merge_map(event, "rule", {"name": self.title})
        said: Event = {"type": self.type}
        if self.type in _NUMBERS:
            said["value"] = finding.number
        else:
            said["count"] = finding.number
        if self.type == "value_count":
            said["value"] = finding.number
        numbers = tags_of(finding.entries) or {0}
        said["tags"] = list(dict.fromkeys(self.events[number] for number in sorted(numbers)))
        if not self.ecs:
            said |= ends | {"id": ident}
        if self.collect:
            said["values"] = self._values(finding)
        merge_map(event, "correlation", said)
        return event

    def _values(self, finding: Finding) -> Event:
        """The distinct values of the fields of ``collect``, in order."""
        made: Event = {}
        for place, field in enumerate(self.collect):
            found = {entry[COLLECTED][place] for entry in finding.entries} - {None}
            values = [copy(value_of(key)) for key in sorted(found, key=order_of)[:_VALUES]]
            put(made, field, values)
        return made


def _least(name: str, number: float) -> float:
    """The least count that a condition takes."""
    return int(number // 1) + 1 if name == "gt" else -int(-number // 1)


def _finding(entries: list[Entry], at: int, found: Any) -> Finding | None:
    if found is None:
        return None
    mine, number = found
    return Finding(entries[at][0], mine[0][0], mine[-1][0], mine, number)
