"""What is under way of an input: a position moves when all before it is delivered, a failure takes back all that is behind it."""
from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.pipeline.runtime.in_flight import Delivery, InFlight
from penstock.plugins.batch import Batch, Part, Position

FAILURE = OSError("refused")


def in_flight(most: int = 100) -> InFlight:
    return InFlight(most, lambda: None)


def add(under_way: InFlight, text: str) -> Delivery:
    """A batch by its parts: ``"a1 b3"`` ends at 1 in the partition a and at 3 in b. The text is its token."""
    parts = [Part(part[0], Position("i", int(part[1:]))) for part in text.split()]
    return under_way.add(Batch(token=text, parts=parts))


def settled(under_way: InFlight) -> tuple[list[tuple[str, bool]], dict[str, int]]:
    """The tokens of what has ended, each with whether it was delivered, and how far partitions moved; the input knows it then."""
    outcomes, behind = under_way.take_outcomes()
    under_way.told()
    return [(token, error is None) for token, error in outcomes], {name: position.offset for name, position in behind.items()}


LOW_WATER_MARKS = [
    # read                 delivered, in this order    where the positions are then
    ("a1", "a1", {"a": 1}),
    ("a1, a2, a3", "a1, a2, a3", {"a": 3}),
    ("a1, a2, a3", "a3, a2", {}),
    ("a1, a2, a3", "a3, a1", {"a": 1}),
    ("a1, a2, a3", "a3, a1, a2", {"a": 3}),
    ("a1, b1, a2, b2", "b2, b1, a2", {"b": 2}),
    ("a1 b1, a2, b2", "a2, b2", {}),
    ("a1 b1, a2, b2", "a2, b2, a1 b1", {"a": 2, "b": 2}),
]


@pytest.mark.parametrize(("read", "delivered", "positions"), LOW_WATER_MARKS)
def test_a_position_moves_when_everything_before_it_is_delivered(read: str, delivered: str, positions: dict[str, int]) -> None:
    under_way = in_flight()
    deliveries = {text: add(under_way, text) for text in read.split(", ")}
    for text in delivered.split(", "):
        deliveries[text].done(None)
    assert settled(under_way) == ([(text, True) for text in delivered.split(", ")], positions)


FAILURES = [
    # read                     fails      comes again                    goes on
    ("a1, a2, a3", "a1", "a1, a2, a3", ""),
    ("a1, a2, a3", "a2", "a2, a3", "a1"),
    ("a1, b1, a2, b2", "a1", "a1, a2", "b1, b2"),
    ("a1, a2 b1, b2, c1", "a1", "a1, a2 b1, b2", "c1"),
    ("b1, a1, a2 b2", "a1", "a1, a2 b2", "b1"),
]


@pytest.mark.parametrize(("read", "failing", "again", "on"), FAILURES)
def test_a_failure_takes_back_what_is_behind_it_in_its_partitions_and_theirs(read: str, failing: str, again: str, on: str) -> None:
    under_way = in_flight()
    deliveries = {text: add(under_way, text) for text in read.split(", ")}
    deliveries[failing].done(FAILURE)
    assert settled(under_way) == ([(text, False) for text in again.split(", ")], {})
    assert [text for text, delivery in deliveries.items() if not delivery.is_superseded] == on.split(", ") * bool(on)
    for delivery in deliveries.values():
        delivery.done(None)
    assert [token for token, _ in settled(under_way)[0]] == on.split(", ") * bool(on), "the others do not count any more"


def test_what_is_read_before_the_input_knows_of_a_failure_comes_again_too() -> None:
    under_way = in_flight()
    add(under_way, "a1").done(FAILURE)
    late = add(under_way, "a2")
    assert late.is_superseded
    assert settled(under_way) == ([("a1", False), ("a2", False)], {})
    again = add(under_way, "a1")
    again.done(None)
    assert (again.is_superseded, settled(under_way)) == (False, ([("a1", True)], {"a": 1}))


def test_a_failure_that_the_input_did_not_take_still_stands() -> None:
    under_way = in_flight()
    add(under_way, "a1").done(FAILURE)
    under_way.take_outcomes()
    assert add(under_way, "a2").is_superseded, "the input raised, and reads on"
    under_way.told()
    assert add(under_way, "a3").is_superseded, "a2 is still to be told"
    assert [token for token, _ in settled(under_way)[0]] == ["a2", "a3"]
    assert not add(under_way, "a1").is_superseded


