"""Addresses inside the process, over which pipelines hand events to each other (the plugins called
``pipeline``).

An address has one reader, which says how it takes a batch. A sender whose address has no reader, or
whose reader is full, waits for a moment; it learns when a batch has been delivered on the other
side, so that nothing is acknowledged before.
"""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent.futures import Future, InvalidStateError
from weakref import WeakSet

from ..dsl.diagnostics import PenstockError
from ..dsl.reference import Event
from .batch import Batch
from .errors import Disconnected
from .input import Emit


class TakenError(PenstockError, ValueError):
    """An address that has a reader already."""


class Address:
    """An address as its reader holds it. Nothing is taken before ``serve``."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._emit: Emit | None = None
        self._waits = False
        self._unanswered: WeakSet[Future[None]] = WeakSet()

    @property
    def is_served(self) -> bool:
        """Whether it takes batches, if it is not full."""
        return self._emit is not None

    def serve(self, emit: Emit) -> None:
        """Take what is sent from now on."""
        with _change:
            self._emit = emit
            _change.notify_all()

    def release(self) -> None:
        """Take nothing any more, and give back what was not answered: its senders wait for that."""
        with _change:
            self._emit = None
            if _addresses.get(self.name) is self:
                del _addresses[self.name]
        for future in list(self._unanswered):
            _answer(future, Disconnected(f"the pipeline at `{self.name}` has stopped"))

    def take(self, events: list[Event]) -> Future[None] | None:
        """Hand events to the reader; None where it is full."""
        emit = self._emit
        if emit is None:
            return None
        future: Future[None] = Future()
        self._unanswered.add(future)
        if emit(Batch(events), lambda error: _answer(future, error)):
            if self._emit is None:  # it was released meanwhile, perhaps before it knew of this
                _answer(future, Disconnected(f"the pipeline at `{self.name}` has stopped"))
            return future
        self._unanswered.discard(future)
        if not self._waits:
            self._waits = True
            emit.when_free(self._is_free)
        return None

    def _is_free(self) -> None:
        with _change:
            self._waits = False
            _change.notify_all()


_change = threading.Condition()
_addresses: dict[str, Address] = {}


def reserve(name: str) -> Address:
    """Become the reader of an address; raises TakenError where another is."""
    with _change:
        if name in _addresses:
            raise TakenError(f"the address `{name}` is read by another input")
        _addresses[name] = Address(name)
        return _addresses[name]


def is_read(name: str) -> bool:
    """Whether someone reads from an address, be it full or not."""
    address = _addresses.get(name)
    return address is not None and address.is_served


def send(name: str, events: list[Event], timeout: float) -> Future[None] | None:
    """Hand events over: they become the reader's. The Future says how they fared there. None where
    nobody reads from the address, or its reader is full, for so many seconds.
    """
    end = time.monotonic() + timeout
    while True:
        address = _addresses.get(name)
        future = None if address is None else address.take(events)
        left = end - time.monotonic()
        if future is not None or left <= 0:
            return future
        with _change:
            # Between the look and this wait the reader may have got free: look again soon.
            _change.wait(min(left, _LOOK_AGAIN))


_LOOK_AGAIN = 0.05


def _answer(future: Future[None], error: Exception | None) -> None:
    """Say how events fared; who comes first is heard."""
    with contextlib.suppress(InvalidStateError):
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
