"""The runtime: batches from inputs through the filters to the outputs, acknowledged when every
output has them.

To stop, inputs are told, what was read is worked off, what filters hold is flushed, outputs are
flushed and closed.
"""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import msgspec

from ...dsl.guard import standing_by
from ...dsl.reference import Event
from ...plugins.contract import Batch, Filter, Input, Output
from ...plugins.data_paths import spills_folder
from ...plugins.passthrough import RawStream
from ..compile.generate import Generated, Observer, generate
from ..compile.instantiate import Assembly
from ..delivery.dispatch import Way, ways, write_to
from ..delivery.sender import Ticket
from ..observe.counters import OutputFigures
from .input_threads import batches

if TYPE_CHECKING:
    from ..delivery.dead_letter_writer import Burial
    from ..storage.queue import DiskQueue

log = logging.getLogger("penstock")

_FLUSH_EVERY = 5.0


class Counts(msgspec.Struct):
    """What has gone through, for the progress line."""

    events_in: int = 0
    events_out: int = 0
    bytes_in: int = 0
    started: float = 0.0


class Pipeline:
    """A configuration that runs. ``run()`` returns when the inputs have ended or ``stop()`` was
    called.
    """

    def __init__(
        self,
        assembly: Assembly,
        tick: Callable[[Counts], None] | None = None,
        observer: Observer | None = None,
    ) -> None:
        program, self.assembly, self._observer = assembly.program, assembly, observer
        self.inputs = [p for p in assembly.plugins(program.inputs) if isinstance(p, Input)]
        self.filters = generate(program.filters, assembly.made, "filters", observer)
        self.targets = [p for p in assembly.plugins(program.outputs) if isinstance(p, Output)]
        self.counts = Counts()
        self._tick = tick
        self._stopping = threading.Event()
        self._batch_size = int(program.settings.get("pipeline.batch.size") or 0)
        self._flushes = any(
            p.flushes for p in assembly.plugins(program.filters) if isinstance(p, Filter)
        )
        self._next_flush = 0.0
        self.opened = False
        self._queue: DiskQueue | None = None
        self._burial: Burial | None = None
        self._ticket = Ticket(None)
        self._ways: list[Way] = []
        self._failure: BaseException | None = None

    def stop(self) -> None:
        """Let the inputs end; what was read is still delivered."""
        self._stopping.set()

    def run(self) -> None:
        """Run until the inputs end; raises Undelivered where an output would not take its
        events.
        """
        self.counts.started = time.monotonic()
        try:
            self._open()
            self.opened = True
            with rare_collections(), standing_by():
                self._run()
        finally:
            self._stopping.set()
            for way in self._ways:
                way.close()  # what a spill has to say comes before the queue is closed
            if self._queue is not None:
                self._queue.close()  # its last word to the inputs comes before they are closed
            self.assembly.close()
            if self._burial is not None:
                self._burial.close()
            self._tell_what_was_left_out()

    def figures(self) -> list[OutputFigures]:
        """What became of the events meant for each output, in the order of the configuration."""
        return [way.figures() for way in list(self._ways)]

    def _tell_what_was_left_out(self) -> None:
        for one in self.figures():
            if one.left_out:
                log.warning("the output %s: %s", one.output, one.left_out)

    def _open(self) -> None:
        if self.assembly.program.settings["queue.type"] == "persisted":
            from .input_queue import open_queue

            self._queue = open_queue(self.assembly.program.settings)
        if self.assembly.program.settings["dead_letter_queue.enable"]:
            from ..delivery.dead_letter_writer import Burial

            self._burial = Burial(self.assembly.program.settings)
            for plugin in self.assembly.made.values():
                plugin.context.bury = (
                    self._burial.bury
                    if isinstance(plugin, Output)
                    else self._burial.bury_if_possible
                )
        for plugin in self.assembly.made.values():
            plugin.open()

    def _run(self) -> None:
        outputs = self._outputs()
        for batch in self.source():
            with Ticket(batch.done if batch is not None else None) as self._ticket:
                if batch is not None:
                    self._work(batch, outputs)
                if self._flushes and time.monotonic() >= self._next_flush:
                    self._next_flush = time.monotonic() + _FLUSH_EVERY
                    self._pass_on(self.filters.run([], False), outputs)
            if batch is None:
                self._flush_outputs()
            if self._tick is not None:
                self._tick(self.counts)
            if self._failure is not None:
                break
        self._ticket = Ticket(None)
        self._pass_on(self.filters.run([], True), outputs)
        self._end_ways()

    @property
    def buries(self) -> bool:
        """Whether there are dead letters."""
        return self._burial is not None

    def raw(self, size: int) -> RawStream | None:
        """The one input as bytes, in pieces of about a size, where nothing else need see its
        events.
        """
        return (
            self.inputs[0].raw(self._stopping.is_set, size)
            if len(self.inputs) == 1 and self._queue is None
            else None
        )

    def source(self) -> Iterator[Batch | None]:
        """The batches of the inputs, through the disk queue where the settings ask for it."""
        if self._queue is None:
            return batches(self.inputs, self._stopping)
        from . import input_queue

        drain = bool(self.assembly.program.settings["queue.drain"])
        return input_queue.batches(self.inputs, self._queue, self._stopping, drain)

    def _outputs(self) -> Generated:
        """The output section, each output packing where it stands and delivering by its way."""
        self._open_ways()
        for way in self._ways:
            way.output.write = write_to(way, lambda: self._ticket)  # type: ignore[method-assign, assignment]
        return generate(
            self.assembly.program.outputs, self.assembly.made, "outputs", self._observer
        )

    def _open_ways(self) -> None:
        for way in ways(self.targets, self._stopping, self._fail):
            self._ways.append(way)
        if spills_folder(self.assembly.program.settings).is_dir():
            from ..delivery.spill import tell_of_unclaimed

            tell_of_unclaimed(self.assembly.program.settings, self.targets)
        for way in self._ways:
            way.start()

    def _end_ways(self) -> None:
        """Deliver what waits; raises what made an output fail for good."""
        for way in self._ways:
            way.end()
        if self._failure is not None:
            raise self._failure

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self._stopping.set()

    def _work(self, batch: Batch, outputs: Generated) -> None:
        self.counts.events_in += len(batch.events)
        self.counts.bytes_in += batch.bytes
        for events in self.portions(batch.events):
            self._pass_on(self.filters.run(events), outputs)

    def portions(self, events: list[Event]) -> Iterator[list[Event]]:
        """Events in batches of the size that a setting asks for."""
        size = self._batch_size
        if not size or len(events) <= size:
            yield events
            return
        for start in range(0, len(events), size):
            yield events[start : start + size]

    def _pass_on(self, events: list[Event], outputs: Generated) -> None:
        if events:
            outputs.run(events)
            self.counts.events_out += len(events)

    def _flush_outputs(self) -> None:
        for way in self._ways:
            way.flush()


class rare_collections:  # noqa: N801  (reads as a word in `with`)
    """While events stream, objects that live long are not looked at again, and young ones seldom:
    events hold no circles.
    """

    def __enter__(self) -> None:
        self._before = gc.get_threshold()
        gc.freeze()
        gc.set_threshold(200_000, 20, 100)

    def __exit__(self, *problem: object) -> None:
        gc.set_threshold(*self._before)
        gc.unfreeze()
