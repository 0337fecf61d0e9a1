"""How events get from the filters to each output.

One output alone is delivered to where its events are filtered. Of several, each has a buffer and a
thread of its own, so that a slow one holds up the others only when its buffer is full and its
policy is to block.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ...dsl.reference import Event
from ...plugins.contract import Output
from ...plugins.data_paths import spills_folder
from ..observe.counters import OutputFigures
from .buffer import Buffered
from .sender import Parcel, Sender, Ticket


class Direct:
    """An output that is delivered to at once."""

    def __init__(self, output: Output, stopping: threading.Event) -> None:
        self.output = output
        self._sender = Sender(output, stopping, lambda: self._waiting)
        self._waiting = 0
        self._busy = threading.Lock()

    def start(self) -> None:
        """Nothing need be started."""

    def figures(self) -> OutputFigures:
        """What became of its events so far."""
        return self._sender.figures()

    def submit(
        self, packed: Any, events: int, ticket: Ticket, originals: list[Event] | None = None
    ) -> None:
        """Deliver what was packed; raises Undelivered."""
        ticket.add()
        parcel = Parcel(packed, events, ticket, originals)
        with self._busy:
            self._waiting = events
            try:
                self._sender.send(parcel)
            except BaseException as error:
                parcel.finish(error)
                raise
            self._waiting = 0

    def flush(self) -> None:
        """Flush the output, unless it is being delivered to."""
        if self._busy.acquire(blocking=False):
            try:
                self._sender.flush()
            finally:
                self._busy.release()

    def end(self) -> None:
        """Nothing is held."""
        self.flush()

    def close(self) -> None:
        """Nothing is held."""


Way = Buffered | Direct


def ways(
    outputs: Sequence[Output], stopping: threading.Event, failed: Callable[[BaseException], None]
) -> Iterator[Way]:
    """How each output is delivered to. ``failed`` is told of an error that no retry mends. Raises
    OSError where a spill cannot be opened: those before it were given by then.
    """
    if len(outputs) == 1 and outputs[0].when_full == "block":
        yield Direct(outputs[0], stopping)
    elif any(output.when_full == "spill" for output in outputs):
        yield from _spilling(outputs, stopping, failed)
    else:
        for output in outputs:
            yield Buffered(output, stopping, failed)


def _spilling(
    outputs: Sequence[Output], stopping: threading.Event, failed: Callable[[BaseException], None]
) -> Iterator[Way]:
    from .spill import Spill, spill_names

    for output, name in zip(outputs, spill_names(outputs), strict=True):
        settings = output.context.settings
        spill = (
            Spill(spills_folder(settings) / name, int(output.spill_max_bytes))
            if output.when_full == "spill"
            else None
        )
        yield Buffered(output, stopping, failed, spill, bool(settings.get("queue.drain")))


def write_to(way: Way, ticket: Callable[[], Ticket]) -> Callable[[list[Event]], None]:
    """What stands in the place of an output's ``write`` where one process does all."""
    pack, keeps = way.output.pack, way.output.context.bury is not None
    return lambda events: way.submit(pack(events), len(events), ticket(), events if keeps else None)
