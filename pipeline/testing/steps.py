"""Tests that move the clock: the steps of a case, run in order on one pipeline.

The present stands still but for what ``advance`` adds. An idle moment follows each advance and each
restart in good order: what filters of event time hold is committed there, as in a run. After a
kill it comes back from the last of these moments, and the input since then is given again; filters
that keep nothing over a restart begin anew.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ...dsl.reference import Event
from ...dsl.timestamp import Timestamp
from ...plugins.event_time import Ending, KeepsState
from ..runtime.partitions import filters_of_event_time
from .cases import AT, Given, Step, milliseconds
from .compare import Difference, judge
from .harness import Compiled, Harness, Outcome

_NOW = "penstock.now"
_FLUSH_EVERY = 5_000
_MOST_FLUSHES = 1_000


@dataclass(slots=True)
class Judged:
    """What became of all steps: the events of each in a row, and what differs."""

    outcome: Outcome
    differences: list[Difference] = field(default_factory=list)


def run_steps(harness: Harness, steps: tuple[Step, ...], compiled: Compiled | None) -> Judged:
    """Run the steps of a case, and judge each."""
    stepped = _Stepped(harness, compiled)
    judged = Judged(Outcome([], []))
    try:
        for number, step in enumerate(steps, 1):
            outcome = stepped.run(step)
            base = len(judged.outcome.events)
            for found in judge(step.expected, outcome):
                judged.differences.append(_placed(found, number, step, base))
            _join(judged.outcome, outcome)
    finally:
        stepped.done()
    return judged


def _placed(found: Difference, number: int, step: Step, base: int) -> Difference:
    """A difference of one step, told as one of the case."""
    return dataclasses.replace(
        found,
        message=f"step {number} ({step.said}): {found.message}",
        event=None if found.event is None else found.event + base,
        span=found.span or step.span,
    )


def _join(whole: Outcome, part: Outcome) -> None:
    whole.events += part.events
    whole.routes += part.routes
    whole.originals |= part.originals
    whole.stamps |= part.stamps


class _Stepped:
    """A pipeline on the bench whose clock is moved, and that is stopped and killed."""

    def __init__(self, harness: Harness, compiled: Compiled | None) -> None:
        self.harness, self.sections = harness, compiled or harness.plain
        self._fixed = harness.assembly.program.settings.get(_NOW)
        self._start = self._clock = harness.assembly.now().millis()
        self._kept: dict[str, Any] = {}
        self._since: list[Given] = []
        self._set_clock(self._start)

    def run(self, step: Step) -> Outcome:
        """What comes out in a step."""
        if step.given is not None:
            self._since.append(step.given)
            return self._give(step.given)
        if step.advance is not None:
            return self._advance(step.advance)
        if step.restart == "kill":
            return self._kill()
        return self._end("end" if step.end else "keep")

    def done(self) -> None:
        """Leave the harness as it was."""
        self.harness.reset(self.sections)
        self._set_clock(None)

    def _set_clock(self, millis: int | None) -> None:
        now = self._fixed if millis is None else Timestamp.of_millis(millis)
        assembly = self.harness.assembly
        for settings in (assembly.program.settings, *self._settings()):
            settings[_NOW] = now

    def _settings(self) -> Iterator[dict[str, Any]]:
        for plugin in self.harness.assembly.made.values():
            if isinstance(plugin.context.settings, dict):
                yield plugin.context.settings

    def _give(self, given: Given) -> Outcome:
        items = tuple(
            self._timed(item) if isinstance(item, dict) and AT in item else item
            for item in given.items
        )
        arrivals = self.harness.arrivals(dataclasses.replace(given, items=items))
        return self.harness.push(arrivals, self.sections)

    def _timed(self, item: Mapping[str, Any]) -> dict[str, Any]:
        at = self._start + milliseconds(str(item[AT]))
        rest = {name: value for name, value in item.items() if name != AT}
        return {"@timestamp": str(Timestamp.of_millis(at)), **rest}

    def _advance(self, millis: int) -> Outcome:
        stride = max(_FLUSH_EVERY, millis // _MOST_FLUSHES)
        target, out = self._clock + millis, list[Event]()
        while self._clock < target:
            self._clock = min(self._clock + stride, target)
            self._set_clock(self._clock)
            out += self.sections.filters.run([], False)
        self._commit()
        return self._outcome(out)

    def _end(self, ending: Ending) -> Outcome:
        for plugin in self._filters():
            plugin.ending = ending if ending == "end" or self._is_kept(plugin) else "stop"
        out = self.sections.filters.run([], True)
        outcome = self._outcome(out)
        self._commit()
        self._begin_anew()
        return outcome

    def _kill(self) -> Outcome:
        self._begin_anew()
        outcome = Outcome([], [])
        for given in self._since:
            _join(outcome, self._give(given))
        return outcome

    def _outcome(self, events: list[Event]) -> Outcome:
        return Outcome(events, self.harness.routes(events, self.sections))

    def _filters(self) -> list[KeepsState]:
        return filters_of_event_time(self.harness.assembly)

    def _is_kept(self, plugin: KeepsState) -> bool:
        settings = self.harness.assembly.program.settings
        return plugin.id is not None and settings.get("penstock.state") != "memory"

    def _commit(self) -> None:
        """Keep what filters hold, as it would be written."""
        self._since = []
        for plugin in self._filters():
            if plugin.id is not None and self._is_kept(plugin):
                plugin.forget_changes()
                data = msgspec.msgpack.encode(plugin.snapshot())
                self._kept[plugin.id] = msgspec.msgpack.decode(data)

    def _begin_anew(self) -> None:
        """A new process: filters have what was kept, and nothing else."""
        self.harness.reset(self.sections)
        self._set_clock(self._clock)
        for plugin in self._filters():
            if plugin.id in self._kept:
                plugin.restore(self._kept[plugin.id])
