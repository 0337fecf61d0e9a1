"""An output behind a buffer of its own, delivered to by a thread of its own.

What waits is in memory up to a size. When it is more, the output's policy says what happens. With
the policy ``spill`` all that waits goes to disk, the oldest first, and so does all that comes until
the disk is empty again: the spill is always older than what is in memory, so that order is kept,
and after a crash nothing newer is found on disk than was lost from memory. A parcel may be put
there while it is being delivered; then it is taken out unread when its turn comes.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...dsl.reference import Event
from ...plugins.contract import Output
from ..observe.counters import OutputFigures
from .sender import Parcel, Refused, Sender, Ticket, Undelivered

if TYPE_CHECKING:
    from .spill import Spill

log = logging.getLogger("penstock")

_PATIENCE = 0.25
_LAST_PATIENCE = 5.0

Taken = tuple[Parcel | None, int | None]


class Buffered:
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
        self._policy = (
            "block" if output.when_full == "spill" and spill is None else output.when_full
        )
        self._sender = Sender(output, stopping, self._waiting)
        self._stopping, self._failed, self._spill, self._drain = stopping, failed, spill, drain
        self._parcels: deque[Parcel] = deque()
        self._size = self._events = 0
        self._ended = self._flush = self._saves = False
        self._error: BaseException | None = None
        self._change, self._spilling = threading.Condition(), threading.Lock()
        self._thread = threading.Thread(
            target=self._work, name=f"output {output.name}", daemon=True
        )

    def start(self) -> None:
        """Begin to deliver, first what an earlier run left on disk."""
        if self._spill is not None and not self._spill.is_empty:
            log.info(
                "%s: %d events are in the spill `%s`",
                self._sender.where,
                self._spill.events,
                self._spill.folder,
            )
        self._thread.start()

    def figures(self) -> OutputFigures:
        """What became of its events so far."""
        return self._sender.figures()

    def _waiting(self) -> int:
        return self._events + (self._spill.events if self._spill is not None else 0)

    def submit(
        self, packed: Any, events: int, ticket: Ticket, originals: list[Event] | None = None
    ) -> None:
        """Put what was packed into the buffer; where it is full, do as the policy says.
        ``originals`` are for the dead letters.
        """
        if isinstance(packed, memoryview):
            packed = bytes(packed)
        ticket.add()
        parcel = Parcel(packed, events, ticket, originals)
        while not self._accepted(parcel):
            if self._made_room(parcel):
                return

    def _accepted(self, parcel: Parcel) -> bool:
        """Whether nothing more need be done for a parcel: it is in memory, or no parcel is
        delivered any more.
        """
        with self._change:
            if self._error is None:
                if not self._fits(parcel):
                    return False
                self._parcels.append(parcel)
                self._size += parcel.size
                self._events += parcel.events
                self._change.notify_all()
                return True
            error = self._error
        self._give_back([parcel], error)
        return True

    def _fits(self, parcel: Parcel) -> bool:
        if self._spill is not None and not self._spill.is_empty:
            return False
        return not self._parcels or self._size + parcel.size <= self._limit

    def _made_room(self, parcel: Parcel) -> bool:
        """Do as the policy says for a parcel that does not fit: once, or a part of it. Whether the
        parcel is done with.
        """
        if self._policy == "block":
            self._wait_for_room(parcel)
        elif self._policy == "spill" and self._spill is not None:
            return self._spilled_oldest(parcel)
        elif self._policy == "drop_oldest":
            self._drop_oldest(parcel)
        elif self._policy == "dead_letter" and self._sender.can_bury(parcel):
            self._bury(parcel)
            return True
        else:
            self._sender.drop(parcel)
            return True
        return False

    def _wait_for_room(self, parcel: Parcel) -> None:
        with self._change:
            while self._error is None and not self._fits(parcel):
                self._change.wait()

    def _drop_oldest(self, parcel: Parcel) -> None:
        with self._change:
            if len(self._parcels) < 2:  # the first is being delivered
                if self._error is None and not self._fits(parcel):
                    self._change.wait()
                return
            oldest = self._parcels[1]
            del self._parcels[1]
            self._account_for(oldest)
        self._sender.drop(oldest)

    def _bury(self, parcel: Parcel) -> None:
        try:
            self._sender.bury(parcel, "the buffer of the output is full")
        except Undelivered as error:
            parcel.finish(error)
            self._failed(error)
        else:
            parcel.finish()

    def _spilled_oldest(self, parcel: Parcel) -> bool:
        """Put the oldest parcel that is in memory on disk, or, if there is none, the one that does
        not fit: whether it was that.
        """
        assert self._spill is not None
        with self._spilling:
            with self._change:
                if self._error is not None:
                    return False
                oldest = self._parcels[0] if self._parcels else parcel
            if not self._put(self._spill, oldest, _PATIENCE):
                return False
            with self._change:
                self._remove(oldest)
                self._change.notify_all()
        return oldest is parcel

    def _put(self, spill: Spill, parcel: Parcel, patience: float) -> bool:
        if not spill.put(parcel, patience):
            return False
        self._sender.spilled += parcel.events
        return True

    def _remove(self, parcel: Parcel) -> None:
        """Take a parcel out of memory, if it is there: the first one."""
        if self._parcels and self._parcels[0] is parcel:
            self._account_for(self._parcels.popleft())

    def _account_for(self, parcel: Parcel) -> None:
        self._size -= parcel.size
        self._events -= parcel.events

    def _work(self) -> None:
        try:
            while (taken := self._next()) is not None:
                parcel, number = taken
                if parcel is None:
                    self._sender.flush()
                    continue
                if not parcel.taken:
                    self._sender.send(parcel)
                if number is not None and self._spill is not None:
                    self._spill.take_out(number)
                with self._change:
                    self._remove(parcel)
                    self._change.notify_all()
            self._sender.flush()
        except BaseException as error:
            self._give_up(error)

    def _next(self) -> Taken | None:
        """The next parcel, with its number in the spill if it is from there; no parcel if it is
        time to flush; None at the end.
        """
        with self._change:
            while True:
                on_disk = self._spill is not None and not self._spill.is_empty
                if self._error is not None:
                    return None
                if self._ended and (
                    not self._parcels
                    if not on_disk
                    else self._stopping.is_set() and not self._drain
                ):
                    return None
                if on_disk:
                    assert self._spill is not None
                    taken = self._spill.take()
                    if taken is not None:
                        return taken
                elif self._parcels:
                    return self._parcels[0], None
                elif self._flush:
                    self._flush = False
                    return None, None
                self._change.wait(_PATIENCE if on_disk else None)

    def _give_up(self, error: BaseException) -> None:
        """Nothing is delivered any more."""
        with self._change:
            self._error = error
            self._saves = (
                self._spill is not None
                and isinstance(error, Undelivered)
                and not isinstance(error, Refused)
            )
            self._change.notify_all()
        with self._spilling, self._change:
            left, self._parcels = list(self._parcels), deque()
            self._size = self._events = 0
        saved = self._saves
        self._give_back([parcel for parcel in left if not parcel.taken], error)
        if not saved:
            self._failed(error)
        elif self._saves:
            log.error("%s", error)

    def _give_back(self, parcels: list[Parcel], error: BaseException) -> None:
        """Keep on disk what was not delivered because the pipeline stops, where there is a spill;
        the others have failed.
        """
        for parcel in parcels:
            if (
                self._saves
                and self._spill is not None
                and self._put(self._spill, parcel, _PATIENCE)
            ):
                continue
            if self._saves:
                self._saves = False  # those behind it would come before it
                self._failed(error)
            parcel.finish(error)

    def flush(self) -> None:
        """Have the output flushed as soon as nothing waits."""
        with self._change:
            self._flush = True
            self._change.notify_all()

    def end(self) -> None:
        """Deliver what waits, and stop; what is on disk stays there if the pipeline was told to
        stop.
        """
        self._end()
        if self._thread.is_alive():
            self._thread.join(
                _LAST_PATIENCE if self._spill is not None and self._stopping.is_set() else None
            )
        if self._thread.is_alive():  # what it hangs on must not cost what waits behind
            self._give_up(Undelivered(f"{self._sender.where} hangs"))

    def _end(self) -> None:
        with self._change:
            self._ended = True
            self._change.notify_all()

    def close(self) -> None:
        """Let go of the spill, whether or not the output comes back from what it does."""
        self._end()
        if self._thread.is_alive() and self._error is None:
            self._thread.join(_LAST_PATIENCE)
        if self._spill is not None:
            if not self._spill.is_empty:
                where, spill = self._sender.where, self._spill
                log.warning(
                    "%s: %d events stay in `%s` for the next start",
                    where,
                    spill.events,
                    spill.folder,
                )
            self._spill.close()
