"""Inputs with threads of their own: merged in order, held up while nobody takes what they give; listeners are answered after delivery."""
from __future__ import annotations

import queue
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from penstock.pipeline.runtime.input_threads import Incoming, MemoryIntake
from penstock.pipeline.runtime.sources import InlineSource, ThreadedSource, source_of
from penstock.plugins.batch import Batch, Part, Position
from penstock.plugins.errors import EndOfInput, Misconfigured
from penstock.plugins.input import Emit, Input, Listener, Outcome

FAILURE = OSError("refused")
LONGEST = 120.0


class Given(Input, name="given"):
    """Gives what the test puts in; None ends it."""

    replays = True

    def prepare(self) -> None:
        self.content: queue.Queue[Any] = queue.Queue()
        self.settled: queue.Queue[Any] = queue.Queue()
        self.tended = threading.Event()

    def read(self, timeout: float) -> Batch | None:
        try:
            given = self.content.get(timeout=timeout)
        except queue.Empty:
            return None
        if given is None:
            raise EndOfInput
        if isinstance(given, Exception):
            raise given
        return None if given == "wake" else Batch([{"m": given}], token=given, parts=[Part("p", Position("i", given))])

    def wake(self) -> None:
        self.content.put("wake")

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Position]) -> None:
        for token, error in outcomes:
            self.settled.put((token, error is None))

    def tend(self, timeout: float) -> None:
        self.tended.set()


class Served(Listener, name="served"):
    """A listener whose ``emit`` the test calls."""

    def prepare(self) -> None:
        self.emits: queue.Queue[Emit] = queue.Queue()
        self.refusals: list[Exception] = []
        self.has_stopped = threading.Event()

    def connect(self) -> None:
        if self.refusals:
            raise self.refusals.pop(0)

    def serve(self, emit: Emit, stop: threading.Event) -> None:
        self.emits.put(emit)
        stop.wait()
        self.has_stopped.set()


def made(kind: type[Any], **options: Any) -> Any:
    plugin = kind(options)
    plugin.prepare()
    return plugin


class Run:
    """The inputs of a pipeline, and the batches that come of them, taken by the test."""

    def __init__(self, *inputs: Input) -> None:
        self.stopping = threading.Event()
        self.failures: queue.Queue[BaseException] = queue.Queue()
        self.source = ThreadedSource(inputs, self.stopping, self.failures.put)
        self._batches = iter(self.source)

    def take(self) -> Incoming | None:
        """The next batch; None at the end."""
        for incoming in self._batches:
            if incoming is not None:
                return incoming
        return None

    def stop(self) -> None:
        self.stopping.set()
        self.source.wake()


def message(incoming: Incoming | None) -> Any:
    assert incoming is not None
    assert incoming.batch.events is not None
    return incoming.batch.events[0]["m"]


def done(incoming: Incoming | None, error: Exception | None = None) -> None:
    assert incoming is not None
    assert incoming.done is not None
    incoming.done(error)


def test_an_input_that_is_local_and_alone_has_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def kind(*inputs: Input) -> type:
        return type(source_of(inputs, threading.Event(), lambda error: None))

    assert kind(made(Given)) is ThreadedSource
    monkeypatch.setattr(Given, "local", True)
    assert kind(made(Given)) is InlineSource
    assert kind(made(Given), made(Given)) is ThreadedSource


def test_each_input_is_read_in_order_and_all_to_their_ends() -> None:
    one, two = made(Given), made(Given)
    for source, numbers in ((one, [1, 2, 3, None]), (two, [7, 8, None])):
        for number in numbers:
            source.content.put(number)
    run, came = Run(one, two), dict[int, list[int]]()
    while incoming := run.take():
        came.setdefault(incoming.source, []).append(message(incoming))
        done(incoming)
    run.source.finish()
    assert came == {0: [1, 2, 3], 1: [7, 8]}
    assert sorted(one.settled.queue) == [(1, True), (2, True), (3, True)]


