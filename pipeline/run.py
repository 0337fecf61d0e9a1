"""The runtime: batches from inputs through the filters to the outputs, acknowledged when every output has them.

To stop, inputs are told, what was read is worked off, what filters hold is flushed, outputs are flushed and closed.
"""
from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..dsl.reference import Event
from ..plugins.contract import Batch, Filter, Input, Output
from .assembly import Assembly
from .delivery import persistent
from .generate import Generated, generate
from .intake import batches

_FLUSH_EVERY = 5.0


@dataclass(slots=True)
class Counts:
    """What has gone through, for the progress line."""

    events_in: int = 0
    events_out: int = 0
    bytes_in: int = 0
    started: float = 0.0


class Pipeline:
    """A configuration that runs. ``run()`` returns when the inputs have ended or ``stop()`` was called."""

    def __init__(self, assembly: Assembly, tick: Callable[[Counts], None] | None = None) -> None:
        program, self.assembly = assembly.program, assembly
        self.inputs = [p for p in assembly.plugins(program.inputs) if isinstance(p, Input)]
        self.filters = generate(program.filters, assembly.made, "filters")
        self.targets = [p for p in assembly.plugins(program.outputs) if isinstance(p, Output)]
        self.counts = Counts()
        self._tick = tick
        self._stopping = threading.Event()
        self._batch_size = int(program.settings.get("pipeline.batch.size") or 0)
        self._flushes = any(p.flushes for p in assembly.plugins(program.filters) if isinstance(p, Filter))
        self._next_flush = 0.0

    def stop(self) -> None:
        """Let the inputs end; what was read is still delivered."""
        self._stopping.set()

    def run(self) -> None:
        """Run until the inputs end; raises Undelivered where an output would not take its events."""
        self.counts.started = time.monotonic()
        try:
            for plugin in self.assembly.made.values():
                plugin.open()
            with rare_collections():
                self._run()
        finally:
            self._stopping.set()
            self.assembly.close()

    def _run(self) -> None:
        outputs = self._outputs()
        for batch in batches(self.inputs, self._stopping):
            if batch is not None:
                self._work(batch, outputs)
            if self._flushes and time.monotonic() >= self._next_flush:
                self._next_flush = time.monotonic() + _FLUSH_EVERY
                self._pass_on(self.filters.run([], False), outputs)
            if batch is None:
                self._flush_outputs()
            if self._tick is not None:
                self._tick(self.counts)
        self._pass_on(self.filters.run([], True), outputs)
        self._flush_outputs()

    def _outputs(self) -> Generated:
        """The output section, each output packing and delivering where it stands."""
        for output in self.targets:
            output.deliver = persistent(output, self._stopping)  # type: ignore[method-assign, assignment]
        return generate(self.assembly.program.outputs, self.assembly.made, "outputs")

    def _work(self, batch: Batch, outputs: Generated) -> None:
        self.counts.events_in += len(batch.events)
        self.counts.bytes_in += batch.bytes
        for events in self.portions(batch.events):
            self._pass_on(self.filters.run(events), outputs)
        if batch.done is not None:
            batch.done(None)

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
        for target in self.targets:
            target.flush()


class rare_collections:  # noqa: N801  (reads as a word in `with`)
    """While events stream, objects that live long are not looked at again, and young ones seldom: events hold no circles."""

    def __enter__(self) -> None:
        self._before = gc.get_threshold()
        gc.collect()
        gc.freeze()
        gc.set_threshold(200_000, 20, 100)

    def __exit__(self, *problem: object) -> None:
        gc.set_threshold(*self._before)
        gc.unfreeze()
