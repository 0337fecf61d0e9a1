"""How many events each plugin of the filters and outputs was given and gave, and how long it took:
counted once a batch, never for an event.

Workers count in their own processes, and send what was added with each answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ...dsl.program import Branch, PluginUse
from ...dsl.reference import Event
from ...dsl.source import Span
from ...plugins.plugin import Plugin
from .batch_trace import Mark
from .slow_log import SlowLog

Events = list[Event]


class StepCounters:
    """What has gone through one plugin; ``seconds`` by the clock, of all threads together."""

    __slots__ = ("events_in", "events_out", "seconds")

    def __init__(self) -> None:
        self.events_in = self.events_out = 0
        self.seconds = 0.0


class Addition(NamedTuple):
    """What one plugin, by its number, did since it was asked last. ``own``: by how much what it
    counts for itself has changed, by name.
    """

    plugin: int
    events_in: int
    events_out: int
    seconds: float
    own: Mapping[str, float]


def own_metrics(plugin: Plugin) -> dict[str, float]:
    """What a plugin counts for itself, by name; ``failures`` of a filter is among them."""
    found: dict[str, float] = plugin.context.metrics.values()
    try:
        found |= plugin.stats()
    except Exception as error:  # of somebody's own plugin: events go on, and so do other figures
        plugin.context.log.warning(
            "its counters cannot be read: %s: %s", type(error).__name__, error
        )
    failures = getattr(plugin, "failures", None)
    if failures is not None:
        found["failures"] = failures
    return found


def plugin_counters(
    made: Mapping[PluginUse, Plugin], settings: Mapping[str, Any]
) -> PluginCounters | None:
    """The counters of an assembly; None where the settings ask for nothing that needs them."""
    slow_log = SlowLog(settings)
    is_asked_for = settings["api.enabled"] or settings["penstock.otlp.endpoint"]
    if not is_asked_for and slow_log.least == float("inf"):
        return None
    return PluginCounters(made, slow_log)


class PluginCounters:
    """Counts what the plugins of an assembly do; an observer of its sections that changes nothing
    of the code. One thread filters; the counters may be read from any other. ``marks``: where to
    note when each plugin worked; None while a batch is not traced.
    """

    def __init__(self, made: Mapping[PluginUse, Plugin], slow_log: SlowLog | None = None) -> None:
        self._slow_log = slow_log
        self.marks: list[Mark] | None = None
        self._numbers = {use: number for number, use in enumerate(made)}
        self.steps = [StepCounters() for _ in made]
        self._plugins = list(made.values())
        self._taken = [(0, 0, 0.0)] * len(self.steps)
        self._own_taken: list[Mapping[str, float]] = [{}] * len(self.steps)
        self._of_workers: list[dict[str, float]] = [{} for _ in self.steps]

    def of(self, use: PluginUse) -> StepCounters:
        """The counters of a plugin."""
        return self.steps[self._numbers[use]]

    def own(self, use: PluginUse) -> dict[str, float]:
        """What a plugin counts for itself, here and in workers together, by name."""
        number = self._numbers[use]
        found = own_metrics(self._plugins[number])
        for name, value in self._of_workers[number].items():
            found[name] = found.get(name, 0) + value
        return found

    def take(self) -> list[Addition]:
        """What was added since this was asked last."""
        found = []
        for number, step in enumerate(self.steps):
            now = step.events_in, step.events_out, step.seconds
            before = self._taken[number]
            if now != before:
                self._taken[number] = now
                change = now[0] - before[0], now[1] - before[1], now[2] - before[2]
                found.append(Addition(number, *change, self._take_own(number)))
        return found

    def _take_own(self, number: int) -> dict[str, float]:
        now, before = own_metrics(self._plugins[number]), self._own_taken[number]
        self._own_taken[number] = now
        return {
            name: value - before.get(name, 0)
            for name, value in now.items()
            if value != before.get(name, 0)
        }

    def add(self, additions: Iterable[Addition]) -> None:
        """Count what a worker did."""
        for addition in additions:
            step = self.steps[addition.plugin]
            step.events_in += addition.events_in
            step.events_out += addition.events_out
            step.seconds += addition.seconds
            known = self._of_workers[addition.plugin]
            for name, value in addition.own.items():
                known[name] = known.get(name, 0) + value

    # -- the observer -----------------------------------------------------------------------

    def step(self, use: PluginUse, run: Callable[..., Any]) -> Callable[..., Any]:
        """``run``, counted."""
        counted, clock = self.of(use), time.perf_counter
        is_filter, slow_log = use.spec.section == "filter", self._slow_log
        least = slow_log.least if slow_log is not None and is_filter else float("inf")
        context = self._plugins[self._numbers[use]].context
        counters = self

        def observed(events: Events, *more: Any) -> Any:
            taken, started = len(events), clock()
            given = run(events, *more)
            spent = clock() - started
            if spent >= least and slow_log is not None:
                slow_log.tell(context, taken, spent)
            counted.seconds += spent
            counted.events_in += taken
            given_events = taken if given is None else len(given)
            counted.events_out += given_events
            if counters.marks is not None:
                now = time.time_ns()
                mark = Mark(use, now - int(spent * 1e9), now, taken, given_events)
                counters.marks.append(mark)
            return given

        return observed

    def flush(self, use: PluginUse, run: Callable[[bool], Events]) -> Callable[[bool], Events]:
        """What a filter gives by itself."""
        counted, clock = self.of(use), time.perf_counter

        def observed(final: bool) -> Events:
            started = clock()
            given = run(final)
            counted.seconds += clock() - started
            counted.events_out += len(given)
            return given

        return observed

    def arm(self, branch: Branch, number: int) -> Callable[[Events], None]:
        """Arms are not counted."""
        return lambda events: None

    def sorting(self, span: Span) -> Callable[[Events | None], None]:
        """Conditions are not counted."""
        return lambda events: None

    def section(self, name: str, run: Callable[..., Events]) -> Callable[..., Events]:
        """Sections are not counted as a whole."""
        return run

    def watch(self, plugins: Iterable[tuple[PluginUse, Plugin]]) -> None:
        """Inputs are counted by who reads them."""
