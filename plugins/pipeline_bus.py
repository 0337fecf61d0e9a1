"""Addresses inside the process, over which pipelines hand events to each other (the plugins called
``pipeline``).

An address is a bounded queue with one reader. A sender whose address has no reader waits for one;
it learns when a batch has been delivered on the other side, so that nothing is acknowledged before.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..dsl.reference import Event

_HELD = 8


@dataclass(slots=True, eq=False, weakref_slot=True)
class Handover:
    """Events on their way to another pipeline, and the news of their delivery."""

    events: list[Event]
    settled: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None

    def done(self, error: Exception | None) -> None:
        """The other pipeline has delivered them, or gives them back; who comes first is heard."""
        if not self.settled.is_set():
            self.error = error
            self.settled.set()


class TakenError(ValueError):
    """An address that has a reader already."""


_lock = threading.Condition()
_readers: dict[str, queue.Queue[Handover]] = {}


@contextmanager
def reading(address: str) -> Iterator[queue.Queue[Handover]]:
    """Read from an address; raises TakenError where another does."""
    mine: queue.Queue[Handover] = queue.Queue(_HELD)
    with _lock:
        if address in _readers:
            raise TakenError(f"the address `{address}` is read by another pipeline")
        _readers[address] = mine
        _lock.notify_all()
    try:
        yield mine
    finally:
        with _lock:
            del _readers[address]
        _give_back(mine, address)


def _give_back(left: queue.Queue[Handover], address: str) -> None:
    while True:
        try:
            left.get_nowait().done(OSError(f"the pipeline at `{address}` has stopped"))
        except queue.Empty:
            return


def send(address: str, events: list[Event], patience: float) -> Handover | None:
    """Hand events over; None where no one reads from the address, or its reader is too slow, for so
    many seconds.
    """
    with _lock:
        if not _lock.wait_for(lambda: address in _readers, patience):
            return None
        reader = _readers[address]
    handover = Handover(events)
    try:
        reader.put(handover, timeout=patience)
    except queue.Full:
        return None
    return handover
