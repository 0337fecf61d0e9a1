"""How much of what waits becomes one request: options, settings, what the output declares; joined in order, never above the limits."""
from __future__ import annotations

import threading
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.dsl.settings import settled
from penstock.pipeline.delivery import lanes
from penstock.pipeline.delivery.lanes import Lanes
from penstock.pipeline.delivery.limits import limits_of, within
from penstock.pipeline.delivery.pending import DeliveryUnit
from penstock.plugins.batch import Payload
from penstock.plugins.context import Context
from penstock.plugins.output import Batching

from .targets import LONG, Delivery, Target

DECLARED = Batching(bytes=1000, events=500, age=0.0)


@pytest.mark.parametrize(
    ("options", "settings", "expected"),
    [
        ({}, {}, DECLARED),
        ({"batch_bytes": 50}, {}, Batching(50, 500, 0.0)),
        ({"batch_events": 7}, {}, Batching(1000, 7, 0.0)),
        ({"batch_age": 2.5}, {}, Batching(1000, 500, 2.5)),
        ({}, {"pipeline.batch.size": 20}, Batching(1000, 20, 0.0)),
        ({}, {"pipeline.batch.size": 5000}, DECLARED),
        ({"batch_events": 7}, {"pipeline.batch.size": 20}, Batching(1000, 7, 0.0)),
        ({}, {"pipeline.batch.delay": 250}, Batching(1000, 500, 0.25)),
        ({"batch_age": 0.0}, {"pipeline.batch.delay": 250}, DECLARED),
    ],
    ids=[
        "declared", "batch_bytes", "batch_events", "batch_age", "pipeline.batch.size", "a size above what is declared does not raise it",
        "option before setting", "pipeline.batch.delay", "an age of 0 waits for nothing",
    ],
)
def test_an_option_comes_before_a_setting_and_that_before_what_is_declared(options: dict[str, Any], settings: dict[str, Any], expected: Batching) -> None:
    output = Target(options, Context(settings=settled(settings)))
    output.batching = DECLARED  # type: ignore[misc]
    assert limits_of(output) == expected


def held(**options: Any) -> Delivery:
    """A delivery whose first request is under way, so that all that comes now waits."""
    delivery = Delivery(joined=True, **options)
    delivery.target.gate.clear()
    delivery.start().submit(-1, [-1])
    assert delivery.target.began.wait(LONG)
    return delivery


def requests_of(delivery: Delivery) -> list[list[int]]:
    """What it was asked for behind the first."""
    delivery.target.gate.set()
    delivery.end()
    assert all(error is None for error in delivery.settled.values())
    return delivery.target.requests[1:]


def test_what_waits_while_a_request_is_under_way_becomes_one() -> None:
    delivery = held()
    for number in range(50):
        delivery.submit(number, [2 * number, 2 * number + 1])
    assert requests_of(delivery) == [list(range(100))]
    assert len(delivery.settled) == 51


@pytest.mark.parametrize(
    ("options", "sizes"),
    [({"batch_events": 12}, [12, 12, 6]), ({"batch_events": 4}, [4, 2] * 5), ({"batch_events": 1}, [1] * 30), ({"batch_bytes": 12_000}, [12, 12, 6])],
    ids=["several batches in one", "a batch in several", "one by one", "bytes"],
)
def test_no_request_is_larger_than_its_limits(options: dict[str, Any], sizes: list[int]) -> None:
    delivery = held(**options)
    for number in range(5):
        delivery.submit(number, range(6 * number, 6 * number + 6))
    requests = requests_of(delivery)
    assert list(chain.from_iterable(requests)) == list(range(30)), "in order"
    assert [len(request) for request in requests] == sizes


def test_a_batch_that_becomes_several_requests_is_acknowledged_behind_the_last() -> None:
    delivery = held(batch_events=2)
    delivery.submit(0, [0, 1, 2, 3, 4])
    assert 0 not in delivery.settled
    assert requests_of(delivery) == [[0, 1], [2, 3], [4]]
    assert delivery.settled[0] is None


def test_a_setting_of_the_pipeline_bounds_the_requests() -> None:
    delivery = Delivery(joined=True)
    delivery.target.context.settings = settled({"pipeline.batch.size": 3})
    again = Delivery.of(delivery.target)
    again.start().submit(0, range(8))
    again.end()
    assert again.target.requests == [[0, 1, 2], [3, 4, 5], [6, 7]]


items = st.lists(st.binary(max_size=20), min_size=1, max_size=30)


@given(items, st.integers(1, 12), st.integers(1, 60), st.booleans())
def test_dividing_keeps_all_items_in_order_and_the_limits(data: list[bytes], events: int, size: int, has_events: bool) -> None:
    originals = [{"n": number} for number in range(len(data))] if has_events else None
    parts = within(Payload(data, originals, "lane", len(data)), Batching(size, events))
    assert list(chain.from_iterable(part.data for part in parts)) == data
    assert all(part.count == len(part.data) <= events and part.lane == "lane" for part in parts)
    assert all(part.size <= size or part.count == 1 for part in parts)
    assert list(chain.from_iterable(part.events or [] for part in parts)) == (originals or [])
    assert all(part.events is None or len(part.events) == part.count for part in parts)


