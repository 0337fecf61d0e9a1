"""Delivering requests to one output: connected with back-off, retried as the error says, dead
letters where the target will never take something.

The errors of ``plugins.errors`` decide. An outage (Disconnected, OSError) is waited for, however
long it lasts. Retry and Rejected name items: the others of the request were delivered. Any other
exception is a fault of the plugin: it is tried ``attempts`` times, then its events become dead
letters; without dead letters the pipeline ends, and its inputs give the events again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING

from ...dsl.reference import Event
from ...plugins.context import Reasons
from ...plugins.errors import Disconnected, Misconfigured, Rejected, Retry, Undelivered
from ...plugins.metrics import Histogram
from ...plugins.output import Output
from ...plugins.rate_limit import complain
from ..observe.counters import OutputStats
from .circuit_breaker import Circuit
from .patience import Patience
from .pending import DeliveryUnit, Request

if TYPE_CHECKING:
    from concurrent.futures import Future

log = logging.getLogger("penstock")

Outages = (Disconnected, OSError)
_SHOWN = 10


class Sender:
    """Hands requests to one output, from any number of threads. ``waiting``: how many events wait
    for it.
    """

    def __init__(
        self, output: Output, stopping: threading.Event, waiting: Callable[[], int]
    ) -> None:
        self.output = output
        self.where = f"{output.context.where}: output {output.name}"
        self.delivered = self.dropped = self.dead_lettered = self.spilled = 0
        self.rejected = self.retried = 0
        self._waiting, self._stopping = waiting, stopping
        self._circuit = Circuit(self.where, waiting)
        # What is delivered to at once has no server that could hang.
        self._patience = None if output.immediate else Patience(self.where, waiting)
        self._letters = Circuit(f"{self.where}: dead letters", waiting)
        self._connecting, self._counting = threading.Lock(), threading.Lock()
        self.is_connected = self._has_worked = False
        self.latency = Histogram()
        self._connection = 0

    def connect(self) -> None:
        """Connect, with back-off, for as long as it takes. Raises Undelivered where the pipeline is
        to stop first, Misconfigured where the output has never worked.
        """
        with self._connecting:
            while not self.is_connected:
                self._circuit.trying()
                try:
                    with nullcontext() if self._patience is None else self._patience.awaiting():
                        self.output.connect()
                except Misconfigured as error:
                    error.plugin = self.output
                    if not self._has_worked:
                        raise
                    self._pause(self._circuit.failed(error), error)
                except Exception as error:
                    log.debug("%s: connect raised", self.where, exc_info=True)
                    self._pause(self._circuit.failed(error), error)
                else:
                    self._connection += 1
                    self.is_connected = True

    def send(self, request: Request) -> None:
        """Deliver a request, or dead-letter what the output will never take. Raises Undelivered
        where neither can be.
        """
        while not self._try_once(request):
            pass

    def _try_once(self, request: Request) -> bool:
        """Try to deliver a request; whether that brought it to its end."""
        try:
            future = self.start(request)
            error = None if future is None else error_of(future)
            if error is not None:
                raise error
        except Exception as error:
            return self.failed(request, error)
        self.succeeded(request)
        return True

    def start(self, request: Request) -> Future[None] | None:
        """Begin to deliver; a Future where the output keeps order by itself. Raises as
        ``deliver``.
        """
        if not self.is_connected:
            self.connect()
        self._circuit.trying()
        request.connection, request.begun = self._connection, time.monotonic()
        if self._patience is not None:
            self._patience.begin(request)
        return self.output.deliver(request.payload)

    def succeeded(self, request: Request) -> None:
        """What is left of a request was delivered."""
        if self._patience is not None:
            self._patience.end(request)
        self._has_worked = True
        self._circuit.works()
        with self._counting:
            self.delivered += request.events
            self.latency.add(time.monotonic() - request.begun)

    def failed(self, request: Request, error: Exception) -> bool:
        """Do what an error asks for, and wait before the next try; whether nothing is left to be
        tried. Raises Undelivered, or the error, where the output cannot go on.
        """
        if self._patience is not None:
            self._patience.end(request, has_answered=False)
        if isinstance(error, Undelivered):
            raise error
        error, is_over = _checked(error, request.events), False
        if isinstance(error, BrokenPipeError) and self.output.ends_with_its_reader:
            raise error
        if isinstance(error, Rejected):
            return self._rejected(request, error)
        if isinstance(error, Misconfigured) and not self._has_worked:
            error.plugin = self.output
            raise error
        if isinstance(error, Retry):
            if error.indexes == []:
                self.succeeded(request)
                return True
            self._partly_delivered(request, error.indexes)
        elif isinstance(error, (*Outages, Misconfigured)):
            is_over = self._is_over(request)
        elif self._give_up_on(request, error):
            return True
        with self._counting:
            self.retried += request.events
        if is_over:
            return False
        self._pause(self._circuit.failed(error, request.begun), error)
        return False

    def _is_over(self, request: Request) -> bool:
        """Whether the outage that a request has met is over, since it was connected again for
        another one that met it; otherwise that is due before the next try.
        """
        with self._connecting:
            if request.connection != self._connection:
                return True
            self.is_connected = False
            return False

    def _partly_delivered(self, request: Request, left: list[int] | None) -> None:
        if left is None or len(left) == request.events:
            return
        self._has_worked = True
        with self._counting:
            self.delivered += request.events - len(left)
        request.keep(left, self.output)

    def _rejected(self, request: Request, error: Rejected) -> bool:
        """Dead-letter the rejected items; whether nothing of the request is left."""
        self._has_worked = True
        reasons = error.reasons_of(request.events)
        self._discard(request, reasons)
        with self._counting:
            self.delivered += request.events - len(reasons) - len(error.retry)
        if not error.retry:
            self._circuit.works()
            return True
        request.keep(error.retry, self.output)
        self._pause(self._circuit.failed(error, request.begun), error)
        return False

    def _discard(self, request: Request, reasons: dict[int, str]) -> None:
        """Dead-letter items, each with its reason; without dead letters they are counted and
        logged.
        """
        if not reasons:
            return
        is_kept = self.output.context.dead_letter is not None and request.originals is not None
        fate = "sent to dead letters" if is_kept else "dropped, no dead letter queue"
        text = f"%s: %d events rejected: %s; {fate}"
        for reason, count in Counter(reasons.values()).items():
            complain(f"{self.where} rejected", text, self.where, count, reason)
        if is_kept:
            self._dead_letter(*request.refused(reasons))
            return
        with self._counting:
            self.rejected += len(reasons)

    def _give_up_on(self, request: Request, error: Exception) -> bool:
        """Dead-letter the events of a request where a fault of the plugin has come too often;
        whether it has.
        """
        request.tries += 1
        name = type(error).__name__
        log.debug("%s raised", self.where, exc_info=error)
        if request.tries < self.output.attempts:
            return False
        reason = f"{name}: {error}"
        if self.output.context.dead_letter is None or request.originals is None:
            raise Undelivered(f"{self.where} failed {request.tries} times: {reason}") from error
        log.error(
            "%s failed %d times; %d events sent to dead letters",
            self.where,
            request.tries,
            request.events,
            exc_info=error,
        )
        self._dead_letter(request.originals, reason)
        self._circuit.works()
        return True

    def can_dead_letter(self, unit: DeliveryUnit) -> bool:
        """Whether there are dead letters for a unit."""
        has_queue = self.output.context.dead_letter is not None
        return has_queue and unit.payload.events is not None

    def dead_letter_unit(self, unit: DeliveryUnit, reason: str) -> None:
        """Write a whole unit to the dead letters; raises Undelivered where the pipeline is to stop
        before they are written.
        """
        assert unit.payload.events is not None
        self._dead_letter(unit.payload.events, reason)

    def _dead_letter(self, events: list[Event], reasons: Reasons) -> None:
        write = self.output.context.dead_letter
        assert write is not None
        while True:
            self._letters.trying()
            try:
                write(events, reasons)
            except OSError as error:
                self._pause(self._letters.failed(error), error)
            else:
                break
        self._letters.works()
        with self._counting:
            self.dead_lettered += len(events)

    def _pause(self, seconds: float, error: Exception) -> None:
        """Wait before the next try. Where the pipeline is told to stop meanwhile, that one is made
        at once and is the last: the target may be back since a while. Raises Undelivered behind it.
        """
        if self._stopping.is_set():
            waiting = self._waiting()
            left = f"; {waiting} events are left" if waiting else ""
            raise Undelivered(f"{self.where} is failing: {error}{left}") from error
        self._stopping.wait(seconds)

    def drop(self, unit: DeliveryUnit) -> None:
        """Leave a unit out, because the configuration says so."""
        with self._counting:
            self.dropped += unit.events
        complain(
            f"{self.where} full",
            "%s: buffer full, %d events dropped so far (when_full)",
            self.where,
            self.dropped,
        )
        unit.finish()

    def tend(self) -> None:
        """Let the output do what is due while nothing is delivered."""
        if not self.is_connected:
            return
        try:
            self.output.tend(0)
        except Exception as error:
            self.is_connected = not isinstance(error, Outages) and self.is_connected
            self.output.context.log.warning("upkeep between deliveries failed: %s", error)

    def stats(self) -> OutputStats:
        """What became of its events so far."""
        return OutputStats(
            output=self.output.context.id or self.output.name,
            delivered=self.delivered,
            dropped=self.dropped,
            rejected=self.rejected,
            dead_lettered=self.dead_lettered,
            spilled=self.spilled,
            waiting=self._waiting(),
            failures=self._circuit.failures,
            circuit=self._circuit.state,
            retried=self.retried,
        )


def error_of(future: Future[None]) -> Exception | None:
    """What a delivery ended with; waits for it. One that its client cancelled is an outage."""
    try:
        error = future.exception()
    except Exception:  # CancelledError, whose module is loaded only with such a client
        return Disconnected("the client cancelled the request")
    if error is None or isinstance(error, Exception):
        return error
    return Disconnected(repr(error))


def _checked(error: Exception, count: int) -> Exception:
    """An error of a request of so many items; where it names items that the request does not have,
    or one of them twice, it is a fault of the output.
    """
    if isinstance(error, Retry):
        named = error.indexes or []
    elif isinstance(error, Rejected):
        named = [*error.reasons_of(count), *error.retry]
    else:
        return error
    if len(set(named)) == len(named) and all(0 <= index < count for index in named):
        return error
    fault = ValueError(
        f"{type(error).__name__} names items that cannot be among {count}: {named[:_SHOWN]}"
    )
    fault.__cause__ = error
    return fault
