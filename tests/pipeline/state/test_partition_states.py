"""State that is kept with partitions: read when a partition comes, written with offsets, forgotten when it goes."""
from __future__ import annotations

from typing import Any

import pytest
from engines.group_member import WINDOW, Event, Log, Member, at

from penstock.pipeline.state.shard_rows import PIECE, ShardRows
from penstock.pipeline.storage.state_store import Change, Held
from penstock.plugins.batch import Position
from penstock.plugins.errors import Disconnected


def told(events: list[Event]) -> list[tuple[Any, ...]]:
    return [(e["k"], e["s"], e["window"]["count"]) for e in events]


def test_a_partition_goes_on_at_another_member_where_it_was() -> None:
    log = Log()
    one, two = Member(log), Member(log)
    one.assigned = {"t-0": 1, "t-1": 2}
    one.take("t-0", at(1, v=5))
    one.take("t-1", at(2, "b"))
    one.done(t_0=1, t_1=1)
    one.assigned, two.assigned = {"t-0": 1}, {"t-1": 3}
    assert told(two.take("t-1", at(3, "b", 4), at(70, "z"))) == [("b", 5, 2)]
    assert told(one.take("t-0", at(70, "z"))) == [("a", 5, 1)]


def test_time_is_that_of_each_partition() -> None:
    member = Member(Log())
    member.assigned = {"t-0": 1, "t-1": 2}
    member.take("t-0", at(1))
    assert told(member.take("t-1", at(500, "b"))) == []
    assert told(member.take("t-0", at(2), at(61))) == [("a", 2, 2)]


def test_a_key_that_comes_in_two_partitions_is_told(caplog: pytest.LogCaptureFixture) -> None:
    member = Member(Log())
    member.assigned, member.filter.here.is_shared = {"t-0": 1, "u-0": 2, "t-1": 3}, True
    member.take("t-0", at(1))
    member.take("u-0", at(1))
    assert "W323" not in caplog.text
    member.take("t-1", at(1))
    assert "key `a` came in partitions 0 and 1: its results are parts" in caplog.text


def test_figures_are_those_of_all_partitions_also_of_those_that_have_gone() -> None:
    member = Member(Log())
    member.assigned = {"t-0": 1, "t-1": 2}
    member.take("t-0", at(1), at(70), at(1))
    member.take("t-1", at(1, "b"), at(2, "c"))
    plugin: Any = member.filter
    assert [plugin.stats()[name] for name in ("keys", "late", "results")] == [3, 1, 1]
    member.assigned = {"t-1": 2}
    member.states.look()
    assert [plugin.stats()[name] for name in ("keys", "late", "results")] == [2, 1, 1]


def test_time_passes_for_each_partition_alone_and_for_none_where_none_is_here() -> None:
    member = Member(Log(), WINDOW.replace('idle => "0s"', 'idle => "1s"'))
    assert member.flush() == []
    member.assigned = {"t-0": 1, "t-1": 2}
    member.states.look()
    assert member.flush() == []
    assert sorted(member.filter.shards or ()) == ["0", "1"]


def test_what_was_not_committed_is_taken_back() -> None:
    member = Member(Log())
    member.assigned = {"t-0": 1}
    member.take("t-0", at(1))
    member.done(t_0=1)
    member.take("t-0", at(2))
    member.states.abort()
    assert told(member.take("t-0", at(3), at(61))) == [("a", 2, 2)]


@pytest.mark.parametrize("again", [{"t-0": 7}, {}], ids=["assigned anew", "gone"])
def test_a_commit_of_a_partition_that_went_meanwhile_is_refused(again: dict[str, int]) -> None:
    log = Log()
    member = Member(log)
    member.assigned = {"t-0": 1}
    member.take("t-0", at(1))
    member.assigned = again
    member.states.look()
    with pytest.raises(Disconnected, match="partition 0 has gone with what was held of it"):
        member.done(t_0=1)
    assert log.rows == {}


def test_a_partition_that_is_not_read_here_is_not_worked() -> None:
    assert not Member(Log()).states.open(["t-0"])


def test_partitions_of_several_topics_with_one_number_are_held_together() -> None:
    member = Member(Log())
    member.assigned = {"t-0": 1, "u-0": 2}
    member.take("t-0", at(1))
    member.take("u-0", at(2))
    member.done(t_0=1, u_0=1)
    member.take("t-0", at(61))
    assert told(member.take("u-0", at(61))) == [("a", 2, 2)]


def test_offsets_stand_in_every_commit_of_a_shard_that_changed() -> None:
    log = Log()
    member = Member(log)
    member.assigned = {"t-0": 1}
    member.take("t-0", at(1))
    member.done(t_0=4)
    member.take("t-0", at(2))
    member.done()
    assert log.offsets == {"t-0": Position("i", 4)}


def test_a_shard_without_changes_writes_nothing() -> None:
    log = Log()
    member = Member(log)
    member.assigned = {"t-0": 1}
    member.take("t-0", at(1))
    member.done(t_0=1)
    before = dict(log.rows["0"])
    log.rows["0"].clear()
    member.done()
    assert (log.rows["0"], bool(before)) == ({}, True)


def test_state_of_another_meaning_is_emitted_as_it_was_once() -> None:
    log = Log()
    one = Member(log)
    one.assigned = {"t-0": 1}
    one.take("t-0", at(1, v=3))
    one.done(t_0=1)
    changed, emitted = WINDOW.replace('"1m"', '"2m"'), []
    for _ in range(2):
        two = Member(log, changed)
        two.assigned, two.old = {"t-0": 2}, Member(Log()).filter
        assert two.states.open(["t-0"])
        emitted.append(told(two.flush()))
        two.done(t_0=2)
    assert emitted == [[("a", 3, 1)], []]
    assert told(two.take("t-0", at(2), at(130))) == [("a", 1, 1)]


def test_a_large_state_is_several_rows_and_leaves_none_behind() -> None:
    held = Held("w", "window", 1, 1, {}, "", b"")
    log = Log()
    for size in (2 * PIECE + 5, PIECE // 2, 3 * PIECE):
        rows = ShardRows("0", log.rows.get("0", {}))
        assert len(rows.filters()) <= 1
        rows.commit({}, [Change(held, [(b"k", b"x" * size)])])
        taken = rows.taken()
        assert max(len(value or b"") for _, _, value in taken) <= PIECE
        log.add(taken)
        assert list(ShardRows("0", log.rows["0"]).keys("w")) == [(b"k", b"x" * size)]
