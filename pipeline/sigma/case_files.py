"""The test file of a translated rule.

For a detection: events that match and events that do not, as ``matcher`` says. For a correlation:
series of events whose outcome is certain by how they are made: as many as are needed, one fewer,
too far apart, under two keys. Each series says itself which alerts it must give, and after which
event.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sigma.correlations import SigmaCorrelationRule

from ...dsl.reference import FieldRef
from .fields import Fields
from .rules import ALERT, Translated
from .samples import Assignment, samples
from .series import Series, series

_SHOWN = 8
"""How many events of each kind a test file has."""


@dataclass(slots=True)
class CaseFile:
    """The text of a test file, and what could not be tested by it."""

    text: str
    gaps: list[str] = field(default_factory=list)


def case_file(one: Translated, configs: list[str], fields: Fields) -> CaseFile:
    """The test file of a rule whose pipeline is made of some files."""
    gaps: list[str] = []
    made = _detection if not isinstance(one.rule, SigmaCorrelationRule) else _correlation
    tests = list(made(one, fields, gaps))
    named = configs[0] if len(configs) == 1 else configs
    head = [
        f"pipeline: {_json(named)}",
        # Events bring their own time, and none may be later than the present.
        "settings: {timezone: UTC, now: 2025-09-04T12:00:00Z}",
        "tests:",
    ]
    if not tests:
        head[-1] = "tests: []"
    return CaseFile("\n".join([*head, *tests]) + "\n", gaps)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True)


def _event(values: Assignment, fields: Fields) -> Assignment | None:
    """The event with these fields; None where one field stands inside of another."""
    made = {fields.reference(name): value for name, value in values.items()}
    paths = [FieldRef(name).keys for name in made]
    for one in paths:
        if any(one != other and other[: len(one)] == one for other in paths):
            return None
    return made


def _detection(one: Translated, fields: Fields, gaps: list[str]) -> Iterator[str]:
    good, bad = samples(one.rule)
    for found, matched in ((good, True), (bad, False)):
        events = [event for values in found if (event := _event(values, fields)) is not None]
        if not events:
            gaps.append(f"no event was found that {_does(matched)}: add one by hand")
        for number, event in enumerate(events[:_SHOWN], 1):
            yield f"  - name: {_json(f'{one.name} {_does(matched)}, {number}')}"
            yield f"    input: {_json(event)}"
            yield f"    expect: [{_json(_tagged(one, matched))}]"


def _does(matched: bool) -> str:
    return "matches" if matched else "does not match"


def _tagged(one: Translated, matched: bool) -> Assignment:
    if not matched:
        return {"tags": []}
    return {"tags": [one.tag, ALERT] if one.alerts else [one.tag]}


def _correlation(one: Translated, fields: Fields, gaps: list[str]) -> Iterator[str]:
    made = list(series(one, gaps))
    for each in made:
        events = [_event(values, fields) for values in each.inputs()]
        if None in events:
            gaps.append("fields of its events stand inside of one another: add tests by hand")
            return
        yield f"  - name: {_json(f'{one.name}: {each.name}')}"
        yield "    input:"
        for event in events:
            yield f"      - {_json(event)}"
        yield "    expect:"
        for expected in _expected(each):
            yield f"      - {_json(expected)}"


def _expected(made: Series) -> Iterator[Assignment]:
    for step in made.steps:
        if step.alert:
            yield {"[rule][name]": step.name, "tags": {"contains": f"sigma_{step.name}"}}
        else:
            yield {"tags": {"contains": f"sigma_{step.name}"}, "absent": ["[correlation]"]}
