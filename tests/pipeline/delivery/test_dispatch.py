"""Delivery: outputs do not wait for each other, full buffers do as they are told, a ticket ends when the last delivery does."""
from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.dsl.reference import Event
from penstock.pipeline.delivery.buffer import Buffered
from penstock.pipeline.delivery.dispatch import Direct, ways, write_to
from penstock.pipeline.delivery.sender import Ticket, Undelivered
from penstock.pipeline.observe.counters import OutputFigures, table
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


class Impatient(threading.Event):
    """An event for which nobody waits longer than a moment."""

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(0 if timeout is None else min(timeout, 0.001))


ONE, TWO = OSError("one"), OSError("two")


@given(ends=st.lists(st.sampled_from([None, ONE, TWO])))
def test_a_ticket_tells_once_how_its_batch_fared_and_the_first_error_where_there_is_one(ends: list[Exception | None]) -> None:
    told: list[Exception | None] = []
    with Ticket(told.append) as ticket:
        for _ in ends:
            ticket.add()
    for end in ends:
        ticket.finish(end)
    assert told == [next((end for end in ends if end is not None), None)]


def test_an_error_while_a_batch_is_worked_on_gives_it_back() -> None:
    told: list[Exception | None] = []

    def work() -> None:
        with Ticket(told.append) as ticket:
            ticket.add()
            ticket.finish()
            raise ONE

    with pytest.raises(OSError, match="one"):
        work()
    assert told == [ONE]


class Stopped:
    """Ways whose first output fails while the pipeline is told to stop, and how each batch was answered."""

    def __init__(self, count: int, *, error: Exception = ONE, **options: Any) -> None:
        self.outputs = [recorder(**options), *(recorder() for _ in range(count - 1))]
        self.stopping, self.told, self.answers = Impatient(), list[BaseException](), list[tuple[int, Exception | None]]()
        self.outputs[0].deliver = self.fail  # type: ignore[method-assign]
        self.error, self.ways = error, list(ways(self.outputs, self.stopping, self.told.append))
        for way in self.ways:
            way.start()

    def fail(self, packed: bytes) -> None:
        raise self.error

    def submit(self, number: int) -> None:
        with Ticket(lambda error: self.answers.append((number, error))) as ticket:
            for way in self.ways:
                way.submit(b"x", 1, ticket)

    def end(self) -> None:
        for way in self.ways:
            way.end()


@pytest.mark.parametrize("error", [OSError("away"), ValueError("never")])
def test_what_an_output_was_given_up_with_is_given_back_and_what_comes_after_too(error: Exception) -> None:
    pipeline = Stopped(2, error=error)
    for number in range(3):
        pipeline.submit(number)
    pipeline.stopping.set()
    pipeline.end()
    late: list[Exception | None] = []
    with Ticket(late.append) as ticket:
        pipeline.ways[0].submit(b"x", 1, ticket)
    assert isinstance(late[0], Undelivered)
    assert sorted(number for number, _ in pipeline.answers) == [0, 1, 2]
    assert all(str(error) in str(answer) for _, answer in pipeline.answers)
    assert all(isinstance(error, Undelivered) for error in pipeline.told)


@pytest.mark.parametrize("error", [OSError("away"), ValueError("never")])
def test_an_output_that_is_delivered_to_at_once_gives_back_too(error: Exception) -> None:
    pipeline = Stopped(1, error=error)
    pipeline.stopping.set()
    with pytest.raises(Undelivered, match=str(error)):
        pipeline.submit(0)
    ((_, answer),) = pipeline.answers
    assert isinstance(answer, Undelivered)


def test_who_waits_for_room_is_given_back_when_the_output_is_given_up() -> None:
    pipeline = Stopped(2, buffer_size=1)
    pipeline.submit(0)
    late = threading.Thread(target=pipeline.submit, args=(1,))
    late.start()
    pipeline.stopping.set()
    late.join(20)
    pipeline.end()
    assert sorted(number for number, _ in pipeline.answers) == [0, 1]
    assert all(isinstance(error, Undelivered) for _, error in pipeline.answers)


class Graveyard:
    """Dead letters that cannot be written a few times."""

    def __init__(self, failures: int) -> None:
        self.failures, self.buried = failures, list[Event]()

    def __call__(self, plugin: object, events: list[Event], reason: str) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("No space left on device")
        self.buried += events


