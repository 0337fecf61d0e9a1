"""``penstock trace`` of filters of event time: which window took an event, how late it was, what a result was made of."""
from __future__ import annotations

from typing import Any

import pytest

from penstock.dsl.source import Source
from penstock.pipeline.testing.cases import Given, Setup
from penstock.pipeline.testing.harness import Harness
from penstock.pipeline.testing.trace import Step, Trace

SETTINGS = {"penstock.now": "2025-09-04T12:00:00Z"}


def notes(filters: str, *events: dict[str, Any]) -> list[list[str]]:
    """What is said of each event, those that came first."""
    harness = Harness(Setup((), "", SETTINGS, {}, {}), [Source("a.conf", f"filter {{ {filters} }}")])
    trace = Trace()
    arrived = harness.arrivals(Given(events))
    for event in arrived:
        trace.number(event)
    harness.push(arrived, harness.compiled(trace), final=True)
    steps = [step for step in trace.steps if isinstance(step, Step)]
    numbers = sorted({number for step in steps for number in (*step.before, *step.after)})
    return [[step.notes[number] for step in steps if number in step.notes] for number in numbers]


def at(seconds: int, **fields: Any) -> dict[str, Any]:
    return {"@timestamp": f"2025-09-04T08:{seconds // 60:02}:{seconds % 60:02}Z", "k": "shop", **fields}


LATE = 'too late for 08:00–08:01: emitted at event 3, watermark 08:01:10, 10.001 s late; lateness => "20.001s" would have taken it'
CASES = [
    (
        'window { id => "w" size => "1m" by => ["k"] }',
        [at(1), at(59), at(80), at(2)],
        [
            ["taken into 08:00–08:01 of shop, its 1st event"],
            ["taken into 08:00–08:01 of shop, its 2nd event"],
            ["taken into 08:01–08:02 of shop, its 1st event"],
            [LATE],
            ["of events 1, 2, due because of event 3, watermark 08:01:10"],
            ["of event 3, due at the end of the input"],
        ],
    ),
    (
        'window { id => "w" size => "2m" every => "1m" }',
        [at(61)],
        [["taken into 08:00–08:02, 08:01–08:03, its 1st event"], ["of event 1, due at the end of the input"], ["of event 1, due at the end of the input"]],
    ),
    (
        'window { id => "w" gap => "30s" by => ["k"] lateness => "0s" }',
        [at(0), at(20), at(51), at(52, k=None)],
        [["taken in of shop"], ["taken in of shop"], ["taken in of shop"], [], ["of events 1, 2, due because of event 3, watermark 08:00:51"], ["of event 3, due at the end of the input"]],
    ),
    (
        'join { id => "j" side => "s" left => { "a" => "k" } right => { "b" => "k" } within => "1m" }',
        [at(1, s="a"), at(2, s="a", k="x"), at(9, s="b")],
        [["taken in of shop"], ["taken in of x"], ["taken in of shop"], ["of events 1, 3, due because of event 3, watermark 07:59:52"]],
    ),
    (
        'correlate { id => "c" type => "event_count" events => ["t"] by => ["k"] within => "1m" condition => { "gte" => 2 } }',
        [at(1, tags=["t"]), at(2), at(9, tags=["t"])],
        [["taken in of shop"], [], ["taken in of shop"], ["of events 1, 3, due because of event 3, watermark 07:59:59"]],
    ),
]


@pytest.mark.parametrize(("filters", "events", "wanted"), CASES, ids=[case[0].partition(" size")[0][:20] + str(n) for n, case in enumerate(CASES)])
def test_what_a_trace_says(filters: str, events: list[dict[str, Any]], wanted: list[list[str]]) -> None:
    assert notes(filters, *events) == wanted