def test_bytes_cannot_be_divided() -> None:
    payload = Payload(b"one\ntwo\n", None, None, 2)
    assert within(payload, Batching(1, 1)) == [payload]


class Clock:
    """Time that goes on when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(lanes.time, "monotonic", lambda: self.now)


def unit(name: str, lane: str, count: int = 1) -> DeliveryUnit:
    return DeliveryUnit(Payload([name] * count, None, lane, count))


def names(taken: list[DeliveryUnit]) -> list[str]:
    return [one.payload.data[0] for one in taken]


def waiting(*units: DeliveryUnit, limits: Batching) -> Lanes:
    target = Target({})
    target.is_joined = True
    made = Lanes(target, limits, single=False)
    for one in units:
        made.add(one)
    return made


def test_an_event_waits_for_others_no_longer_than_its_age(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    found = waiting(unit("a1", "a"), limits=Batching(1000, 3, 5.0))
    assert found.due(ends=False) == 5.0
    clock.now += 3
    found.add(unit("a2", "a"))
    assert found.due(ends=False) == 2.0, "the age is that of the oldest"
    clock.now += 2
    assert found.due(ends=False) == 0
    assert names(found.take()) == ["a1", "a2"]
    assert found.due(ends=False) is None


def test_a_full_request_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch)
    by_events, by_bytes = Batching(1000, 3, 5.0), Batching(4, 1000, 5.0)
    assert waiting(unit("a", "a", 3), limits=by_events).due(ends=False) == 0
    assert waiting(unit("aa", "a"), unit("bb", "a"), limits=by_bytes).due(ends=False) == 0


def test_a_full_lane_does_not_wait_for_the_age_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    found = waiting(unit("old", "a"), unit("full", "b", 3), limits=Batching(1000, 3, 5.0))
    assert found.due(ends=False) == 0
    assert names(found.take()) == ["full"]
    clock.now += 1
    assert found.due(ends=False) == 4.0, "the other waits on"


def test_the_lane_whose_first_event_is_oldest_is_due_first(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    limits = Batching(1000, 100, 5.0)
    found = waiting(unit("a1", "a"), unit("b1", "b"), limits=limits)
    clock.now += 5
    first = found.take()
    found.add(unit("a2", "a"))
    clock.now += 1
    found.release(first[0])
    found.due(ends=False)
    assert names(found.take()) == ["b1"]


def test_a_stop_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch)
    assert waiting(unit("a", "a"), limits=Batching(1000, 100, 3600.0)).due(ends=True) == 0
    delivery = Delivery(joined=True, batch_age=3600.0)
    delivery.start().submit(0, [0])
    delivery.submit(1, [1])
    delivery.end()
    assert delivery.target.requests == [[0, 1]]


def test_the_oldest_is_what_came_first_whatever_its_lane() -> None:
    limits = Batching(1000, 1)
    found = waiting(unit("a1", "a"), unit("b1", "b"), unit("a2", "a"), limits=limits)
    assert names(found.take()) == ["a1"]
    assert [one.payload.data[0] for one in iter(found.take_oldest, None)] == ["b1", "a2"]
    assert (len(found), found.due(ends=False)) == (0, None)


def test_what_is_left_is_given_back_in_the_order_in_which_it_came() -> None:
    found = waiting(unit("a1", "a"), unit("b1", "b"), unit("a2", "a"), unit("c1", "c"), limits=Batching())
    assert names(found.take_all()) == ["a1", "b1", "a2", "c1"]


ROUND_TRIP = 0.020
UNDELAYED = 700.0  # batches a second
EVENTS = 170  # of an access log in a batch of 32 KiB


def test_a_round_trip_of_20_ms_keeps_up_with_default_options() -> None:
    """Each request costs 20 ms of a clock that only requests turn; meanwhile as many batches arrive as an output without delay takes.
    It is about delivery alone: the input's bound on unacknowledged batches is not in it.
    """
    delivery = Delivery(joined=True, buffer_size=1 << 40)
    arrived = threading.Semaphore(0)
    now, given, count = 0.0, 0, 700
    deliver = delivery.target.deliver

    def slow(payload: Payload) -> None:
        nonlocal now
        assert arrived.acquire(timeout=LONG)
        now += ROUND_TRIP
        deliver(payload)
        delivery.target.began.clear()
        turned.release()

    turned = threading.Semaphore(0)
    delivery.target.deliver = slow  # type: ignore[method-assign]
    delivery.start()
    while given < count:
        due = max(1, min(count, int((now + ROUND_TRIP) * UNDELAYED)) - given)
        for number in range(given, given + due):
            delivery.submit(number, range(number * EVENTS, (number + 1) * EVENTS))
        given += due
        arrived.release()
        assert turned.acquire(timeout=LONG)
    for _ in range(count):
        arrived.release()
    delivery.end()
    assert delivery.target.has == list(range(count * EVENTS)), "in order"
    assert now <= count / UNDELAYED / 0.8
    assert len(delivery.settled) == count
