"""A pipeline that runs: batches from inputs through the filters to the outputs, acknowledged when
every output has them.

To stop, inputs are told, what was read is worked off, what filters hold is flushed, outputs deliver
what waits, and only then the inputs are settled and closed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from ...dsl.diagnostics import ConfigError
from ...dsl.guard import standing_by
from ...dsl.options import read
from ...dsl.spec import Kind
from ...plugins.data_paths import spills_directory
from ...plugins.epoch import Offsets
from ...plugins.errors import Misconfigured, Undelivered
from ...plugins.input import CHUNK_BYTES, Input
from ...plugins.output import Output
from ...plugins.plugin import Plugin
from ..compile.generate import Observer
from ..compile.instantiate import Assembly, misconfigured
from ..compile.section import Clock
from ..delivery.dispatch import OutputSink, sinks_of, submitting
from ..delivery.pending import PendingAck
from ..observe.batch_trace import Tracer
from ..observe.counters import Counts, OutputStats
from ..observe.plugin_counters import PluginCounters, plugin_counters
from .announce import log_start, log_summary
from .garbage import rare_collections
from .input_threads import Done, Incoming
from .keeping import participant_of, say_ending, watch_partitions
from .opening import open_plugin
from .reader import SharedCommits
from .sources import Source, source_of
from .work import Work

if TYPE_CHECKING:
    from ..delivery.dead_letter_writer import DeadLetterWriter
    from ..state.epochs import Epochs
    from ..state.filter_states import States
    from ..storage.dead_letters import DeadLetters
    from ..storage.queue import DiskQueue
    from .in_flight import InFlight

log = logging.getLogger("penstock")

FLUSH_EVERY = 5.0
_FILTERS = -2
"""In the place of an input's number: what filters give by themselves."""
_MOST_OF_QUEUE = 256


