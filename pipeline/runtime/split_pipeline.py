"""Workers before filters that keep state by event time: what is before the first of these runs in
worker processes, and the rest in the main process, in the order of the input.

So results and their order are those of one process. Time, state and commits belong to the thread
that reads the inputs and works off what the workers answer; the collector only hands on.
"""

from __future__ import annotations

import pickle
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ...dsl.reference import Event
from ...plugins.errors import Undelivered
from ...plugins.filter import Filter
from ...plugins.plugin import Plugin
from ...plugins.records.events import unpack
from ..compile.generate import generate
from ..compile.instantiate import Assembly
from ..compile.section import Run
from ..delivery.dispatch import submitting
from ..delivery.pending import PendingAck
from ..observe.counters import Counts
from .input_threads import Done, Incoming
from .keeping import say_ending
from .pipeline import FLUSH_EVERY
from .work import Work
from .worker_messages import Answer, WorkerOutput
from .worker_parent import WorkerParent
from .worker_pool import Job, ParallelPipeline, Worker
from .worker_process import COLUMNS, columns_filter

_WAIT = 1.0


def head_of(assembly: Assembly) -> int | None:
    """How many statements of the filters may run in workers: those before the first one with a
    filter of event time. None where another filter keeps state before it.
    """
    for number, statement in enumerate(assembly.program.filters):
        filters = [p for p in assembly.plugins([statement]) if isinstance(p, Filter)]
        if any(each.event_time for each in filters):
            return number
        if any(each.stateful or each.flushes for each in filters):
            return None
    return None


