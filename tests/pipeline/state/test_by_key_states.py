"""aggregate, elapsed and throttle kept with partitions: whoever is given a partition goes on with what was held of it."""

from __future__ import annotations

from threading import Event
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from engines.group_member import Log, Member, at

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.dsl.timestamp import Timestamp
from penstock.filters.aggregate import Aggregate
from penstock.pipeline.compile.generate import generate
from penstock.pipeline.compile.instantiate import Assembly, assemble
from penstock.pipeline.runtime.keeping import partition_states_of
from penstock.pipeline.runtime.partitions import Partitions, filters_kept_by_key
from penstock.plugins.batch import Part

COUNT = "map['n'] ||= 0; map['n'] += 1; event.set('n', map['n'])"
AGGREGATE = f'aggregate {{ id => "a" task_id => "%{{k}}" code => "{COUNT}" timeout => 60 push_map_as_event_on_timeout => true timeout_task_id_field => "k" }}'
ELAPSED = (
    'elapsed { id => "e" start_tag => "s" end_tag => "t" unique_id_field => "k" timeout => 60 }'
)
THROTTLE = 'throttle { id => "t" key => "%{k}" after_count => 1 add_tag => ["n"] }'


def event(second: int, k: str = "a", tag: str = "s") -> dict[str, Any]:
    return {**at(second, k), "tags": [tag]}


GOES_ON = {
    "aggregate": (AGGREGATE, lambda out: out["n"], 3),
    "elapsed": (ELAPSED, lambda out: out["elapsed_time"], 2.0),
    "throttle": (THROTTLE, lambda out: out["tags"], ["t", "n"]),
}


@pytest.mark.parametrize(("text", "told", "wanted"), GOES_ON.values(), ids=GOES_ON)
def test_a_partition_goes_on_at_another_member_where_it_was(
    text: str, told: Any, wanted: Any
) -> None:
    log = Log()
    one, two = Member(log, text), Member(log, text)
    one.assigned = {"t-0": 1, "t-1": 2}
    one.take("t-0", event(1), event(1))
    one.take("t-1", event(1, "b"))
    one.done(t_0=2, t_1=1)
    one.assigned, two.assigned = {"t-1": 2}, {"t-0": 3}
    (out,) = two.take("t-0", event(3, tag="t"))
    assert told(out) == wanted


@pytest.mark.parametrize(("text", "told", "wanted"), GOES_ON.values(), ids=GOES_ON)
def test_what_was_not_committed_is_taken_back(text: str, told: Any, wanted: Any) -> None:
    member = Member(Log(), text)
    member.assigned = {"t-0": 1}
    member.take("t-0", event(1), event(1))
    member.done(t_0=2)
    member.take("t-0", event(2, tag="t"), event(2), event(2), event(2))
    member.states.abort()
    (out,) = member.take("t-0", event(3, tag="t"))
    assert told(out) == wanted


@pytest.mark.parametrize("text", [AGGREGATE, ELAPSED, THROTTLE])
def test_partitions_know_nothing_of_each_other(text: str) -> None:
    member = Member(Log(), text)
    member.assigned = {"t-0": 1, "t-1": 2}
    member.take("t-0", event(1))
    (out,) = member.take("t-1", event(2, tag="t"))
    assert (out.get("n", 1), "elapsed_match" in out["tags"], "n" in out["tags"]) == (
        1,
        False,
        False,
    )


def tasks_in(log: Log) -> list[str]:
    """The tasks of which a changelog knows."""
    keys = [msgspec.msgpack.decode(row)[1] for row in log.rows["0"]]
    return [msgspec.msgpack.decode(key) for key in keys if key]


def test_time_passes_by_the_clock_and_what_is_over_is_gone_in_the_next_commit() -> None:
    log = Log()
    one, two = (Member(log, AGGREGATE) for _ in range(2))
    for each, clock in ((one, 1000.0), (two, 1061.0)):
        each.filter.clock = lambda clock=clock: clock  # type: ignore[attr-defined]
    one.assigned = {"t-0": 1}
    one.take("t-0", event(1), event(1))
    assert one.flush() == []
    one.done(t_0=2)
    assert tasks_in(log) == ["a"]
    two.assigned = {"t-0": 2}
    two.states.look()
    (told,) = two.flush()
    assert (told["k"], told["n"]) == ("a", 2)
    two.done(t_0=2)
    assert tasks_in(log) == []
    assert two.flush() == []


