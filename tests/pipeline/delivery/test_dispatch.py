"""Delivery: outputs do not wait for each other, full buffers follow their policy, a batch is acknowledged once, after its last delivery."""
from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.dsl.reference import Event
from penstock.pipeline.delivery.buffer import BufferedSink
from penstock.pipeline.delivery.dispatch import DirectSink, sinks_of, submitting
from penstock.pipeline.delivery.pending import PendingAck
from penstock.pipeline.observe.counters import OutputStats, table
from penstock.plugins.batch import Payload
from penstock.plugins.errors import Undelivered
from penstock.plugins.output import Batching, Output


class Recorder(Output, name="recorder"):
    """Keeps what is delivered, batch by batch; holds every delivery while ``gate`` is closed."""

    batching = Batching(events=1)
    immediate = True

    def prepare(self) -> None:
        self.gate, self.began = threading.Event(), threading.Event()
        self.gate.set()
        self.delivered: list[Any] = []
        self.failures: list[Exception] = []

    def pack(self, events: list[Event]) -> list[Payload]:
        return [Payload(b",".join(event["m"] for event in events), events)]

    def deliver(self, payload: Payload) -> None:
        self.began.set()
        self.gate.wait(60)
        if self.failures:
            raise self.failures.pop(0)
        self.delivered.append(payload.data)


def recorder(**options: Any) -> Recorder:
    made = Recorder({"attempts": 1, **options})
    made.prepare()
    return made


def never(error: BaseException) -> None:
    raise AssertionError(error)


def buffered(output: Output) -> BufferedSink:
    sink = BufferedSink(output, threading.Event(), never)
    sink.start()
    return sink


def submit(sink: BufferedSink, *texts: bytes) -> None:
    for text in texts:
        sink.submit(Payload(text, count=1), PendingAck(None))


def test_a_single_output_is_delivered_to_at_once_and_several_through_buffers() -> None:
    one, two = recorder(), recorder()
    assert [type(sink) for sink in sinks_of([one], threading.Event(), never)] == [DirectSink]
    assert [type(sink) for sink in sinks_of([one, two], threading.Event(), never)] == [BufferedSink, BufferedSink]
    assert [type(sink) for sink in sinks_of([recorder(when_full="drop_newest")], threading.Event(), never)] == [BufferedSink]


def test_a_slow_output_does_not_hold_up_another() -> None:
    slow, quick = recorder(), recorder()
    slow.gate.clear()
    both = list(sinks_of([slow, quick], threading.Event(), never))
    for sink in both:
        sink.start()
        submitting(sink, lambda: PendingAck(None))([{"m": b"a"}, {"m": b"b"}])
    both[1].end()
    assert (slow.delivered, quick.delivered) == ([], [b"a,b"])
    slow.gate.set()
    both[0].end()
    assert slow.delivered == [b"a,b"]


def test_a_full_buffer_blocks_until_there_is_room() -> None:
    output = recorder(buffer_size=10)
    output.gate.clear()
    sink = buffered(output)
    submit(sink, b"12345678")
    late = threading.Thread(target=submit, args=(sink, b"abcdefgh"))
    late.start()
    late.join(0.1)
    assert late.is_alive()
    output.gate.set()
    late.join(60)
    sink.end()
    assert output.delivered == [b"12345678", b"abcdefgh"]
    assert sink.stats().dropped == 0


@pytest.mark.parametrize(("policy", "kept"), [("drop_newest", [b"1111", b"2222"]), ("drop_oldest", [b"1111", b"4444"])])
def test_a_full_buffer_drops_what_its_policy_says_and_counts_it(policy: str, kept: list[bytes]) -> None:
    output = recorder(buffer_size=9, when_full=policy)
    output.gate.clear()
    sink = buffered(output)
    submit(sink, b"1111")
    output.began.wait(60)
    submit(sink, b"2222", b"3333", b"4444")
    output.gate.set()
    sink.end()
    assert output.delivered == kept
    assert sink.stats().dropped == 2


def test_what_is_larger_than_the_buffer_still_goes_through() -> None:
    output = recorder(buffer_size=3)
    sink = buffered(output)
    submit(sink, b"123456789", b"x")
    sink.end()
    assert output.delivered == [b"123456789", b"x"]


def test_a_batch_is_done_when_all_outputs_have_it() -> None:
    done: list[Exception | None] = []
    slow, quick = recorder(), recorder()
    slow.gate.clear()
    both = [buffered(slow), buffered(quick)]
    pending = PendingAck(done.append)
    for sink in both:
        sink.submit(Payload(b"x", count=1), pending)
    pending.finish()
    both[1].end()
    assert done == []
    slow.gate.set()
    both[0].end()
    assert done == [None]


