"""Delivery: outputs do not wait for each other, full buffers do as they are told, a ticket ends when the last delivery does."""
from __future__ import annotations

import threading
from typing import Any

import pytest

from penstock.dsl.reference import Event
from penstock.pipeline.buffer import Buffered
from penstock.pipeline.delivery import Ticket, Undelivered
from penstock.pipeline.ways import Direct, ways, write_to
from penstock.plugins.contract import Output, Unfinished


class Recorder(Output, name="recorder"):
    """Keeps what is delivered; holds every delivery while ``gate`` is closed."""

    def prepare(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.delivered: list[Any] = []
        self.failures: list[Exception] = []

    def pack(self, events: list[Event]) -> bytes:
        return b",".join(event["m"] for event in events)

    def deliver(self, packed: bytes) -> None:
        self.gate.wait(10)
        if self.failures:
            raise self.failures.pop(0)
        self.delivered.append(packed)


def recorder(**options: Any) -> Recorder:
    made = Recorder(options)
    made.prepare()
    return made


def never(error: BaseException) -> None:
    raise AssertionError(error)


def buffered(output: Output) -> Buffered:
    way = Buffered(output, threading.Event(), never)
    way.start()
    return way


def submit(way: Buffered, *texts: bytes) -> None:
    for text in texts:
        way.submit(text, 1, Ticket(None))


def test_a_single_output_is_delivered_to_at_once_and_several_through_buffers() -> None:
    one, two = recorder(), recorder()
    assert [type(way) for way in ways([one], threading.Event(), never)] == [Direct]
    assert [type(way) for way in ways([one, two], threading.Event(), never)] == [Buffered, Buffered]
    assert [type(way) for way in ways([recorder(when_full="drop_newest")], threading.Event(), never)] == [Buffered]


def test_a_slow_output_does_not_hold_up_another() -> None:
    slow, quick = recorder(), recorder()
    slow.gate.clear()
    both = list(ways([slow, quick], threading.Event(), never))
    for way in both:
        way.start()
        write_to(way, lambda: Ticket(None))([{"m": b"a"}, {"m": b"b"}])
    both[1].end()
    assert (slow.delivered, quick.delivered) == ([], [b"a,b"])
    slow.gate.set()
    both[0].end()
    assert slow.delivered == [b"a,b"]


def test_a_full_buffer_blocks_until_there_is_room() -> None:
    output = recorder(buffer_size=10)
    output.gate.clear()
    way = buffered(output)
    submit(way, b"12345678")
    late = threading.Thread(target=submit, args=(way, b"abcdefgh"))
    late.start()
    late.join(0.1)
    assert late.is_alive()
    output.gate.set()
    late.join(10)
    way.end()
    assert output.delivered == [b"12345678", b"abcdefgh"]
    assert way.figures().dropped == 0


@pytest.mark.parametrize(("policy", "kept"), [("drop_newest", [b"1111", b"2222"]), ("drop_oldest", [b"1111", b"4444"])])
def test_a_full_buffer_drops_what_its_policy_says_and_counts_it(policy: str, kept: list[bytes]) -> None:
    output = recorder(buffer_size=9, when_full=policy)
    output.gate.clear()
    way = buffered(output)
    submit(way, b"1111", b"2222", b"3333", b"4444")
    output.gate.set()
    way.end()
    assert output.delivered == kept
    assert way.figures().dropped == 2


def test_what_is_larger_than_the_buffer_still_goes_through() -> None:
    output = recorder(buffer_size=3)
    way = buffered(output)
    submit(way, b"123456789", b"x")
    way.end()
    assert output.delivered == [b"123456789", b"x"]


def test_a_batch_is_done_when_all_outputs_have_it() -> None:
    done: list[Exception | None] = []
    slow, quick = recorder(), recorder()
    slow.gate.clear()
    both = [buffered(slow), buffered(quick)]
    ticket = Ticket(done.append)
    for way in both:
        way.submit(b"x", 1, ticket)
    ticket.finish()
    both[1].end()
    assert done == []
    slow.gate.set()
    both[0].end()
    assert done == [None]


def test_a_dropped_batch_is_done_too() -> None:
    done: list[Exception | None] = []
    output = recorder(buffer_size=1, when_full="drop_newest")
    output.gate.clear()
    way = buffered(output)
    submit(way, b"first")
    ticket = Ticket(done.append)
    way.submit(b"second", 1, ticket)
    ticket.finish()
    assert done == [None]
    output.gate.set()
    way.end()


def test_a_fault_that_no_retry_mends_is_told() -> None:
    told: list[BaseException] = []
    output = recorder()
    output.failures = [KeyError("x")]
    way = Buffered(output, threading.Event(), told.append)
    way.start()
    submit(way, b"x")
    way.end()
    (error,) = told
    assert isinstance(error, Undelivered)
    assert "KeyError" in str(error)


def test_what_an_output_will_never_take_goes_to_the_dead_letters() -> None:
    buried: list[tuple[list[Event], str]] = []
    done: list[Exception | None] = []
    output = recorder()
    output.context.bury = lambda plugin, events, reason: buried.append((events, reason))
    output.failures = [ValueError("no such index")]
    way = buffered(output)
    ticket = Ticket(done.append)
    write_to(way, lambda: ticket)([{"m": b"bad"}])
    write_to(way, lambda: Ticket(None))([{"m": b"good"}])
    ticket.finish()
    way.end()
    assert output.delivered == [b"good"]
    ((events, reason),) = buried
    assert events == [{"m": b"bad"}]
    assert "no such index" in reason
    assert done == [None]


def test_a_part_that_was_not_taken_is_tried_again_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    stopping = threading.Event()
    monkeypatch.setattr(stopping, "wait", lambda seconds: False)
    output = recorder()
    output.failures = [Unfinished("half of it", b"the rest")]
    way = Buffered(output, stopping, never)
    way.start()
    submit(way, b"half, the rest")
    way.end()
    assert output.delivered == [b"the rest"]


def test_a_full_buffer_may_send_to_the_dead_letters() -> None:
    buried: list[list[Event]] = []
    output = recorder(buffer_size=1, when_full="dead_letter")
    output.context.bury = lambda plugin, events, reason: buried.append(events)
    output.gate.clear()
    way = buffered(output)
    for text in (b"first", b"second"):
        write_to(way, lambda: Ticket(None))([{"m": text}])
    output.gate.set()
    way.end()
    assert (output.delivered, buried, way.figures().dropped) == ([b"first"], [[{"m": b"second"}]], 0)
