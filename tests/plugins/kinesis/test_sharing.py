"""Who takes which lease, which leases are made, and where reading begins: by the table alone, without any server."""
from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest

from penstock.plugins.inputs._kinesis_balance import Bounds, Sightings, plan, readable
from penstock.plugins.inputs._kinesis_leases import Lease
from penstock.plugins.inputs._kinesis_places import (
    Place,
    behind,
    is_further,
    noted,
    place_of,
    since,
)
from penstock.plugins.inputs._kinesis_shards import Shard, contradictions, outlived, wanted

ANY = Bounds(1000, 1000)


def leases(owners: Sequence[str | None]) -> list[Lease]:
    return [Lease(f"s{number}", owner, 1, "TRIM_HORIZON") for number, owner in enumerate(owners)]


def planned(table: list[Lease], bounds: Bounds = ANY, dead: Sequence[str] = ()) -> tuple[int, list[str]]:
    """How many leases `me` takes, and whose it asks for, where every owner is alive."""
    sightings = Sightings(10, dead)
    sightings.look(table, 0)
    found = plan(table, "me", sightings, 0, bounds, random.Random(1))
    return len(found.take), sorted(str(lease.owner) for lease in found.ask)


PLANS = {
    "all that is free, where there is nobody else": ([None] * 4, 4, []),
    "its share of what is free": ([None, None, "a", "a"], 2, []),
    "no more than its share": (["me", "me", None, "a"], 0, []),
    "nothing where it has as many as others": (["me", "a"], 0, []),
    "nothing of one that has one more": (["me", "a", "a"], 0, []),
    "half of what the only other has": (["a", "a", "a", "a"], 0, ["a", "a"]),
    "of one with one lease nothing": (["a"], 0, []),
    "of the one that has most": (["a", "a", "a", "b", "b"], 0, ["a"]),
    "of several": (["a"] * 3 + ["b"] * 3, 0, ["a", "b"]),
}


@pytest.mark.parametrize(("owners", "taken", "asked"), PLANS.values(), ids=PLANS.keys())
def test_a_process_takes(owners: list[str | None], taken: int, asked: list[str]) -> None:
    assert planned(leases(owners)) == (taken, asked)


def test_bounds_are_kept() -> None:
    assert planned(leases([None] * 4), Bounds(3, 9)) == (3, [])
    assert planned(leases(["a"] * 6), Bounds(2, 9)) == (0, ["a", "a"])
    assert planned(leases(["a"] * 6), Bounds(9, 1)) == (0, ["a"])


def test_what_another_was_asked_for_counts_as_its_already() -> None:
    table = [*leases(["a"] * 4)]
    table[:2] = [Lease(lease.key, "a", 1, "5", wanted_by="me") for lease in table[:2]]
    assert planned(table) == (0, [])


def test_leases_of_a_name_that_is_known_to_be_dead_are_free_at_once() -> None:
    assert planned(leases(["old", "old"]), dead=["old"]) == (2, [])


def test_a_lease_that_does_not_count_up_is_free_after_some_time() -> None:
    sightings = Sightings(10)
    (still,), (moving,) = leases(["a"]), [Lease("s1", "b", 1, "5")]
    sightings.look([still, moving], 0)
    sightings.look([still, Lease("s1", "b", 2, "5")], 9)
    assert [sightings.is_free(lease, 10) for lease in (still, moving)] == [True, False]
    sightings.look([Lease("s0", "a", 7, "5")], 10)
    assert not sightings.is_free(still, 19), "it counts up again"


@pytest.mark.parametrize("members", [2, 3, 7])
def test_processes_that_plan_in_turn_come_to_rest_with_equal_shares(members: int) -> None:
    names, owners = [f"m{number}" for number in range(members)], ["m0"] * 24
    for _ in range(3):
        for name in names:
            table = leases(owners)
            sightings = Sightings(10)
            sightings.look(table, 0)
            for lease in plan(table, name, sightings, 0, ANY, random.Random(name)).ask:
                owners[int(lease.key[1:])] = name
    counts = Counter(owners).values()
    assert max(counts) - min(counts) <= 1
    assert len(counts) == members


