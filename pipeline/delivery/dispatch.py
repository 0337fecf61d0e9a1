"""How events get from the filters to each output.

One output that only hands bytes to the operating system is delivered to where its events are
filtered. Others have a buffer and threads of their own, so that a slow one holds up the rest only
when its buffer is full and its policy is to block.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence, Set
from typing import TYPE_CHECKING, Protocol

from ...dsl.reference import Event
from ...plugins.batch import Payload
from ...plugins.data_paths import spills_directory
from ...plugins.output import Output
from ...plugins.plugin import Plugin
from ..observe.counters import OutputStats
from .buffer import BufferedSink
from .packing import packing
from .pending import DeliveryUnit, PendingAck, Request
from .sender import Sender

if TYPE_CHECKING:
    from .spill import Spill

Failed = Callable[[BaseException], None]


class OutputSink(Protocol):
    """What takes the payloads of one output."""

    output: Output
    sender: Sender
    is_full: bool
    """Whether its buffer is full, and the pipeline waits for that."""

    @property
    def spill(self) -> Spill | None:
        """What is kept on disk for it, where its policy is that."""
        ...

    def start(self) -> None:
        """Begin to deliver."""
        ...

    def submit(self, payload: Payload, pending: PendingAck) -> None:
        """Take a payload of a batch; the batch's acknowledgement waits for it."""
        ...

    def stats(self) -> OutputStats:
        """What became of its events so far."""
        ...

    def end(self) -> None:
        """Deliver what waits, and stop."""
        ...

    def close(self) -> None:
        """Let go of what is held on disk."""
        ...


class DirectSink:
    """An output that is delivered to at once, in the thread that filters."""

    def __init__(self, output: Output, stopping: threading.Event) -> None:
        self.output = output
        self.sender = Sender(output, stopping, lambda: self._waiting)
        self.spill: Spill | None = None
        self.is_full = False
        self._waiting = 0

    def start(self) -> None:
        """Connect."""
        self.sender.connect()

    def stats(self) -> OutputStats:
        """What became of its events so far."""
        return self.sender.stats()

    def submit(self, payload: Payload, pending: PendingAck) -> None:
        """Deliver what was packed; raises Undelivered."""
        pending.add()
        unit = DeliveryUnit(payload, pending)
        self._waiting = unit.events
        try:
            request = Request([unit], self.output)
            self.sender.send(request)
            request.finish()
        except BaseException as error:
            unit.finish(error)
            raise
        self._waiting = 0

    def end(self) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """Nothing is held."""


def sinks_of(
    outputs: Sequence[Output],
    stopping: threading.Event,
    failed: Failed,
    carried: Set[Plugin] = frozenset(),
) -> Iterator[OutputSink]:
    """How each output is delivered to; ``carried`` ones are connected. ``failed`` is told of an
    error that no retry mends. Raises OSError where a spill cannot be opened: those before it were
    given by then.
    """
    for sink in _sinks(outputs, stopping, failed):
        if sink.output in carried:
            sink.sender.is_connected = True
        yield sink


def _sinks(
    outputs: Sequence[Output], stopping: threading.Event, failed: Failed
) -> Iterator[OutputSink]:
    if len(outputs) == 1 and outputs[0].immediate and outputs[0].when_full == "block":
        yield DirectSink(outputs[0], stopping)
    elif any(output.when_full == "spill" for output in outputs):
        yield from _spilling(outputs, stopping, failed)
    else:
        for output in outputs:
            yield _buffered(output, stopping, failed)


def _buffered(output: Output, stopping: threading.Event, failed: Failed) -> OutputSink:
    if output.pipelined:
        from .pipelined import PipelinedSink

        return PipelinedSink(output, stopping, failed)
    return BufferedSink(output, stopping, failed)


def _spilling(
    outputs: Sequence[Output], stopping: threading.Event, failed: Failed
) -> Iterator[OutputSink]:
    from .spill import Spill, spill_names

    for output, name in zip(outputs, spill_names(outputs), strict=True):
        settings = output.context.settings
        if output.when_full != "spill":
            yield _buffered(output, stopping, failed)
            continue
        spill = Spill(spills_directory(settings) / name, int(output.spill_max_bytes))
        yield BufferedSink(output, stopping, failed, spill, bool(settings.get("queue.drain")))


def submitting(
    sink: OutputSink, pending: Callable[[], PendingAck]
) -> Callable[[list[Event]], None]:
    """What stands in the place of an output's ``write`` where one process does all."""
    pack, submit = packing(sink.output), sink.submit
    keeps = sink.output.context.dead_letter is not None

    def write(events: list[Event]) -> None:
        for payload in pack(events):
            if not keeps:
                payload.events = None
            submit(payload, pending())

    return write
