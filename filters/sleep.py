"""The filter sleep: a pause."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..dsl.reference import Event
from ..dsl.template import Template
from ..dsl.timestamp import Timestamp
from ..plugins.contract import Filter
from ..plugins.declaration import Example, option
from ._ruby import to_f


class Sleep(Filter, name="sleep"):
    """Pause the pipeline, to slow down what follows.

    Every event waits `time` seconds, or every so many with `every`. With `replay` an event waits as
    long as lies between its `@timestamp` and that of the event before it, so that events go by as
    they happened; `time` is then how many times faster.

    The pause holds up the whole worker, and everything that comes behind.
    """

    keyed_by = ()

    time: Template | None = option(
        "How many seconds, with templates; with `replay`, how many times faster.", default=None
    )
    every: str = option("Pause at every so many events.", default="1")
    replay: bool = option("Whether to pause as long as lies between events.", default=False)

    examples = (
        Example(
            "a pause at every second event",
            'sleep { time => "0.001" every => 2 }',
            before={"a": 1},
            after={"a": 1},
        ),
        Example(
            "as it happened, a thousand times as fast",
            'sleep { replay => true time => 1000 add_tag => ["replayed"] }',
            before={"@timestamp": "2025-01-01T00:00:00.000Z"},
            after={"@timestamp": "2025-01-01T00:00:00.000Z", "tags": ["replayed"]},
        ),
    )

    def prepare(self) -> None:
        if self.time is None and not self.replay:
            self.problem(
                "time", "sleep needs a `time`, unless it replays", 'write time => "1"', code="E214"
            )
        self._template = self.time or Template("1")
        if not self.every.strip().isdecimal():
            self.problem("every", "`every` must be an integer", 'write every => "10"')
            return
        self._every = int(self.every)
        self._count = 0
        self._last: int | None = None
        self._sleep: Callable[[float], None] = time.sleep

    def apply(self, event: Event) -> bool:
        seconds = to_f(self._template.render(event))
        if self.replay:
            self._replay(event, seconds)
            return True
        self._count += 1
        if self._count >= self._every:
            self._count = 0
            if seconds > 0:
                self._sleep(seconds)
        return True

    def _replay(self, event: Event, speed: float) -> None:
        at = event.get("@timestamp")
        if type(at) is not Timestamp:
            return
        now = at.nanos()
        if self._last is not None and speed > 0 and now > self._last:
            self._sleep((now - self._last) / 1e9 / speed)
        self._last = now
