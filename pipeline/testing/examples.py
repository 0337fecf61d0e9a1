"""The examples that filters show on their pages, run as tests."""

from __future__ import annotations

from typing import Any

from ...dsl.reference import Event
from ...plugins.declaration import Example
from ...plugins.filter import Filter
from ..compile.stage import compile_stage, sources_given


def run_example(example: Example) -> list[Event]:
    """What comes out of an example's filter, at its end too."""
    stage = compile_stage(sources_given(f"filter {{ {example.config} }}"), example.settings)
    return [*stage(_listed(example.before)), *stage.flush()]


def check_example(example: Example, events: list[Event]) -> None:
    """Raises AssertionError where events are not those that an example shows."""
    wanted = _listed(example.after)
    found = [_comparable(event, like) for event, like in zip(events, wanted, strict=False)]
    assert len(events) == len(wanted), f"{example.title}: {len(events)} events: {events}"
    assert found == wanted, f"{example.title}: {found} is not {wanted}"


def check_examples(cls: type[Filter]) -> None:
    """Run all examples of a filter, also of one from another package. Raises AssertionError where
    one does not give what it shows.
    """
    for example in cls.examples:
        check_example(example, run_example(example))


def _comparable(event: Event, like: Event) -> Event:
    left_out = {"@timestamp", "@version"} - like.keys()
    return {key: value for key, value in event.items() if key not in left_out}


def _listed(events: Any) -> list[Event]:
    return events if isinstance(events, list) else [events]
