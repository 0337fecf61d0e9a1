"""A target that hangs: what waits stays within its bound, whatever the policy, and what a stop can do about it."""
from __future__ import annotations

import threading
from pathlib import Path

import pytest

from penstock.dsl.settings import settled
from penstock.plugins.batch import Payload

from .targets import LONG, Delivery, Promising, Target

EVENT = 1000  # the size that one event of a list counts for
HELD = 10


def until_under_way(target: Target) -> None:
    if isinstance(target, Promising) and target.hold:
        target.wait_for(1)
    else:
        assert target.began.wait(LONG)


class Filling:
    """Hands over more than the buffer holds while the target hangs, and notes how much waited behind each batch."""

    def __init__(self, delivery: Delivery, count: int = 60) -> None:
        self.delivery, self.count, self.waited = delivery, count, list[int]()
        self._more = threading.Condition()
        self.thread = threading.Thread(target=self._fill, daemon=True)
        self.thread.start()

    def _fill(self) -> None:
        for number in range(self.count):
            self.delivery.submit(number, [number])
            if number == 0:
                until_under_way(self.delivery.target)
            with self._more:
                self.waited.append(self.delivery.sink.stats().waiting)
                self._more.notify_all()

    def wait_for(self, count: int) -> None:
        with self._more:
            assert self._more.wait_for(lambda: len(self.waited) >= count, LONG)


def hanging(kind: str, **options: object) -> Delivery:
    delivery = Delivery(kind, buffer_size=HELD * EVENT, **options)
    delivery.target.gate.clear()
    if isinstance(delivery.target, Promising):
        delivery.target.hold = True
    return delivery.start()


def let_go(delivery: Delivery) -> None:
    delivery.target.gate.set()
    if isinstance(delivery.target, Promising):
        with delivery.target.arrived:
            delivery.target.hold = False
        while delivery.target.held:
            delivery.target.answer(0)


@pytest.mark.parametrize("kind", ["buffered", "pipelined"])
@pytest.mark.parametrize("in_flight", [1, 4])
def test_with_block_no_more_waits_than_the_buffer_holds_and_all_arrives(kind: str, in_flight: int) -> None:
    delivery = hanging(kind, max_in_flight=in_flight)
    filling = Filling(delivery)
    filling.wait_for(HELD)
    let_go(delivery)
    filling.thread.join(LONG)
    delivery.end()
    assert max(filling.waited) <= HELD
    assert sorted(delivery.target.has) == list(range(60))
    assert delivery.settled == dict.fromkeys(range(60))


@pytest.mark.parametrize("kind", ["buffered", "pipelined"])
@pytest.mark.parametrize("policy", ["drop_newest", "drop_oldest", "dead_letter"])
def test_a_policy_that_leaves_out_waits_for_nothing_and_holds_no_more(kind: str, policy: str) -> None:
    delivery = hanging(kind, when_full=policy)
    filling = Filling(delivery)
    filling.wait_for(60)
    stats = delivery.sink.stats()
    assert max(filling.waited) <= HELD
    assert stats.dropped + stats.dead_lettered + stats.waiting == 60
    assert len(delivery.settled) == 60 - stats.waiting, "what was left out is acknowledged, what waits is not"
    let_go(delivery)
    delivery.end()
    assert delivery.settled == dict.fromkeys(range(60))
    expected = range(HELD) if policy != "drop_oldest" else [0, *range(60 - HELD + 1, 60)]
    assert delivery.target.has == list(expected)


def spilling(directory: Path, **options: object) -> Delivery:
    target = Target({"when_full": "spill", "id": "slow", "buffer_size": HELD * EVENT, **options})
    target.context.settings = settled({"path.data": str(directory)})
    target.id = "slow"
    return Delivery.of(target)


def test_with_spill_memory_holds_the_buffer_and_the_disk_the_rest(tmp_path: Path) -> None:
    delivery = spilling(tmp_path)
    delivery.target.gate.clear()
    filling = Filling(delivery.start())
    filling.wait_for(60)
    stats = delivery.sink.stats()
    assert stats.spilled >= 60 - HELD
    delivery.target.gate.set()
    delivery.end()
    delivery.sink.close()
    assert delivery.target.has == list(range(60))


@pytest.mark.parametrize("count", [1, 3, 60], ids=["only what hangs", "what fits", "more than fits"])
def test_a_stop_with_spill_does_not_wait_for_a_target_that_hangs_and_loses_nothing(tmp_path: Path, count: int) -> None:
    """Nobody lets the target go: the stop returns because it need not come back."""
    delivery = spilling(tmp_path)
    delivery.target.gate.clear()
    filling = Filling(delivery.start(), count)
    filling.wait_for(count)
    assert delivery.target.began.wait(LONG)
    delivery.stopping.set()
    delivery.end()
    delivery.sink.close()
    assert delivery.settled == dict.fromkeys(range(count)), "it is on the disk"
    again = spilling(tmp_path)
    again.start().end()
    again.sink.close()
    assert again.target.has == list(range(count))
    delivery.target.gate.set()


def test_a_stop_without_spill_waits_for_a_target_that_hangs_and_acknowledges_nothing_before() -> None:
    delivery = hanging("buffered")
    delivery.submit(0, [0])
    assert delivery.target.began.wait(LONG)
    delivery.stopping.set()
    ending = threading.Thread(target=delivery.end)
    ending.start()
    assert delivery.settled == {}
    let_go(delivery)
    ending.join(LONG)
    assert delivery.settled == {0: None}


class Tended(Target, name="tended"):
    """Counts how often it is tended, and whether a delivery was under way then."""

    def prepare(self) -> None:
        super().prepare()
        self.tended, self.busy, self.at_once = threading.Event(), False, False

    def deliver(self, payload: Payload) -> None:
        self.busy = True
        super().deliver(payload)
        self.busy = False

    def tend(self, timeout: float) -> None:
        self.at_once |= self.busy
        self.tended.set()


def test_an_output_is_tended_while_nothing_is_delivered_and_never_during_a_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penstock.pipeline.delivery.buffer._TEND_EVERY", 0.001)
    target = Tended({})
    delivery = Delivery.of(target).start()
    assert target.tended.wait(LONG)
    for number in range(50):
        delivery.submit(number, [number])
    target.tended.clear()
    assert target.tended.wait(LONG)
    delivery.end()
    assert not target.at_once
    assert delivery.settled == dict.fromkeys(range(50))
