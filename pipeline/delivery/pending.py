"""What is on its way to outputs, and the acknowledgement that waits for it.

A batch is acknowledged when every output has what was meant for it, and failed as soon as one was
given up. What was packed for one output is a unit of delivery; several units become one request.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from ...dsl.reference import Event
from ...plugins.batch import Payload
from ...plugins.context import Reasons
from ...plugins.errors import Undelivered
from ...plugins.output import Output


class PendingAck:
    """Counts the deliveries of one batch; when the last has ended, ``done`` is called, once, with
    the first error if any failed.

    Used as a context manager it ends, at the end of the block, the count for whoever adds
    deliveries.
    """

    __slots__ = ("_done", "_error", "_left", "_lock")

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
            is_last = self._left == 0
        if not is_last or self._done is None:
            return
        failed = self._error
        if failed is not None and not isinstance(failed, Exception):
            failed = Undelivered(repr(failed))
        self._done(failed)

    def __enter__(self) -> PendingAck:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.finish(error)


class DeliveryUnit:
    """What was packed of some events for one output. ``is_delivered``: the output has it."""

    __slots__ = ("_open", "_pending", "arrived", "is_delivered", "number", "payload", "size")

    def __init__(self, payload: Payload, pending: PendingAck | None = None) -> None:
        self.payload, self._pending = payload, pending
        self.size = payload.size
        self.is_delivered = False
        self.arrived, self.number = 0.0, 0
        self._open = [None]

    @property
    def events(self) -> int:
        """How many events it holds."""
        return self.payload.count

    def finish(self, error: BaseException | None = None) -> None:
        """Tell the batch how it ended; thread-safe, and only the first call has an effect."""
        try:
            self._open.pop()  # a list gives its item to one thread only
        except IndexError:
            return
        if self._pending is not None:
            self._pending.finish(error)


class Request:
    """Units that are delivered at once. ``payload`` and ``originals`` become less when a part of
    them was delivered or rejected; ``tries`` counts failures that the output does not know;
    ``connection`` is the number of the one that it was last sent over, ``begun`` when, in
    seconds of the monotonic clock.
    """

    __slots__ = ("begun", "connection", "originals", "payload", "tries", "units")

    def __init__(self, units: Sequence[DeliveryUnit], output: Output) -> None:
        """Join units of one lane."""
        self.units = units
        self.tries = self.connection = 0
        self.begun = 0.0
        self.originals: list[Event] | None = None
        if len(units) == 1:
            self.payload = units[0].payload
            self.originals = self.payload.events
        else:
            self.payload = output.join([unit.payload for unit in units])
            kept = [unit.payload.events for unit in units]
            if all(events is not None for events in kept):
                self.originals = [event for events in kept for event in events or ()]

    @property
    def events(self) -> int:
        """How many events of it are still to be delivered."""
        return self.payload.count

    def keep(self, indexes: Sequence[int], output: Output) -> None:
        """Only these items are still to be delivered."""
        if self.originals is not None:
            self.originals = self.originals_of(indexes)
        self.payload = output.select(self.payload, indexes)

    def originals_of(self, indexes: Sequence[int]) -> list[Event]:
        """The events of some items; all that there are, where there is not one for each item."""
        originals = self.originals or []
        return [originals[i] for i in indexes] if self._has_each else originals

    def refused(self, reasons: Mapping[int, str]) -> tuple[list[Event], Reasons]:
        """The events of items that were rejected, each with the reason of its item; with all the
        reasons, where there is not one for each item.
        """
        texts = list(reasons.values())
        together = "; ".join(dict.fromkeys(texts))
        return self.originals_of(list(reasons)), texts if self._has_each else together

    @property
    def _has_each(self) -> bool:
        return self.originals is not None and len(self.originals) == self.events

    def finish(self, error: BaseException | None = None) -> None:
        """Tell the batches of its units how they ended."""
        for unit in self.units:
            if error is None:
                unit.is_delivered = True
            unit.finish(error)
