"""Handing events to one output: tried again until it takes them, buried where it never will, given
back where neither can be.

What is packed for an output is a parcel. Each parcel belongs to a ticket, that of the batch that it
came from: the batch counts as delivered when every output has what was meant for it, and as not
delivered as soon as one was given up. Either is told once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ...dsl.reference import Event
from ...plugins.contract import Output, Unfinished, complain
from ..observe.counters import OutputFigures
from .circuit_breaker import Circuit

_EVENT_SIZE = 1000


class Undelivered(Exception):
    """An output could not take a batch, and the pipeline was told to stop waiting or cannot go
    on.
    """


class Refused(Undelivered):
    """An output will never take a batch: trying again does not help."""


class Ticket:
    """Counts the deliveries of one batch; when the last has ended, ``done`` is called, once, with
    the first error if any failed.

    Used as a context manager it ends, at the end of the block, the count for whoever adds
    deliveries.
    """

    def __init__(self, done: Callable[[Exception | None], None] | None) -> None:
        self._done = done
        self._left = 1
        self._error: BaseException | None = None
        self._lock = threading.Lock()

    def add(self) -> None:
        """One more delivery belongs to the batch."""
        with self._lock:
            self._left += 1

    def finish(self, error: BaseException | None = None) -> None:
        """A delivery has ended, or was given up; also called once when all have been added."""
        with self._lock:
            self._left -= 1
            self._error = self._error or error
            last = self._left == 0
        if last and self._done is not None:
            self._done(
                self._error
                if self._error is None or isinstance(self._error, Exception)
                else Undelivered(repr(self._error))
            )

    def __enter__(self) -> Ticket:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.finish(error)


@dataclass(slots=True, eq=False)
class Parcel:
    """What was packed of some events for one output; ``originals`` are for the dead letters.
    ``taken``: the output has it.
    """

    packed: Any
    events: int
    ticket: Ticket | None = None
    originals: list[Event] | None = None
    taken: bool = False
    size: int = 0
    _open: list[None] = field(default_factory=lambda: [None])

    def __post_init__(self) -> None:
        self.size = _size(
            self.packed, self.events
        )  # once: what is packed becomes less when a part of it is delivered

    def finish(self, error: BaseException | None = None) -> None:
        """Tell the ticket how it ended; whoever comes first, from whatever thread, is the one who
        is heard.
        """
        try:
            self._open.pop()  # a list gives its item to one thread only
        except IndexError:
            return
        if self.ticket is not None:
            self.ticket.finish(error)


def _size(packed: Any, events: int) -> int:
    """About how much memory it takes."""
    if isinstance(packed, bytes):
        return len(packed)
    if isinstance(packed, dict):
        return sum(len(data) for data in packed.values() if isinstance(data, bytes))
    return events * _EVENT_SIZE


class Sender:
    """Hands parcels to one output, one at a time. ``waiting``: how many events wait for it."""

    def __init__(
        self, output: Output, stopping: threading.Event, waiting: Callable[[], int]
    ) -> None:
        self.output, self.where = output, f"{output.context.where}: the output {output.name}"
        self.delivered = self.dropped = self.dead_lettered = self.spilled = 0
        self.waiting = waiting
        self._stopping, self._lock = stopping, threading.Lock()
        self._circuit = Circuit(self.where, waiting)
        self._burials = Circuit(f"{self.where}: writing its dead letters", waiting)

    def send(self, parcel: Parcel) -> None:
        """Deliver, or bury what the output will never take. Raises Undelivered where neither can
        be; the parcel is finished then by who called.
        """
        try:
            self._surely(partial(self._deliver, parcel), self._circuit)
            self.delivered += parcel.events
        except Refused as error:
            if not self.can_bury(parcel):
                raise
            complain(f"{self.where} refuses", "%s; its events go to the dead letters", error)
            self.bury(parcel, str(error))
        parcel.taken = True
        parcel.finish()

    def _deliver(self, parcel: Parcel) -> None:
        try:
            self.output.deliver(parcel.packed)
        except Unfinished as error:
            parcel.packed = error.rest
            raise

    def _surely(self, attempt: Callable[[], object], circuit: Circuit) -> None:
        """Try again what fails with OSError, until it works or the pipeline is to stop."""
        while True:
            circuit.trying()
            try:
                attempt()
            except OSError as error:
                if isinstance(error, BrokenPipeError) and self.output.ends_with_its_reader:
                    raise
                if self._stopping.wait(circuit.failed(error)):
                    raise Undelivered(f"{circuit.what} failed: {error}") from error
            except Exception as error:
                raise Refused(f"{circuit.what} failed: {type(error).__name__}: {error}") from error
            else:
                return circuit.works()

    def can_bury(self, parcel: Parcel) -> bool:
        """Whether there are dead letters for a parcel."""
        return parcel.originals is not None and self.output.context.bury is not None

    def bury(self, parcel: Parcel, reason: str) -> None:
        """Write dead letters, trying again until they are written; raises Undelivered where the
        pipeline is to stop first.
        """
        bury, originals = self.output.context.bury, parcel.originals
        assert bury is not None
        assert originals is not None
        self._surely(lambda: bury(self.output, originals, reason), self._burials)
        with self._lock:  # a full buffer buries from another thread than the one that delivers
            self.dead_lettered += parcel.events

    def drop(self, parcel: Parcel) -> None:
        """Leave a parcel out, because the configuration says so."""
        self.dropped += parcel.events
        complain(
            f"{self.where} full",
            "%s is full: %d events dropped so far, as when_full says",
            self.where,
            self.dropped,
        )
        parcel.finish()

    def flush(self) -> None:
        """Have on its way what was delivered."""
        try:
            self.output.flush()
        except OSError as error:
            complain(
                f"{self.where} flush",
                "%s could not be flushed: %s; it is tried again",
                self.where,
                error,
            )

    def figures(self) -> OutputFigures:
        """What became of its events so far."""
        return OutputFigures(
            self.output.context.id or self.output.name,
            self.delivered,
            self.dropped,
            self.dead_lettered,
            self.spilled,
            self.waiting(),
            self._circuit.failures,
            self._circuit.state,
        )