@pytest.mark.parametrize("options", [{}, {"when_full": "drop_newest"}], ids=["at once", "through a buffer"])
def test_dead_letters_that_cannot_be_written_are_tried_again_and_the_batch_waits(options: dict[str, Any]) -> None:
    output, graves, done = recorder(**options), Graveyard(5), list[Exception | None]()
    output.context.bury = graves
    output.failures = [ValueError("never")]
    (way,) = ways([output], Impatient(), never)
    way.start()
    with Ticket(done.append) as ticket:
        write_to(way, lambda: ticket)([{"m": b"bad"}])
    way.end()
    assert (graves.buried, done) == ([{"m": b"bad"}], [None])
    assert way.figures().dead_lettered == 1


def test_dead_letters_that_cannot_be_written_until_the_pipeline_stops_give_the_batch_back() -> None:
    output, done, told = recorder(when_full="drop_newest"), list[Exception | None](), list[BaseException]()
    output.context.bury = Graveyard(10**9)
    output.failures = [ValueError("never")]
    stopping = Impatient()
    way = Buffered(output, stopping, told.append)
    way.start()
    with Ticket(done.append) as ticket:
        write_to(way, lambda: ticket)([{"m": b"bad"}])
    assert done == []
    stopping.set()
    way.end()
    (answer,) = done
    assert isinstance(answer, Undelivered)
    assert "No space left" in str(answer)
    assert told == [answer]
    assert way.figures().dead_lettered == 0


def test_a_full_buffer_whose_dead_letters_cannot_be_written_waits_for_them() -> None:
    output, graves = recorder(buffer_size=1, when_full="dead_letter"), Graveyard(3)
    output.context.bury = graves
    output.gate.clear()
    way = Buffered(output, Impatient(), never)
    way.start()
    for text in (b"first", b"second"):
        write_to(way, lambda: Ticket(None))([{"m": text}])
    assert graves.buried == [{"m": b"second"}]
    output.gate.set()
    way.end()


def test_figures_say_what_became_of_the_events() -> None:
    output = recorder(buffer_size=1, when_full="drop_newest", id="here")
    output.context.id = "here"
    output.context.bury = lambda plugin, events, reason: None
    output.failures = [OSError("away"), ValueError("never")]
    way = Buffered(output, Impatient(), never)
    write_to(way, lambda: Ticket(None))([{"m": b"refused"}] * 2)
    write_to(way, lambda: Ticket(None))([{"m": b"dropped"}] * 3)
    assert way.figures() == OutputFigures("here", 0, 3, 0, 0, 2, 0, "closed")
    way.start()
    way.end()
    assert way.figures() == OutputFigures("here", 0, 3, 2, 0, 0, 1, "closed")
    assert way.figures().left_out == "3 events were dropped, as when_full says, 2 events were sent to the dead letters"
    assert [line.split() for line in table([way.figures()])][1] == ["here", "0", "3", "2", "0", "0", "1", "closed"]


def test_an_output_is_flushed_when_nothing_waits_and_never_during_a_delivery() -> None:
    output, order = recorder(when_full="drop_newest"), list[str]()
    output.flush = lambda: order.append("flushed")  # type: ignore[method-assign]
    output.deliver = lambda packed: order.append("delivered")  # type: ignore[method-assign]
    way = Buffered(output, threading.Event(), never)
    submit(way, b"a", b"b")
    way.flush()
    way.start()
    way.end()
    assert order[:2] == ["delivered", "delivered"]
    assert set(order[2:]) == {"flushed"}


@pytest.mark.parametrize("ends", [True, False])
def test_a_broken_pipe_ends_the_run_for_an_output_that_is_a_pipe_and_is_tried_again_for_others(ends: bool) -> None:
    told, output = list[BaseException](), recorder(when_full="drop_newest")
    output.ends_with_its_reader = ends  # type: ignore[misc]
    output.failures = [BrokenPipeError()]
    way = Buffered(output, Impatient(), told.append)
    way.start()
    submit(way, b"x")
    way.end()
    assert (output.delivered, [type(error) for error in told]) == (([], [BrokenPipeError]) if ends else ([b"x"], []))