def test_what_was_delivered_behind_a_failure_comes_again() -> None:
    under_way = in_flight()
    one, two = add(under_way, "a1"), add(under_way, "a2")
    two.done(None)
    assert settled(under_way) == ([("a2", True)], {})
    one.done(FAILURE)
    assert settled(under_way) == ([("a1", False)], {})
    add(under_way, "a1").done(None)
    assert settled(under_way)[1] == {"a": 1}


def test_a_batch_without_partitions_stands_alone() -> None:
    under_way = in_flight()
    one, two = (under_way.add(Batch(token=number)) for number in (1, 2))
    one.done(FAILURE)
    two.done(None)
    assert settled(under_way) == ([(1, False), (2, True)], {})


def test_only_the_first_call_counts() -> None:
    under_way = in_flight()
    delivery = add(under_way, "a1")
    delivery.done(None)
    delivery.done(FAILURE)
    assert settled(under_way) == ([("a1", True)], {"a": 1})


def test_it_is_full_while_as_many_are_under_way_as_may_be() -> None:
    under_way = in_flight(2)
    one, _ = add(under_way, "a1"), add(under_way, "a2")
    assert under_way.is_full
    one.done(None)
    assert (under_way.is_full, under_way.is_empty) == (False, False)


def test_partitions_that_go_move_no_position_and_are_waited_for_alone() -> None:
    under_way = in_flight()
    gone, kept = add(under_way, "a1"), add(under_way, "b1")
    assert under_way.drain(["c"], 0)
    assert not under_way.drain(["a"], 0)
    under_way.forget(["a"])
    gone.done(None)
    kept.done(None)
    assert settled(under_way) == ([("a1", True), ("b1", True)], {"b": 1})
    assert gone.is_superseded
    assert under_way.drain(None, 0)


def test_a_batch_of_which_one_partition_has_gone_counts_for_the_other() -> None:
    under_way = in_flight()
    mixed, behind = add(under_way, "a1 b1"), add(under_way, "b2")
    under_way.forget(["a"])
    assert mixed.is_superseded
    mixed.done(FAILURE)
    assert behind.is_superseded, "or what is behind a gap would be taken for delivered"
    assert settled(under_way) == ([("a1 b1", False), ("b2", False)], {})
    add(under_way, "b1").done(None)
    assert settled(under_way) == ([("b1", True)], {"b": 1})


def test_a_lost_connection_moves_no_position_and_a_late_failure_takes_nothing_back() -> None:
    under_way = in_flight()
    old = add(under_way, "a1")
    under_way.forget_all()
    again = add(under_way, "a1")
    old.done(FAILURE)
    again.done(None)
    assert settled(under_way) == ([("a1", False), ("a1", True)], {"a": 1})


def test_a_wait_ends_when_a_batch_ends() -> None:
    under_way = in_flight()
    delivery = add(under_way, "a1")
    thread = threading.Thread(target=under_way.wait, args=(60,))
    thread.start()
    delivery.done(None)
    thread.join(60)
    assert not thread.is_alive()


STEP = st.one_of(
    st.tuples(st.just("read"), st.sampled_from(["a", "b", "ab"])),
    st.tuples(st.sampled_from(["delivered", "delivered", "failed"]), st.integers(0, 9)),
    st.just(("settle", None)),
)


@settings(deadline=None)
@given(st.lists(STEP, max_size=60))
def test_whatever_happens_a_position_stands_behind_delivered_batches_only(steps: list[tuple[str, Any]]) -> None:
    """The model: a position may move to where every batch that was read up to there was delivered, and none was taken back."""
    under_way = in_flight()
    at = {"a": 0, "b": 0}
    live: list[tuple[dict[str, int], Delivery]] = []
    delivered: dict[str, set[int]] = {"a": set(), "b": set()}
    positions = {"a": 0, "b": 0}
    for what, given_ in steps:
        if what == "read":
            ends = {name: at[name] + 1 for name in given_}
            at |= ends
            live.append((ends, add(under_way, " ".join(f"{name}{end}" for name, end in ends.items()))))
        elif what != "settle" and live:
            ends, delivery = live.pop(given_ % len(live))
            delivery.done(FAILURE if what == "failed" else None)
            if what == "delivered" and not delivery.is_superseded:
                for name, end in ends.items():
                    delivered[name].add(end)
        elif what == "settle":
            outcomes, behind = settled(under_way)
            for name, offset in behind.items():
                assert offset > positions[name]
                assert set(range(positions[name] + 1, offset + 1)) <= delivered[name]
                positions[name] = offset
            for token, was_delivered in outcomes:
                for part in token.split() if not was_delivered else ():
                    at[part[0]] = min(at[part[0]], int(part[1:]) - 1)
                    delivered[part[0]] = {end for end in delivered[part[0]] if end < int(part[1:])}
