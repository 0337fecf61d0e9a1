"""A section compiled with an observer tells it of every step, arm and output; compiled without, it has no trace of one."""
from collections.abc import Callable
from typing import Any

import pytest

import penstock
from penstock.dsl.program import Branch, PluginUse
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.generate import Generated, generate
from penstock.pipeline.compile.instantiate import assemble

Event = dict[str, Any]


class Witness:
    """Writes down what it is told: names of plugins and ``line/arm``, each with the numbers of the events."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def step(self, use: PluginUse, run: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(events: list[Event]) -> Any:
            self.tell(use.name, events)
            return run(events)

        return stepped

    def flush(self, use: PluginUse, run: Callable[[bool], list[Event]]) -> Callable[[bool], list[Event]]:
        def flushed(final: bool) -> list[Event]:
            events = run(final)
            self.tell(f"{use.name} flushed", events)
            return events

        return flushed

    def arm(self, branch: Branch, number: int) -> Callable[[list[Event]], None]:
        return lambda events: self.tell(f"{branch.span.line}/{number}", events)

    def tell(self, what: str, events: list[Event]) -> None:
        if events:
            self.told.append(f"{what} {[event['n'] for event in events]}")


def compiled(text: str, section: str = "filters", observer: Witness | None = None) -> Generated:
    assembly = assemble([Source("pipeline.conf", text)], settled({}))
    return generate(getattr(assembly.program, section), assembly.made, section, observer)


FILTERS = """filter {
  if [n] == 1 {
    mutate { add_field => { "seen" => "yes" } }
  } else if [n] > 3 {
    drop { }
  }
  if [n] == 2 { mutate { } } else { mutate { } }
}"""


def test_steps_and_arms_are_told_with_the_events_that_take_them() -> None:
    witness = Witness()
    section = compiled(FILTERS, observer=witness)
    out = section.run([{"n": n} for n in range(1, 6)])
    assert [event["n"] for event in out] == [1, 2, 3]
    assert witness.told == [
        "2/0 [1]", "mutate [1]", "2/1 [4, 5]", "drop [4]", "drop [5]", "2/2 [2, 3]",
        "7/0 [2]", "mutate [2]", "7/1 [1, 3]", "mutate [1, 3]",
    ]  # fmt: skip


def test_outputs_are_steps() -> None:
    witness = Witness()
    section = compiled("output { if [n] == 1 { null { } } null { } }", "outputs", witness)
    section.run([{"n": 1}, {"n": 2}])
    assert witness.told == ["1/0 [1]", "null [1]", "1/1 [2]", "null [1, 2]"]


def test_without_an_observer_nothing_is_called() -> None:
    assert "taken" not in compiled(FILTERS).text


@pytest.mark.parametrize("observer", [None, Witness()])
def test_long_chains_with_an_else_keep_each_event_once(observer: Witness | None) -> None:
    arms = " else ".join(f"if [n] == {n} {{ mutate {{ }} }}" for n in range(120))
    section = compiled(f"filter {{ {arms} else {{ if [gone] {{ drop {{ }} }} }} }}", observer=observer)
    out = section.run([{"n": n} for n in (1, 70, 119, 500)] + [{"n": 501, "gone": True}])
    assert [event["n"] for event in out] == [1, 70, 119, 500]


def test_a_stage_gives_each_event_of_a_long_chain_once() -> None:
    arms = " else ".join(f"if [n] == {n} {{ mutate {{ }} }}" for n in range(60))
    stage = penstock.compile(f"filter {{ {arms} else {{ drop {{ percentage => 0 }} }} }}")
    assert [event["n"] for event in stage([{"n": 55}, {"n": 99}])] == [55, 99]