def test_a_dropped_batch_is_done_too() -> None:
    done: list[Exception | None] = []
    output = recorder(buffer_size=1, when_full="drop_newest")
    output.gate.clear()
    sink = buffered(output)
    submit(sink, b"first")
    pending = PendingAck(done.append)
    sink.submit(Payload(b"second", count=1), pending)
    pending.finish()
    assert done == [None]
    output.gate.set()
    sink.end()


def test_an_unknown_error_without_dead_letters_ends_the_delivery() -> None:
    heard: list[BaseException] = []
    output = recorder()
    output.failures = [KeyError("x")]
    sink = BufferedSink(output, threading.Event(), heard.append)
    sink.start()
    submit(sink, b"x")
    sink.end()
    (error,) = heard
    assert isinstance(error, Undelivered)
    assert "KeyError" in str(error)


def test_events_of_an_unknown_error_go_to_the_dead_letters_after_the_last_attempt() -> None:
    dead: list[tuple[list[Event], str]] = []
    done: list[Exception | None] = []
    output = recorder()
    output.context.dead_letter = lambda events, reason: dead.append((events, reason))
    output.failures = [ValueError("no such index")]
    sink = buffered(output)
    pending = PendingAck(done.append)
    submitting(sink, lambda: pending)([{"m": b"bad"}])
    submitting(sink, lambda: PendingAck(None))([{"m": b"good"}])
    pending.finish()
    sink.end()
    assert output.delivered == [b"good"]
    ((events, reason),) = dead
    assert events == [{"m": b"bad"}]
    assert "no such index" in reason
    assert done == [None]


def test_a_full_buffer_may_send_to_the_dead_letters() -> None:
    dead: list[list[Event]] = []
    output = recorder(buffer_size=1, when_full="dead_letter")
    output.context.dead_letter = lambda events, reason: dead.append(events)
    output.gate.clear()
    sink = buffered(output)
    for text in (b"first", b"second"):
        submitting(sink, lambda: PendingAck(None))([{"m": text}])
    output.gate.set()
    sink.end()
    assert (output.delivered, dead, sink.stats().dropped) == ([b"first"], [[{"m": b"second"}]], 0)


class Impatient(threading.Event):
    """An event for which nobody waits longer than a moment."""

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(0 if timeout is None else min(timeout, 0.001))


ONE, TWO = OSError("one"), OSError("two")


@given(ends=st.lists(st.sampled_from([None, ONE, TWO])))
def test_a_batch_is_answered_once_with_its_first_error(ends: list[Exception | None]) -> None:
    heard: list[Exception | None] = []
    with PendingAck(heard.append) as pending:
        for _ in ends:
            pending.add()
    for end in ends:
        pending.finish(end)
    assert heard == [next((end for end in ends if end is not None), None)]


def test_an_error_while_a_batch_is_worked_on_gives_it_back() -> None:
    heard: list[Exception | None] = []

    def work() -> None:
        with PendingAck(heard.append) as pending:
            pending.add()
            pending.finish()
            raise ONE

    with pytest.raises(OSError, match="one"):
        work()
    assert heard == [ONE]


class Stopped:
    """Ways whose first output fails while the pipeline is heard to stop, and how each batch was answered."""

    def __init__(self, count: int, *, error: Exception = ONE, **options: Any) -> None:
        self.outputs = [recorder(**options), *(recorder() for _ in range(count - 1))]
        self.stopping, self.heard, self.answers = Impatient(), list[BaseException](), list[tuple[int, Exception | None]]()
        self.outputs[0].deliver = self.fail  # type: ignore[method-assign]
        self.error, self.sinks = error, list(sinks_of(self.outputs, self.stopping, self.heard.append))
        for sink in self.sinks:
            sink.start()

    def fail(self, payload: Payload) -> None:
        raise self.error

    def submit(self, number: int) -> None:
        with PendingAck(lambda error: self.answers.append((number, error))) as pending:
            for sink in self.sinks:
                sink.submit(Payload(b"x", count=1), pending)

    def end(self) -> None:
        for sink in self.sinks:
            sink.end()


@pytest.mark.parametrize("error", [OSError("away"), ValueError("never")])
def test_batches_fail_with_the_output_and_so_do_later_ones(error: Exception) -> None:
    pipeline = Stopped(2, error=error)
    for number in range(3):
        pipeline.submit(number)
    pipeline.stopping.set()
    pipeline.end()
    late: list[Exception | None] = []
    with PendingAck(late.append) as pending:
        pipeline.sinks[0].submit(Payload(b"x", count=1), pending)
    assert isinstance(late[0], Undelivered)
    assert sorted(number for number, _ in pipeline.answers) == [0, 1, 2]
    assert all(str(error) in str(answer) for _, answer in pipeline.answers)
    assert all(isinstance(error, Undelivered) for error in pipeline.heard)


