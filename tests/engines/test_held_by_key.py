"""aggregate, elapsed and throttle by key: what comes out is what a plain run gives whose clock is that of the events, however events are cut into
batches, wherever the shards are worked next, and whether time goes on meanwhile or only at the end.
"""
import itertools
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import pytest
from engines.machine import READ, Machine
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import penstock
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.dsl.timestamp import Timestamp
from penstock.pipeline.engines.plan import Plan, plan_of

START = 1_756_972_800  # 2025-09-04T08:00:00Z
COUNT = "map['n'] ||= 0; map['n'] += 1; event.set('nth', map['n'])"
PUSHED = 'push_map_as_event_on_timeout => true timeout_task_id_field => "k" timeout_tags => ["pushed"]'
ELAPSED = 'elapsed { start_tag => "a" end_tag => "b" unique_id_field => "k" timeout => 14.5 remove_field => ["host"] %s }'

FILTERS = {
    "aggregate": f'aggregate {{ task_id => "%{{k}}" code => "{COUNT}" timeout => 50 inactivity_timeout => 20 {PUSHED} }}',
    "a time-out of code's own": f'aggregate {{ task_id => "%{{k}}" code => "{COUNT}; map_meta.inactivity_timeout = 5 if event.get(\'v\') == 3" timeout => 30 {PUSHED} }}',
    "aggregate in several filters": f"""if [kind] == "a" {{ aggregate {{ task_id => "%{{k}}" code => "map['from'] = event.get('n')" map_action => "create" }} }}
        mutate {{ add_field => {{ "between" => "x" }} }}
        if [kind] == "b" {{ aggregate {{ task_id => "%{{k}}" code => "event.set('from', map['from'])" map_action => "update" end_of_task => true timeout => 25 {PUSHED} }} }}
        else {{ aggregate {{ task_id => "%{{k}}" code => "{COUNT}" map_action => "update" }} }}""",
    "elapsed": ELAPSED % "",
    "elapsed, the last of several starts, events of its own": ELAPSED % 'keep_start_event => "last" new_event_on_match => true',
    "throttle": 'throttle { key => "%{k}" before_count => 2 after_count => 3 period => 10 max_age => 40 add_tag => ["marked"] }',
}  # fmt: skip


class Told(NamedTuple):
    """An event: how many seconds after the one before, its key and kind, and a value."""

    after: int
    key: str
    kind: str
    value: int


EVENTS = st.lists(st.builds(Told, st.integers(0, 30), st.sampled_from("xyz"), st.sampled_from("aabbc"), st.integers(0, 3)), max_size=40)


def rows(told: Sequence[Told]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Events with their seconds; the last one is of a key of its own, a day later."""
    second = START
    for number, each in enumerate([*told, Told(86_400, "end", "c", 0)]):
        second += each.after
        yield second, {"@timestamp": _stamp(second), "k": each.key, "kind": each.kind, "tags": [each.kind], "v": each.value, "n": number}


def _stamp(second: int) -> str:
    return str(Timestamp.of_millis(second * 1000))


def plain(filters: str, told: Sequence[Told]) -> list[dict[str, Any]]:
    """What a run gives whose clock goes with the events, and is looked at each second, until the longest time-out is over."""
    stage = penstock.compile(f"filter {{ {filters} }}")
    now = stage.assembly.program.settings
    given, before = list[dict[str, Any]](), START
    for second, event in rows(told):
        for each in range(before, min(second, before + 100) + 1):
            now["penstock.now"] = Timestamp.of_millis(each * 1000)  # type: ignore[index]
            given += _outside(stage.run([], False))
        now["penstock.now"] = Timestamp.of_millis(second * 1000)  # type: ignore[index]
        if "throttle" in filters:  # its time is that of events, of any key
            stage([{"@timestamp": _stamp(second), "k": "tick"}])
            stage.run([], False)
        given += stage([event])
        before = second
    return given


def _outside(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [json.loads(json.dumps(event, default=str)) for event in events]


@cache
def planned(filters: str) -> Plan:
    text = f'input {{ {READ % "json"} }} filter {{ {filters} }} output {{ file {{ path => "/nothing" }} }}'
    return plan_of([Source("p.conf", text)], settled({}), "local")


def on_an_engine(filters: str, told: Sequence[Told], cuts: Sequence[int], places: int, streaming: bool) -> list[dict[str, Any]]:
    machine = Machine(planned(filters), streaming)
    lines = [json.dumps(event).encode() + b"\n" for _, event in rows(told)]
    ends = sorted({cut % (len(lines) + 1) for cut in cuts} | {0, len(lines)})
    for number, (start, end) in enumerate(itertools.pairwise(ends)):
        machine.take(b"".join(lines[start:end]), places >> number % 30 & 1)
    return [json.loads(line) for line in machine.end()]


def canonical(events: Sequence[dict[str, Any]]) -> Counter[str]:
    """Events, each as often; of a map that became an event, when a second counts from is left out."""
    found = []
    for event in events:
        left_out = ("host", "@version", "event", *(["@timestamp"] if "pushed" in event.get("tags", ()) else []))
        found.append(json.dumps({name: value for name, value in event.items() if name not in left_out}, sort_keys=True))
    return Counter(found)


@pytest.mark.parametrize("filters", FILTERS.values(), ids=FILTERS)
@given(EVENTS, st.lists(st.integers(0, 100), max_size=8), st.integers(0, 1 << 30), st.booleans())
@settings(max_examples=15, deadline=None, phases=[Phase.generate])
def test_an_engine_gives_what_a_plain_run_gives(filters: str, told: list[Told], cuts: list[int], places: int, streaming: bool) -> None:
    assert canonical(on_an_engine(filters, told, cuts, places, streaming)) == canonical(plain(filters, told))
