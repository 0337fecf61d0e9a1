"""Processes that share a stream: they take their shares, hand them over, and take over what a dead one had. Shards are split and merged."""
from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from servers.kinesis import Stream
from servers.kinesis_group import Group, out_of_order

KEYS = tuple("abcdefgh")


@pytest.fixture
def make_group(tmp_path: Path, make_stream: Callable[..., Stream]) -> Callable[..., Group]:
    return lambda shards=4, more="", **settings: Group(tmp_path, make_stream(shards), more, **settings)


def test_one_of_two_is_killed_and_the_other_has_everything(make_group: Callable[..., Group]) -> None:
    group = make_group()
    group.put(50, *KEYS)
    with group.member("first") as first, group.member("second") as second:
        second.until(lambda: group.is_even(2), "both have shards")
        group.put(50, *KEYS)
        first.until(lambda: bool(group.of("first")) and bool(group.of("second")), "both read")
        first.kill()
        group.put(50, *KEYS)
        second.until(group.has_all, "nothing is lost")
        second.until(lambda: group.is_even(1), "the other has all leases")
        second.stop()
    assert group.loads() == {"": 4}, "a stop gives all leases back"


def test_shards_that_are_split_and_merged_lose_nothing_and_keep_the_order_of_keys(make_group: Callable[..., Group]) -> None:
    group = make_group(1)
    stream = group.stream
    with group.member("only") as run:
        for number in range(3):
            group.put(20, *KEYS)
            if number < 2:
                stream.split(stream.open_shards()[0])
            else:
                stream.merge(*stream.open_shards()[-2:])
            group.put(20, *KEYS)
        run.until(group.has_all, "all generations are read")
        ended = {shard["ShardId"] for shard in stream.shards()} - set(stream.open_shards())
        run.until(lambda: {key for key, lease in stream.leases().items() if lease["checkpoint"] == "SHARD_END"} == ended, "their end is noted")
        run.stop()
    assert out_of_order(group.of("only")) == []
    assert Counter(group.arrived()) == Counter(group.wanted), "each comes once"
    with group.member("later") as again:
        group.put(1, *KEYS)
        again.until(group.has_all, "what comes next is read")
        again.stop()
    assert len(group.of("later")) == len(KEYS), "nothing of what had ended is read again"


@pytest.mark.servers
def test_members_that_come_and_go_read_each_record_once(make_group: Callable[..., Group]) -> None:
    group = make_group(6)
    group.put(100, *KEYS)
    with group.member("first") as first:
        first.until(lambda: bool(group.of("first")), "the first reads")
        with group.member("second", "-w", "2") as second, group.member("third") as third:
            for _ in itertools.takewhile(lambda _: not group.is_even(3), itertools.count()):
                group.put(5, *KEYS)
                third.until(group.has_all, "all is read while leases change hands")
            group.put(100, *KEYS)
            first.stop()
            group.put(50, *KEYS)
            third.until(lambda: group.is_even(2), "the others share what it had")
            second.stop()
            group.put(50, *KEYS)
            third.until(group.has_all, "the last has all")
            third.stop()
    assert Counter(group.arrived()) == Counter(group.wanted)


@pytest.mark.servers
def test_a_process_that_hangs_loses_its_leases_and_notes_nothing_afterwards(make_group: Callable[..., Group]) -> None:
    """It is paused for longer than its leases last, and goes on with what it had."""
    group = make_group(2)
    group.put(100, *KEYS)
    slow = 'filter { sleep { time => "0.02" every => 1 } }'
    with group.member("slow", filters=slow) as first:
        first.until(lambda: bool(group.of("slow")), "it reads")
        first.signal(19)
        with group.member("heir") as heir:
            heir.until(lambda: group.is_even(1), "the other takes its leases")
            heir.until(group.has_all, "and reads all")
            first.signal(18)
            first.until(lambda: "were taken by another process" in first.said(), "it hears that they are gone")
            group.put(100, *KEYS)
            heir.until(group.has_all, "both go on")
            heir.until(lambda: group.is_even(2), "and share")
            first.stop()
            heir.stop()
    with group.member("last") as last:
        group.put(1, *KEYS)
        last.until(group.has_all, "what was noted is what was delivered")
        last.stop()


def test_a_shard_whose_outputs_hang_is_handed_over_all_the_same(make_group: Callable[..., Group]) -> None:
    """Renewal and handing over go on while nothing may be read; what hangs is read again by the other."""
    group = make_group(2, "max_in_flight => 1")
    group.put(20, *KEYS)
    stuck = 'filter { sleep { time => "3600" } }'
    with group.member("stuck", filters=stuck) as first, group.member("other") as other:
        first.until(lambda: bool(group.loads()), "it has leases")
        other.until(lambda: group.is_even(2), "the other is given one")
        other.until(lambda: bool(group.of("other")), "and reads it")
        first.kill()
        other.until(group.has_all, "nothing is lost")
        other.stop()