@pytest.mark.parametrize("error", [OSError("away"), ValueError("never")])
def test_a_direct_output_fails_its_batch_too(error: Exception) -> None:
    pipeline = Stopped(1, error=error)
    pipeline.stopping.set()
    with pytest.raises(Undelivered, match=str(error)):
        pipeline.submit(0)
    ((_, answer),) = pipeline.answers
    assert isinstance(answer, Undelivered)


def test_a_batch_that_waits_for_room_fails_with_the_output() -> None:
    pipeline = Stopped(2, buffer_size=1)
    pipeline.submit(0)
    late = threading.Thread(target=pipeline.submit, args=(1,))
    late.start()
    pipeline.stopping.set()
    late.join(60)
    pipeline.end()
    assert sorted(number for number, _ in pipeline.answers) == [0, 1]
    assert all(isinstance(error, Undelivered) for _, error in pipeline.answers)


class FailingDeadLetters:
    """Dead letters that cannot be written a few times."""

    def __init__(self, failures: int) -> None:
        self.failures, self.dead = failures, list[Event]()

    def __call__(self, events: list[Event], reason: str) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("No space left on device")
        self.dead += events


@pytest.mark.parametrize("options", [{}, {"when_full": "drop_newest"}], ids=["at once", "through a buffer"])
def test_dead_letters_that_cannot_be_written_are_tried_again_and_the_batch_waits(options: dict[str, Any]) -> None:
    output, letters, done = recorder(**options), FailingDeadLetters(5), list[Exception | None]()
    output.context.dead_letter = letters
    output.failures = [ValueError("never")]
    (sink,) = sinks_of([output], Impatient(), never)
    sink.start()
    with PendingAck(done.append) as pending:
        submitting(sink, lambda: pending)([{"m": b"bad"}])
    sink.end()
    assert (letters.dead, done) == ([{"m": b"bad"}], [None])
    assert sink.stats().dead_lettered == 1


def test_dead_letters_that_cannot_be_written_until_the_pipeline_stops_give_the_batch_back() -> None:
    output, done, heard = recorder(when_full="drop_newest"), list[Exception | None](), list[BaseException]()
    output.context.dead_letter = FailingDeadLetters(10**9)
    output.failures = [ValueError("never")]
    stopping = Impatient()
    sink = BufferedSink(output, stopping, heard.append)
    sink.start()
    with PendingAck(done.append) as pending:
        submitting(sink, lambda: pending)([{"m": b"bad"}])
    assert done == []
    stopping.set()
    sink.end()
    (answer,) = done
    assert isinstance(answer, Undelivered)
    assert "No space left" in str(answer)
    assert heard == [answer]
    assert sink.stats().dead_lettered == 0


def test_a_full_buffer_whose_dead_letters_cannot_be_written_waits_for_them() -> None:
    output, letters = recorder(buffer_size=1, when_full="dead_letter"), FailingDeadLetters(3)
    output.context.dead_letter = letters
    output.gate.clear()
    sink = BufferedSink(output, Impatient(), never)
    sink.start()
    for text in (b"first", b"second"):
        submitting(sink, lambda: PendingAck(None))([{"m": text}])
    assert letters.dead == [{"m": b"second"}]
    output.gate.set()
    sink.end()


def test_stats_count_what_became_of_the_events() -> None:
    output = recorder(buffer_size=1, when_full="drop_newest", id="here")
    output.context.id = "here"
    output.context.dead_letter = lambda events, reason: None
    output.failures = [OSError("away"), ValueError("never")]
    sink = BufferedSink(output, Impatient(), never)
    submitting(sink, lambda: PendingAck(None))([{"m": b"refused"}] * 2)
    submitting(sink, lambda: PendingAck(None))([{"m": b"dropped"}] * 3)
    assert sink.stats() == OutputStats("here", 0, 3, 0, 0, 0, 2, 0, "closed")
    sink.start()
    sink.end()
    assert sink.stats() == OutputStats("here", 0, 3, 0, 2, 0, 0, 1, "closed")
    assert sink.stats().left_out == "3 events dropped (when_full), 2 events sent to dead letters"
    assert [line.split() for line in table([sink.stats()])][1] == ["here", "0", "3", "0", "2", "0", "0", "1", "closed", "2"]


@pytest.mark.parametrize("ends", [True, False])
def test_a_broken_pipe_ends_the_run_for_an_output_that_is_a_pipe_and_is_tried_again_for_others(ends: bool) -> None:
    heard, output = list[BaseException](), recorder(when_full="drop_newest")
    output.ends_with_its_reader = ends  # type: ignore[misc]
    output.failures = [BrokenPipeError()]
    sink = BufferedSink(output, Impatient(), heard.append)
    sink.start()
    submit(sink, b"x")
    sink.end()
    assert (output.delivered, [type(error) for error in heard]) == (([], [BrokenPipeError]) if ends else ([b"x"], []))