def test_a_shard_is_read_when_all_of_its_parents_have_ended() -> None:
    ended, open_ = Lease("a", None, 1, "SHARD_END"), Lease("b", "x", 1, "7")
    child, other, orphan = (Lease(key, None, 0, "TRIM_HORIZON", parents=parents) for key, parents in (("c", ("a",)), ("d", ("a", "b")), ("e", ("gone",))))
    assert [lease.key for lease in readable([child, other, orphan, ended, open_])] == ["c", "e", "b"]


SPLIT = [Shard("a", (), False), Shard("b", ("a",), False), Shard("c", ("a",)), Shard("d", ("b",)), Shard("e", ("b",))]
WANTED = {
    "all, with the oldest record": ([], "TRIM_HORIZON", dict.fromkeys("abcde", "TRIM_HORIZON")),
    "those that are open, with the next one": ([], "LATEST", dict.fromkeys("cde", "LATEST")),
    "children of what was read, whatever the option says": (["a"], "LATEST", dict.fromkeys("bcde", "TRIM_HORIZON")),
    "grandchildren": (["a", "b", "c"], "LATEST", dict.fromkeys("de", "TRIM_HORIZON")),
    "none that is there": (list("abcde"), "TRIM_HORIZON", {}),
}


@pytest.mark.parametrize(("known", "initial", "made"), WANTED.values(), ids=WANTED.keys())
def test_leases_are_made_for(known: list[str], initial: str, made: dict[str, str]) -> None:
    table = [Lease(name, None, 0, "SHARD_END") for name in known]
    assert {each.key: each.checkpoint for each in wanted(SPLIT, table, initial)} == made


def test_leases_of_parents_are_made_first() -> None:
    shuffled = [SPLIT[number] for number in (4, 2, 3, 1, 0)]
    names = [each.key for each in wanted(shuffled, [], "TRIM_HORIZON")]
    assert all(names.index(parent) < names.index(shard.id) for shard in SPLIT for parent in shard.parents)


def test_a_lease_outlives_its_shard_no_longer_than_needed() -> None:
    table = [Lease("gone", None, 1, "SHARD_END"), Lease("a", None, 1, "SHARD_END"), Lease("lost", None, 1, "5")]
    assert [lease.key for lease in outlived(SPLIT, table)] == ["gone"]


def test_a_stream_that_was_made_anew_is_noticed() -> None:
    assert contradictions(SPLIT, [Lease("a", None, 1, "SHARD_END"), Lease("d", None, 1, "SHARD_END")]) == ["d"]


PLACES = [
    ("TRIM_HORIZON", 0, "", Place("TRIM_HORIZON")),
    ("LATEST", 0, "", Place("LATEST")),
    ("LATEST", 0, "AT_SEQUENCE_NUMBER:17", Place("AT_SEQUENCE_NUMBER", "17")),
    ("LATEST", 0, "AT_TIMESTAMP:5.000", Place("AT_TIMESTAMP", "5.000")),
    ("SHARD_END", 0, "", Place("SHARD_END")),
    ("17", 0, "", Place("AFTER_SEQUENCE_NUMBER", "17")),
    ("17", 3, "", Place("AT_SEQUENCE_NUMBER", "17")),
    ("AT_TIMESTAMP", 0, "", Place("TRIM_HORIZON")),
]


@pytest.mark.parametrize(("checkpoint", "within", "start", "place"), PLACES)
def test_reading_begins_where_the_table_says(checkpoint: str, within: int, start: str, place: Place) -> None:
    assert place_of(checkpoint, within, start) == place


def test_a_start_that_was_noted_is_found_again() -> None:
    assert place_of("LATEST", 0, noted(since(100.0))) == Place("AT_TIMESTAMP", "90.000")
    assert since(100.0).request()["Timestamp"].timestamp() == 90
    assert behind("5").request() == {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": "5"}
    assert Place("LATEST").request() == {"ShardIteratorType": "LATEST"}


@pytest.mark.parametrize(
    ("sequence", "checkpoint", "holds"),
    [("10", "9", True), ("9", "10", False), ("9", "LATEST", True), ("SHARD_END", "9", True), ("9", "SHARD_END", False), ("SHARD_END", "SHARD_END", False)],
)
def test_sequence_numbers_are_in_order_as_numbers(sequence: str, checkpoint: str, holds: bool) -> None:
    assert is_further(sequence, checkpoint) is holds
