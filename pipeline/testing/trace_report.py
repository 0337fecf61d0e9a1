"""A trace for people and for programs: one event after the other, each step with what it
changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...dsl.reference import Event
from ...dsl.source import Span
from ...dsl.values import plain
from .colors import Painter
from .compare import shown
from .harness import Outcome
from .matchers import MISSING
from .trace import Change, Step, Taken, Trace, head_span


class Tale:
    """What became of the events of a trace: ``arrived`` when they came, ``left`` when they had gone
    through all filters.
    """

    def __init__(self, trace: Trace, arrived: list[Event], outcome: Outcome) -> None:
        self.trace = trace
        self.arrived = {number: plain(event) for number, event in enumerate(arrived)}
        self.left = {trace.number(event): plain(event) for event in outcome.events}
        self.routes = {
            trace.number(event): route
            for event, route in zip(outcome.events, outcome.routes, strict=True)
        }

    def line(self, span: Span) -> str:
        """A line's number, with its file where there are several."""
        number = f"{span.line:>4}"
        return f"{Path(span.source.name).name}:{number.strip()}" if self.several else number

    @property
    def several(self) -> bool:
        """Whether the steps stand in several files."""
        spans = (
            step.branch.span if isinstance(step, Taken) else step.use.span
            for step in self.trace.steps
        )
        return len({span.source.name for span in spans}) > 1

    @property
    def events(self) -> list[int]:
        """The numbers of all events that there were."""
        made = {
            number for step in self.trace.steps if isinstance(step, Step) for number in step.after
        }
        return sorted({*self.arrived, *made})

    def steps(self, number: int) -> list[Step | Taken]:
        """The steps of an event; outputs are told at its end."""
        return [
            step
            for step in self.trace.of(number)
            if not (isinstance(step, Step) and step.is_output)
        ]


def text(tale: Tale, color: bool = False) -> str:
    """All events as text, what came in green, what went in red."""
    paint = Painter(color)
    return "\n".join(line for number in tale.events for line in _event(tale, number, paint))


def _event(tale: Tale, number: int, paint: Painter) -> Iterator[str]:
    yield paint(f"event {number + 1}", "head")
    if number in tale.arrived:
        yield "  arrives"
        yield from _fields(tale.arrived[number], paint)
    for step in tale.steps(number):
        yield from (
            _taken(tale, step, paint)
            if isinstance(step, Taken)
            else _step(tale, step, number, paint)
        )
    if number in tale.left:
        yield f"  goes to {', '.join(tale.routes[number]) or 'no output'}"
    yield ""


def _fields(event: Event, paint: Painter) -> Iterator[str]:
    for key, value in event.items():
        yield paint(f"      + {key}: {shown(value)}", "good")


def _taken(tale: Tale, taken: Taken, paint: Painter) -> Iterator[str]:
    for number, arm in enumerate(taken.branch.arms[: taken.number + 1]):
        span = head_span(arm)
        word, condition = "else", ""
        if arm.condition is not None:
            word, condition = "if" if number == 0 else "else if", f" {_one_line(span.text)}"
        holds = number == taken.number
        yield (
            f"  {paint(tale.line(span), 'weak')}  {word}{condition} "
            f" {paint('yes', 'good') if holds else paint('no', 'weak')}"
        )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _step(tale: Tale, step: Step, number: int, paint: Painter) -> Iterator[str]:
    use = step.use
    id_ = f" {use.id}" if "id" in use.settings else ""
    note = _note(step, number)
    yield (
        f"  {paint(tale.line(use.span), 'weak')} "
        f" {paint(use.name, 'head')}{paint(id_, 'weak')}{paint(note, 'note')}"
    )
    if number in step.made:
        yield from _fields(plain(step.after[number]), paint)
    for change in step.changes(number):
        yield from _change(change, paint)


def _note(step: Step, number: int) -> str:
    """What a step does to an event beside changing fields."""
    said = step.notes.get(number)
    if number in step.made:
        return f"  makes it {said}" if said else "  makes it"
    notes = [said] if said else []
    if said:
        notes += ["goes no further"] if number in step.gone else []
        return "".join(f"  {note}" for note in notes)
    if number in step.gone:
        notes.append("drops it" if step.use.name == "drop" else "lets it go no further")
    if step.made:
        notes.append(f"makes event {', '.join(str(made + 1) for made in step.made)}")
    if not notes and not step.changes(number):
        notes.append("changes nothing")
    return "".join(f"  {note}" for note in notes)


def _change(change: Change, paint: Painter) -> Iterator[str]:
    if change.before is not MISSING:
        yield paint(f"      - {change.field}: {shown(change.before)}", "bad")
    if change.after is not MISSING:
        yield paint(f"      + {change.field}: {shown(change.after)}", "good")


def as_data(tale: Tale) -> list[dict[str, Any]]:
    """All events as plain data."""
    return [
        {
            "event": number + 1,
            "arrived": tale.arrived.get(number),
            "steps": [_step_data(step, number) for step in tale.steps(number)],
            "left": tale.left.get(number),
            "outputs": list(tale.routes.get(number, ())),
        }
        for number in tale.events
    ]


def _step_data(step: Step | Taken, number: int) -> dict[str, Any]:
    if isinstance(step, Taken):
        arm = step.arm
        span = head_span(arm) if arm is not None else step.branch.span
        taken = (
            "else"
            if arm is not None and arm.condition is None
            else _one_line(span.text)
            if arm is not None
            else None
        )
        return {"branch": _place(step.branch.span), "taken": taken, **_place(span)}
    return {
        "plugin": step.use.name,
        "id": step.use.id,
        **_place(step.use.name_span),
        "dropped": number in step.gone,
        "made": [made + 1 for made in step.made],
        **({"note": step.notes[number]} if number in step.notes else {}),
        "changes": [_change_data(change) for change in step.changes(number)],
    }


def _place(span: Any) -> dict[str, Any]:
    return {"file": span.source.name, "line": span.line, "column": span.column}


def _change_data(change: Change) -> dict[str, Any]:
    sides = {"before": change.before, "after": change.after}
    return {
        "field": change.field,
        **{name: plain(value) for name, value in sides.items() if value is not MISSING},
    }
