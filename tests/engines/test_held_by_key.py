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
from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.dsl.timestamp import Timestamp
from penstock.pipeline.engines.keyed import Keyed, Taken
from penstock.pipeline.engines.plan import Plan, plan_of
from penstock.pipeline.engines.shipping import assembled
from penstock.pipeline.engines.work import Work

START = 1_756_972_800  # 2025-09-04T08:00:00Z
COUNT = "map['n'] ||= 0; map['n'] += 1; event.set('nth', map['n'])"
PUSHED = (
    'push_map_as_event_on_timeout => true timeout_task_id_field => "k" timeout_tags => ["pushed"]'
)
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


EVENTS = st.lists(
    st.builds(
        Told,
        st.integers(0, 30),
        st.sampled_from("xyz"),
        st.sampled_from("aabbc"),
        st.integers(0, 3),
    ),
    max_size=40,
)


def rows(told: Sequence[Told]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Events with their seconds; the last one is of a key of its own, a day later."""
    second = START
    for number, each in enumerate([*told, Told(86_400, "end", "c", 0)]):
        second += each.after
        yield (
            second,
            {
                "@timestamp": _stamp(second),
                "k": each.key,
                "kind": each.kind,
                "tags": [each.kind],
                "v": each.value,
                "n": number,
            },
        )


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


def on_an_engine(
    filters: str, told: Sequence[Told], cuts: Sequence[int], places: int, streaming: bool
) -> list[dict[str, Any]]:
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
        left_out = (
            "host",
            "@version",
            "event",
            *(["@timestamp"] if "pushed" in event.get("tags", ()) else []),
        )
        found.append(
            json.dumps(
                {name: value for name, value in event.items() if name not in left_out},
                sort_keys=True,
            )
        )
    return Counter(found)


@pytest.mark.parametrize("filters", FILTERS.values(), ids=FILTERS)
@given(EVENTS, st.lists(st.integers(0, 100), max_size=8), st.integers(0, 1 << 30), st.booleans())
@settings(max_examples=15, deadline=None, phases=[Phase.generate])
def test_an_engine_gives_what_a_plain_run_gives(
    filters: str, told: list[Told], cuts: list[int], places: int, streaming: bool
) -> None:
    assert canonical(on_an_engine(filters, told, cuts, places, streaming)) == canonical(
        plain(filters, told)
    )


# -- one shard -----------------------------------------------------------------------------------


class One:
    """The shard of one key, worked here; its state is read anew each time."""

    def __init__(self, filters: str, **options: str) -> None:
        plan = plan_of([Source("p.conf", TEXT % filters)], settled(options), "local")
        self.work, self._make = (
            Work(assembled(plan.shipment)),
            lambda: Keyed(assembled(plan.shipment), 1),
        )
        self.state: bytes | None = None

    def take(self, *events: dict[str, Any], mark: int | None = None) -> list[dict[str, Any]]:
        lines = b"".join(json.dumps(event).encode() + b"\n" for event in events)
        rows = [row.blob for row in self.work.lines(lines, {}).keyed]
        return self._told(
            self._make().take(self.state, rows, None if mark is None else (START + mark) * 1000)
        )

    def end(self, latest: int) -> list[dict[str, Any]]:
        return self._told(self._make().end(self.state, (START + latest) * 1000))

    def _told(self, taken: Taken) -> list[dict[str, Any]]:
        self.state, self.timer = taken.state, taken.timer_ms
        return [
            json.loads(line)
            for payload in taken.packed.payloads
            for line in payload.payload.splitlines()
        ]


TEXT = f'input {{ {READ % "json"} }} filter {{ %s }} output {{ file {{ path => "/nothing" }} }}'


def event(second: int, kind: str = "a", **fields: Any) -> dict[str, Any]:
    return {"@timestamp": _stamp(START + second), "k": "x", "tags": [kind], **fields}


def test_a_map_has_the_time_at_which_its_time_was_up() -> None:
    shard = One(FILTERS["aggregate"])
    shard.take(event(0), event(7))
    assert shard.timer == (START + 27) * 1000 + 1
    assert shard.take(mark=27) == []
    (told,) = shard.take(mark=500)
    assert (told["@timestamp"], told["n"], told["k"], told["tags"]) == (
        _stamp(START + 27),
        2,
        "x",
        ["pushed"],
    )
    assert (shard.state, shard.timer) == (b"", None)


def test_where_an_event_lacks_the_field_of_its_time_its_timestamp_stands_for_the_clock() -> None:
    shard = One(FILTERS["aggregate"].replace("timeout => 50", 'timeout_timestamp_field => "at" timeout => 50'))
    shard.take(event(0), event(10))
    assert shard.timer == (START + 30) * 1000 + 1
    assert [each["n"] for each in shard.take(event(31, n=0)) if "pushed" in each["tags"]] == [2]


def test_a_start_has_expired_when_it_did_whenever_that_is_seen() -> None:
    for seen in (15, 16, 4000):
        shard = One(FILTERS["elapsed"])
        shard.take(event(0))
        assert shard.take(mark=14) == []
        (told,) = shard.take(mark=seen)
        assert (told["@timestamp"], told["elapsed_time"]) == (_stamp(START + 15), 15)


def test_what_is_made_has_the_present_that_a_setting_fixes() -> None:
    shard = One(FILTERS["elapsed"], **{"penstock.now": "2025-09-10T12:00:00Z"})
    shard.take(event(0))
    (told,) = shard.take(mark=15)
    assert told["@timestamp"] == "2025-09-10T12:00:00.000Z"


def test_what_is_open_at_the_end_is_lost_and_what_is_over_is_not() -> None:
    for latest, told in ((30, []), (31, [3])):
        shard = One(FILTERS["aggregate"])
        shard.take(event(0), event(0), event(0))
        assert [each["n"] for each in shard.end(latest)] == told


def test_of_too_many_keys_those_that_were_quiet_longest_are_forgotten() -> None:
    shard = One(
        'throttle { key => "%{user}" after_count => 1 max_counters => 3 add_tag => ["again"] }'
    )
    users = ["a", "b", "c", "a", "d", "b", "a"]
    told = [shard.take(event(second, user=user)) for second, user in enumerate(users)]
    assert ["again" in each["tags"] for (each,) in told] == [
        False,
        False,
        False,
        True,
        False,
        False,
        True,
    ]


def test_an_event_without_a_key_passes_by() -> None:
    shard = One(FILTERS["aggregate"])
    (out,) = shard.take({"@timestamp": _stamp(START), "tags": ["a"]})
    assert ("nth" in out, shard.state) == (False, b"")


def test_a_time_far_ahead_of_the_clock_moves_no_time_on() -> None:
    far = {**event(0), "@timestamp": "2999-01-01T00:00:00.000Z"}
    (row,) = One(FILTERS["elapsed"]).work.lines(json.dumps(far).encode() + b"\n", {}).keyed
    assert row.time_ms == 0


def test_maps_with_what_python_has_come_back_as_they_were() -> None:
    code = "map.setdefault('s', set()).add(event.get('v')); map.setdefault('t', ()); map['t'] += (event.get('v') * 10 ** 30,); event.set('m', str(map))"
    shard = One(f'aggregate {{ language => "python" task_id => "%{{k}}" code => "{code}" }}')
    shard.take(event(0, v=1))
    (out,) = shard.take(event(1, v=2))
    assert out["m"] == str({"s": {1, 2}, "t": (10**30, 2 * 10**30)})


MEANINGS = [
    (ELAPSED % "", "unique_id_field", '"k"', '"n"', '"14"'),
    (FILTERS["throttle"], "period", "10", "20", "30"),
]


@pytest.mark.parametrize(("filters", "option", "value", "other", "neutral"), MEANINGS)
def test_state_is_refused_where_it_means_something_else(
    filters: str, option: str, value: str, other: str, neutral: str
) -> None:
    shard = One(filters)
    shard.take(event(0))
    changed = One(filters.replace(f"{option} => {value}", f"{option} => {other}"))
    changed.state = shard.state
    with pytest.raises(ConfigError, match="E265"):
        changed.take()
    same = One(
        filters.replace("timeout => 14.5", f"timeout => {neutral}").replace(
            "max_age => 40", f"max_age => {neutral}"
        )
    )
    same.state = shard.state
    assert same.take() == []
