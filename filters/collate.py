"""The filter collate: events put in the order of their times, so many or so long at a time."""

from __future__ import annotations

import time

from ..dsl.event import add_tag
from ..dsl.reference import Event
from ..dsl.timestamp import Timestamp
from ..plugins.contract import Filter
from ..plugins.declaration import Duration, Example, option

_TAG = "collated"


class Collate(Filter, name="collate"):
    """Hold events, and let them go on in the order of their `@timestamp`, tagged `collated`.

    They go when `count` of them are held, when `interval` has passed since the first of them came,
    and when the pipeline ends. Events of the same time keep their order; one without a time comes
    first. An event that has the tag passes at once.

    What is held is in memory, and all events pass one worker. Where the order of events is wanted
    by windows of their own time, see the filter `window`.

    Differs from Logstash: events of one second are ordered, too, and none is left when the pipeline
    ends.
    """

    reshapes = True
    flushes = True
    shares = True

    count: int = option("How many events to hold.", default=1000, at_least=1)
    interval: Duration = option("For how long to hold events.", default=Duration(60.0))
    order: str = option(
        "The order of their times.", default="ascending", choices=("ascending", "descending")
    )

    examples = (
        Example(
            "two sources in one order",
            "collate { count => 3 }",
            before=[
                {"@timestamp": "2025-01-01T00:00:02.000Z", "n": 2},
                {"@timestamp": "2025-01-01T00:00:03.000Z", "n": 3},
                {"@timestamp": "2025-01-01T00:00:01.000Z", "n": 1},
            ],
            after=[
                {"@timestamp": "2025-01-01T00:00:01.000Z", "n": 1, "tags": ["collated"]},
                {"@timestamp": "2025-01-01T00:00:02.000Z", "n": 2, "tags": ["collated"]},
                {"@timestamp": "2025-01-01T00:00:03.000Z", "n": 3, "tags": ["collated"]},
            ],
        ),
        Example(
            "the latest first",
            "collate { count => 2 order => descending }",
            before=[
                {"@timestamp": "2025-01-01T00:00:01.000Z", "n": 1},
                {"@timestamp": "2025-01-01T00:00:02.000Z", "n": 2},
            ],
            after=[
                {"@timestamp": "2025-01-01T00:00:02.000Z", "n": 2, "tags": ["collated"]},
                {"@timestamp": "2025-01-01T00:00:01.000Z", "n": 1, "tags": ["collated"]},
            ],
        ),
    )

    def prepare(self) -> None:
        self._held: list[Event] = []
        self._since = 0.0

    def apply(self, event: Event) -> list[Event]:
        tags = event.get("tags")
        if tags == _TAG or (type(tags) is list and _TAG in tags):
            return [event]
        if not self._held:
            self._since = self._now()
        self._held.append(event)
        return self._released() if len(self._held) >= self.count else []

    def flush(self, final: bool) -> list[Event]:
        """The events that are held, when their time has come."""
        is_due = final or self._now() - self._since >= self.interval
        return self._released() if self._held and is_due else []

    def _released(self) -> list[Event]:
        events, self._held = self._held, []
        events.sort(key=_nanos, reverse=self.order == "descending")
        for event in events:
            add_tag(event, _TAG)
            if self.decorate is not None:
                self.decorate(event)
        return events

    def _now(self) -> float:
        fixed = self.context.settings.get("penstock.now")
        return time.monotonic() if fixed is None else float(fixed.nanos() / 1e9)


def _nanos(event: Event) -> int:
    at = event.get("@timestamp")
    return at.nanos() if type(at) is Timestamp else 0