def test_at_a_stop_nothing_is_said_of_what_is_kept() -> None:
    member = Member(Log(), AGGREGATE)
    member.assigned = {"t-0": 1}
    member.take("t-0", event(1))
    member.filter.clock = lambda: 9e9  # type: ignore[attr-defined]
    member.filter.ending = "keep"
    assert [each for _ in member.turns.turns() for each in member.filter.flush(True)] == []  # type: ignore[attr-defined]


def test_tasks_of_another_meaning_are_told_as_they_were() -> None:
    log = Log()
    one = Member(log, AGGREGATE)
    one.assigned = {"t-0": 1}
    one.take("t-0", event(1), event(2))
    one.done(t_0=1)
    two = Member(log, AGGREGATE.replace('"%{k}"', '"%{k}%{v}"'))
    rebuilt: Any = Member(Log(), AGGREGATE).filter
    two.assigned, two.old = {"t-0": 2}, rebuilt.open_shard("")
    assert two.states.open(["t-0"])
    (told,) = two.flush()
    assert (told["k"], told["n"], told["tags"]) == ("a", 2, ["_aggregatefinalflush"])
    assert two.flush() == []


PYTHON = "aggregate { id => \"a\" language => \"python\" task_id => \"%{k}\" code => \"map.setdefault('s', set()).add(event.get('v')); map['t'] = (1, b'x'); event.set('m', str(map))\" }"


def test_maps_come_back_as_they_were() -> None:
    log = Log()
    one, two = Member(log, PYTHON), Member(log, PYTHON)
    one.assigned = {"t-0": 1}
    one.take("t-0", at(1, v=5))
    one.done(t_0=1)
    two.assigned = {"t-0": 2}
    (out,) = two.take("t-0", at(2, v=6))
    assert out["m"] == "{'s': {5, 6}, 't': (1, b'x')}"


def made(filters: str, exactly_once: str = "true", **settings: str) -> Assembly:
    """A pipeline from Kafka to Kafka."""
    text = (
        f'input {{ kafka {{ topics => ["t"] group_id => "g" exactly_once => {exactly_once} }} }} filter {{ {filters} }}'
        f' output {{ kafka {{ topic_id => "u" exactly_once => {exactly_once} }} }}'
    )
    return assemble([Source("t.conf", text)], settled({key.replace("_", "."): value for key, value in settings.items()}))


def kept(assembly: Assembly) -> tuple[list[str], list[str]]:
    """The ids of the filters that are kept by key, and the warnings."""
    found = [each.id for each in filters_kept_by_key(assembly)]
    assert (Partitions.of(assembly) is not None) == bool(found)
    return found, [each.code for each in assembly.warnings]


AGAIN = 'if [end] { aggregate { id => "b" task_id => "%{k}" code => "" end_of_task => true } }'
KEPT = {
    "each with an id": (f"{ELAPSED} {THROTTLE}", ["e", "t"], []),
    "the first of several that share tasks": (f"{AGGREGATE} {AGAIN}", ["a"], []),
    "none without an id": (ELAPSED.replace('id => "e"', ""), [], ["W325"]),
    "none without a key": (THROTTLE.replace("%{k}", "k"), [], ["W325"]),
    "none that share tasks with one that cannot be divided": (f"{AGGREGATE} {AGAIN.replace('end_of_task', 'push_previous_map_as_event')}".replace("push_map_as_event_on_timeout => true", "").replace("timeout => 60", "").replace('timeout_task_id_field => "k"', ""), [], ["W325", "W325"]),
}  # fmt: skip


@pytest.mark.parametrize(("filters", "wanted", "warnings"), KEPT.values(), ids=KEPT)
def test_what_is_kept_with_partitions(filters: str, wanted: list[str], warnings: list[str]) -> None:
    assert kept(made(filters)) == (wanted, warnings)


