"""Whose fault it is: the case is run once more with a trace, and each difference is led back to the
step after which it stood.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...dsl.program import Branch, PluginUse, Statement
from ...dsl.reference import Event, lookup, parse_keys
from ...dsl.source import Span
from ..compile.instantiate import uses
from .compare import Difference
from .harness import Harness, Outcome
from .matchers import MISSING, alike
from .trace import Step, Taken, Trace, head_span


@dataclass(frozen=True, slots=True)
class Blame:
    """A place in the configuration and what happened there; ``order`` is when, seen from the start
    of the run.
    """

    message: str
    span: Span
    order: int


def blames(
    harness: Harness, arrivals: list[Event], differences: list[Difference]
) -> list[Blame | None]:
    """For each difference the step that is to blame, None where none can be named; ``arrivals`` are
    the events before filters.
    """
    trace = Trace()
    outcome = harness.push(arrivals, harness.compiled(trace), final=True)
    harness.reset()
    return [_Inquiry(harness, trace, outcome, difference).blame() for difference in differences]


class _Inquiry:
    def __init__(
        self, harness: Harness, trace: Trace, outcome: Outcome, difference: Difference
    ) -> None:
        self.harness, self.trace, self.outcome, self.difference = (
            harness,
            trace,
            outcome,
            difference,
        )
        self.steps = trace.steps

    def blame(self) -> Blame | None:
        number = self.difference.event
        if number is None or number >= len(self.outcome.events):
            return self.number() if isinstance(self.difference.target, int) else None
        event = self.trace.number(self.outcome.events[number])
        if self.difference.field == "outputs":
            return self.routing(event)
        if not self.difference.field:
            return self.made(event)
        return self.field(event, parse_keys(self.difference.field))

    def at(self, step: Step | Taken, message: str) -> Blame:
        if isinstance(step, Taken):
            span = head_span(step.arm) if step.arm is not None else step.branch.span
        else:
            span = step.use.name_span
        return Blame(message, span, self.steps.index(step))

    def number(self) -> Blame | None:
        """Where events are missing, the first step at which one was lost; where there are too many,
        the first that made one.
        """
        steps = [step for step in self.steps if isinstance(step, Step) and not step.is_output]
        if self.difference.value < self.difference.target:
            lost = next((step for step in steps if step.gone), None)
            return (
                None
                if lost is None
                else self.at(lost, f"an event was dropped by `{lost.use.name}`")
            )
        made = next((step for step in steps if step.made), None)
        return None if made is None else self.at(made, f"`{made.use.name}` made more events")

    def made(self, event: int) -> Blame | None:
        steps = (
            step for step in self.trace.of(event) if isinstance(step, Step) and not step.is_output
        )
        made = next((step for step in steps if event in step.made), None)
        return None if made is None else self.at(made, f"`{made.use.name}` made it")

    def field(self, event: int, keys: tuple[str, ...]) -> Blame | None:
        history = list(self.history(event, keys))
        target = self.difference.target
        for step, before, _ in reversed(history):
            if target is not MISSING and alike(target, before):
                return self.at(step, f"it was right before `{step.use.name}`")
        if history:
            step, _, after = history[-1]
            return self.at(step, f"`{step.use.name}` {'removed' if after is MISSING else 'set'} it")
        if keys == ("tags",):
            return self.not_reached(event, [f'"{tag}"' for tag in self.lacking()])
        return (
            self.failed(event) or self.not_reached(event, _forms(keys))
            if self.difference.value is MISSING
            else None
        )

    def lacking(self) -> list[str]:
        """The tags that were expected and are not there."""
        target, held = self.difference.target, self.difference.value
        if not isinstance(target, list) or not isinstance(held, list):
            return []
        return [str(tag) for tag in target if tag not in held]

    def history(self, event: int, keys: tuple[str, ...]) -> Iterator[tuple[Step, object, object]]:
        """The steps that changed a field, each with the values before and after."""
        for step in self.trace.of(event):
            if not isinstance(step, Step) or step.is_output:
                continue
            if event in step.before and event in step.after:
                before, after = (
                    lookup(copy[event], keys, MISSING) for copy in (step.before, step.after)
                )
                if not alike(before, after) and before is not after:
                    yield step, before, after

    def failed(self, event: int) -> Blame | None:
        """The first step that tagged the event as failed."""
        for step in self.trace.of(event):
            if isinstance(step, Step) and not step.is_output:
                for change in step.changes(event):
                    tag = next(
                        (tag for tag in _new(change.before, change.after) if tag.startswith("_")),
                        "",
                    )
                    if change.keys == ("tags",) and tag:
                        reason = _reason(step.after[event]) or f"it tagged the event {tag}"
                        return self.at(step, f"`{step.use.name}` failed: {reason}")
        return None

    def not_reached(self, event: int, names: list[str]) -> Blame | None:
        """A filter whose text names the field or tag, in an arm that the event did not take."""
        reached = {step.use for step in self.trace.of(event) if isinstance(step, Step)}
        for use in uses(self.harness.assembly.program.filters):
            if use not in reached and any(name in use.span.text for name in names):
                arm = _arm_of(use, self.harness.assembly.program.filters)
                if arm is not None:
                    message = (
                        f"`{use.name}` of line {use.span.line} names it, but this condition did not"
                        " hold"
                    )
                    return Blame(message, arm, len(self.steps))
        return None

    def routing(self, event: int) -> Blame | None:
        wanted, got = self.difference.target, self.difference.value
        outputs = self.harness.outputs
        for label in sorted(wanted - got):
            if label in outputs:
                arm = _arm_of(outputs[label], self.harness.assembly.program.outputs)
                if arm is not None:
                    return Blame(
                        f"this condition did not hold, so `{label}` got nothing",
                        arm,
                        len(self.steps),
                    )
        for label in sorted(got - wanted):
            return Blame(f"`{label}` took it", outputs[label].name_span, len(self.steps))
        return None


def _reason(event: Event) -> str:
    """Why a filter raised on an event, as it wrote down; nothing where it did not raise."""
    return str(lookup(event, ("@metadata", "exception", "reason"), ""))


def _new(before: object, after: object) -> list[str]:
    old = before if isinstance(before, list) else [before]
    if isinstance(after, list):
        return [tag for tag in after if tag not in old]
    return [after] if isinstance(after, str) else []


def _forms(keys: tuple[str, ...]) -> list[str]:
    """The ways to write a field."""
    return ["".join(f"[{key}]" for key in keys), *([keys[0]] if len(keys) == 1 else [])]


def _arm_of(use: PluginUse, statements: tuple[Statement, ...]) -> Span | None:
    """The condition of the innermost arm that a plugin stands in."""
    for statement in statements:
        if not isinstance(statement, Branch):
            continue
        for arm in statement.arms:
            if use in arm.body:
                return head_span(arm)
            inner = _arm_of(use, arm.body)
            if inner is not None:
                return inner
    return None
