"""Whatever an output raises: every event is delivered, a dead letter, counted as rejected, or given back, as the errors say."""
from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.plugins.batch import Payload
from penstock.plugins.errors import Disconnected, Misconfigured, Rejected, Retry, Undelivered

from .targets import KINDS, Delivery, Target

Answer = Callable[[int], Exception | None]
"""What a target answers a request of so many items."""


def _some(indexes: set[int], count: int) -> list[int]:
    return sorted({index % count for index in indexes})


def _rejected(bad: set[int], again: set[int], count: int) -> Rejected:
    reasons = {index: f"reason {index % 2}" for index in _some(bad, count)}
    return Rejected(reasons, [index for index in _some(again, count) if index not in reasons])


indexes = st.sets(st.integers(0, 9), min_size=1, max_size=4)
answers: st.SearchStrategy[Answer] = st.one_of(
    st.just(lambda count: None),
    st.just(lambda count: Retry("busy")),
    indexes.map(lambda some: lambda count: Retry("busy", _some(some, count))),
    st.tuples(indexes, indexes).map(lambda both: lambda count: _rejected(*both, count)),
    st.just(lambda count: Rejected("never")),
    st.just(lambda count: Disconnected("away")),
    st.just(lambda count: BrokenPipeError("away")),
    st.just(lambda count: KeyError("fault")),
    st.just(lambda count: Retry("busy", [count])),
)
batches = st.lists(st.integers(1, 6), min_size=1, max_size=8)
scripts = st.lists(answers, max_size=14)
options = st.fixed_dictionaries({"max_in_flight": st.integers(1, 3), "attempts": st.integers(1, 3), "batch_events": st.sampled_from([1, 3, 1000])})


def follow(target: Target, script: list[Answer]) -> None:
    """Have a target answer as the script says, then well."""
    deliver, left = target.deliver, list(script)

    def answered(payload: Payload) -> Future[None] | None:
        error = left.pop(0)(len(payload.data)) if left else None
        with lock:
            target.answers = [error]
            return deliver(payload)

    lock = threading.Lock()
    target.deliver = answered  # type: ignore[method-assign]


class Told:
    """A run of batches to a target that follows a script."""

    def __init__(self, kind: str, sizes: list[int], script: list[Answer], given: dict[str, Any], lanes: int, dead_letters: bool = True) -> None:
        self.delivery = Delivery(kind, joined=True, dead_letters=dead_letters, **given)
        follow(self.delivery.target, script)
        self.batches: list[range] = []
        self.raised: Undelivered | None = None
        self.lane = (lambda number: number % lanes) if lanes else (lambda number: None)
        try:
            self.delivery.start()
            for size in sizes:
                begin = self.batches[-1].stop if self.batches else 0
                self.batches.append(range(begin, begin + size))
                self.delivery.submit(len(self.batches) - 1, self.batches[-1], self.lane)
        except Undelivered as error:
            self.raised = error
        self.delivery.end()

    @property
    def numbers(self) -> list[int]:
        return [number for batch in self.batches for number in batch]


@pytest.mark.parametrize("kind", KINDS)
@given(sizes=batches, script=scripts, given_options=options, lanes=st.sampled_from([0, 1, 3]))
def test_with_dead_letters_each_event_is_delivered_or_a_dead_letter_once(kind: str, sizes: list[int], script: list[Answer], given_options: dict[str, Any], lanes: int) -> None:
    told = Told(kind, sizes, script, given_options, lanes)
    delivery = told.delivery
    assert (delivery.failed, told.raised) == ([], None)
    assert delivery.settled == dict.fromkeys(range(len(sizes)))
    ended = Counter(delivery.target.has) + Counter(number for number, _ in delivery.dead)
    assert ended == Counter(told.numbers)
    stats = delivery.sink.stats()
    assert (stats.delivered, stats.dead_lettered, stats.rejected, stats.dropped, stats.waiting) == (len(delivery.target.has), len(delivery.dead), 0, 0, 0)


@pytest.mark.parametrize("kind", KINDS)
@given(sizes=batches, script=scripts, given_options=options)
def test_without_dead_letters_rejected_events_are_counted_and_faults_given_back(kind: str, sizes: list[int], script: list[Answer], given_options: dict[str, Any]) -> None:
    told = Told(kind, sizes, script, given_options, 0, dead_letters=False)
    delivery, stats = told.delivery, told.delivery.sink.stats()
    assert sorted(delivery.settled) == list(range(len(told.batches))), "each batch is answered"
    back = [number for batch, error in delivery.settled.items() if error is not None for number in told.batches[batch]]
    assert all(isinstance(error, Undelivered) for error in delivery.settled.values() if error is not None)
    assert bool(back) == bool(delivery.failed or told.raised)
    has = Counter(delivery.target.has)
    assert set(has.values()) <= {1}, "nothing is delivered twice in one run"
    acknowledged = [number for number in told.numbers if number not in back]
    missing = [number for number in acknowledged if number not in has]
    assert len(missing) <= stats.rejected <= len(missing) + len(back)
    assert stats.delivered == len(delivery.target.has)


def _keeps_order(answer: Answer) -> bool:
    """Whether nothing of a request is delivered while a part of it waits."""
    error = answer(4)
    return not isinstance(error, Retry | Rejected) or (isinstance(error, Retry) and error.indexes is None)


@pytest.mark.parametrize("kind", ["direct", "buffered"])
@given(sizes=batches, script=scripts.map(lambda all_of: [one for one in all_of if _keeps_order(one)]), given_options=options)
def test_the_order_within_a_lane_is_kept(kind: str, sizes: list[int], script: list[Answer], given_options: dict[str, Any]) -> None:
    told = Told(kind, sizes, script, given_options, lanes=3)
    has = told.delivery.target.has
    for lane in range(3):
        in_lane = [number for number in has if number % 3 == lane]
        assert in_lane == sorted(in_lane)


@pytest.mark.parametrize("kind", KINDS)
@given(sizes=batches, worked=st.integers(0, 8))
def test_a_target_that_goes_away_for_good_gives_back_what_it_does_not_have(kind: str, sizes: list[int], worked: int) -> None:
    delivery = Delivery(kind)
    script: list[Answer] = [lambda count: None] * worked + [lambda count: Disconnected("away")] * 1000
    follow(delivery.target, script)
    delivery.start()
    delivery.stopping.set()
    for batch, size in enumerate(sizes):
        try:
            delivery.submit(batch, [batch * 10 + number for number in range(size)])
        except Undelivered:
            break
    delivery.end()
    has = set(delivery.target.has)
    for batch, error in delivery.settled.items():
        numbers = {batch * 10 + number for number in range(sizes[batch])}
        assert (error is None) == (numbers <= has)
        assert error is None or isinstance(error, Undelivered)


@pytest.mark.parametrize("kind", KINDS)
@given(script=st.lists(st.sampled_from([Misconfigured("topic", "gone"), Disconnected("away"), ConnectionRefusedError()]), max_size=8))
def test_once_it_has_worked_no_refusal_of_a_connection_ends_the_run(kind: str, script: list[Exception]) -> None:
    delivery = Delivery(kind)

    def lost(count: int) -> Exception:
        delivery.target.refusals = list(script)
        return Disconnected("lost")

    follow(delivery.target, [lambda count: None, lost])
    delivery.run([0], [1])
    assert (delivery.failed, delivery.settled) == ([], {0: None, 1: None})
    assert delivery.target.has == [0, 1]
