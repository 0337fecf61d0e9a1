"""The filter join: events of two sides with the same key and near each other in time, put
together.
"""

from __future__ import annotations

from typing import Any

from ..dsl.event import add_tag
from ..dsl.reference import Event, FieldRef, ReferenceSyntaxError
from ..dsl.values import copy, to_text
from ..plugins.contract import OptionProblem
from ..plugins.declaration import Duration, Example, option
from ._event_time import EventTime, Rows, millis
from ._join_operator import LEFT, RIGHT, JoinOperator, JoinState, Matching
from ._packed_events import Held, held_all
from ._stream_results import instant
from .state import NEVER
from .state.keyed import Keyed
from .state.keys import Key, Keys, are_texts, column, put, put_at
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

    keyed: Keyed[Any]
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
        self._names_of = {value: name for value, (name, _) in self._sides.items()}
        readers = {id(keys): keys for _, keys in self._sides.values()}
        self._one_key = next(iter(readers.values())) if len(readers) == 1 else None
        self._copied = [
            (FieldRef(source), target) for source, target in self.copy.items() if source
        ]
        self._ids = self.ids()
        self._put = put_at(self.target)
        self._title = self.title
        self._is_stamped = self.time.keys == ("@timestamp",)
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
        keys = Keys([*self.by, *fields])
        same = [known for _, known in self._sides.values() if known.fields == keys.fields]
        self._sides[value] = (name, same[0] if same else keys)

    def keys_of(self, events: list[Event]) -> list[Key]:
        return self._keys_of(events, self._side_of(events))

    def key_texts(self) -> list[str]:
        return [" or ".join(self._fields_at(place)) for place in range(len(self.keys.fields))]

    def _fields_at(self, place: int) -> list[str]:
        """The fields that are one part of the key, each of some side."""
        fields = [keys.fields[place].canonical for _, keys in self._sides.values()]
        return list(dict.fromkeys(fields))

    def rows(self, events: list[Event], base: int, out: Outflow) -> Rows:
        values = self._side_of(events)
        texts = values if are_texts(values) else map(_text, values)
        names: list[Any] = list(map(self._names_of.get, texts))
        if self._one_key is not None and None not in names:
            keys, have_keys = self._one_key.read(events)
        else:
            keys, have_keys = self._keys_of(events, values), False
        times, have_times = self.times.read(events)
        if have_keys and have_times:
            self._names = names
            return Rows(events, times, keys, range(base, base + len(events)))
        rows = self.selected(events, times, keys, base, out)
        self._names = [names[at - base] for at in rows.index]
        return rows

    def _keys_of(self, events: list[Event], values: list[Any]) -> list[Key]:
        """The key of each event, read as its side says; None where it is of neither."""
        keys: list[Key] = [None] * len(events)
        readers = [self._sides.get(_text(value), (None, None))[1] for value in values]
        for reader in {id(each): each for each in readers if each is not None}.values():
            at = [n for n, each in enumerate(readers) if each is reader]
            for place, key in zip(at, reader.of_all([events[n] for n in at]), strict=True):
                keys[place] = key
        return keys

    def take_rows(self, rows: Rows, partition: Partition, clock: int, out: Outflow) -> None:
        """Take in events one by one: each side moves the time of both."""
        tops, rest = self._enter(partition, set(self._names), clock)
        self._opened: list[Key] = []
        try:
            self._take(rows, tops, rest, clock + millis(self.future), out)
        finally:
            if self._opened and self._operator.silent:
                # Nothing is told of what goes: one timer for all will do, and may be too early.
                top = max(progress.top for progress in tops.values())
                self.keyed.timers.set_all(self._opened, self._operator.rest_of(top))
        if self.keyed.changed is not None:
            self.keyed.changed.update(rows.keys)

    def _take(
        self, rows: Rows, tops: dict[str, Progress], rest: int, limit: int, out: Outflow
    ) -> None:
        marks, keyed, opened = self.marks, self.keyed, self._opened
        states, operator = keyed.states, self._operator
        join, silent, room = operator.join, operator.silent, keyed.room()
        packed = held_all(rows.times, rows.events, self.keep)
        index, reach = rows.index, {side: operator.reach(side) for side in tops}
        highest = {side: progress.top for side, progress in tops.items()}
        mark, safe = marks.watermark, rows.earliest + min(reach.values())
        made: list[Event] = []
        for one, when, key, at, side in zip(
            packed, rows.times, rows.keys, range(len(packed)), self._names, strict=True
        ):
            if mark > safe and mark > when + reach[side]:
                self.too_late(rows.events[at], index[at], mark - when - reach[side], out)
                continue
            state = states.get(key)
            if state is None:
                if side == LEFT:
                    state = JoinState(key, [one], (), when)
                else:
                    state = JoinState(key, (), [one], when)
                if room:
                    states[key] = state
                    room -= 1
                else:
                    out.behind(index[at], self.told(keyed.begin(key, state)))
                opened.append(key)
            else:
                results = join(state, one, side == LEFT, mark)
                if results:
                    out.behind(index[at], results)
                    made += results
            if not silent:
                keyed.settle(key, state)
            if when > highest[side] and when <= limit:
                highest[side] = tops[side].top = when
                mark = self._moved(min(rest, *highest.values()), index[at], out)
        self.told(made)

    def _moved(self, top: int, at: int, out: Outflow) -> int:
        """The watermark when the least top is this one; what is due stands behind an event."""
        marks = self.marks
        mark = top - marks.lateness
        if mark > marks.watermark and top > NEVER:
            marks.watermark = mark
            if mark >= self.keyed.timers.first:
                out.behind(at, self.due(mark, "watermark"))
        return marks.watermark

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
        result, partner = left.event(), right.event()
        if self.copy:
            for source, target in self._copied:
                value = source.get(partner)
                if value is not None:
                    put(result, target, copy(value))
        else:
            if "@metadata" in partner:
                del partner["@metadata"]
            self._put(result, partner)
        delay = (right.time - left.time) * 1_000_000
        if delay > 0:
            own = right.stamp is not None and self._is_stamped
            result["@timestamp"] = right.stamp if own else instant(right.time)
        ident = self._ids.of_packed(key, (left.stamp, right.stamp), left.data, right.data)
        return _joined(result, ident, {"name": self._title, "matched": True, "delay": delay})

    def _single(self, key: Key, one: Held) -> Event:
        result = one.event()
        add_tag(result, "_joinunmatched")
        ident = self._ids.of_packed(key, (one.stamp,), one.data)
        return _joined(result, ident, {"name": self._title, "matched": False})


def _joined(result: Event, ident: str, said: Event) -> Event:
    about = result.get("event")
    if type(about) is dict:
        about["id"] = ident
    elif about is None and "event" not in result:
        result["event"] = {"id": ident}
    known = result.get("join")
    if type(known) is dict:
        known.update(said)
    else:
        result["join"] = said
    return result


def _text(value: Any) -> str:
    return value if type(value) is str else to_text(value)
