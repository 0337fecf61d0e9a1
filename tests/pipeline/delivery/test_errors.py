"""What an output raises, and what is done about it: retried, dead-lettered by index, waited for, or given back."""
from __future__ import annotations

import contextlib
import itertools
import logging

import pytest

from penstock.plugins.errors import Disconnected, Misconfigured, Rejected, Retry, Undelivered

from .targets import KINDS, Delivery, Promising

each_kind = pytest.mark.parametrize("kind", KINDS)


@each_kind
def test_only_the_items_that_are_to_be_retried_are_delivered_again(kind: str) -> None:
    delivery = Delivery(kind)
    delivery.target.answers = [Retry("busy", [1, 3]), Retry("busy", [1])]
    delivery.run([0, 1, 2, 3])
    assert delivery.target.requests == [[0, 1, 2, 3], [1, 3], [3]]
    assert delivery.target.has == [0, 2, 1, 3]
    assert (delivery.settled, delivery.dead) == ({0: None}, [])
    assert delivery.sink.stats().delivered == 4


@each_kind
def test_a_retry_without_indexes_delivers_all_again(kind: str) -> None:
    delivery = Delivery(kind)
    delivery.target.answers = [Retry("busy")] * 7
    delivery.run([0, 1])
    assert delivery.target.requests == [[0, 1]] * 8, "however often: it is not a fault of the output"
    assert (delivery.target.has, delivery.settled, delivery.dead) == ([0, 1], {0: None}, [])


@each_kind
def test_a_retry_of_no_items_is_a_delivery(kind: str) -> None:
    delivery = Delivery(kind)
    delivery.target.answers = [Retry("nothing left", [])]
    delivery.run([0, 1])
    assert (delivery.target.requests, delivery.settled) == ([[0, 1]], {0: None})
    assert delivery.sink.stats().delivered == 2


@each_kind
def test_only_the_rejected_items_are_dead_letters_each_with_its_reason(kind: str) -> None:
    delivery = Delivery(kind)
    delivery.target.answers = [Rejected({1: "too long", 2: "no such field", 4: "too long"})]
    delivery.run([0, 1, 2, 3, 4])
    assert delivery.target.requests == [[0, 1, 2, 3, 4]], "the others were delivered, once"
    assert sorted(delivery.dead) == [(1, "too long"), (2, "no such field"), (4, "too long")]
    stats = delivery.sink.stats()
    assert (stats.delivered, stats.dead_lettered, stats.rejected) == (2, 3, 0)
    assert delivery.settled == {0: None}
    assert delivery.dead_letter_writes == 1, "one write to the disk serves for all reasons"


@each_kind
def test_of_one_answer_some_items_are_rejected_and_some_retried(kind: str) -> None:
    delivery = Delivery(kind)
    delivery.target.answers = [Rejected({0: "bad"}, retry=[2, 3]), Rejected({1: "worse"}, retry=[0])]
    delivery.run([0, 1, 2, 3])
    assert delivery.target.requests == [[0, 1, 2, 3], [2, 3], [2]], "indexes count the items of the request"
    assert (delivery.target.has, delivery.dead) == ([1, 2], [(0, "bad"), (3, "worse")])
    assert delivery.settled == {0: None}


@each_kind
def test_one_reason_may_reject_all(kind: str) -> None:
    delivery = Delivery(kind)
    delivery.target.answers = [Rejected("no such index")]
    delivery.run([0, 1], [2])
    assert delivery.dead == [(0, "no such index"), (1, "no such index")]
    assert (delivery.target.has, delivery.settled) == ([2], {0: None, 1: None})


