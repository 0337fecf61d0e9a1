"""An output behind a buffer of its own, delivered to by threads of its own.

What waits is in memory up to a size. When it is more, the output's policy says what happens. With
the policy ``spill`` all that waits goes to disk, the oldest first, and so does all that comes until
the disk is empty again: the spill is always older than what is in memory, so that order is kept,
and after a crash nothing newer is found on disk than was lost from memory. A unit may be put there
while it is being delivered; then it is taken out unread when its turn comes.

There are ``max_in_flight`` threads; each lane is delivered to by one of them at a time.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from ...plugins.batch import Payload
from ...plugins.errors import Undelivered
from ...plugins.output import Output
from ..observe.counters import OutputStats
from .lanes import Lanes
from .limits import limits_of, within
from .pending import DeliveryUnit, PendingAck, Request
from .sender import Sender

if TYPE_CHECKING:
    from .spill import Spill

log = logging.getLogger("penstock")

_PATIENCE = 0.25
_LAST_PATIENCE = 0.75  # of a target that hangs: a stop that can spill takes less than a second
_TEND_EVERY = 1.0


class BufferedSink:
    """An output with a buffer. One thread calls ``submit``. ``failed`` is told of what ended the
    delivery; ``drain``: a stop waits until the spill is empty.
    """

    def __init__(
        self,
        output: Output,
        stopping: threading.Event,
        failed: Callable[[BaseException], None],
        spill: Spill | None = None,
        drain: bool = False,
    ) -> None:
        self.output = output
        self._limit = int(output.buffer_size)
        has_no_spill = output.when_full == "spill" and spill is None
        self._policy = "block" if has_no_spill else output.when_full
        self.sender = Sender(output, stopping, self._waiting)
        self._stopping, self._failed, self._spill, self._drain = stopping, failed, spill, drain
        self._limits = limits_of(output)
        self._lanes = Lanes(output, self._limits, single=spill is not None)
        self._under_way: dict[DeliveryUnit, None] = {}  # in memory, and being delivered
        self._on_disk: dict[DeliveryUnit, int] = {}  # being delivered, and in the spill
        self._size = self._events = 0
        self._ended = self._saves = self._is_idle = self.is_full = False
        self._error: BaseException | None = None
        self._change, self._spilling = threading.Condition(), threading.Lock()
        self._tends = type(output).tend is not Output.tend
        self._threads = [
            threading.Thread(target=self._work, name=f"output {output.name}", daemon=True)
            for _ in range(self._thread_count())
        ]

    def _thread_count(self) -> int:
        return 1 if self._spill is not None else self.output.max_in_flight

    def start(self) -> None:
        """Begin to deliver, first what an earlier run left on disk."""
        if self._spill is not None and not self._spill.is_empty:
            where, spill = self.sender.where, self._spill
            log.info("%s: %d events wait in the spill `%s`", where, spill.events, spill.directory)
        for thread in self._threads:
            thread.start()

    @property
    def spill(self) -> Spill | None:
        """What is kept on disk, where the policy is that."""
        return self._spill

    def stats(self) -> OutputStats:
        """What became of its events so far."""
        return self.sender.stats()

    def _waiting(self) -> int:
        return self._events + (self._spill.events if self._spill is not None else 0)

    def submit(self, payload: Payload, pending: PendingAck) -> None:
        """Put what was packed into the buffer; where it is full, do as the policy says."""
        if isinstance(payload.data, memoryview):
            payload.data = bytes(payload.data)
        for part in within(payload, self._limits):
            pending.add()
            self._submit(DeliveryUnit(part, pending))

    def _submit(self, unit: DeliveryUnit) -> None:
        while not self._accept(unit):
            if self._made_room(unit):
                return

    def _accept(self, unit: DeliveryUnit) -> bool:
        """Take a unit into memory, or give it back where no unit is delivered any more; False where
        there is no room for it.
        """
        with self._change:
            if self._error is None:
                if not self._fits(unit):
                    return False
                self._lanes.add(unit)
                self._size += unit.size
                self._events += unit.events
                self._change.notify_all()
                return True
            error = self._error
        self._give_back([unit], error)
        return True

    def _fits(self, unit: DeliveryUnit) -> bool:
        if self._spill is not None and not self._spill.is_empty:
            return False
        return not self._events or self._size + unit.size <= self._limit

    def _made_room(self, unit: DeliveryUnit) -> bool:
        """Do as the policy says for a unit that does not fit: once, or a part of it. Whether the
        unit is done with.
        """
        if self._policy == "block":
            self._wait_for_room(unit)
        elif self._policy == "spill" and self._spill is not None:
            return self._spilled_oldest(self._spill, unit)
        elif self._policy == "drop_oldest":
            self._drop_oldest(unit)
        elif self._policy == "dead_letter" and self.sender.can_dead_letter(unit):
            self._dead_letter(unit)
            return True
        else:
            self.sender.drop(unit)
            return True
        return False

    def _wait_for_room(self, unit: DeliveryUnit) -> None:
        self.is_full = True
        try:
            with self._change:
                while self._error is None and not self._fits(unit):
                    self._change.wait()
        finally:
            self.is_full = False

    def _drop_oldest(self, unit: DeliveryUnit) -> None:
        with self._change:
            oldest = self._lanes.take_oldest()
            if oldest is None:  # all that there is is being delivered
                if self._error is None and not self._fits(unit):
                    self._change.wait()
                return
            self._account_for(oldest)
        self.sender.drop(oldest)

    def _dead_letter(self, unit: DeliveryUnit) -> None:
        try:
            self.sender.dead_letter_unit(unit, "the buffer of the output is full")
        except Undelivered as error:
            unit.finish(error)
            self._failed(error)
        else:
            unit.finish()

    def _spilled_oldest(self, spill: Spill, unit: DeliveryUnit) -> bool:
        """Put the oldest unit that is in memory on disk, or, if there is none, the one that does
        not fit: whether it was that.
        """
        with self._spilling:
            with self._change:
                if self._error is not None:
                    return False
                oldest = next(iter(self._under_way), None) or self._lanes.oldest() or unit
            if not self._put(spill, oldest, _PATIENCE):
                return False
            self._forget(oldest)
        return oldest is unit

    def _put(self, spill: Spill, unit: DeliveryUnit, patience: float) -> bool:
        if not spill.put(unit, patience):
            return False
        self.sender.spilled += unit.events
        return True

    def _forget(self, unit: DeliveryUnit) -> None:
        """A unit is on disk: no longer in memory, if it was."""
        with self._change:
            if unit in self._under_way:
                del self._under_way[unit]
                self._account_for(unit)
            elif self._lanes.oldest() is unit:
                self._lanes.take_oldest()
                self._account_for(unit)
            self._change.notify_all()

    def _account_for(self, unit: DeliveryUnit) -> None:
        self._size -= unit.size
        self._events -= unit.events

    def _work(self) -> None:
        """Deliver request by request: the body of each thread."""
        try:
            self.sender.connect()
            while (request := self._next()) is not None:
                self._deliver(request)
        except BaseException as error:
            self._give_up(error)

    def _deliver(self, request: Request) -> None:
        self.sender.send(request)
        self._through(request)

    def _next(self) -> Request | None:
        """The next request; None at the end."""
        while True:
            with self._change:
                if self._error is not None:
                    return None
                wait = self._due()
                request = self._taken() if wait == 0 else None
                if request is not None:
                    return request
                if wait == 0 and not self._has_spilled:
                    continue
                if wait is None and self._is_finished():
                    return None
                notified = self._change.wait(self._longest_wait(wait))
                is_idle = not notified and not self._under_way
            if is_idle and self._tends:
                self.sender.tend()

    def _due(self) -> float | None:
        """In how many seconds there is a request to take; None where only news can bring one."""
        if self._spill is not None and not self._spill.is_empty:
            stops = self._ended and self._stopping.is_set() and not self._drain
            return None if stops else 0
        return self._lanes.due(ends=self._ended)

    @property
    def _has_spilled(self) -> bool:
        return self._spill is not None and not self._spill.is_empty

    def _is_finished(self) -> bool:
        return self._ended and not len(self._lanes)

    def _longest_wait(self, wait: float | None) -> float | None:
        if wait == 0:  # something is in the spill, and cannot be had yet
            return _PATIENCE
        if not self._tends or not self.output.tending_is_due:
            return wait
        return _TEND_EVERY if wait is None else min(wait, _TEND_EVERY)

    def _taken(self) -> Request | None:
        """The next request, out of memory or from the disk; None where none can be had now."""
        if self._spill is None or self._spill.is_empty:
            return self._from_memory()
        while (taken := self._spill.take()) is not None:
            unit, number = taken
            if unit.is_delivered:
                self._spill.take_out(number)
                continue
            self._on_disk[unit] = number
            return Request([unit], self.output)
        return None

    def _from_memory(self) -> Request | None:
        units = self._lanes.take()
        # A unit may have gone to the disk, and from there to the output, before it left memory.
        delivered = [unit for unit in units if unit.is_delivered]
        for unit in delivered:
            self._account_for(unit)
        left = [unit for unit in units if not unit.is_delivered]
        if not left:
            self._lanes.release(units[0])
            return None
        self._under_way.update(dict.fromkeys(left))
        return Request(left, self.output)

    def _through(self, request: Request) -> None:
        """A request was delivered, or is among the dead letters."""
        request.finish()
        with self._change:
            for unit in request.units:
                if unit in self._under_way:
                    del self._under_way[unit]
                    self._account_for(unit)
                number = self._on_disk.pop(unit, None)
                if number is not None and self._spill is not None:
                    self._spill.take_out(number)
            self._lanes.release(request.units[0])
            self._change.notify_all()

    def _give_up(self, error: BaseException) -> None:
        """Nothing is delivered any more."""
        with self._change:
            if self._error is not None:
                return
            self._error = error
            stops = isinstance(error, Undelivered) and self._stopping.is_set()
            self._saves = self._spill is not None and stops
            # A stop that meets an outage costs nothing where no event waits; one may still come.
            self._is_idle = stops and not self._events and not self._has_spilled
            self._change.notify_all()
        with self._spilling, self._change:
            left = [*self._under_way, *self._lanes.take_all()]
            self._under_way.clear()
            self._size = self._events = 0
        is_quiet = self._saves or self._is_idle
        self._give_back([unit for unit in left if not unit.is_delivered], error)
        if not is_quiet:
            self._failed(error)
        elif self._saves:
            log.error("%s", error)

    def _give_back(self, units: list[DeliveryUnit], error: BaseException) -> None:
        """Keep on disk what was not delivered because the pipeline stops, where there is a spill;
        the others have failed.
        """
        for unit in units:
            if self._saves and self._spill is not None and self._put(self._spill, unit, _PATIENCE):
                continue
            if self._saves or self._is_idle:
                self._saves = self._is_idle = False  # those behind it would come before it
                self._failed(error)
            unit.finish(error)

    def end(self) -> None:
        """Deliver what waits, and stop; what is on disk stays there if the pipeline was told to
        stop.
        """
        self._end()
        stops_soon = self._spill is not None and self._stopping.is_set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(_LAST_PATIENCE if stops_soon else None)
        if any(thread.is_alive() for thread in self._threads):
            # What it hangs on must not cost what waits behind.
            self._give_up(Undelivered(f"{self.sender.where} hangs"))

    def _end(self) -> None:
        with self._change:
            self._ended = True
            self._change.notify_all()

    def close(self) -> None:
        """Let go of the spill, whether or not the output comes back from what it does."""
        self._end()
        for thread in self._threads:
            if thread.is_alive() and self._error is None:
                thread.join(_LAST_PATIENCE)
        if self._spill is None:
            return
        if not self._spill.is_empty:
            where, spill = self.sender.where, self._spill
            log.warning(
                "%s: %d events remain in `%s` for the next start",
                where,
                spill.events,
                spill.directory,
            )
        self._spill.close()
