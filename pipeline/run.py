"""The runtime: batches from inputs through the filters to the outputs, acknowledged when every output has them.

One input is read in the thread that filters, with no queue between; several are read by a thread each, which put their batches
into a bounded queue: that is the whole of back-pressure. To stop, inputs are told, what was read is worked off, what filters hold is
flushed, outputs are flushed and closed.
"""
from __future__ import annotations

import gc
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..dsl.event import complete
from ..dsl.reference import Event
from ..plugins.contract import Batch, Input, Output
from .assembly import Assembly, uses
from .generate import generate

log = logging.getLogger("penstock")

_FLUSH_EVERY = 5.0
_QUEUED = 8
_LONGEST_WAIT = 30.0


class Undelivered(Exception):
    """An output could not take a batch and the pipeline was told to stop waiting."""


@dataclass(slots=True)
class Counts:
    """What has gone through, for the progress line and the last word."""

    events_in: int = 0
    events_out: int = 0
    bytes_in: int = 0
    started: float = 0.0


class Pipeline:
    """A configuration that runs. ``run()`` returns when the inputs have ended or ``stop()`` was called."""

    def __init__(self, assembly: Assembly, tick: Callable[[Counts], None] | None = None) -> None:
        program, self.assembly = assembly.program, assembly
        self.filters = generate(program.filters, assembly.made, "filters")
        self.inputs = [p for p in assembly.plugins(program.inputs) if isinstance(p, Input)]
        self._guard_outputs()
        self.outputs = generate(program.outputs, assembly.made, "outputs")
        self.targets = [p for p in assembly.plugins(program.outputs) if isinstance(p, Output)]
        self.counts = Counts()
        self._tick = tick
        self._stopping = threading.Event()
        self._batch_size = int(program.settings.get("pipeline.batch.size") or 0)
        self._flushes = any(getattr(self.assembly.made[use], "flushes", False) for use in uses(program.filters))
        self._next_flush = time.monotonic() + _FLUSH_EVERY

    def stop(self) -> None:
        """Let the inputs end; what was read is still delivered."""
        self._stopping.set()

    def run(self) -> None:
        """Run until the inputs end; raises Undelivered where an output would not take its events."""
        self.counts.started = time.monotonic()
        for plugin in self.assembly.made.values():
            plugin.open()
        with _rare_collections():
            try:
                for batch in self._batches():
                    self._work(batch)
                self._deliver(self.filters.run([], True))
                for target in self.targets:
                    target.flush()
            finally:
                self._stopping.set()
                self.assembly.close()

    def _guard_outputs(self) -> None:
        for use in uses(self.assembly.program.outputs):
            output = self.assembly.made[use]
            assert isinstance(output, Output)
            output.write = self._retried(output, output.write)  # type: ignore[method-assign]

    def _retried(self, output: Output, write: Callable[[list[Event]], None]) -> Callable[[list[Event]], None]:
        """Try again, ever less often, what an output does not take; give up only when the pipeline is to stop."""

        def write_surely(events: list[Event]) -> None:
            wait = 1.0
            while True:
                try:
                    return write(events)
                except BrokenPipeError:
                    raise
                except OSError as error:
                    where, name = output.context.where, output.name
                    log.error("%s: the output %s failed: %s; again in %.0f s", where, name, error, wait)
                    if self._stopping.wait(wait):
                        raise Undelivered(f"{where}: the output {name} failed: {error}") from error
                    wait = min(wait * 2, _LONGEST_WAIT)
                except Exception as error:
                    reason = f"{type(error).__name__}: {error}"
                    raise Undelivered(f"{output.context.where}: the output {output.name} failed: {reason}") from error

        return write_surely

    def _batches(self) -> Iterator[Batch | None]:
        if len(self.inputs) == 1:
            return self._checked(self.inputs[0])
        return self._from_threads()

    def _checked(self, source: Input) -> Iterator[Batch | None]:
        decorate = source.decorate
        for batch in source.batches(self._stopping.is_set):
            if batch is not None:
                if not source.completes:
                    complete(batch.events, self.assembly.now(), {})
                if decorate is not None:
                    for event in batch.events:
                        decorate(event)
            yield batch

    def _from_threads(self) -> Iterator[Batch | None]:
        """The batches of several inputs, through a bounded queue; an input that fails is logged and started again."""
        waiting: queue.Queue[Batch | None] = queue.Queue(_QUEUED)
        threads = [threading.Thread(target=self._pump, args=(i, waiting), daemon=True) for i in self.inputs]
        for thread in threads:
            thread.start()
        left = len(threads)
        while left:
            try:
                batch = waiting.get(timeout=0.25)
            except queue.Empty:
                yield None
                continue
            if batch is None:
                left -= 1
            else:
                yield batch

    def _pump(self, source: Input, waiting: queue.Queue[Batch | None]) -> None:
        while not self._stopping.is_set():
            try:
                for batch in self._checked(source):
                    if batch is not None:
                        waiting.put(batch)
                break
            except Exception as error:
                log.error("%s: the input %s failed: %s; it is started again", source.context.where, source.name, error)
                self._stopping.wait(1)
        waiting.put(None)

    def _work(self, batch: Batch | None) -> None:
        if batch is not None and batch.events:
            self.counts.events_in += len(batch.events)
            for events in self._portions(batch.events):
                self._deliver(self.filters.run(events))
        if batch is not None:
            self.counts.bytes_in += batch.bytes
            if batch.done is not None:
                batch.done(None)
        if self._flushes and time.monotonic() >= self._next_flush:
            self._next_flush = time.monotonic() + _FLUSH_EVERY
            self._deliver(self.filters.run([], False))
        if batch is None:
            for target in self.targets:
                target.flush()
        if self._tick is not None:
            self._tick(self.counts)

    def _portions(self, events: list[Event]) -> Iterator[list[Event]]:
        size = self._batch_size
        if not size or len(events) <= size:
            yield events
            return
        for start in range(0, len(events), size):
            yield events[start : start + size]

    def _deliver(self, events: list[Event]) -> None:
        if events:
            self.outputs.run(events)
            self.counts.events_out += len(events)


class _rare_collections:  # noqa: N801  (reads as a word in `with`)
    """While events stream, objects that live long are not looked at again, and young ones seldom: events hold no circles."""

    def __enter__(self) -> None:
        self._before = gc.get_threshold()
        gc.collect()
        gc.freeze()
        gc.set_threshold(200_000, 20, 100)

    def __exit__(self, *problem: object) -> None:
        gc.set_threshold(*self._before)
        gc.unfreeze()
