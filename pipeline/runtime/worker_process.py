"""What a worker does, in its own process: it takes jobs, decodes and filters their events, packs
them for the outputs, and answers.
"""

from __future__ import annotations

import contextlib
import pickle
import queue
import signal
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from ...dsl.guard import standing_by
from ...dsl.program import PluginUse, Statement
from ...dsl.reference import Event
from ...dsl.unmade import UnmadeEvents
from ...dsl.values import copy
from ...plugins.batch import Batch, Chunk, Payload
from ...plugins.context import Reasons
from ...plugins.event_time import GivesColumns
from ...plugins.records.events import pack
from ..compile.instantiate import Assembly
from ..observe.plugin_counters import Addition, PluginCounters
from .garbage import rare_collections
from .packed_work import PackedWork
from .shared_memory import OutputArena, SharedBuffers
from .work import Work, takes_rows
from .worker_messages import Answer, Failure, JobMessage, WorkerDeadLetter, WorkerOutput

Jobs = queue.SimpleQueue[JobMessage | None]


class WorkerProcess:
    """The work of one process. ``keeps``: there are dead letters, which the main process writes."""

    def __init__(self, assembly: Assembly, pipe: Connection, memory: int, keeps: bool) -> None:
        self._assembly, self._pipe, self._keeps = assembly, pipe, keeps
        self._buffers = SharedBuffers(memory)
        self._arena = OutputArena(self._buffers, 0)
        self._outputs: list[WorkerOutput] = []
        self._dead_letters: list[WorkerDeadLetter] = []
        self._counters: PluginCounters | None = None

    def serve(self) -> None:
        """Work until the main process says that there is no more, or has gone."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, signal.SIG_IGN)
        try:
            packed = self._packed_work()
        except Exception as error:
            with contextlib.suppress(OSError):
                self._pipe.send(Failure(str(error)))
            return
        jobs: Jobs = queue.SimpleQueue()
        threading.Thread(target=self._listen, args=(jobs,), daemon=True).start()
        with rare_collections(), standing_by():
            while (job := jobs.get()) is not None:
                self._pipe.send(self._answer(packed.work, job))
        packed.close()

    def _statements(self) -> Sequence[Statement]:
        """The filters that run here."""
        return self._assembly.program.filters

    def _packed_work(self) -> PackedWork:
        """The step, its filters open: what inputs and outputs open is the main process's."""
        note = self._note_dead_letter if self._keeps else None
        packed = PackedWork(self._assembly, self._give, note, self._statements())
        self._counters = packed.counters
        return packed

    def _give(self, number: int, payload: Payload) -> None:
        kept = payload.events if self._keeps else None
        data = self._arena.write(payload.data)
        self._outputs.append(WorkerOutput(number, data, payload.lane, payload.count, kept))

    def _note_dead_letter(self, number: int, events: list[Event], reasons: Reasons) -> None:
        self._dead_letters.append(WorkerDeadLetter(number, copy(events), reasons))

    def _listen(self, jobs: Jobs) -> None:
        """Take jobs as they come, so that who sends them never waits for who works."""
        try:
            while (job := self._pipe.recv()) is not None:
                jobs.put(job)
        except (EOFError, OSError):
            pass  # the main process has gone, and so must we
        jobs.put(None)

    def _answer(self, work: Work, job: JobMessage) -> Answer:
        batch = self._begin(job)
        through = work.run(job.source, batch)
        return self._answered(batch, through.events_in, through.events_out)

    def _begin(self, job: JobMessage) -> Batch:
        """Make room for what comes of a job; its batch."""
        self._outputs, self._dead_letters = [], []
        self._arena = self._buffers.arena(job.slot)
        return self._batch(job)

    def _answered(self, batch: Batch, taken: int, given: int) -> Answer:
        counts = [part.events for part in batch.parts]
        passed = taken, given, counts
        return Answer(*passed, self._outputs, self._dead_letters, self._taken_counts())

    def _taken_counts(self) -> list[Addition]:
        return [] if self._counters is None else self._counters.take()

    def _batch(self, job: JobMessage) -> Batch:
        data: Any = bytes(self._buffers.read(job.sent))
        if job.chunks is None:
            return Batch(pickle.loads(data), parts=job.parts)
        chunks, start = [], 0
        for place in job.chunks:
            chunks.append(Chunk(data[start : start + place.length], *place[1:]))
            start += place.length
        return Batch(None, chunks, parts=job.parts)


COLUMNS = "columns"
"""In the place of a lane: what was sent are the columns of events, pickled."""


def columns_filter(assembly: Assembly, head: int) -> GivesColumns | None:
    """The filter behind the ``head``, where columns of events are enough for it."""
    statement = assembly.program.filters[head]
    plugin = assembly.made[statement] if isinstance(statement, PluginUse) else None
    gives = getattr(plugin, "gives_columns", False)
    return plugin if gives else None  # type: ignore[return-value]


class HeadProcess(WorkerProcess):
    """A worker that runs the first ``head`` statements of the filters: the events that come out go
    to the main process, which runs the others, by the part of their batch.
    """

    def __init__(
        self, assembly: Assembly, pipe: Connection, memory: int, keeps: bool, head: int
    ) -> None:
        super().__init__(assembly, pipe, memory, keeps)
        self._head = head
        first = columns_filter(assembly, head)
        self._columns_of = None if first is None else first.columns_of
        statements = self._statements()
        self._takes_rows = first is not None and takes_rows(assembly, statements)
        self._columns: list[list[Any]] = []
        self._part = -1

    def _statements(self) -> Sequence[Statement]:
        return self._assembly.program.filters[: self._head]

    def _answer(self, work: Work, job: JobMessage) -> Answer:
        batch, taken, given = self._begin(job), 0, 0
        for part, events in work.decoded(job.source, batch):
            taken += len(events)
            if self._takes_rows and not job.is_full and type(events) is UnmadeEvents:
                events.may_wait = True
            out = work.filters.run(events)
            given += len(out)
            if out:
                self._send(-1 if part is None else part, out, job.is_full)
        self._send_columns()
        return self._answered(batch, taken, given)

    def _send(self, part: int, events: list[Event], is_full: bool) -> None:
        """Send events: their columns, where those are enough, together with those before them."""
        columns = None if is_full or self._columns_of is None else self._columns_of(events)
        if self._columns and (columns is None or part != self._part):
            self._send_columns()
        if columns is None:
            data = self._arena.write(pack(events))
            self._outputs.append(WorkerOutput(part, data, None, len(events), None))
        elif self._columns:
            for held, more in zip(self._columns, columns, strict=True):
                held += more
        else:
            self._columns, self._part = columns, part

    def _send_columns(self) -> None:
        """Send the columns that are held."""
        if self._columns:
            count, data = len(self._columns[0]), self._arena.write(pickle.dumps(self._columns, 5))
            self._outputs.append(WorkerOutput(self._part, data, COLUMNS, count, None))
            self._columns = []
