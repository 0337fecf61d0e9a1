"""Seeing inside: every step that events take, with what it changed.

An observer copies each event before and after a filter, so a trace is slow and complete. Events
keep a number for life: what ``split`` and ``clone`` make gets a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ...dsl.program import Arm, Branch, PluginUse
from ...dsl.reference import Event
from ...dsl.source import Span
from ...dsl.values import copy
from .matchers import MISSING
from .mocks import Recorder
from .stream_trace import StreamTrace, stream_of

Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A field before and after a step; MISSING where it was not there."""

    keys: Keys
    before: Any
    after: Any

    @property
    def field(self) -> str:
        """The field as a reference."""
        return self.keys[0] if len(self.keys) == 1 else "".join(f"[{key}]" for key in self.keys)


@dataclass(slots=True)
class Step:
    """A filter or output on its way: the events that came to it and those that left, by number."""

    use: PluginUse
    before: dict[int, Event]
    after: dict[int, Event] = field(default_factory=dict)
    flushed: bool = False
    notes: dict[int, str] = field(default_factory=dict)

    @property
    def is_output(self) -> bool:
        """Whether it is an output."""
        return self.use.spec.section == "output"

    @property
    def made(self) -> list[int]:
        """The events that are new."""
        return [number for number in self.after if number not in self.before]

    @property
    def gone(self) -> list[int]:
        """The events that came and did not leave."""
        if self.is_output:
            return []
        return [number for number in self.before if number not in self.after]

    def changes(self, number: int) -> list[Change]:
        """What the step changed in an event that came and left."""
        if number not in self.before or number not in self.after:
            return []
        return list(changes(self.before[number], self.after[number]))


@dataclass(frozen=True, slots=True)
class Taken:
    """An arm of a branch and the events that take it; the number behind the last arm stands for
    taking none.
    """

    branch: Branch
    number: int
    events: tuple[int, ...]

    @property
    def arm(self) -> Arm | None:
        """The arm, None where none was taken."""
        return self.branch.arms[self.number] if self.number < len(self.branch.arms) else None


class Trace:
    """An observer that writes down all steps. ``number`` tells the events apart."""

    def __init__(self) -> None:
        self.steps: list[Step | Taken] = []
        self._numbers: dict[int, int] = {}
        self._kept: list[Event] = []
        self._streams: dict[int, StreamTrace] = {}

    def number(self, event: Event) -> int:
        """The number of an event, from 0 in the order of first sight."""
        found = self._numbers.get(id(event))
        if found is None:
            found = self._numbers[id(event)] = len(self._kept)
            self._kept.append(event)  # kept alive: else its id could come to stand for another one
        return found

    def copies(self, events: list[Event]) -> dict[int, Event]:
        return {self.number(event): copy(event) for event in events}

    def step(self, use: PluginUse, run: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(events: list[Event]) -> Any:
            if not events:
                return run(events)
            step = Step(use, self.copies(events))
            self.steps.append(step)
            stream = self._stream(run)
            if stream is not None:
                out, step.notes = stream.run(events, run)
            else:
                out = run(events)
            step.after = self.copies(events if out is None else out)
            return out

        return stepped

    def flush(
        self, use: PluginUse, run: Callable[[bool], list[Event]]
    ) -> Callable[[bool], list[Event]]:
        def flushed(final: bool) -> list[Event]:
            stream = self._stream(run)
            out = run(final)
            if out:
                notes = {} if stream is None else stream.flushed(out, final)
                self.steps.append(Step(use, {}, self.copies(out), flushed=True, notes=notes))
            return out

        return flushed

    def _stream(self, run: Callable[..., Any]) -> StreamTrace | None:
        """What is told of a filter of event time; None of other plugins."""
        plugin = stream_of(run)
        if plugin is None:
            return None
        return self._streams.setdefault(id(plugin), StreamTrace(plugin, self.number))

    def arm(self, branch: Branch, number: int) -> Callable[[list[Event]], None]:
        def taken(events: list[Event]) -> None:
            if events:
                self.steps.append(Taken(branch, number, tuple(map(self.number, events))))

        return taken

    def of(self, number: int) -> list[Step | Taken]:
        """The steps of one event."""
        return [step for step in self.steps if _concerns(step, number)]


def _concerns(step: Step | Taken, number: int) -> bool:
    if isinstance(step, Taken):
        return number in step.events
    return number in step.before or number in step.after


def changes(before: Event, after: Event, path: Keys = ()) -> Iterator[Change]:
    """The fields in which two events differ, the deepest that do."""
    for key in {**before, **after}:
        old, new = before.get(key, MISSING), after.get(key, MISSING)
        if type(old) is dict and type(new) is dict:
            yield from changes(old, new, (*path, key))
        elif type(new) is dict and new and old is MISSING:
            yield from changes({}, new, (*path, key))
        elif type(old) is dict and old and new is MISSING:
            yield from changes(old, {}, (*path, key))
        elif type(old) is not type(new) or old != new:
            yield Change((*path, key), old, new)


def head_span(arm: Arm) -> Span:
    """Where the condition of an arm stands; for ``else``, the word."""
    return arm.condition.span if arm.condition is not None else arm.span.part(0, len("else"))


__all__ = ["Change", "Recorder", "Step", "Taken", "Trace", "changes", "head_span"]
