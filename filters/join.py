"""The filter join: events of two sides with the same key and near each other in time, put
together.
"""

from __future__ import annotations

from typing import Any

from ..dsl.event import add_tag
from ..dsl.reference import Event, FieldRef, ReferenceSyntaxError
from ..dsl.timestamp import Timestamp
from ..dsl.values import copy, to_text
from ..plugins.contract import OptionProblem
from ..plugins.declaration import Duration, Example, option
from ._event_time import EventTime, Rows, millis
from ._join_operator import LEFT, RIGHT, Held, JoinOperator, Matching
from ._stream_results import fresh, instant, merge_map, strip
from .state import NEVER
from .state.keyed import Keyed
from .state.keys import Key, Keys, column, put
from .state.outflow import Outflow
from .state.watermarks import PENDING, Partition, Progress

_UNMATCHED = {
    "inner": frozenset[str](),
    "left": frozenset({LEFT}),
    "right": frozenset({RIGHT}),
    "outer": frozenset({LEFT, RIGHT}),
}


class Join(EventTime, name="join"):
    """Put events of two sides together that have the same key and are near each other in time.

    The value of `side` tells which side an event is of: `left` and `right` have the values of each
    and the field, or fields, that hold the key. A left event at t and a right one are a pair if the
    right one lies between t less `before` and t plus `within`, both inclusive. A pair becomes an
    event: a copy of the left one, with the right one in `target`, and with its time if that is
    later. `[join]` has the `name` of the filter, `matched`, and the `delay` of the right event in
    nanoseconds. Events of neither side pass by.

    With `match => "all"` a pair is emitted when the later of the two arrives. With `first` or
    `latest` each left event has one partner, the earliest or latest one; it is emitted when no
    other can come.

    With `type => "left"`, `right` or `outer`, events of that side, or of both, that had no partner
    are told as well, once, when no partner can come any more: tagged `_joinunmatched`, with
    `[join][matched]` false. Time is the lesser of both sides' times: a side that has not begun
    holds it back until `idle` is over.

    Events that come too late for any partner go on with the tag `_joinlate`. The common options are
    applied to emitted events.
    """

    side: FieldRef = option("The field whose value names the side.")
    left: dict[str, Any] = option(
        "The values of `side` of left events, and the field or fields with the key."
    )
    right: dict[str, Any] = option("The same of right events.")
    before: Duration = option(
        "How long before the left event the right one may be.", default=Duration(0)
    )
    within: Duration = option("How long after the left event the right one may be.")
    type: str = option(
        "Of which sides events without a partner are emitted.",
        default="inner",
        choices=("inner", "left", "right", "outer"),
    )
    match: str = option(
        "Which partners a left event has: all, the earliest or the latest.",
        default="all",
        choices=("all", "first", "latest"),
    )
    target: FieldRef = option("Where the right event stands.", default=FieldRef("[right]"))
    copy: dict[str, FieldRef] = option(
        "Fields of the right event and where they go, instead of all of it.", default={}
    )

    examples = (
        Example(
            "orders with their payments, and orders without",
            """join {
  id => "paid"
  side => "kind"
  left => { "order" => "order" }
  right => { "payment" => "order" }
  within => "1h"
  type => "left"
  copy => { "cents" => "paid" }
  keep => false
  remove_field => ["event"]
}""",
            before=[
                {"@timestamp": "2025-09-04T08:00:00.000Z", "kind": "order", "order": 1},
                {"@timestamp": "2025-09-04T08:00:01.000Z", "kind": "order", "order": 2},
                {
                    "@timestamp": "2025-09-04T08:10:00.000Z",
                    "kind": "payment",
                    "order": 1,
                    "cents": 990,
                },
            ],
            after=[
                {
                    "@timestamp": "2025-09-04T08:10:00.000Z",
                    "kind": "order",
                    "order": 1,
                    "paid": 990,
                    "join": {"name": "paid", "matched": True, "delay": 600_000_000_000},
                },
                {
                    "@timestamp": "2025-09-04T08:00:01.000Z",
                    "kind": "order",
                    "order": 2,
                    "join": {"name": "paid", "matched": False},
                    "tags": ["_joinunmatched"],
                },
            ],
        ),
        Example(
            "the latest answer of DNS before a connection",
            """join {
  id => "names"
  side => "kind"
  left => { "flow" => "ip" }
  right => { "dns" => "ip" }
  before => "10m"
  within => "0s"
  match => "latest"
  copy => { "name" => "domain" }
  keep => false
  remove_field => ["event", "join"]
}""",
            before=[
                {
                    "@timestamp": "2025-09-04T08:00:00.000Z",
                    "kind": "dns",
                    "ip": "192.0.2.1",
                    "name": "a.example",
                },
                {
                    "@timestamp": "2025-09-04T08:05:00.000Z",
                    "kind": "dns",
                    "ip": "192.0.2.1",
                    "name": "b.example",
                },
                {"@timestamp": "2025-09-04T08:06:00.000Z", "kind": "flow", "ip": "192.0.2.1"},
            ],
            after={
                "@timestamp": "2025-09-04T08:06:00.000Z",
                "kind": "flow",
                "ip": "192.0.2.1",
                "domain": "b.example",
            },
        ),
    )

    neutral = frozenset({"target", "copy"})
    joins = True

    def prepare(self) -> None:
        self._sides: dict[str, tuple[str, Keys]] = {}
        for name in (LEFT, RIGHT):
            for value, fields in getattr(self, name).items():
                self._side(name, value, fields)
        lengths = {len(keys.fields) for _, keys in self._sides.values()}
        if len(lengths) > 1:
            self.problem(
                "right", "the sides have keys of different lengths", "give each as many fields"
            )
        self._side_of = column(self.side)
        self._copied = [
            (FieldRef(source), target) for source, target in self.copy.items() if source
        ]
        self._ids = self.ids()
        matching = Matching(
            millis(self.before), millis(self.within), self.match, _UNMATCHED[self.type]
        )
        self._operator = JoinOperator(matching, self._pair, self._single)
        keys = Keys(next(iter(self._sides.values()))[1].fields if self._sides else self.by)
        self.ready(Keyed(self._operator, keys.order, self.max_keys), keys)

    def _side(self, name: str, value: str, given: Any) -> None:
        """Note a value of ``side`` and the key of its events."""
        try:
            names = [given]
            if isinstance(given, list):
                names = [name for name in given if name]
            fields = [FieldRef(str(name)) for name in names]
        except ReferenceSyntaxError as error:
            raise OptionProblem(name, str(error), "write [a][b]", (value,), "E207") from None
        if value in self._sides:
            self.problem(name, f"`{value}` is a value of both sides", path=(value,))
        self._sides[value] = (name, Keys([*self.by, *fields]))

    def keys_of(self, events: list[Event]) -> list[Key]:
        return self._keys_of(events, self._sides_of(events))

    def key_texts(self) -> list[str]:
        return [" or ".join(self._fields_at(place)) for place in range(len(self.keys.fields))]

    def _fields_at(self, place: int) -> list[str]:
        """The fields that are one part of the key, each of some side."""
        fields = [keys.fields[place].canonical for _, keys in self._sides.values()]
        return list(dict.fromkeys(fields))

    def _sides_of(self, events: list[Event]) -> list[tuple[str, Keys] | None]:
        values = self._side_of(events)
        return [self._sides.get(v if type(v) is str else to_text(v)) for v in values]

    def _keys_of(self, events: list[Event], sides: list[tuple[str, Keys] | None]) -> list[Key]:
        keys: list[Key] = [None] * len(events)
        for reader in {id(side[1]): side[1] for side in sides if side is not None}.values():
            at = [n for n, side in enumerate(sides) if side is not None and side[1] is reader]
            for place, key in zip(at, reader.of_all([events[n] for n in at]), strict=True):
                keys[place] = key
        return keys

    def rows(self, events: list[Event], base: int, out: Outflow) -> Rows:
        sides = self._sides_of(events)
        keys = self._keys_of(events, sides)
        rows = self.selected(events, self.times.of_all(events), keys, base, out)
        self._names = [side[0] if side is not None else LEFT for side in sides]
        self._base = base
        return rows

    def take_rows(self, rows: Rows, partition: Partition, clock: int, out: Outflow) -> None:
        """Take in events one by one: each side moves the time of both."""
        sides, base = self._names, self._base
        tops, rest = self._enter(partition, {sides[at - base] for at in rows.index}, clock)
        marks, timers, limit = self.marks, self.keyed.timers, clock + millis(self.future)
        lateness, keep = marks.lateness, self.keep
        reach = {side: self._operator.reach(side) for side in (LEFT, RIGHT)}
        for event, when, key, at in zip(
            rows.events, rows.times, rows.keys, rows.index, strict=True
        ):
            side = sides[at - base]
            if marks.watermark > when + reach[side]:
                self.too_late(event, at, marks.watermark - when - reach[side], out)
                continue
            self._take(when, key, (side, fresh(event) if keep else event), at, out)
            progress = tops[side]
            if progress.top < when <= limit:
                progress.top = when
                mark = min(rest, *[other.top for other in tops.values()]) - lateness
                if mark > marks.watermark and mark > NEVER - lateness:
                    marks.watermark = mark
                    if mark >= timers.first:
                        out.behind(at, self.due(mark, "watermark"))

    def _take(self, when: int, key: Key, taken: tuple[str, Event], at: int, out: Outflow) -> None:
        keyed, operator = self.keyed, self._operator
        state, evicted = keyed.states.get(key), list[Event]()
        known = state is not None
        if state is None:
            state, evicted = keyed.open(key)
        results = operator.take(state, when, taken, self.marks.watermark)
        # A silent join only forgets by timers: a key that has one needs no other.
        if not (known and operator.silent):
            keyed.settle(key, state)
        elif keyed.changed is not None:
            keyed.changed.add(key)
        if evicted or results:
            out.behind(at, self.told([*evicted, *results]))

    def _enter(
        self, partition: Partition, sides: set[str], clock: int
    ) -> tuple[dict[str, Progress], int]:
        """The sides of a partition that speak, and the least top of all others."""
        marks = self.marks
        if not marks.partitions:
            marks.begin([LEFT, RIGHT], clock)
        tops = {side: marks.enter((partition, side), clock)[0] for side in sorted(sides)}
        for waiting in (*sides, (partition, PENDING)):
            marks.partitions.pop(waiting, None)
        return tops, marks.least_but(list(tops.values()))

    def begin_partitions(self, names: Any) -> None:
        """A partition that has not begun may hold events of either side."""
        self.marks.begin([LEFT, RIGHT], self.clock())
        self.marks.begin([(name, PENDING) for name in names], self.clock())

    def idle_partition(self, name: Partition) -> list[Event]:
        for lane in self._lanes(name):
            self.marks.idle_now(lane)
        return self._after(self.marks.move())

    def finish_partition(self, name: Partition) -> list[Event]:
        self.marks.partitions.pop((name, PENDING), None)
        for lane in self._lanes(name):
            self.marks.finish(lane)
        return self._after(self.marks.move())

    def _lanes(self, name: Partition) -> list[Partition]:
        """The sides of a partition that have begun."""
        known = self.marks.partitions
        return [lane for lane in ((name, LEFT), (name, RIGHT)) if lane in known]

    def is_at(self, when: int, result: Event) -> bool:
        about = result.get("join", {})
        last = self.times.of(result)
        delay = abs(about.get("delay", 0)) // 1_000_000
        return last is not None and when in (last, last - delay)

    # -- results ----------------------------------------------------------------------------

    def _pair(self, key: Key, left: Held, right: Held) -> Event:
        result: Event = fresh(left.event)
        if self.copy:
            for source, target in self._copied:
                value = source.get(right.event)
                if value is not None:
                    put(result, target, copy(value))
        else:
            put(result, self.target, fresh(strip(right.event)))
        if right.time > left.time:
            result["@timestamp"] = self._stamp(right)
        delay = (right.time - left.time) * 1_000_000
        ident = self._ids.of_events(key, left.event, right.event)
        return self._joined(result, ident, {"matched": True, "delay": delay})

    def _single(self, key: Key, held: Held) -> Event:
        result = fresh(held.event)
        add_tag(result, "_joinunmatched")
        ident = self._ids.of_events(key, held.event)
        return self._joined(result, ident, {"matched": False})

    def _joined(self, result: Event, ident: str, said: Event) -> Event:
        if type(result.get("event", {})) is dict:
            merge_map(result, "event", {"id": ident})
        merge_map(result, "join", {"name": self.title, **said})
        return result

    def _stamp(self, held: Held) -> Timestamp:
        at = held.event.get("@timestamp")
        own = self.time.keys == ("@timestamp",) and type(at) is Timestamp
        return at if own else instant(held.time)  # type: ignore[return-value]