@each_kind
def test_rejected_items_without_dead_letters_are_counted_and_logged(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    delivery = Delivery(kind, dead_letters=False)
    delivery.target.answers = [Rejected({0: "too long"})]
    delivery.run([0, 1])
    assert (delivery.target.has, delivery.settled, delivery.sink.stats().rejected) == ([1], {0: None}, 1)
    assert "1 events rejected: too long; dropped, no dead letter queue" in caplog.text


@each_kind
@pytest.mark.parametrize(
    "error",
    [Retry("busy", [7]), Retry("busy", [-1]), Rejected({2: "bad"}), Rejected({-1: "bad"}), Rejected({0: "bad"}, retry=[0]), Rejected({0: "bad"}, retry=[9])],
    ids=["retry behind the end", "retry before the start", "rejected behind the end", "rejected before the start", "both at once", "both, one behind the end"],
)
def test_indexes_that_cannot_be_are_a_fault_of_the_output_and_lose_nothing(kind: str, error: Exception) -> None:
    delivery = Delivery(kind, attempts=2)
    delivery.target.answers = [error, error]
    delivery.run([0, 1], [2])
    assert [number for number, _ in delivery.dead] == [0, 1]
    assert "cannot be" in delivery.dead[0][1]
    assert delivery.settled == {0: None, 1: None}
    assert 2 in delivery.target.has


@pytest.mark.parametrize("kind", ["buffered", "pipelined"])
def test_indexes_count_over_all_that_were_joined(kind: str) -> None:
    delivery = Delivery(kind, joined=True)
    delivery.target.gate.clear()
    delivery.target.answers = [None, Rejected({1: "bad", 3: "bad"}, retry=[2])]
    delivery.start().submit(0, [0])
    assert delivery.target.began.wait(90)
    for batch, numbers in enumerate([[1, 2], [3, 4], [5]], 1):
        delivery.submit(batch, numbers)
    delivery.target.gate.set()
    delivery.end()
    assert delivery.target.requests == [[0], [1, 2, 3, 4, 5], [3]]
    assert delivery.dead == [(2, "bad"), (4, "bad")]
    assert delivery.settled == dict.fromkeys(range(4))


@each_kind
@pytest.mark.parametrize("error", [Disconnected("reset by peer"), ConnectionResetError("reset by peer")], ids=["disconnected", "oserror"])
def test_a_lost_connection_is_made_again_and_all_delivered_again(kind: str, error: Exception) -> None:
    delivery = Delivery(kind)
    delivery.target.answers = [None, error]
    delivery.run([0], [1, 2])
    assert (delivery.target.has, delivery.settled, delivery.dead) == ([0, 1, 2], {0: None, 1: None}, [])
    assert delivery.target.connections == 2


def test_a_connection_that_breaks_is_waited_for_once_however_much_was_under_way() -> None:
    delivery = Delivery("pipelined", max_in_flight=5)
    assert isinstance(delivery.target, Promising)
    delivery.target.hold = True
    delivery.target.answers = [Disconnected("away")] * 5
    delivery.start()
    for number in range(5):
        delivery.submit(number, [number])
    delivery.target.wait_for(5)
    delivery.target.hold = False
    for _ in range(5):
        delivery.target.answer(0)
    delivery.end()
    assert (delivery.target.has, delivery.target.connections) == ([0, 1, 2, 3, 4], 2)
    assert len(delivery.stopping.asked) == 1


@pytest.mark.parametrize(
    "error", [Disconnected("away"), ConnectionResetError("away"), Retry("busy")], ids=repr
)
def test_requests_that_were_under_way_together_fail_as_one(error: Exception) -> None:
    """Threads of their own deliver them, and each hears of the failure by itself."""
    delivery = Delivery("buffered", max_in_flight=5)
    delivery.target.gate.clear()
    delivery.target.first_answer = error
    delivery.start()
    for number in range(5):
        delivery.submit(number, [number])
    delivery.target.wait_for_requests(5)
    delivery.target.gate.set()
    delivery.end()
    assert sorted(delivery.target.has) == [0, 1, 2, 3, 4]
    assert delivery.sink.stats().failures == 1
    assert max(delivery.stopping.asked) < 1.5


@each_kind
def test_a_target_that_is_away_at_the_start_is_waited_for(kind: str) -> None:
    delivery = Delivery(kind)
    delivery.target.refusals = [Disconnected("refused")] * 9
    delivery.run([0])
    assert (delivery.target.has, delivery.target.connections) == ([0], 1)
    assert len(delivery.stopping.asked) >= 9


def test_tries_to_connect_come_ever_less_often() -> None:
    delivery = Delivery("direct")
    delivery.target.refusals = [Disconnected("refused")] * 9
    delivery.run([0])
    waits = delivery.stopping.asked
    assert waits[0] < 1.5
    assert all(later > earlier for earlier, later in itertools.pairwise(waits[:5]))
    assert max(waits) <= 36


@each_kind
@pytest.mark.parametrize(
    "error",
    [Retry("429", after=7.5), Retry("429", [0], after=7.5), Rejected({1: "bad"}, retry=[0], after=7.5), Disconnected("503", after=7.5)],
    ids=["retry", "retry of some", "rejected and retry", "disconnected"],
)
def test_the_other_side_may_say_how_long_to_wait(kind: str, error: Exception) -> None:
    delivery = Delivery(kind)
    delivery.target.answers = [error]
    delivery.run([0, 1])
    assert delivery.stopping.asked == [7.5]


@each_kind
def test_a_connect_may_say_how_long_to_wait(kind: str) -> None:
    delivery = Delivery(kind)
    delivery.target.refusals = [Disconnected("maintenance", after=12.0)]
    delivery.run([0])
    assert delivery.stopping.asked == [12.0]


@each_kind
@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_an_unknown_error_is_tried_so_many_times_and_then_dead_lettered(kind: str, attempts: int, caplog: pytest.LogCaptureFixture) -> None:
    delivery = Delivery(kind, attempts=attempts)
    delivery.target.answers = [KeyError("color")] * attempts
    with caplog.at_level(logging.ERROR):
        delivery.run([0, 1], [2])
    assert delivery.target.requests == [*[[0, 1]] * attempts, [2]]
    assert delivery.dead == [(0, "KeyError: 'color'"), (1, "KeyError: 'color'")]
    assert (delivery.target.has, delivery.settled) == ([2], {0: None, 1: None})
    assert any(record.exc_info for record in caplog.records), "the log has the traceback"


@each_kind
def test_an_unknown_error_that_passes_costs_nothing(kind: str) -> None:
    delivery = Delivery(kind)
    delivery.target.answers = [KeyError("color")] * 4
    delivery.run([0, 1])
    assert (delivery.target.has, delivery.dead, delivery.settled) == ([0, 1], [], {0: None})


def test_attempts_are_five_by_default() -> None:
    assert Delivery().target.attempts == 5


@each_kind
def test_without_dead_letters_an_unknown_error_gives_the_batch_back_and_ends_the_delivery(kind: str) -> None:
    delivery = Delivery(kind, dead_letters=False)
    delivery.target.answers = [KeyError("color")] * 5
    if kind == "direct":
        with pytest.raises(Undelivered, match="failed 5 times: KeyError"):
            delivery.run([0, 1])
    else:
        delivery.run([0, 1])
        (error,) = delivery.failed
        assert isinstance(error, Undelivered)
    assert "failed 5 times: KeyError" in str(delivery.settled[0])
    assert delivery.target.requests == [[0, 1]] * 5
    assert delivery.target.has == []


@each_kind
def test_an_option_that_is_refused_at_the_first_connect_ends_the_run(kind: str) -> None:
    delivery = Delivery(kind)
    delivery.target.refusals = [Misconfigured("password", "is wrong")]
    if kind == "direct":
        with pytest.raises(Misconfigured) as caught:
            delivery.start()
        error: BaseException = caught.value
    else:
        delivery.run([0])
        (error,) = delivery.failed
        assert isinstance(delivery.settled[0], Misconfigured)
    assert isinstance(error, Misconfigured)
    assert (error.plugin, error.option) == (delivery.target, "password")


@each_kind
def test_an_option_that_is_refused_by_the_first_delivery_ends_the_run_too(kind: str) -> None:
    delivery = Delivery(kind)
    delivery.target.answers = [Misconfigured("topic", "does not exist")]
    if kind == "direct":
        with pytest.raises(Misconfigured):
            delivery.run([0])
    else:
        delivery.run([0])
        assert [type(error) for error in delivery.failed] == [Misconfigured]
    assert isinstance(delivery.settled[0], Misconfigured)


@each_kind
@pytest.mark.parametrize("worked", [None, Retry("busy", [1]), Rejected({0: "bad"})], ids=["delivered", "in part", "rejected"])
def test_once_it_has_worked_a_refused_option_is_an_outage(kind: str, worked: Exception | None) -> None:
    delivery = Delivery(kind)
    delivery.target.answers = [worked, Misconfigured("password", "was changed")]
    delivery.run([0, 1], [2])
    assert (delivery.failed, delivery.settled) == ([], {0: None, 1: None})
    assert 2 in delivery.target.has
    assert delivery.target.connections == 2, "it connects again"


@each_kind
def test_a_pipeline_that_stops_while_a_target_is_away_gives_back_what_waits(kind: str) -> None:
    delivery = Delivery(kind)
    delivery.target.answers = [Disconnected("away")] * 1000
    delivery.start()
    delivery.stopping.set()
    if kind == "direct":
        with pytest.raises(Undelivered, match="away"):
            delivery.submit(0, [0])
    else:
        delivery.submit(0, [0])
    delivery.end()
    assert isinstance(delivery.settled[0], Undelivered)
    assert (delivery.target.has, delivery.dead) == ([], [])


@each_kind
def test_an_event_that_cannot_be_packed_is_a_dead_letter_and_its_neighbours_are_delivered(kind: str) -> None:
    delivery = Delivery(kind)
    delivery.target.unpackable = {1, 3}
    delivery.run([0, 1, 2, 3, 4])
    assert sorted(delivery.target.has) == [0, 2, 4]
    assert delivery.dead == [(1, "ValueError: no form for 1"), (3, "ValueError: no form for 3")]
    assert delivery.settled == {0: None}


@each_kind
@pytest.mark.parametrize(("failures", "has"), [(1, [0]), (2, [])], ids=["back since a while", "still away"])
def test_a_stop_while_the_next_try_is_waited_for_makes_that_the_last_one(
    kind: str, failures: int, has: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = Delivery(kind)

    def told_to_stop(timeout: float | None = None) -> bool:
        delivery.stopping.set()
        return True

    monkeypatch.setattr(delivery.stopping, "wait", told_to_stop)
    delivery.target.answers = [Disconnected("away", after=90)] * failures
    delivery.start()
    with contextlib.suppress(Undelivered):
        delivery.submit(0, [0])
        delivery.end()
    assert delivery.target.requests == [[0], [0]]
    assert delivery.target.has == has
