"""Order and overlap: one request at a time in a lane, lanes side by side, no order without a lane; futures of clients that keep order."""
from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any

import pytest

from penstock.plugins.batch import Payload
from penstock.plugins.errors import Disconnected, Rejected, Retry, Undelivered

from .targets import KINDS, LONG, Delivery, Promising


class Meeting:
    """Holds the requests of a target until so many of them are under way at once."""

    def __init__(self, delivery: Delivery, parties: int) -> None:
        self.barrier = threading.Barrier(parties)
        self.under_way: dict[Any, int] = {}
        self.overlapped = set[Any]()
        self._lock, self._deliver = threading.Lock(), delivery.target.deliver
        delivery.target.deliver = self.deliver  # type: ignore[method-assign]

    def deliver(self, payload: Payload) -> None:
        with self._lock:
            self.under_way[payload.lane] = self.under_way.get(payload.lane, 0) + 1
            if self.under_way[payload.lane] > 1:
                self.overlapped.add(payload.lane)
        self.barrier.wait(LONG)
        with self._lock:
            self._deliver(payload)
            self.under_way[payload.lane] -= 1


def test_requests_without_a_lane_overlap_up_to_max_in_flight() -> None:
    """Eight round trips pass in the time of one: a barrier lets them through by eight only."""
    delivery = Delivery(max_in_flight=8)
    meeting = Meeting(delivery, 8)
    delivery.start()
    for number in range(80):
        delivery.submit(number, [number])
    delivery.end()
    assert sorted(delivery.target.has) == list(range(80))
    assert meeting.overlapped == {None}
    assert delivery.settled == dict.fromkeys(range(80))


def test_lanes_overlap_and_each_keeps_its_order() -> None:
    delivery = Delivery(max_in_flight=4)
    meeting = Meeting(delivery, 4)
    delivery.start()
    for number in range(40):
        delivery.submit(number, [number], lane=lambda number: number % 4)
    delivery.end()
    assert meeting.overlapped == set()
    for lane in range(4):
        assert [number for number in delivery.target.has if number % 4 == lane] == list(range(lane, 40, 4))


def test_more_threads_than_lanes_deliver_no_lane_twice_at_once() -> None:
    delivery = Delivery(max_in_flight=8)
    meeting = Meeting(delivery, 2)
    delivery.start()
    for number in range(40):
        delivery.submit(number, [number], lane=lambda number: number % 2)
    delivery.end()
    assert meeting.overlapped == set()
    assert [number for number in delivery.target.has if number % 2] == list(range(1, 40, 2))


@pytest.mark.parametrize(
    "error",
    [Retry("busy"), Retry("busy", [1]), Disconnected("away"), KeyError("fault"), Rejected({0: "bad"}, retry=[1])],
    ids=["retry", "retry of some", "outage", "fault", "rejected in part"],
)
def test_a_lane_waits_for_its_request_that_failed_and_others_do_not(error: Exception) -> None:
    delivery = Delivery(max_in_flight=2)
    other_is_through, deliver = threading.Event(), delivery.target.deliver
    lock, failed = threading.Lock(), list[int]()

    def fails_once(payload: Payload) -> None:
        if payload.lane == "bad":
            if failed:
                assert other_is_through.wait(LONG), "the other lane is held up"
            else:
                failed.append(1)
                delivery.target.answers = [error]
        with lock:
            deliver(payload)
        if payload.lane == "good" and payload.data[-1]["n"] == 9:
            other_is_through.set()

    delivery.target.deliver = fails_once  # type: ignore[method-assign]
    delivery.submit(0, [100, 101], lane=lambda number: "bad")
    delivery.submit(1, [102], lane=lambda number: "bad")
    delivery.start()
    for number in range(10):
        while not failed and not delivery.failed:
            delivery.target.began.wait(LONG)
        delivery.submit(2 + number, [number], lane=lambda number: "good")
    delivery.end()
    assert [number for number in delivery.target.has if number < 100] == list(range(10))
    assert delivery.target.has[-1] == 102
    assert delivery.settled == dict.fromkeys(range(12))


def test_only_payloads_of_one_lane_are_joined() -> None:
    delivery = Delivery(joined=True)
    for number in range(12):
        delivery.submit(number, [number], lane=lambda number: number % 3)
    delivery.start()
    delivery.end()
    assert delivery.target.requests == [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]


def test_a_connection_that_breaks_under_several_requests_is_made_again_once() -> None:
    delivery = Delivery(max_in_flight=4)
    together, deliver, first = threading.Barrier(4), delivery.target.deliver, threading.local()

    def break_together(payload: Payload) -> None:
        if not getattr(first, "over", False):
            first.over = True
            together.wait(LONG)
            raise Disconnected("reset")
        deliver(payload)

    delivery.target.deliver = break_together  # type: ignore[method-assign]
    for number in range(4):
        delivery.submit(number, [number])
    delivery.start()
    delivery.end()
    assert sorted(delivery.target.has) == [0, 1, 2, 3]
    assert delivery.target.connections == 2
    assert delivery.settled == dict.fromkeys(range(4))