def test_a_batch_is_settled_while_the_input_waits_for_more() -> None:
    source = made(Given)
    source.content.put(1)
    run = Run(source)
    done(run.take())
    assert source.settled.get(timeout=LONGEST) == (1, True)
    run.stop()
    assert run.take() is None
    run.source.finish()


def test_an_input_is_tended_while_nobody_takes_what_it_gives() -> None:
    source = made(Given)
    for number in range(1, 30):
        source.content.put(number)
    run = Run(source)
    assert message(run.take()) == 1
    assert source.tended.wait(LONGEST)
    run.stop()
    rest = []
    while incoming := run.take():
        rest.append(message(incoming))
    assert rest == list(range(2, 2 + len(rest))), "what was read is still handed on"
    run.source.finish()


class Leased(Given, name="leased"):
    """Each number is of a partition of its own, and the last one that was read goes when it is tended."""

    gone: str | None = None

    def read(self, timeout: float) -> Batch | None:
        batch = super().read(timeout)
        if batch is not None:
            self.last = f"p{batch.token}"
            batch.parts = [Part(self.last, Position("i", 1))]
        return batch

    def tend(self, timeout: float) -> None:
        if self.gone is None:
            self.gone = self.last
            self.context.revoked([self.gone], 2 * LONGEST)
        super().tend(timeout)


def test_what_is_not_taken_yet_is_not_handed_on_when_its_partition_goes() -> None:
    source = made(Leased)
    for number in range(1, 30):
        source.content.put(number)
    run = Run(source)
    assert message(run.take()) == 1
    assert source.tended.wait(LONGEST), "what nobody takes is not waited for"
    gone = int(source.gone.removeprefix("p"))
    assert source.settled.get(timeout=LONGEST) == (gone, False)
    source.content.put(None)
    rest = []
    while incoming := run.take():
        rest.append(message(incoming))
    assert rest == [number for number in range(2, 30) if number != gone]
    run.source.finish()


def test_a_stop_settles_what_is_delivered_after_it() -> None:
    source = made(Given)
    source.content.put(1)
    run = Run(source)
    incoming = run.take()
    run.stop()
    assert run.take() is None
    done(incoming)
    run.source.finish()
    assert source.settled.get_nowait() == (1, True)


def test_a_pipeline_that_has_failed_ends_though_an_input_still_holds_a_batch() -> None:
    source = made(Given)
    for number in range(1, 30):
        source.content.put(number)
    run = Run(source)
    run.take()
    assert source.tended.wait(LONGEST), "the buffer is full"
    run.stop()
    thread = threading.Thread(target=run.source.finish)
    thread.start()
    thread.join(LONGEST)
    assert not thread.is_alive()


@pytest.mark.parametrize("kind", [Given, Served])
def test_a_wrong_option_is_told_with_its_plugin(kind: type[Any]) -> None:
    source = made(kind)
    refusal = Misconfigured("port", "taken")
    if kind is Served:
        source.refusals = [refusal]
    else:
        source.content.put(refusal)
    run = Run(source)
    taker = threading.Thread(target=run.take)
    taker.start()
    error = run.failures.get(timeout=LONGEST)
    assert isinstance(error, Misconfigured)
    assert error.plugin is source
    run.stop()
    taker.join(LONGEST)
    run.source.finish()


class Listening:
    """A run with a listener that serves."""

    def __init__(self, **options: Any) -> None:
        self.listener = made(Served, **options)
        self.run = Run(self.listener)
        self._taken: queue.Queue[Incoming | None] = queue.Queue()
        self._taker = threading.Thread(target=self._take, daemon=True)
        self.may_take = threading.Semaphore(0)
        self._taker.start()
        self.emit = self.listener.emits.get(timeout=LONGEST)
        self.answers: queue.Queue[Any] = queue.Queue()

    def _take(self) -> None:
        for incoming in self.run.source:
            if incoming is not None:
                self._taken.put(incoming)
                self.may_take.acquire()

    def send(self, number: int) -> bool:
        return self.emit(Batch([{"m": number}]), lambda error: self.answers.put((number, error)))

    def take(self) -> Incoming | None:
        return self._taken.get(timeout=LONGEST)

    def end(self) -> None:
        for _ in range(100):
            self.may_take.release()
        self.run.stop()
        self._taker.join(LONGEST)
        self.run.source.finish()
        assert self.listener.has_stopped.is_set()