class Pipeline:
    """A configuration that runs. ``run()`` returns when the inputs have ended or ``stop()`` was
    called. ``carried`` are plugins that are open and connected already, from the pipeline before a
    reload.

    Where it ``keeps_open``, plugins stay open when it ends, for the pipeline after it, until
    ``close_plugins`` is called.
    """

    chunk_bytes = CHUNK_BYTES
    workers = 1
    filters_here = True
    """Whether a batch is filtered in this process, right after it was taken."""

    workers_replaced = 0
    """Workers that died and were replaced."""

    def __init__(
        self,
        assembly: Assembly,
        tick: Callable[[Counts], None] | None = None,
        observer: Observer | None = None,
    ) -> None:
        program, self.assembly, self._observer = assembly.program, assembly, observer
        self.inputs = [p for p in assembly.plugins(program.inputs) if isinstance(p, Input)]
        self.targets = [p for p in assembly.plugins(program.outputs) if isinstance(p, Output)]
        self.counters: PluginCounters | None = None
        self.tracer: Tracer | None = None
        if isinstance(observer, Clock):
            observer.watch(assembly.made.items())  # before anything takes their methods
        self.counts = Counts()
        self._level = logging.INFO
        self._tick = tick
        self._stopping = threading.Event()
        self.opened = self.keeps_open = False
        self.carried: set[Plugin] = set()
        self._open_plugins: list[Plugin] = []
        self._queue: DiskQueue | None = None
        self._dead_letters: DeadLetterWriter | None = None
        self._source: Source | None = None
        self._epochs: Epochs | None = None
        self._states: States | None = None
        self.successor: Assembly | None = None
        self._restored: Offsets = {}
        self._pending = PendingAck(None)
        self._sinks: list[OutputSink] = []
        self._failure: BaseException | None = None

    def measure(self) -> None:
        """Count what each plugin does, where the settings ask for that; called before ``run``."""
        self.counters = plugin_counters(self.assembly.made, self.assembly.program.settings)

    @property
    def queue(self) -> DiskQueue | None:
        """The disk queue, where there is one and it is open."""
        return self._queue

    @property
    def under_way(self) -> list[InFlight]:
        """What is under way of each input, in their order; nothing before they are read."""
        source = self._source
        return [] if source is None else source.under_way

    @property
    def dead_letters(self) -> DeadLetters | None:
        """The dead letters, where they are kept and open."""
        return None if self._dead_letters is None else self._dead_letters.store

    @property
    def sinks(self) -> list[OutputSink]:
        """What delivers to each output, in the order of the configuration."""
        return list(self._sinks)

    @property
    def id(self) -> str:
        """The name of the pipeline, ``pipeline.id``."""
        return str(self.assembly.program.settings["pipeline.id"])

    def stop(self) -> None:
        """Let the inputs end; what was read is still delivered. From any thread."""
        self._stopping.set()
        source = self._source
        if source is not None:
            source.wake()

    def run(self) -> None:
        """Run until the inputs end.

        Raises Undelivered where an output would not take its events, and ConfigError where a
        server refuses what an option says.
        """
        self.counts.started = time.monotonic()
        try:
            self._open()
            self.opened = True
            self._level = log_start(self.id, self.inputs, self.targets)
            with rare_collections(), standing_by():
                self._run()
        except Misconfigured as error:
            raise ConfigError([misconfigured(self.assembly, error)]) from error
        finally:
            self._stopping.set()
            self._close()
            log_summary(self.id, self._sinks, self.counts, self._level)

    def _close(self) -> None:
        """Close all, one whatever becomes of the other; what is put on the stack last, first."""
        with ExitStack() as closing:
            if self._dead_letters is not None:
                closing.callback(self._dead_letters.close)
            if not self.keeps_open:
                closing.callback(self.close_plugins, set())
            if self._queue is not None:
                closing.callback(self._queue.close)  # its last acknowledgements are for the inputs
            if self._states is not None:
                closing.callback(self._states.close)
            if self._source is not None:
                closing.callback(self._source.finish)
            for sink in reversed(self._sinks):
                closing.callback(sink.close)  # callbacks of spills acknowledge items of the queue

    def close_plugins(self, but: set[Plugin]) -> None:
        """Close what is open, but for plugins that go on elsewhere."""
        plugins, self._open_plugins = self._open_plugins, []
        for plugin in reversed(plugins):
            if plugin in but:
                continue
            try:
                plugin.close()
            except Exception as error:
                plugin.context.log.error("close failed: %s: %s", type(error).__name__, error)
                log.debug("close of %s raised", plugin.name, exc_info=True)

    def stats(self) -> list[OutputStats]:
        """What became of the events meant for each output, in the order of the configuration."""
        return [sink.stats() for sink in list(self._sinks)]

    def _open(self) -> None:
        settings = self.assembly.program.settings
        if settings["queue.type"] == "persisted":
            from .input_queue import open_queue

            self._queue = open_queue(settings)
        if settings["dead_letter_queue.enable"]:
            self._open_dead_letters()
        for source in self.inputs:
            source.chunk_bytes = self.chunk_bytes
        watch_partitions(self.assembly, self.inputs)
        own = self.own_plugins()
        # What is open already is to be closed, too, where another cannot be opened.
        self._open_plugins += [plugin for plugin in own if plugin in self.carried]
        for plugin in own:
            plugin.context.stopping = self._stopping
            if plugin not in self.carried:
                open_plugin(plugin)
                self._open_plugins.append(plugin)

    def own_plugins(self) -> list[Plugin]:
        """The plugins that this process opens."""
        return list(self.assembly.made.values())

    def _open_dead_letters(self) -> None:
        from ..delivery.dead_letter_writer import DeadLetterWriter

        self._dead_letters = DeadLetterWriter(self.assembly.program.settings)
        for plugin in self.assembly.made.values():
            is_output = isinstance(plugin, Output)
            write = self._dead_letters.write if is_output else self._dead_letters.write_if_possible
            plugin.context.dead_letter = partial(write, plugin)

    def _run(self) -> None:
        self._open_sinks()
        for sink in self._sinks:
            write = submitting(sink, lambda: self._pending)
            sink.output.write = write  # type: ignore[method-assign,assignment]
        work = Work(self.assembly, self.inputs, self._observer or self.counters)
        self._open_epochs()
        if self._states is not None and self._states.has_leftovers:
            self._flush(work, final=False)
        next_flush = 0.0
        for incoming in self._incoming(work.flushes):
            if incoming is not None and not self.drop_if_repeated(incoming):
                self._work(work, incoming)
            if self._is_flush_due(work, next_flush):
                next_flush = time.monotonic() + FLUSH_EVERY
                self._flush(work, final=False)
            if self._epochs is not None:
                self._epochs.tick(idle=incoming is None)
            if self._tick is not None:
                self._tick(self.counts)
            if self._failure is not None:
                break
        assert self._source is not None
        is_end = self._source.has_ended and self._failure is None
        say_ending(self.assembly, is_end, self._states, self.successor)
        self._flush(work, final=True)
        self._end_sinks()

    def _is_flush_due(self, work: Work, next_flush: float) -> bool:
        if self._states is not None and self._states.has_leftovers:
            return True
        return work.flushes and time.monotonic() >= next_flush

    def _incoming(self, flushes: bool = False) -> Source:
        self._source = self._make_source()
        self._source.is_ticked = flushes or bool(self._tick or self._epochs)
        if self._stopping.is_set():
            self._source.wake()
        return self._source

    def _make_source(self) -> Source:
        """How the inputs are read: through the disk queue where the settings ask for it."""
        if self._queue is None:
            basics = self.inputs, self._stopping, self._fail, self.carried
            return source_of(*basics, self._commits_of)
        from .input_queue import QueueSource

        drain = bool(self.assembly.program.settings["queue.drain"])
        force = None
        if self._states is not None and self._epochs is not None:
            force = self._epochs.force
        given = self.inputs, self._queue, self._stopping, self._fail, self.carried
        return QueueSource(*given, drain, self._restored, force)

    def _work(self, work: Work, incoming: Incoming) -> None:
        with PendingAck(self.taken(incoming)) as self._pending:
            through = work.run(incoming.source, incoming.batch)
        size = incoming.batch.bytes
        self.counts.add(incoming.source, through.events_in, through.events_out, size)

    def taken(self, incoming: Incoming) -> Done | None:
        """A batch is about to be worked on; what is to be called when it was delivered."""
        done = incoming.done
        if self._epochs is not None:
            done = self._epochs.take(incoming.source, incoming.batch.parts, done)
        return done if self.tracer is None else self._traced(self.tracer, incoming, done)

    def _traced(self, tracer: Tracer, incoming: Incoming, done: Done | None) -> Done | None:
        source = self.inputs[incoming.source]
        trace = tracer.begin(self.id, source.context.id or source.name)
        if self.counters is not None and self.filters_here:
            self.counters.marks = None if trace is None else trace.marks
        return done if trace is None else tracer.ending(trace, done)

    def drop_if_repeated(self, incoming: Incoming) -> bool:
        """Give a batch back that comes again, or was committed: what an epoch counts must come
        once. Whether it was that.
        """
        if self._epochs is None:
            return False
        error: Exception | None = None
        if incoming.is_superseded:
            error = Undelivered("what was before it was not delivered")
        elif not self._epochs.has(incoming.source, incoming.batch.parts):
            if self._states is None or self._states.open(p.partition for p in incoming.batch.parts):
                return False
            error = Undelivered("what filters hold of its partition is not here")
        if incoming.done is not None:
            incoming.done(error)
        return True

    def _flush(self, work: Work, final: bool) -> None:
        if self.counters is not None:
            self.counters.marks = None  # what comes now is of no batch
        done: Done | None = None
        if self._epochs is not None and (work.flushes or self._states is not None):
            done = self._epochs.take(_FILTERS, (), None)
        with PendingAck(done) as self._pending:
            if self._states is not None:
                self.counts.events_out += work.write(self._states.take_leftovers())
            self.counts.events_out += work.flush(final)

    def _open_sinks(self) -> None:
        settings = self.assembly.program.settings
        for sink in sinks_of(self.targets, self._stopping, self._fail, self.carried):
            self._sinks.append(sink)
        if spills_directory(settings).is_dir():
            from ..delivery.spill import warn_of_unclaimed

            warn_of_unclaimed(settings, self.targets)
        for sink in self._sinks:
            sink.start()

    def _open_epochs(self) -> None:
        """Run in epochs, where a plugin commits for many batches at once."""
        self._states, participant = participant_of(self.assembly, self.inputs)
        if participant is None:
            return
        from ..state.epochs import Epochs

        interval = read(Kind("duration"), self.assembly.program.settings["penstock.state.interval"])
        self._restored = participant.restored()
        self._epochs = Epochs(
            participant,
            float(interval),
            self._wake_source,
            limit=self._most_in_epoch,
            pause=self._stopping.wait,
            committed=self._restored,
        )

    def _most_in_epoch(self, source: int) -> int:
        """Half of what an input may have under way: it goes on reading during a commit."""
        most = self.inputs[source].max_in_flight if source >= 0 else _MOST_OF_QUEUE
        return max(1, most // 2)

    def _commits_of(self, source: int) -> SharedCommits | None:
        epochs = self._epochs
        if epochs is None:
            return None
        restored = self._restored.get(source, {})
        return SharedCommits(restored, epochs.force, partial(epochs.revoke, source))

    def _wake_source(self) -> None:
        if self._source is not None:
            self._source.wake()

    def _end_sinks(self) -> None:
        """Deliver what waits; raises what made an output fail for good."""
        if self._source is not None:
            self._source.drain()
        for sink in self._sinks:
            sink.end()
        if self._epochs is not None:
            self._epochs.finish()
        if self._failure is not None:
            raise self._failure

    def _fail(self, error: BaseException) -> None:
        """Nothing more can be delivered, or read; from any thread."""
        self._failure = self._failure or error
        if self._epochs is not None:
            self._epochs.give_up()
        self.stop()
