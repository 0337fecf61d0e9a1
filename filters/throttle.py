"""The filter throttle: events that come too seldom or too often within a span of time.

Each key has its own slots of time, which start with the first event of the key and are counted on
from there. Time is that of the events, so that late ones are counted where they belong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..dsl.reference import Event
from ..dsl.template import Template
from ..dsl.timestamp import Timestamp
from ..plugins.declaration import Example, option
from ..plugins.filter import Undivided
from ._held_by_key import HeldByKey, rendered
from ._ruby import to_i
from .state.keys import Key

_LEAST, _STEP = 0.05, 0.05
_ROOM = 0.8
_EVICTED = 10
"""Of the keys that are too many, one in so many goes."""


_ONE_KEY = Undivided(
    "key",
    "`key` names no field: all events are one key, which one place would have to count",
    'write key => "%{field}" where events differ',
)


class Throttle(HeldByKey, name="throttle"):
    """Mark events that are fewer or more than so many within a period.

    Events are counted by `key` and by periods of time, the first of which starts with the first
    event of a key. The common options are applied to an event while the count is below
    `before_count` or above `after_count`; the event itself goes on: give it a tag, and drop tagged
    events.

    Counts are kept for `max_age` seconds of the events' own time, at least two periods should fit
    in. When there are more than `max_counters` of them, they are kept for a shorter time until
    there are fewer.

    A key such as `%{message}` makes a counter for each message: choose one with few values.

    On an engine (`--engine`), and in a Kafka group that keeps state (there with an `id`), what is
    counted is divided by keys or partitions. Then `max_counters` is the most keys in each part;
    those that were quiet longest go.
    """

    flushes = True

    key: Template = option("What to count by, with templates.")
    before_count: int = option("Events below this count are marked; -1 for none.", default=-1)
    after_count: int = option("Events above this count are marked; -1 for none.", default=-1)
    period: Template = option(
        "The length of a period in seconds, with templates.", default=Template("60")
    )
    max_age: int = option("How long counts are kept, in seconds of the events' time.", default=3600)
    max_counters: int = option("How many counts are kept; -1 for all.", default=100_000)

    examples = (
        Example(
            "one event for each key and minute, the others marked",
            'throttle { key => "%{host}" after_count => 1 period => 60 add_tag => ["more"] }',
            before=[
                {"host": "a", "@timestamp": "2025-01-01T00:00:00.000Z"},
                {"host": "a", "@timestamp": "2025-01-01T00:00:59.000Z"},
                {"host": "b", "@timestamp": "2025-01-01T00:00:59.000Z"},
                {"host": "a", "@timestamp": "2025-01-01T00:01:00.000Z"},
            ],
            after=[
                {"host": "a", "@timestamp": "2025-01-01T00:00:00.000Z"},
                {"host": "a", "@timestamp": "2025-01-01T00:00:59.000Z", "tags": ["more"]},
                {"host": "b", "@timestamp": "2025-01-01T00:00:59.000Z"},
                {"host": "a", "@timestamp": "2025-01-01T00:01:00.000Z"},
            ],
        ),
        Example(
            "drop all but the third event",
            'throttle { key => "login" before_count => 3 after_count => 3 add_tag => ["t"] } if "t"'
            " in [tags] { drop { } }",
            before=[{"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}],
            after={"n": 3},
        ),
    )

    def prepare(self) -> None:
        self.keyed_by = (self.key,)
        self.undivided = None if self.key.fields else _ONE_KEY
        self.by_key = self.undivided is None
        self._keys: dict[str, _Slots] = {}
        self._age = self.max_age
        self._fixed_period = to_i(self.period.text) or 60 if self.period.is_constant else 0

    def apply(self, event: Event) -> bool:
        at = event.get("@timestamp")
        epoch = (at if type(at) is Timestamp else self.context.now()).seconds()
        period = self._fixed_period or to_i(self.period.render(event)) or 60
        key = self.key.render(event)
        slots = self._keys.get(key)
        if slots is None or (self.marks is not None and slots.latest < epoch - self._age):
            slots = self._begun(key, epoch)
        count = slots.count(epoch, period, self._age)
        return (self.before_count != -1 and count < self.before_count) or (
            self.after_count != -1 and count > self.after_count
        )

    def _begun(self, key: str, epoch: int) -> _Slots:
        """The periods of a new key. Where state is kept by shards, those that are oldest go when
        there are too many; else ``flush`` sees to it.
        """
        if self.is_elsewhere and self.max_counters != -1 and len(self._keys) >= self.max_counters:
            oldest = sorted(self._keys, key=lambda each: (self._keys[each].latest, each))
            for each in oldest[: len(oldest) // _EVICTED + 1]:
                del self._keys[each]
        slots = self._keys[key] = _Slots(epoch)
        return slots

    def flush(self, final: bool) -> list[Event]:
        """Forget keys that are too old, and fit the age to the number of counters."""
        if self.marks is not None:
            return self._forget_by(self.marks.watermark)
        newest = max((slots.latest for slots in self._keys.values()), default=0)
        for key in [key for key, slots in self._keys.items() if slots.latest < newest - self._age]:
            del self._keys[key]
        if self.max_counters != -1 and not self.is_elsewhere:
            self._fit(sum(len(slots.counts) for slots in self._keys.values()))
        return []

    def _forget_by(self, watermark: int) -> list[Event]:
        oldest = watermark // 1000 - self._age
        for key in self.keyed.due(watermark):
            if self._keys[key].latest < oldest:
                del self._keys[key]
        return []

    def _fit(self, counters: int) -> None:
        step = int(self.max_age * _STEP)
        if counters > self.max_counters and self._age > self.max_age * _LEAST:
            self._age -= step
            self.context.log.warning(
                ("%d counters; counters are now kept for %d s"), counters, self._age
            )
        elif self._age < self.max_age and counters < self.max_counters * _ROOM:
            self._age += step

    # -- state kept elsewhere -------------------------------------------------------------------

    def hold(self, held: Any) -> None:
        self._keys = held

    def form(self) -> _SlotsForm:
        return _SlotsForm(self.max_age)

    def key_texts(self) -> list[str]:
        return [self.key.text]

    def keys_of(self, events: list[Event]) -> list[Key]:
        return rendered(self.key.render, events)

    def meaning_options(self) -> Sequence[str]:
        return "key", "period"


class _Slots:
    """The periods of a key, by the second in which they start, each with its count."""

    __slots__ = ("counts", "created", "latest", "newest")

    def __init__(self, epoch: int) -> None:
        self.created = self.latest = epoch
        self.counts: dict[int, int] = {}
        self.newest = epoch

    def count(self, epoch: int, period: int, age: int) -> int:
        """Count an event; how many its period has now. Periods that are too old are forgotten."""
        self.latest = max(self.latest, epoch)
        start = epoch - (epoch - self.created) % period
        counts = self.counts
        count = counts[start] = counts.get(start, 0) + 1
        if count == 1:
            self.newest = max(self.newest, start)
            oldest = self.newest - age
            for key in [key for key in counts if key < oldest]:
                del counts[key]
        return count


class _SlotsForm:
    """How the periods of a key are written, which are forgotten after so many seconds."""

    def __init__(self, age: int) -> None:
        self._age = age

    def name_of(self, key: Key) -> Any:
        return key

    def dump(self, slots: _Slots) -> list[Any]:
        counts = [*map(list, slots.counts.items())]
        return [slots.created, slots.latest, slots.newest, counts]

    def load(self, name: Any, data: Any) -> tuple[Key, _Slots]:
        slots = _Slots(data[0])
        slots.latest, slots.newest = data[1:3]
        slots.counts = dict(data[3])
        return name, slots

    def due(self, slots: _Slots) -> int:
        return (slots.latest + self._age + 1) * 1000