@pytest.mark.parametrize("error", [None, FAILURE])
def test_a_listener_is_answered_when_its_batch_was_delivered_or_failed(error: Exception | None) -> None:
    listening = Listening()
    assert listening.send(1)
    incoming = listening.take()
    assert listening.answers.empty()
    done(incoming, error)
    assert listening.answers.get(timeout=LONGEST) == (1, error)
    listening.end()


def test_a_listener_is_told_at_once_that_it_is_full_and_when_it_is_not() -> None:
    listening, free = Listening(max_in_flight=1), threading.Event()
    assert listening.send(1)
    assert not listening.send(2)
    listening.emit.when_free(free.set)
    assert not free.is_set()
    done(listening.take())
    assert free.wait(LONGEST)
    assert listening.send(3)
    listening.end()
    assert [number for number, _ in listening.answers.queue] == [1], "what was refused is not answered"


def test_a_listener_is_full_while_the_filters_are_behind() -> None:
    listening, free = Listening(), threading.Event()
    taken = 0
    while listening.send(taken):
        taken += 1
    assert taken < 20
    listening.emit.when_free(free.set)
    listening.take()
    listening.may_take.release()
    assert free.wait(LONGEST)
    listening.end()


def test_a_listener_that_stops_takes_nothing_and_answers_what_is_under_way() -> None:
    listening = Listening()
    listening.send(1)
    incoming = listening.take()
    listening.run.stop()
    assert not listening.send(2)
    assert not listening.listener.has_stopped.is_set(), "it serves until all is answered"
    done(incoming)
    assert listening.answers.get(timeout=LONGEST) == (1, None)
    listening.end()




def test_a_full_buffer_says_no_at_once_and_calls_back_when_there_is_room() -> None:
    intake, calls = MemoryIntake(), list[str]()
    while intake.offer(Incoming(0, Batch([]), None), 0):
        pass
    intake.when_free(lambda: calls.append("free"))
    assert calls == []
    intake.take(0)
    assert calls == ["free"]
    intake.take(0)
    assert calls == ["free"], "once"


def test_a_poke_ends_a_wait_that_has_not_begun_yet() -> None:
    intake = MemoryIntake()
    intake.poke()
    assert intake.take(LONGEST) is None


class Holding(Served, name="holding"):
    """A listener that holds something when it is to stop."""

    holds = True

    def prepare(self) -> None:
        super().prepare()
        self.woken = threading.Event()

    def wake(self) -> None:
        self.woken.set()


def test_a_listener_hands_over_what_it_holds_before_the_run_ends() -> None:
    source = made(Holding)
    run = Run(source)
    taken = queue.Queue[Any]()
    taker = threading.Thread(target=lambda: [taken.put(run.take()) for _ in range(3)])
    taker.start()
    emit = source.emits.get(timeout=LONGEST)
    assert emit(Batch([{"m": 1}]))
    done(taken.get(timeout=LONGEST))
    assert not emit.is_stopping
    run.stop()
    assert source.woken.wait(LONGEST)
    assert emit.is_stopping
    assert emit(Batch([{"m": "held"}]))  # nobody sends it again
    held = taken.get(timeout=LONGEST)
    assert message(held) == "held"
    done(held)
    emit.end()
    assert not emit(Batch([{"m": "late"}]))
    assert taken.get(timeout=LONGEST) is None
    taker.join(LONGEST)
    run.source.finish()


def test_a_listener_that_holds_something_and_is_not_served_does_not_hold_up_a_stop() -> None:
    source = made(Holding)
    source.refusals += [OSError("the port is away")] * 100
    run = Run(source)
    run.stop()
    assert run.take() is None
    run.source.finish()
