"""Events to outputs: each output is tried again until it takes them, and none waits for another.

One output alone is delivered to where its events are filtered. Of several, each has a buffer and a thread of its own, so that a
slow one holds up the others only when its buffer is full and its policy is to block. A batch counts as delivered when every output
has what was meant for it: that is what its ticket knows.
"""
from __future__ import annotations

import logging
import random
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..dsl.reference import Event
from ..plugins.contract import Output, Unfinished, complain

log = logging.getLogger("penstock")

_FIRST_WAIT = 1.0
_LONGEST_WAIT = 30.0
_EVENT_SIZE = 1000


class Undelivered(Exception):
    """An output could not take a batch, and the pipeline was told to stop waiting or cannot go on."""


class Refused(Undelivered):
    """An output will never take a batch: trying again does not help."""


class Ticket:
    """Counts the deliveries of one batch; when the last is done, ``done`` is called, once."""

    def __init__(self, done: Callable[[Exception | None], None] | None) -> None:
        self._done = done
        self._left = 1
        self._lock = threading.Lock()

    def add(self) -> None:
        """One more delivery belongs to the batch."""
        with self._lock:
            self._left += 1

    def finish(self) -> None:
        """A delivery is done; also called once when all have been added."""
        with self._lock:
            self._left -= 1
            last = self._left == 0
        if last and self._done is not None:
            self._done(None)


def persistent(output: Output, stopping: threading.Event) -> Callable[[Any], None]:
    """``output.deliver``, trying again what fails with OSError: after a second, then twice as long, up to half a minute, give or
    take a fifth, so that many pipelines do not knock at one door together. Raises Undelivered when the pipeline is to stop."""
    deliver, where = output.deliver, f"{output.context.where}: the output {output.name}"

    def deliver_surely(packed: Any) -> None:
        wait, failures = _FIRST_WAIT, 0
        while True:
            try:
                deliver(packed)
            except BrokenPipeError:
                raise
            except OSError as error:
                failures += 1
                if isinstance(error, Unfinished):
                    packed = error.rest
                log.error("%s failed: %s; again in %.0f s", where, error, wait)
                if stopping.wait(wait * random.uniform(0.8, 1.2)):
                    raise Undelivered(f"{where} failed: {error}") from error
                wait = min(wait * 2, _LONGEST_WAIT)
            except Exception as error:
                raise Refused(f"{where} failed: {type(error).__name__}: {error}") from error
            else:
                if failures:
                    log.info("%s works again, after %d failures", where, failures)
                return

    return deliver_surely


@dataclass(slots=True)
class _Parcel:
    packed: Any
    size: int
    events: int
    ticket: Ticket
    originals: list[Event] | None


class Buffered:
    """An output behind a buffer of its own, delivered to by a thread of its own."""

    def __init__(self, output: Output, stopping: threading.Event, failed: Callable[[BaseException], None]) -> None:
        self.output = output
        self.dropped = 0
        self._limit, self._policy = int(output.buffer_size), output.when_full
        self._deliver = persistent(output, stopping)
        self._failed = failed
        self._parcels: deque[_Parcel] = deque()
        self._size = 0
        self._ended = False
        self._change = threading.Condition()
        self._thread = threading.Thread(target=self._work, name=f"output {output.name}", daemon=True)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def submit(self, packed: Any, events: int, ticket: Ticket, originals: list[Event] | None = None) -> None:
        """Put what was packed into the buffer; where it is full, do as the policy says. ``originals`` are for the dead letters."""
        if isinstance(packed, memoryview):
            packed = bytes(packed)
        parcel = _Parcel(packed, _size(packed, events), events, ticket, originals)
        ticket.add()
        with self._change:
            if self._parcels and self._size + parcel.size > self._limit and not self._make_room(parcel):
                return
            self._parcels.append(parcel)
            self._size += parcel.size
            self._change.notify_all()

    def _make_room(self, parcel: _Parcel) -> bool:
        """Whether there is room now for a parcel that did not fit."""
        if self._policy in ("drop_newest", "dead_letter"):
            self._drop(parcel)
            return False
        while self._parcels and self._size + parcel.size > self._limit and not self._ended:
            if self._policy == "drop_oldest" and len(self._parcels) > 1:
                oldest = self._parcels[1]  # the first is being delivered
                del self._parcels[1]
                self._size -= oldest.size
                self._drop(oldest)
            else:
                self._change.wait()
        return True

    def _drop(self, parcel: _Parcel) -> None:
        if self._policy == "dead_letter" and parcel.originals is not None and self.output.context.bury is not None:
            self.output.context.bury(self.output, parcel.originals, "the buffer of the output is full")
            parcel.ticket.finish()
            return
        self.dropped += parcel.events
        where = f"{self.output.context.where}: the output {self.output.name}"
        complain(f"{where} full", "%s is full: %d events dropped so far, as when_full says", where, self.dropped)
        parcel.ticket.finish()

    def _work(self) -> None:
        try:
            while True:
                with self._change:
                    while not self._parcels and not self._ended:
                        self._change.wait()
                    if not self._parcels:
                        return
                    parcel = self._parcels[0]
                _delivered_or_buried(self.output, self._deliver, parcel.packed, parcel.originals)
                with self._change:
                    self._parcels.popleft()
                    self._size -= parcel.size
                    self._change.notify_all()
                parcel.ticket.finish()
        except BaseException as error:
            with self._change:
                self._ended = True
                self._change.notify_all()
            self._failed(error)

    def end(self) -> None:
        """Deliver what is in the buffer, and stop."""
        with self._change:
            self._ended = True
            self._change.notify_all()
        self._thread.join()


class Direct:
    """An output that is delivered to at once."""

    dropped = 0

    def __init__(self, output: Output, stopping: threading.Event) -> None:
        self.output = output
        self._deliver = persistent(output, stopping)

    def start(self) -> None:
        """Nothing need be started."""

    def submit(self, packed: Any, events: int, ticket: Ticket, originals: list[Event] | None = None) -> None:
        """Deliver what was packed."""
        _delivered_or_buried(self.output, self._deliver, packed, originals)

    def end(self) -> None:
        """Nothing is held."""


Way = Buffered | Direct


def _delivered_or_buried(
    output: Output, deliver: Callable[[Any], None], packed: Any, originals: list[Event] | None
) -> None:
    """Deliver; what an output will never take goes to the dead letters, where there are some."""
    try:
        deliver(packed)
    except Refused as error:
        if originals is None or output.context.bury is None:
            raise
        log.error("%s: its events go to the dead letters", error)
        output.context.bury(output, originals, str(error))


def ways(outputs: Sequence[Output], stopping: threading.Event, failed: Callable[[BaseException], None]) -> list[Way]:
    """How each output is delivered to. ``failed`` is told of an error that no retry mends."""
    if len(outputs) == 1 and outputs[0].when_full == "block":
        return [Direct(outputs[0], stopping)]
    return [Buffered(output, stopping, failed) for output in outputs]


def write_to(way: Way, ticket: Callable[[], Ticket]) -> Callable[[list[Event]], None]:
    """What stands in the place of an output's ``write`` where one process does all."""
    pack, keeps = way.output.pack, way.output.context.bury is not None
    return lambda events: way.submit(pack(events), len(events), ticket(), events if keeps else None)


def _size(packed: Any, events: int) -> int:
    if isinstance(packed, bytes):
        return len(packed)
    if isinstance(packed, dict):
        return sum(len(data) for data in packed.values() if isinstance(data, bytes))
    return events * _EVENT_SIZE