class SplitPipeline(ParallelPipeline):
    """A pipeline whose first ``head`` filters run in workers, the others here."""

    def __init__(
        self,
        assembly: Assembly,
        workers: int,
        head: int,
        tick: Callable[[Counts], None] | None = None,
        parent: WorkerParent | None = None,
    ) -> None:
        super().__init__(assembly, workers, tick, parent)
        self._head, self._ordered = head, True
        self._ready: deque[tuple[Worker, Job, Answer]] = deque()
        self._change = threading.Condition()
        self._work_here: Work | None = None
        self._takes_columns = columns_filter(assembly, head)
        self._full: Answer | None = None
        self._again: tuple[Job, list[Event]] | None = None

    def own_plugins(self) -> list[Plugin]:
        """The filters before the first one of event time are opened by the workers."""
        theirs = {id(p) for p in self.assembly.plugins(self.assembly.program.filters[: self._head])}
        return [plugin for plugin in self._plugins if id(plugin) not in theirs]

    def _run(self) -> None:
        work = self._start()
        next_flush, number = 0.0, 0
        for incoming in self._incoming():
            self._work_off()
            if self._is_flush_due(work, next_flush):
                next_flush = time.monotonic() + FLUSH_EVERY
                self._flush(work, final=False)
            if self._epochs is not None:
                self._epochs.tick(idle=incoming is None and not self._under_way)
            if self._failure is not None:
                break
            if incoming is not None and not self.drop_if_repeated(incoming):
                if not self._submit(self._job(number, incoming)):
                    break
                number += 1
        self._work_off_all()
        assert self._source is not None
        is_end = self._source.has_ended and self._failure is None
        say_ending(self.assembly, is_end, self._states, self.successor)
        self._flush(work, final=True)
        self._end()

    def _start(self) -> Work:
        assert self._parent is not None
        program = self.assembly.program
        self._parent.compile(self._key, self.assembly.sources, program.settings)
        self._workers = [self._fork() for _ in range(self._count)]
        self._open_sinks()
        for sink in self._sinks:
            write = submitting(sink, lambda: self._pending)
            sink.output.write = write  # type: ignore[method-assign,assignment]
        statements = program.filters[self._head :]
        work = self._work_here = Work(self.assembly, self.inputs, self.counters, statements)
        self._rest = generate(statements[1:], self.assembly.made, "filters", self.counters)
        self._open_epochs()
        if self._states is not None and self._states.has_leftovers:
            self._flush(work, final=False)
        self._collector.start()
        return work

    def _done_of(self, incoming: Incoming) -> Done | None:
        """A batch belongs to an epoch when it is worked off here."""
        return None

    def _deliver(self, worker: Worker, job: Job, answer: Answer) -> None:
        """A job is answered, and its turn has come; in the collector's thread."""
        with self._change:
            self._ready.append((worker, job, answer))
            self._change.notify_all()
        self._wake_source()

    def _wait_for_room(self) -> bool:
        while not self._free.acquire(blocking=False):
            if self._failure is not None:
                return False
            self._wait_for_answer()
            self._work_off()
        return True

    def _wait_for_answer(self) -> None:
        with self._change:
            self._change.wait_for(lambda: self._ready or self._failure is not None, _WAIT)

    def _work_off_all(self) -> None:
        while self._under_way and self._failure is None:
            self._wait_for_answer()
            self._work_off()

    def _work_off(self) -> None:
        """Run the filters of this process on what the workers have answered, in order."""
        while self._ready:
            worker, job, answer = self._ready.popleft()
            self.write_dead_letters(answer)
            if self.counters is not None:
                self.counters.add(answer.counters)
            for part, count in zip(job.batch.parts, answer.counts, strict=True):
                part.events = count
            if not self.drop_if_repeated(job.incoming):
                self._run_here(worker, job, answer)
            del self._under_way[job.number]
            holder = job.worker or worker  # another one, where it was done again after a death
            with self._lock:
                holder.buffers.free.append(job.slot)
            self._free.release()
            if self._tick is not None:
                self._tick(self.counts)

    def _run_here(self, worker: Worker, job: Job, answer: Answer) -> None:
        assert self._work_here is not None
        with PendingAck(self.taken(job.incoming)) as self._pending:
            filtered = self._filtered(worker, job, answer)
            given = self._work_here.run_filtered(job.source, job.batch, filtered)
        self.counts.add(job.source, answer.events_in, given, job.batch.bytes)

    def _filtered(
        self, worker: Worker, job: Job, answer: Answer
    ) -> Iterator[tuple[int | None, list[Any], Run]]:
        """What a worker made, read before anything is worked on: a job that is done again is
        answered in the same place.
        """
        assert self._work_here is not None
        whole = self._work_here.filters.run
        read = [(sent, _read(worker, sent)) for sent in answer.outputs]
        start = 0
        for sent, made in read:
            run: Run = whole
            if sent.lane == COLUMNS:
                place = slice(start, start + sent.number)
                run = partial(self._run_columns, worker, job, place)
            start += sent.number
            yield (None if sent.output < 0 else sent.output), made, run

    def _run_columns(
        self, worker: Worker, job: Job, place: slice, columns: list[list[list[Any]]]
    ) -> list[Event]:
        """The first filter on columns, and the others on its results; where one of the events may
        be late, on the events themselves.
        """
        assert self._work_here is not None
        assert self._takes_columns is not None
        results = self._takes_columns.take_columns(columns[0])
        if results is None:
            return self._work_here.filters.run(self._done_again(worker, job)[place])
        return self._rest.run(results) if results else []

    def _done_again(self, worker: Worker, job: Job) -> list[Event]:
        """The events of a job of which columns are not enough; of another worker, where the one
        that gave the columns has died.
        """
        if self._again is None or self._again[0] is not job:
            with self._lock:
                job.is_full = True
                self._send(worker if worker in self._workers else self._freest(), job)
            with self._change:
                self._change.wait_for(lambda: self._full is not None or self._failure is not None)
                answer, self._full = self._full, None
            if answer is None:
                raise OSError(f"a batch could not be worked on again: {self._failure}")
            holder = job.worker or worker  # a death meanwhile gave the job to another one
            self._again = job, [e for sent in answer.outputs for e in _read(holder, sent)]
        return self._again[1]

    def _deliver_again(self, answer: Answer) -> None:
        with self._change:
            self._full = answer
            self._change.notify_all()

    def _fail(self, error: BaseException) -> None:
        super()._fail(error)
        with self._change:
            self._change.notify_all()

    def _give_back(self) -> None:
        for job in self._under_way.values():
            if job.incoming.done is not None:
                job.incoming.done(Undelivered(str(self._failure)))


def _read(worker: Worker, sent: WorkerOutput) -> list[Any]:
    """The events that a worker sent, or, as the only item, their columns."""
    data = worker.buffers.read(sent.data)
    return [pickle.loads(data)] if sent.lane == COLUMNS else unpack(data)
