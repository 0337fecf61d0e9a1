"""The filter metrics: events counted and timed, told in events of their own."""

from __future__ import annotations

import socket
from typing import Any

from ..dsl.reference import Event, FieldError, ReferenceSyntaxError, reference
from ..dsl.template import Template
from ..dsl.timestamp import Timestamp
from ..plugins.contract import Filter
from ..plugins.declaration import Example, option
from ._meters import Meter, Timer
from ._ruby import to_f

_RATES = (1, 5, 15)
_SLACK = 1.0


class Metrics(Filter, name="metrics"):
    """Count events and time them, and tell of it in an event every few seconds.

    Each name of `meter`, with templates, has a counter; each name of `timer` one for the values
    that stand beside it. Every `flush_interval` seconds an event tells of all of them:
    `[name][count]`, the events a second as `[name][rate_1m]`, `[rate_5m]` and `[rate_15m]`, and of
    timers `[min]`, `[max]`, `[mean]`, `[stddev]` and percentiles such as `[p95]`. Its `message` is
    the name of the machine. The common options apply to this event; those that are counted are not
    changed.

    The event goes on behind the filter like any other: give it a tag, and send it where it shall go
    by the tag. A name made of a field with many values has as many counters, which stay unless
    there is a `clear_interval`.

    Differs from Logstash: when the pipeline ends, what was counted since the last event is emitted
    even if its time has not come.
    """

    reshapes = False
    keyed_by = ()
    flushes = True

    meter: list[Template] = option("The names of meters, with templates.", default=[])
    timer: dict[str, Template] = option(
        "The names of timers, with templates, and their values.", default={}
    )
    flush_interval: float = option(
        ("How often results are emitted, in seconds; a multiple of 5."), default=5
    )
    clear_interval: float = option(
        "After how many seconds all counters start again; -1 for never.", default=-1
    )
    ignore_older_than: float = option(
        "Pass over events older than this many seconds; 0 for none.", default=0
    )
    rates: list[int] = option(
        "Over how many minutes rates are taken: 1, 5, 15.", default=list(_RATES)
    )
    percentiles: list[float] = option(
        "The percentiles of timers.", default=[1, 5, 10, 90, 95, 99, 100]
    )

    examples = (
        Example(
            "count answers by status",
            'metrics { meter => ["http_%{status}"] rates => [] add_tag => ["metric"] remove_field'
            ' => ["message"] }',
            before=[{"status": 200}, {"status": 404}, {"status": 200}],
            after=[
                {"status": 200},
                {"status": 404},
                {"status": 200},
                {"http_200": {"count": 2}, "http_404": {"count": 1}, "tags": ["metric"]},
            ],
        ),
        Example(
            "the spread of durations",
            'metrics { timer => { "took" => "%{ms}" } rates => [] percentiles => [50] remove_field'
            ' => ["message"] }',
            before=[{"ms": 1}, {"ms": 2}, {"ms": 6}],
            after=[
                {"ms": 1},
                {"ms": 2},
                {"ms": 6},
                {
                    "took": {
                        "count": 3,
                        "min": 1.0,
                        "max": 6.0,
                        "stddev": 2.6457513110645907,
                        "mean": 3.0,
                        "p50": 2.0,
                    }
                },
            ],
        ),
    )

    def prepare(self) -> None:
        for place, minutes in enumerate(self.rates):
            if minutes not in _RATES:
                self.problem(
                    "rates",
                    f"rates are taken over 1, 5 or 15 minutes, not {minutes}",
                    path=(place,),
                )
        for place, percentile in enumerate(self.percentiles):
            if not 0 <= percentile <= 100:
                self.problem(
                    "percentiles",
                    (f"{percentile} is not a valid percentile"),
                    "give 0 to 100",
                    path=(place,),
                )
        self._timed = [(Template(name), value) for name, value in self.timer.items()]
        self._meters: dict[str, Meter] = {}
        self._timers: dict[str, Timer] = {}
        self._counted = False
        self._told = self._cleared = self._now()

    def _now(self) -> float:
        return self.context.now().millis() / 1000

    def run(self, events: list[Event]) -> list[Event]:
        now = self._now()
        for event in events:
            try:
                self._count(event, now)
            except Exception as error:
                self.failed(event, error)
        return events

    def apply(self, event: Event) -> bool:
        self._count(event, self._now())
        return False

    def _count(self, event: Event, now: float) -> None:
        at = event.get("@timestamp")
        if (
            self.ignore_older_than > 0
            and type(at) is Timestamp
            and now - at.seconds() > self.ignore_older_than
        ):
            return
        self._counted = True
        for template in self.meter:
            name = template.render(event)
            meter = self._meters.get(name)
            if meter is None:
                meter = self._meters[name] = Meter(self.rates, now)
            meter.mark(now)
        for template, value in self._timed:
            name = template.render(event)
            timer = self._timers.get(name)
            if timer is None:
                timer = self._timers[name] = Timer(self.rates, now)
            timer.update(to_f(value.render(event)), now)

    def flush(self, final: bool) -> list[Event]:
        """The event that tells, when it is due or the pipeline ends."""
        now = self._now()
        due = self._counted if final else now - self._told >= self.flush_interval - _SLACK
        if not due or not (self._meters or self._timers):
            return []
        event = self._event(now)
        self._told, self._counted = now, False
        if self.clear_interval > 0 and now - self._cleared >= self.clear_interval - _SLACK:
            self._cleared = now
            self._meters.clear()
            self._timers.clear()
        if self.decorate is not None:
            self.decorate(event)
        return [event]

    def _event(self, now: float) -> Event:
        event: Event = {
            "@timestamp": self.context.now(),
            "@version": "1",
            "message": socket.gethostname(),
        }
        for name, meter in [*self._meters.items(), *self._timers.items()]:
            figures: dict[str, Any] = {"count": meter.count}
            figures |= {f"rate_{minutes}m": rate.at(now) for minutes, rate in meter.rates.items()}
            if isinstance(meter, Timer):
                figures |= self._spread(meter)
            _put(event, name, figures)
        return event

    def _spread(self, timer: Timer) -> dict[str, float]:
        if not timer.count:
            return {}
        figures = {
            "min": timer.least,
            "max": timer.greatest,
            "stddev": timer.deviation,
            "mean": timer.mean,
        }
        values = timer.quantiles([percentile / 100 for percentile in self.percentiles])
        names = [f"p{percentile:g}" for percentile in self.percentiles]
        return figures | dict(zip(names, values, strict=True))


def _put(event: Event, name: str, figures: Event) -> None:
    """Set figures at the field that a name means; a name that means none is taken as it is, behind
    an underscore.
    """
    try:
        reference(f"[{name}]").set(event, figures)
    except (ReferenceSyntaxError, FieldError):
        event[f"_{name}"] = figures
