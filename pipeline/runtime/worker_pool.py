"""Several workers: processes that decode, filter and pack, while this one reads and delivers.

Workers are forked by a clean parent (see ``worker_parent``), and sent batches: chunks of bytes
where the input's stream can be cut, else pickled events. Their answers are what the outputs packed.
Answers are delivered in the order of the input, whatever worker gives them, unless
``pipeline.ordered`` is false; each worker has at most two jobs, so what is under way is bounded. A
worker that dies is replaced, and its jobs are done again. Bytes go to and fro through shared
memory; the pipes carry little more than where they stand.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any
from uuid import uuid4

import msgspec

from ...plugins.batch import Batch, Payload
from ...plugins.errors import Undelivered
from ...plugins.filter import Filter
from ...plugins.plugin import Plugin
from ...plugins.streams import PIECE
from ..compile.instantiate import Assembly
from ..delivery.dispatch import DirectSink
from ..delivery.pending import PendingAck
from ..observe.counters import Counts
from .input_threads import Done, Incoming
from .pipeline import Pipeline
from .shared_memory import JOBS, SharedBuffers, new_memory
from .worker_messages import Answer, ChunkPlace, Failure, JobMessage, WorkerOutput
from .worker_parent import WorkerParent

_MOST_DEATHS = 3
_WAIT = 1.0


class Job(msgspec.Struct, eq=False):
    """A batch under way, with what is sent for it."""

    source: int
    payload: bytes
    chunks: list[ChunkPlace] | None
    batch: Batch
    done: Done | None
    incoming: Incoming
    number: int = 0
    deaths: int = 0
    worker: Worker | None = None
    """Who has it, or had it last: in its memory is the slot."""

    slot: int = 0
    is_full: bool = False


class Worker(msgspec.Struct, eq=False):
    """A worker as the main process sees it."""

    pipe: Connection
    buffers: SharedBuffers
    jobs: list[Job] = msgspec.field(default_factory=list)


def stateful_filter(assembly: Assembly) -> Filter | None:
    """A filter because of which all events must go through one worker, if there is one: it keeps
    state, commits it in epochs, or gives events by itself.
    """
    filters = [p for p in assembly.plugins(assembly.program.filters) if isinstance(p, Filter)]
    return next((f for f in filters if f.stateful or f.flushes or f.participant), None)


def useful_workers(assembly: Assembly, workers: int) -> int:
    """How many of so many workers are of use: as many as there are processors, unless a filter
    waits for servers meanwhile.
    """
    filters = assembly.plugins(assembly.program.filters)
    if any(isinstance(plugin, Filter) and plugin.external for plugin in filters):
        return workers
    if hasattr(os, "sched_getaffinity"):
        processors = len(os.sched_getaffinity(0))
    else:
        processors = os.cpu_count() or 1
    return min(workers, max(processors, 2))


class ParallelPipeline(Pipeline):
    """A pipeline with workers. ``parent``: the process that they are forked from; without one the
    pipeline starts its own.
    """

    chunk_bytes = PIECE
    filters_here = False

    def __init__(
        self,
        assembly: Assembly,
        workers: int,
        tick: Callable[[Counts], None] | None = None,
        parent: WorkerParent | None = None,
    ) -> None:
        super().__init__(assembly, tick)
        self._count = self.workers = useful_workers(assembly, workers)
        self._ordered = str(assembly.program.settings["pipeline.ordered"]) != "false"
        self._own_parent = WorkerParent() if parent is None else None
        self._parent = parent or self._own_parent
        self._key = uuid4().hex
        self._head: int | None = None
        self._plugins = list(assembly.made.values())
        self._workers: list[Worker] = []
        self._free = threading.Semaphore(self._count * JOBS)
        self._lock = threading.Lock()
        self._answers: dict[int, tuple[Worker, Job, Answer]] = {}
        self._under_way: dict[int, Job] = {}
        self._next = 0
        self._ending = False
        self._collector = threading.Thread(target=self._collect, name="workers", daemon=True)

    def own_plugins(self) -> list[Plugin]:
        """Filters are opened by the workers."""
        return [plugin for plugin in self._plugins if not isinstance(plugin, Filter)]

    def _run(self) -> None:
        assert self._parent is not None
        program = self.assembly.program
        self._parent.compile(self._key, self.assembly.sources, program.settings)
        self._workers = [self._fork() for _ in range(self._count)]
        self._open_sinks()
        self._open_epochs()
        self._collector.start()
        for number, incoming in enumerate(self._numbered()):
            if not self._submit(self._job(number, incoming)):
                break
        self._end()

    def _numbered(self) -> Any:
        """The batches, while the pipeline works."""
        for incoming in self._incoming():
            if self._epochs is not None:
                self._epochs.tick(idle=incoming is None)
            if self._failure is not None:
                return
            if incoming is not None and not self.drop_if_repeated(incoming):
                yield incoming

    def _job(self, number: int, incoming: Incoming) -> Job:
        source, batch, done = incoming.source, incoming.batch, self._done_of(incoming)
        if batch.chunks is None:
            events, batch.events = pickle.dumps(batch.events, 5), None
            return Job(source, events, None, batch, done, incoming, number)
        chunks, batch.chunks = batch.chunks, None
        places = [ChunkPlace(len(chunk.data), *chunk[1:]) for chunk in chunks]
        is_one = len(chunks) == 1
        data = chunks[0].data if is_one else b"".join([chunk.data for chunk in chunks])
        return Job(source, data, places, batch, done, incoming, number)

    def _done_of(self, incoming: Incoming) -> Done | None:
        """What is to be called when the batch was delivered."""
        return self.taken(incoming)

    def _submit(self, job: Job) -> bool:
        """Give a job to the worker with the fewest; False when the pipeline has failed."""
        if not self._wait_for_room():
            return False
        with self._lock:
            if self._failure is not None:
                return False
            self._under_way[job.number] = job
            self._send(self._freest(), job)
        return True

    def _freest(self) -> Worker:
        """The worker with the fewest jobs; with the lock held. Raises OSError where none is."""
        if not self._workers:
            raise OSError("no worker is left")
        return max(self._workers, key=lambda worker: len(worker.buffers.free))

    def _wait_for_room(self) -> bool:
        """Wait until a worker may be given a job; False when the pipeline has failed."""
        while not self._free.acquire(timeout=_WAIT):
            if self._failure is not None:
                return False
        return True

    def _send(self, worker: Worker, job: Job) -> None:
        worker.jobs.append(job)
        if job.worker is not worker:  # else it is done again, in the place that it has
            job.worker, job.slot = worker, worker.buffers.free.pop()
        sent = worker.buffers.write_input(job.slot, job.payload)
        message = JobMessage(job.slot, sent, job.source, job.chunks, job.batch.parts, job.is_full)
        # A worker that has died is noticed by the collector, which has its jobs done again.
        with contextlib.suppress(OSError):
            worker.pipe.send(message)

    def _collect(self) -> None:
        try:
            while self._workers:
                for ready in wait([worker.pipe for worker in self._workers]):
                    self._receive(next(one for one in self._workers if one.pipe is ready))
        except BaseException as error:
            self._fail(error)

    def _receive(self, worker: Worker) -> None:
        try:
            answer: Answer | Failure = worker.pipe.recv()
        except (EOFError, OSError):
            self._replace_dead_worker(worker)
            return
        if isinstance(answer, Failure):
            raise OSError(answer.reason)
        with self._lock:
            job = worker.jobs.pop(0)
        if job.is_full:
            self._deliver_again(answer)
            return
        if not self._ordered:
            self._deliver(worker, job, answer)
            return
        self._answers[job.number] = worker, job, answer
        while self._next in self._answers:
            self._deliver(*self._answers.pop(self._next))
            self._next += 1

    def _deliver(self, worker: Worker, job: Job, answer: Answer) -> None:
        self.write_dead_letters(answer)
        for part, count in zip(job.batch.parts, answer.counts, strict=True):
            part.events = count
        del self._under_way[job.number]
        with PendingAck(job.done) as pending:
            for sent in answer.outputs:
                self._sinks[sent.output].submit(self._payload(worker, sent), pending)
        with self._lock:
            worker.buffers.free.append(job.slot)
        size = job.batch.bytes
        self.counts.add(job.source, answer.events_in, answer.events_out, size)
        if self.counters is not None:
            self.counters.add(answer.counters)
        self._free.release()
        if self._tick is not None:
            self._tick(self.counts)

    def _deliver_again(self, answer: Answer) -> None:
        """A job is answered that was asked for again, with whole events."""
        raise NotImplementedError

    def write_dead_letters(self, answer: Answer) -> None:
        """Write the dead letters of a job."""
        for number, events, reasons in answer.dead_letters:
            write = self._plugins[number].context.dead_letter
            if write is not None:
                write(events, reasons)

    def _payload(self, worker: Worker, sent: WorkerOutput) -> Payload:
        """What an output packed; as a copy, unless it is delivered before this returns."""
        data = worker.buffers.read(sent.data)
        is_direct = isinstance(self._sinks[sent.output], DirectSink)
        if isinstance(data, memoryview) and not is_direct:
            data = bytes(data)
        return Payload(data, sent.events, sent.lane, sent.number)

    def _replace_dead_worker(self, worker: Worker) -> None:
        """Replace a worker that has gone, unless all are to go; if it left jobs, they are done
        again.
        """
        with self._lock:
            self._workers.remove(worker)
            worker.pipe.close()
            if self._ending and not worker.jobs:
                return
            for job in worker.jobs:
                job.deaths += 1
            if worker.jobs and worker.jobs[0].deaths >= _MOST_DEATHS:
                raise Undelivered(f"{_MOST_DEATHS} workers died on the same batch")
            replacement = self._fork()
            self.workers_replaced += 1
            self._workers.append(replacement)
            for job in worker.jobs:
                self._send(replacement, job)
            if self._ending:
                _tell_to_end(replacement)

    def _fork(self) -> Worker:
        assert self._parent is not None
        ours, theirs = Pipe()
        memory = new_memory()
        try:
            keeps = self._dead_letters is not None
            self._parent.fork(self._key, keeps, theirs.fileno(), memory, self._head)
            return Worker(ours, SharedBuffers(memory))
        finally:
            theirs.close()
            os.close(memory)

    def _end(self) -> None:
        for _ in range(self._count * JOBS):
            while not self._free.acquire(timeout=_WAIT):
                if self._failure is not None:
                    break
        self._dismiss()
        self._collector.join()
        if self._failure is not None:
            self._give_back()
        self._end_sinks()

    def _dismiss(self) -> None:
        """Let the workers end. Where nobody listens to them, their pipes are closed here."""
        with self._lock:
            self._ending = True
            for worker in self._workers:
                _tell_to_end(worker)
                if not self._collector.is_alive():
                    worker.pipe.close()

    def _give_back(self) -> None:
        """What no worker answered for was not delivered."""
        for job in self._under_way.values():
            if job.done is not None:
                job.done(Undelivered(str(self._failure)))

    def _close(self) -> None:
        self._dismiss()  # an error may have come before they were told
        super()._close()
        if self._parent is not None:
            self._parent.forget(self._key)
        if self._own_parent is not None:
            self._own_parent.close()


def _tell_to_end(worker: Worker) -> None:
    with contextlib.suppress(OSError):  # it has ended
        worker.pipe.send(None)
