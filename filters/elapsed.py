"""The filter elapsed: the time between the event that starts something and the one that ends it."""

from __future__ import annotations

import math
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..dsl.event import add_tag
from ..dsl.reference import Event, FieldRef
from ..dsl.timestamp import Timestamp
from ..dsl.values import json_text
from ..plugins.declaration import Example, option
from ._held_by_key import HeldByKey
from .state.keys import Key, Keys
from .state.plain import plain, revive

_NANOS = 1_000_000_000


@dataclass(slots=True)
class _Start:
    """A start that waits for its end: the id, when it happened, and the second in which it came."""

    id: Any
    at: Timestamp
    came: int


class Elapsed(HeldByKey, name="elapsed"):
    """Measure the time between two events that belong together.

    An event with `start_tag` is remembered by the value of `unique_id_field`; the event with
    `end_tag` and the same value gets the tags `elapsed` and `elapsed_match`, the seconds between
    their `@timestamp`s in `elapsed_time`, and the start's in `elapsed_timestamp_start`. With
    `new_event_on_match` an event of its own gets them, beside `host` and the id. An end without a
    start gets the tag `elapsed_end_without_start`.

    A start whose end does not come within `timeout` seconds gives an event with the tags `elapsed`
    and `elapsed_expired_error`, and its age in `elapsed_time`. The common options apply to starts,
    ends and events of its own.

    On an engine (`--engine`) the time-out goes by the events' own time, and the event of a start
    that has expired has the time at which it did. In a Kafka group that keeps state, a filter with
    an `id` keeps its starts with the partitions.

    Differs from Logstash: the time-out counts by the clock, not by the number of flushes.
    """

    reshapes = True
    shares = True
    flushes = True

    start_tag: str = option("The tag of events that start something.")
    end_tag: str = option("The tag of events that end it.")
    unique_id_field: FieldRef = option("The field that start and end have in common.")
    timeout: float = option(
        ("The seconds after which an unmatched start event is discarded."), default=1800
    )
    new_event_on_match: bool = option("Whether the result is an event of its own.", default=False)
    keep_start_event: str = option(
        "Which of several starts counts.", default="first", choices=("first", "last")
    )

    examples = (
        Example(
            "the duration of a task",
            'elapsed { start_tag => "start" end_tag => "end" unique_id_field => "task" }',
            before=[
                {"task": "t1", "tags": ["start"], "@timestamp": "2025-01-01T00:00:00.000Z"},
                {"task": "t1", "tags": ["end"], "@timestamp": "2025-01-01T00:00:02.500Z"},
            ],
            after=[
                {"task": "t1", "tags": ["start"], "@timestamp": "2025-01-01T00:00:00.000Z"},
                {
                    "task": "t1",
                    "tags": ["end", "elapsed", "elapsed_match"],
                    "elapsed_time": 2.5,
                    "elapsed_timestamp_start": "2025-01-01T00:00:00.000Z",
                    "@timestamp": "2025-01-01T00:00:02.500Z",
                },
            ],
        ),
        Example(
            "an end that nothing started",
            'elapsed { start_tag => "start" end_tag => "end" unique_id_field => "task" }',
            before={"task": "t2", "tags": ["end"]},
            after={"task": "t2", "tags": ["end", "elapsed_end_without_start"]},
        ),
    )

    by_key = True

    def prepare(self) -> None:
        self._starts: dict[tuple[type, Any], _Start] = {}
        self._age = math.ceil(self.timeout)

    def apply(self, event: Event) -> list[Event]:
        id_, tags = self.unique_id_field.get(event), event.get("tags")
        if id_ is None or not isinstance(tags, list | str):
            return [event]
        if self.marks is not None and (before := self._expired_before(event, id_)):
            return [*before, *self.apply(event)]
        if self.start_tag in tags:
            self._start(event, id_)
        elif self.end_tag in tags:
            return self._end(event, id_)
        return [event]

    def _start(self, event: Event, id_: Any) -> None:
        self._decorated(event)
        key = _key(id_)
        if self.keep_start_event == "last" or key not in self._starts:
            at = self._time_of(event)
            came = self.context.now() if self.marks is None else at
            self._starts[key] = _Start(id_, at, came.seconds())

    def _end(self, event: Event, id_: Any) -> list[Event]:
        self._decorated(event)
        start = self._starts.pop(_key(id_), None)
        if start is None:
            add_tag(event, "elapsed_end_without_start")
            return [event]
        seconds = (self._time_of(event).nanos() - start.at.nanos()) / 1e9
        if not self.new_event_on_match:
            self._tell(event, "elapsed_match", seconds, start)
            return [event]
        made = self._new_event(self.moment(self._time_of(event).nanos()))
        match = self._tell(made, "elapsed_match", seconds, start)
        self._decorated(match)
        return [event, match]

    def flush(self, final: bool) -> list[Event]:
        """The events of starts that have waited too long."""
        if self.marks is not None:
            mark = self.marks.watermark // 1000
            due = [self._starts[key] for key in self.keyed.due(self.marks.watermark)]
            return [self._expired(start, self._age) for start in due if self._is_over(start, mark)]
        events = self.leftovers()
        if self.is_kept and final:
            return events
        now = self.context.now().seconds()
        over = [start for start in self._starts.values() if now - start.came >= self.timeout]
        return [*events, *(self._expired(start, now - start.came) for start in over)]

    def _is_over(self, start: _Start, now: int) -> bool:
        return now - start.came >= self._age

    def _expired_before(self, event: Event, id_: Any) -> list[Event]:
        """On an engine: what a start of the same id gives whose time was up before an event."""
        start = self._starts.get(_key(id_))
        if start is None or not self._is_over(start, self._time_of(event).seconds()):
            return []
        return [self._expired(start, self._age)]

    def _expired(self, start: _Start, seconds: int) -> Event:
        """The event of a start that has waited so long."""
        del self._starts[_key(start.id)]
        at = self.moment((start.came + seconds) * _NANOS)
        event = self._tell(self._new_event(at), "elapsed_expired_error", seconds, start)
        self._decorated(event)
        return event

    def _new_event(self, at: Timestamp) -> Event:
        event: Event = {"@timestamp": at, "@version": "1"}
        if self.unique_id_field.keys[0] != "host":  # `[host][name]` has its place under it
            event["host"] = socket.gethostname()
        return event

    def _tell(self, event: Event, tag: str, seconds: float, start: _Start) -> Event:
        add_tag(event, "elapsed")
        add_tag(event, tag)
        event["elapsed_time"] = seconds
        self.unique_id_field.set(event, start.id)
        event["elapsed_timestamp_start"] = start.at
        return event

    def _time_of(self, event: Event) -> Timestamp:
        at = event.get("@timestamp")
        return at if type(at) is Timestamp else self.context.now()

    def _decorated(self, event: Event) -> None:
        if self.decorate is not None:
            self.decorate(event)

    # -- state kept elsewhere -------------------------------------------------------------------

    @property
    def reckons_by_clock(self) -> str:
        return "timeout"

    def hold(self, held: Any) -> None:
        self._starts = held

    def form(self) -> _StartForm:
        return _StartForm(self._age)

    def key_texts(self) -> list[str]:
        return [self.unique_id_field.canonical]

    def keys_of(self, events: list[Event]) -> list[Key]:
        return Keys([self.unique_id_field]).of_all(events)

    def meaning_options(self) -> Sequence[str]:
        return ("unique_id_field",)


class _StartForm:
    """How a start is written, which expires after so many seconds."""

    def __init__(self, age: int) -> None:
        self._age = age

    def name_of(self, key: Key) -> Any:
        kind, value = key
        return [kind.__name__, plain(value)]

    def dump(self, start: _Start) -> list[Any]:
        return [plain(start.id), plain(start.at), start.came]

    def load(self, name: Any, data: Any) -> tuple[Key, _Start]:
        id_, at, came = data
        start = _Start(revive(id_), revive(at), came)
        return _key(start.id), start

    def due(self, start: _Start) -> int:
        return (start.came + self._age) * 1000


def _key(id_: Any) -> tuple[type, Any]:
    """A key that tells 1 from "1" and from true, whatever the id is."""
    return type(id_), json_text(id_) if isinstance(id_, list | dict) else id_
