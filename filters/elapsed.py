"""The filter elapsed: the time between the event that starts something and the one that ends it."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Any

from ..dsl.event import add_tag
from ..dsl.reference import Event, FieldRef
from ..dsl.timestamp import Timestamp
from ..dsl.values import json_text
from ..plugins.contract import Filter
from ..plugins.declaration import Example, option


@dataclass(slots=True)
class _Start:
    """A start that waits for its end: the id, when it happened, and the second in which it came."""

    id: Any
    at: Timestamp
    came: int


class Elapsed(Filter, name="elapsed"):
    """Measure the time between two events that belong together.

    An event with `start_tag` is remembered by the value of `unique_id_field`; the event with
    `end_tag` and the same value gets the tags `elapsed` and `elapsed_match`, the seconds between
    their `@timestamp`s in `elapsed_time`, and the start's in `elapsed_timestamp_start`. With
    `new_event_on_match` an event of its own gets them, beside `host` and the id. An end without a
    start gets the tag `elapsed_end_without_start`.

    A start whose end does not come within `timeout` seconds gives an event with the tags `elapsed`
    and `elapsed_expired_error`, and its age in `elapsed_time`. The common options apply to starts,
    ends and events of its own.

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

    def prepare(self) -> None:
        self._starts: dict[tuple[type, Any], _Start] = {}

    def apply(self, event: Event) -> list[Event]:
        id_, tags = self.unique_id_field.get(event), event.get("tags")
        if id_ is None or not isinstance(tags, list | str):
            return [event]
        if self.start_tag in tags:
            self._start(event, id_)
        elif self.end_tag in tags:
            return self._end(event, id_)
        return [event]

    def _start(self, event: Event, id_: Any) -> None:
        self._decorated(event)
        key = _key(id_)
        if self.keep_start_event == "last" or key not in self._starts:
            self._starts[key] = _Start(id_, self._time_of(event), self.context.now().seconds())

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
        match = self._tell(self._new_event(), "elapsed_match", seconds, start)
        self._decorated(match)
        return [event, match]

    def flush(self, final: bool) -> list[Event]:
        """The events of starts that have waited too long."""
        now = self.context.now().seconds()
        expired = [key for key, start in self._starts.items() if now - start.came >= self.timeout]
        events = []
        for key in expired:
            start = self._starts.pop(key)
            event = self._tell(self._new_event(), "elapsed_expired_error", now - start.came, start)
            self._decorated(event)
            events.append(event)
        return events

    def _new_event(self) -> Event:
        event: Event = {"@timestamp": self.context.now(), "@version": "1"}
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


def _key(id_: Any) -> tuple[type, Any]:
    """A key that tells 1 from "1" and from true, whatever the id is."""
    return type(id_), json_text(id_) if isinstance(id_, list | dict) else id_