def test_nothing_is_kept_without_transactions_or_where_state_is_in_memory() -> None:
    assert kept(made(THROTTLE, "false")) == ([], [])
    assert kept(made(THROTTLE, penstock_state="memory")) == ([], ["W325"])


def test_the_time_of_a_map_is_that_of_the_clock() -> None:
    member = Member(Log(), AGGREGATE)
    member.assigned = {"t-0": 1}
    member.take("t-0", event(1))
    member.filter.clock = lambda: 9e9  # type: ignore[attr-defined]
    (told,) = member.flush()
    assert told["@timestamp"] > Timestamp("2026-01-01T00:00:00.000Z")


class Run:
    """The filters of such a pipeline at work, whose clock is set by hand; a member in memory commits for them."""

    def __init__(self, log: Log, filters: str) -> None:
        self.now = 1000.0
        assembly = made(filters)
        self.partitions, self.filters = Partitions.of(assembly), generate(assembly.program.filters, assembly.made, "filters")
        self.member = Member(log)
        owner: Any = SimpleNamespace(changelog=self.member, participant=self.member, context=SimpleNamespace(stopping=Event()))
        states = partition_states_of(assembly, [owner])
        assert states is not None
        self.states = states
        for plugin in assembly.plugins(assembly.program.filters):
            if isinstance(plugin, Aggregate):
                plugin.clock = lambda: self.now

    def take(self, partition: str, *events: dict[str, Any]) -> list[dict[str, Any]]:
        assert self.partitions is not None
        assert self.states.open([partition])
        self.partitions.turn_to(0, [Part(partition)], 0)
        return self.filters.run(list(events))

    def flush(self, final: bool = False) -> list[dict[str, Any]]:
        assert self.partitions is not None
        return [event for _ in self.partitions.turns() for event in self.filters.run([], final)]

    def done(self) -> None:
        self.states.commit({}, None)


TOGETHER = """
if "s" in [tags] { aggregate { id => "a" task_id => "%{k}" map_action => "create" code => "map['n'] = 0" } }
if "t" in [tags] { aggregate { task_id => "%{k}" map_action => "update" end_of_task => true code => "event.set('n', map['n'])"
    timeout => 60 push_map_as_event_on_timeout => true timeout_task_id_field => "k" timeout_tags => ["over"] } }
else { aggregate { task_id => "%{k}" map_action => "update" code => "map['n'] += 1" } }
"""


def test_filters_that_share_tasks_are_moved_together() -> None:
    log = Log()
    one, two = Run(log, TOGETHER), Run(log, TOGETHER)
    one.member.assigned = {"t-0": 1, "t-1": 2}
    one.take("t-0", event(1), event(2, tag="on"), event(2, "b"))
    one.take("t-1", event(1), event(1, "b"))
    one.done()
    one.member.assigned, two.member.assigned = {"t-1": 2}, {"t-0": 3}
    assert [out["n"] for out in two.take("t-0", event(3, tag="on"), event(4, tag="t")) if "t" in out["tags"]] == [3]
    two.now = 1061.0
    assert [(out["k"], out["n"], out["tags"]) for out in two.flush()] == [("b", 1, ["over"])]
    assert [out["n"] for out in one.take("t-1", event(5, tag="t"))] == [1]


def test_at_a_stop_nothing_comes_of_tasks_that_are_kept() -> None:
    run = Run(Log(), TOGETHER)
    run.member.assigned = {"t-0": 1}
    run.take("t-0", event(1))
    run.now = 9e9
    for plugin in run.states.filters.values():
        plugin.ending = "keep"
    assert run.flush(final=True) == []


def test_tasks_of_a_filter_that_has_gone_are_told_by_one_made_of_its_text() -> None:
    log = Log()
    one, two = Run(log, AGGREGATE), Run(log, THROTTLE)
    one.member.assigned = {"t-0": 1}
    one.take("t-0", event(1), event(2))
    one.done()
    two.member.assigned = {"t-0": 2}
    (told,) = two.states.take_leftovers()
    assert (told["k"], told["n"], told["tags"]) == ("a", 2, ["_aggregatefinalflush"])
    two.done()
    assert tasks_in(log) == []
