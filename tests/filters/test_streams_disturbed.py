"""One law for all filters of event time: whatever batches events come in, whether workers pack
them or send columns, and wherever a process is killed and goes on from its last commit, the results
are those of a run that nothing disturbed.
"""

from __future__ import annotations

import json
import pickle
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import penstock
from penstock.dsl.event import accept, release
from penstock.dsl.timestamp import Timestamp
from penstock.plugins.records.events import pack, unpack

Event = dict[str, Any]
BASE = 1_756_972_800_000  # 2025-09-04T08:00:00Z
NOW = Timestamp.of_millis(BASE + 86_400_000)

WINDOW = 'window { id => "w" size => "10s" lateness => "5s" by => ["k"]'
JOIN = 'join { id => "j" side => "k" left => { "a" => "v" } right => { "b" => "v" }'
COUNT = 'correlate { id => "c" type => "event_count" events => ["t"] by => ["k"] within => "10s"'
CONFIGS = {
    "columns": f'{WINDOW} keep => false sum => {{ "s" => "v" }} percentiles => {{ "p" => "v" }} }}',
    "sliding": f'{WINDOW} every => "4s" keep => false distinct => {{ "d" => "v" }} }}',
    "corrected": f'{WINDOW} retain => "20s" early => "4s" last => {{ "l" => "n" }} }}',
    "sessions": 'window { id => "w" gap => "6s" lateness => "5s" by => ["k"] keep => false'
    ' longest => "20s" collect => { "c" => "n" } }',
    "whole": 'window { id => "w" whole => true by => ["k"] avg => { "a" => "v" } keep => false }',
    "join": f'{JOIN} before => "3s" within => "8s" lateness => "4s" }}',
    "join of its own": f'{JOIN} before => "3s" within => "8s" lateness => "4s" keep => false }}',
    "outer join": f'{JOIN} within => "8s" lateness => "4s" type => "outer" match => "first" }}',
    "dedupe": 'dedupe { id => "d" by => ["k"] within => "7s" lateness => "4s" }',
    "summaries": 'dedupe { id => "d" by => ["k"] within => "7s" lateness => "4s" summary => true }',
    "counts": f'{COUNT} lateness => "4s" condition => {{ "gte" => 4 }} again => "3s" }}',
    "few": f'{COUNT} lateness => "4s" condition => {{ "lte" => 1 }} }}',
    "trend": 'trend { id => "t" field => "v" by => ["k"] last => 4 warm_up => 2 lateness => "4s" }',
    "in a row": f"{WINDOW} }} if ![window] {{ {COUNT} condition => {{ gt => 2 }} }} }}"
    ' trend { id => "t" field => "[window][count]" half_life => 2 warm_up => 1 }',
}

rows = st.lists(
    st.tuples(st.integers(0, 90), st.sampled_from("abc"), st.integers(-3, 9)), max_size=50
)
steps = st.lists(
    st.tuples(
        st.integers(1, 12),
        st.sampled_from(["here", "packed", "columns"]),
        st.sampled_from(["go on", "commit", "commit", "kill"]),
    ),
    min_size=1,
    max_size=8,
)


def events_of(given_rows: list[Any]) -> list[Event]:
    """Events as they come from an input."""
    made = []
    for number, (at, key, value) in enumerate(given_rows):
        stamp = str(Timestamp.of_millis(BASE + at * 1000))
        event = {"@timestamp": stamp, "k": key, "v": value, "n": number, "tags": ["t"]}
        made.append(accept(event, NOW))
    return made


class Process:
    """A process that runs filters, begun from what others before it have committed."""

    def __init__(self, config: str, kept: list[dict[str, Any]]) -> None:
        self.stage = penstock.compile(f"filter {{ {config} }}", {"penstock.now": str(NOW)})
        self.filters: dict[str, Any] = {
            each.id: each for each in self.stage.assembly.made.values() if each is not None
        }
        for snapshots in kept:
            for name, data in snapshots.items():
                self.filters[name].restore(data)
        for each in self.filters.values():
            each.note_changes()

    def commit(self) -> dict[str, Any]:
        """What has changed, as it is written."""
        return {
            name: msgspec.msgpack.decode(msgspec.msgpack.encode(each.snapshot()))
            for name, each in self.filters.items()
        }

    def run(self, events: list[Event], how: str) -> list[Event]:
        """What comes out of events that a worker handed on in some way."""
        if how == "here":
            return self.stage.run(events)
        first = next(iter(self.filters.values()))
        if how == "columns" and len(self.filters) == 1 and first.gives_columns:
            columns = first.columns_of(events)
            results = first.take_columns(pickle.loads(pickle.dumps(columns)))
            if results is not None:
                return list(results)
        return self.stage.run(unpack(pack(events)))


def disturbed(config: str, given_rows: list[Any], given_steps: list[Any]) -> list[Event]:
    """All that comes out of processes that take steps in turn until the input is at its end."""
    kept: list[dict[str, Any]] = []
    process, at, committed, turn, out = Process(config, kept), 0, 0, 0, list[Event]()
    kills = 0
    while at < len(given_rows):
        size, how, then = given_steps[turn % len(given_steps)]
        out += [release(e) for e in process.run(events_of(given_rows)[at : at + size], how)]
        at, turn = at + size, turn + 1
        if then == "commit":
            kept.append(process.commit())
            committed = at
        elif then == "kill" and kills < 5:
            process, at, kills = Process(config, kept), committed, kills + 1
    return out + [release(e) for e in process.stage.flush()]


def as_texts(events: list[Event]) -> list[str]:
    return [json.dumps(event, sort_keys=True) for event in events]


@pytest.mark.parametrize("name", CONFIGS)
@given(rows, steps)
@settings(deadline=None, max_examples=20)
def test_results_are_those_of_a_run_that_nothing_disturbed(
    name: str, given_rows: list[Any], given_steps: list[Any]
) -> None:
    wanted = as_texts(disturbed(CONFIGS[name], given_rows, [(1000, "here", "go on")]))
    found = as_texts(disturbed(CONFIGS[name], given_rows, given_steps))
    assert set(found) == set(wanted)
    if all(then != "kill" for _, _, then in given_steps):
        assert found == wanted
