"""A target for tests of delivery: what it was asked for, what it has, and a script of how it answers."""
from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from penstock.dsl.reference import Event
from penstock.pipeline.delivery.buffer import BufferedSink
from penstock.pipeline.delivery.dispatch import OutputSink, sinks_of, submitting
from penstock.pipeline.delivery.pending import PendingAck
from penstock.plugins.batch import Payload
from penstock.plugins.context import Reasons, with_reasons
from penstock.plugins.errors import Rejected, Retry
from penstock.plugins.output import Output

LONG = 30.0
KINDS = ("direct", "buffered", "pipelined")


class Pauses(threading.Event):
    """Whether the pipeline stops; nobody waits for it longer than a moment, and for how long each asked is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.asked.append(timeout or 0.0)
        return super().wait(0.0005)


class Target(Output, name="target"):
    """Takes events of the form ``{"n": number, "lane": lane}``. ``answers`` are what the next requests raise; of a Retry or a Rejected
    with indexes it takes the other items, as a bulk API does.
    """

    is_joined = False

    def joins(self, payload: Payload) -> bool:
        return self.is_joined

    def prepare(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.began = threading.Event()
        self.begun = threading.Semaphore(0)
        self.first_answer: Exception | None = None  # to each request that was not seen before
        self.answers: list[Exception | None] = []
        self.refusals: list[Exception] = []
        self.requests: list[list[int]] = []
        self.has: list[int] = []
        self.connections = 0
        self.unpackable: set[int] = set()

    def pack(self, events: list[Event]) -> list[Payload]:
        lanes: dict[Any, list[Event]] = {}
        for event in events:
            if event["n"] in self.unpackable:
                raise ValueError(f"no form for {event['n']}")
            lanes.setdefault(event.get("lane"), []).append(event)
        return [Payload(some, some, lane) for lane, some in lanes.items()]

    def connect(self) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.connections += 1

    def deliver(self, payload: Payload) -> Future[None] | None:
        numbers = [event["n"] for event in payload.data]
        is_first = numbers not in self.requests
        self.requests.append(numbers)
        self.begun.release()
        self.began.set()
        assert self.gate.wait(LONG)
        error = self.answers.pop(0) if self.answers else None
        if is_first and self.first_answer is not None:
            error = self.first_answer
        has = taken(error, len(numbers))
        self.has += [number for index, number in enumerate(numbers) if index in has]
        if error is not None:
            raise error
        return None

    def wait_for_requests(self, count: int) -> None:
        """Until so many more requests were begun."""
        for _ in range(count):
            assert self.begun.acquire(timeout=LONG), "they were not begun"


class Promising(Target, name="promising"):
    """The same, whose client keeps order by itself; ``hold`` keeps the answers back until ``answer`` is called."""

    pipelined = True
    hold = False

    def prepare(self) -> None:
        super().prepare()
        self.held: list[Callable[[], None]] = []
        self.arrived = threading.Condition()

    def deliver(self, payload: Payload) -> Future[None]:
        future: Future[None] = Future()

        def end() -> None:
            try:
                super(Promising, self).deliver(payload)
            except Exception as error:
                future.set_exception(error)
            else:
                future.set_result(None)

        if not self.hold:
            end()
            return future
        with self.arrived:
            self.held.append(end)
            self.arrived.notify_all()
        return future

    def wait_for(self, count: int) -> None:
        """Until so many requests are under way."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.held) >= count, LONG), "they were not begun"

    def answer(self, index: int) -> None:
        """End one of the requests that are under way."""
        with self.arrived:
            end = self.held.pop(index)
        end()


def taken(error: Exception | None, count: int) -> set[int]:
    """The indexes that a target has taken which answers so; nothing, where it names what cannot be."""
    everything = set(range(count))
    if error is None:
        return everything
    if isinstance(error, Retry) and error.indexes is not None:
        return everything - set(error.indexes) if everything.issuperset(error.indexes) else set()
    if isinstance(error, Rejected):
        return everything - set(error.reasons_of(count)) - set(error.retry)
    return set()


class Delivery:
    """One target behind the sink of its kind, and what became of the batches."""

    def __init__(self, kind: str = "buffered", dead_letters: bool = True, joined: bool = False, **options: Any) -> None:
        made = Promising(options) if kind == "pipelined" else Target(options)
        made.immediate = kind == "direct"  # type: ignore[misc]
        made.is_joined = joined
        self._set_up(made, dead_letters)

    @classmethod
    def of(cls, target: Target) -> Delivery:
        """The delivery to a target that was made already."""
        made = cls.__new__(cls)
        made._set_up(target, True)
        return made

    def _set_up(self, made: Target, dead_letters: bool) -> None:
        made.prepare()
        self.target, self.stopping, self.failed = made, Pauses(), list[BaseException]()
        self.dead: list[tuple[int, str]] = []
        self.dead_letter_writes = 0
        if dead_letters:
            made.context.dead_letter = self._keep
        self.sink: OutputSink
        (self.sink,) = sinks_of([made], self.stopping, self.failed.append)
        self.settled: dict[int, Exception | None] = {}
        self.settled_twice: list[int] = []
        self._lock = threading.Lock()

    def _keep(self, events: list[Event], reasons: Reasons) -> None:
        self.dead_letter_writes += 1
        self.dead += [(event["n"], reason) for event, reason in with_reasons(events, reasons)]

    def start(self) -> Delivery:
        self.sink.start()
        return self

    def _settle(self, batch: int, error: Exception | None) -> None:
        with self._lock:
            if batch in self.settled:
                self.settled_twice.append(batch)
            self.settled[batch] = error

    def submit(self, batch: int, numbers: Sequence[int], lane: Callable[[int], Any] = lambda number: None) -> None:
        """Hand over a batch as the runtime does."""
        with PendingAck(lambda error: self._settle(batch, error)) as pending:
            submitting(self.sink, lambda: pending)([{"n": number, "lane": lane(number)} for number in numbers])

    def run(self, *batches: Sequence[int]) -> Delivery:
        """Start, deliver these, and end."""
        self.start()
        for number, batch in enumerate(batches):
            self.submit(number, batch)
        self.end()
        return self

    def end(self) -> None:
        self.sink.end()
        assert not self.settled_twice
        if isinstance(self.sink, BufferedSink):
            assert not self.failed or isinstance(self.failed[0], Exception)