def promising(**options: Any) -> tuple[Delivery, Promising]:
    """A client that keeps order by itself, and holds its answers back."""
    delivery = Delivery("pipelined", **options)
    target = delivery.target
    assert isinstance(target, Promising)
    target.hold = True
    delivery.start()
    return delivery, target


def test_a_client_that_keeps_order_has_max_in_flight_requests_under_way() -> None:
    delivery, target = promising(max_in_flight=3)
    for number in range(5):
        delivery.submit(number, [number])
    target.wait_for(3)
    target.answer(0)
    target.wait_for(3)
    assert len(target.held) == 3
    assert delivery.settled == {0: None}
    target.hold = False
    for _ in range(3):
        target.answer(0)
    delivery.end()
    assert (target.has, delivery.settled) == ([0, 1, 2, 3, 4], dict.fromkeys(range(5)))


def test_answers_may_come_in_any_order_and_acknowledge_each_its_own() -> None:
    delivery, target = promising(max_in_flight=3)
    for number in range(3):
        delivery.submit(number, [number])
    target.wait_for(3)
    target.answer(2)
    assert delivery.settled == {2: None}
    target.answer(0)
    target.answer(0)
    delivery.end()
    assert delivery.settled == dict.fromkeys(range(3))


def test_after_a_failure_nothing_is_begun_until_the_failed_ones_are_through_in_order() -> None:
    delivery, target = promising(max_in_flight=3)
    for number in range(6):
        delivery.submit(number, [number])
    target.wait_for(3)
    target.answers = [Retry("busy"), Retry("busy"), None]
    target.answer(1)  # the second fails first
    target.answer(0)  # then the first
    assert target.requests == [[1], [0]]
    assert len(target.held) == 1, "nothing is begun while others are under way"
    target.answer(0)
    for expected in ([0], [1], [3]):
        target.wait_for(1)
        if expected == [0]:
            assert len(target.held) == 1, "the failed ones one after the other"
        target.answer(0)
        assert target.requests[-1] == expected
    target.hold = False
    while target.held:
        target.answer(0)
    release(delivery, target)
    assert target.has[:3] == [2, 0, 1]
    assert sorted(target.has) == list(range(6))
    assert delivery.settled == dict.fromkeys(range(6))


def release(delivery: Delivery, target: Promising) -> None:
    """End; what was begun before ``hold`` was let go of is answered meanwhile."""
    ending = threading.Thread(target=delivery.end)
    ending.start()
    while ending.is_alive():
        with target.arrived:
            held, target.held = target.held, []
        for end in held:
            end()
        ending.join(0.01)


def test_a_failed_request_that_fails_again_stays_the_first() -> None:
    delivery, target = promising(max_in_flight=2)
    delivery.submit(0, [0])
    delivery.submit(1, [1])
    target.wait_for(2)
    target.answers = [Disconnected("away")] * 4
    for _ in range(4):
        target.wait_for(1)
        target.answer(0)
    target.hold = False
    release(delivery, target)
    assert target.requests[:2] == [[0], [1]]
    assert target.has == [0, 1]
    assert delivery.settled == dict.fromkeys(range(2))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("by", ["cancelled", "interrupted"])
def test_a_future_that_was_cancelled_is_an_outage(kind: str, by: str) -> None:
    delivery = Delivery(kind)
    deliver, ended = delivery.target.deliver, list[Future[None]]()

    def ends_badly_once(payload: Payload) -> Future[None] | None:
        if ended:
            return deliver(payload)
        ended.append(Future())
        if by == "cancelled":
            ended[0].cancel()
        else:
            ended[0].set_exception(SystemExit(1))
        return ended[0]

    delivery.target.deliver = ends_badly_once  # type: ignore[method-assign]
    delivery.run([0], [1])
    assert (delivery.settled, delivery.failed, delivery.dead) == (dict.fromkeys(range(2)), [], [])
    assert (delivery.target.has, delivery.target.connections) == ([0, 1], 2)


def test_a_stop_while_a_pipelined_target_is_away_gives_back_all_that_waits() -> None:
    delivery, target = promising(max_in_flight=2)
    for number in range(4):
        delivery.submit(number, [number])
    target.wait_for(2)
    delivery.stopping.set()
    target.answers = [Disconnected("away")] * 2
    target.answer(0)
    target.answer(0)
    delivery.end()
    assert all(isinstance(delivery.settled[number], Undelivered) for number in range(4))
    assert target.has == []
