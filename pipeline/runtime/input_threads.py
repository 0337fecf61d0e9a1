"""Inputs on their way to the filters: one local input in the thread that filters, others in a
thread each, through a bounded buffer or the disk queue.

While that is full, an input is tended instead of read, and a listener is told so at once: the bound
is the whole of back-pressure. At a stop, inputs are read no more, what they gave is delivered while
they are still tended, and only then they are settled for the last time.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence, Set
from typing import NamedTuple, Protocol

from ...plugins.batch import Batch
from ...plugins.errors import EndOfInput, Misconfigured, Undelivered
from ...plugins.input import Answer, Input, Listener
from ...plugins.plugin import Plugin
from ..delivery.circuit_breaker import Circuit
from ..delivery.patience import Patience
from .in_flight import Delivery, InFlight
from .reader import REST, Reader, SharedCommits

log = logging.getLogger("penstock")

_HELD = 8
_WAIT = 1.0

Done = Callable[[Exception | None], None]
Failed = Callable[[BaseException], None]


class Incoming(NamedTuple):
    """A batch on its way to the filters. ``source``: the number of its input; ``done`` is called
    when the batch was delivered or failed; ``delivery``: what the input's reader knows of it.
    """

    source: int
    batch: Batch
    done: Done | None
    delivery: Delivery | None = None

    @property
    def is_superseded(self) -> bool:
        """Whether the input gives it again, since something before it has failed."""
        return self.delivery is not None and self.delivery.is_superseded


CommitsOf = Callable[[int], SharedCommits | None]
"""By the number of an input: what it has to do with commits that batches share."""


def no_commits(source: int) -> None:
    """Each batch is acknowledged by itself."""


class Intake(Protocol):
    """What takes the batches of inputs that have threads of their own."""

    def offer(self, incoming: Incoming, timeout: float) -> bool:
        """Take a batch, waiting for room up to so many seconds; False where there was none."""
        ...

    def when_free(self, callback: Callable[[], None]) -> None:
        """Call back, once, when there may be room."""
        ...

    def poke(self) -> None:
        """Have whoever takes batches out look at what has changed."""
        ...


class MemoryIntake:
    """A bounded buffer in memory."""

    def __init__(self) -> None:
        self._waiting: deque[Incoming] = deque()
        self._change = threading.Condition()
        self._callbacks: list[Callable[[], None]] = []
        self._poked = False

    def offer(self, incoming: Incoming, timeout: float) -> bool:
        """As ``Intake``."""
        with self._change:
            if len(self._waiting) >= _HELD and not timeout:
                return False
            if not self._change.wait_for(lambda: len(self._waiting) < _HELD, timeout):
                return False
            self._waiting.append(incoming)
            self._change.notify_all()
        return True

    def when_free(self, callback: Callable[[], None]) -> None:
        """As ``Intake``."""
        with self._change:
            self._callbacks.append(callback)

    def take(self, timeout: float) -> Incoming | None:
        """The oldest batch; None where none came in time."""
        with self._change:
            if not self._waiting and not self._poked:
                self._change.wait(timeout)
            if not self._waiting:
                self._poked = False  # not before: what has changed is looked at when all is taken
                return None
            taken = self._waiting.popleft()
            callbacks, self._callbacks = self._callbacks, []
            self._change.notify_all()
        for callback in callbacks:
            callback()
        return taken

    def poke(self) -> None:
        """End a ``take`` that waits."""
        with self._change:
            self._poked = True
            self._change.notify_all()


class InputThread:
    """One input that is read in a thread of its own."""

    def __init__(
        self,
        number: int,
        source: Input,
        intake: Intake,
        stopping: threading.Event,
        failed: Failed,
        is_connected: bool,
        commits: SharedCommits | None = None,
    ) -> None:
        self.reader = Reader(source, stopping, commits, is_connected=is_connected)
        self.in_flight = self.reader.in_flight
        self._source = source
        self._number, self._intake, self._stopping, self._failed = number, intake, stopping, failed
        self._drained = threading.Event()
        self.has_ended, self.is_at_end = threading.Event(), False
        self._thread = threading.Thread(target=self._run, name=f"input {source.name}", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def wake(self) -> None:
        """Look at ``stopping`` now."""
        self.reader.source.wake()

    def finish(self) -> None:
        """All is delivered: settle it, and end."""
        self._drained.set()
        self.reader.in_flight.poke()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._read()
        except EndOfInput:
            self.is_at_end = True
        except BaseException as error:
            self._failed(error)
        finally:
            self.has_ended.set()
            self._intake.poke()
        self.reader.finish(self._drained.is_set)

    def _read(self) -> None:
        reader = self.reader
        while not self._stopping.is_set():
            if self._source.rests:
                reader.longest_wait = REST
            got = reader.step()
            if got is None:
                continue
            self._hand_on(got)
        held = reader.flush()
        if held is not None:
            self._hand_on(held)

    def _hand_on(self, got: tuple[Batch, Delivery]) -> None:
        batch, delivery = got
        incoming = Incoming(self._number, batch, delivery.done, delivery)
        while not self._intake.offer(incoming, _WAIT):
            if self._drained.is_set():
                return  # the pipeline has failed, and nobody takes it: it stays unacknowledged
            self.reader.held = delivery
            self.reader.tend()
            self.reader.settle()
            self.reader.held = None
            if delivery.is_superseded and self._source.replays:
                delivery.done(Undelivered("it comes again, or belongs to another process"))
                return


class ListenerThread:
    """One listener, served in a thread of its own."""

    def __init__(
        self,
        number: int,
        source: Listener,
        intake: Intake,
        stopping: threading.Event,
        failed: Failed,
        is_connected: bool,
        commits: SharedCommits | None = None,
    ) -> None:
        self._is_connected, self._commits = is_connected, commits
        self._number, self._source, self._intake = number, source, intake
        self._stopping, self._failed = stopping, failed
        self.in_flight = InFlight(source.max_in_flight, self._answer)
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self._stop = threading.Event()
        # It never ends by itself: unless it holds something, it ends when the pipeline is to stop.
        self.has_ended = threading.Event() if source.holds else stopping
        self._is_serving = self.is_at_end = False
        self._thread = threading.Thread(target=self._run, name=f"input {source.name}", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def wake(self) -> None:
        """``emit`` says no from now on; what holds something emits that first."""
        if self._source.holds and self._is_serving:
            self._source.wake()
        else:
            self.end()

    @property
    def is_stopping(self) -> bool:
        """As ``Emit``."""
        return self._stopping.is_set()

    def end(self) -> None:
        """As ``Emit``."""
        if self._source.holds and self._stopping.is_set():
            self.has_ended.set()
            self._intake.poke()

    def finish(self) -> None:
        """All is delivered and answered: stop serving."""
        self._stop.set()
        self._source.wake()
        self._thread.join()

    def _run(self) -> None:
        circuit = Circuit(f"{self._source.context.where}: input {self._source.name}", lambda: 0)
        patience = Patience(circuit.what, lambda: 0)
        has_worked = False
        while not self._stop.is_set():
            try:
                circuit.trying()
                if not self._is_connected:
                    with patience.awaiting():
                        self._source.connect()
                has_worked, self._is_connected = True, False
                circuit.works()
                self._is_serving = True
                self._source.serve(self, self._stop)
                return
            except Misconfigured as error:
                error.plugin = self._source
                if not has_worked:
                    self._failed(error)
                    return
                self._lost(circuit, error)
            except Exception as error:
                log.debug("%s raised", circuit.what, exc_info=True)
                self._lost(circuit, error)

    def _lost(self, circuit: Circuit, error: Exception) -> None:
        self._is_serving = False
        self.end()  # where the pipeline is to stop already
        self._stop.wait(circuit.failed(error))

    def __call__(self, batch: Batch, answer: Answer | None = None) -> bool:
        """Take a batch from the listener, or say at once that there is no room."""
        if self.has_ended.is_set():
            return False
        if self.in_flight.is_full:
            if self._commits is not None:
                self._commits.force()
            return False
        batch.token = answer
        delivery = self.in_flight.add(batch)
        if self._intake.offer(Incoming(self._number, batch, delivery.done, delivery), 0):
            return True
        batch.token = None
        delivery.forget_token()  # the answer is the False here
        delivery.done(None)
        return False

    def when_free(self, callback: Callable[[], None]) -> None:
        """Call back when a batch may be taken again."""
        with self._lock:
            self._callbacks.append(callback)
        self._intake.when_free(self._call_back)

    def _call_back(self) -> None:
        with self._lock:
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def _answer(self) -> None:
        with self._lock:
            outcomes, _ = self.in_flight.take_outcomes()
            self.in_flight.told()
        for token, error in outcomes:
            if token is not None:
                token(error)
        self._call_back()


def threads_of(
    inputs: Sequence[Input],
    intake: Intake,
    stopping: threading.Event,
    failed: Failed,
    carried: Set[Plugin] = frozenset(),
    commits: CommitsOf = no_commits,
) -> list[InputThread | ListenerThread]:
    """A thread for each input."""
    made: list[InputThread | ListenerThread] = []
    for number, source in enumerate(inputs):
        rest = intake, stopping, failed, source in carried, commits(number)
        if isinstance(source, Listener):
            made.append(ListenerThread(number, source, *rest))
        else:
            made.append(InputThread(number, source, *rest))
    return made
