"""Several workers: processes that decode, filter and pack, while this one reads and delivers.

A worker is forked from the assembled pipeline, so nothing need be sent to it but input: raw bytes where the input has a stream that
can be cut, else events. Its answer is what the outputs packed. Answers are delivered in the order of the input, whatever worker
gives them, so order is kept; each worker has at most two jobs, so what is under way is bounded. A worker that dies is replaced, and
its jobs are done again. Bytes go to and fro through shared memory (``_Desk``); the pipes carry little more than where they lie.
"""
from __future__ import annotations

import contextlib
import mmap
import os
import pickle
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any

from ..dsl.reference import Event
from ..dsl.values import copy
from ..plugins.contract import Filter, Output, Plugin, RawStream
from .assembly import Assembly
from .delivery import Ticket, Undelivered
from .generate import generate
from .run import Counts, Pipeline

_JOBS = 2
_MOST_DEATHS = 3

_IN, _OUT = 1 << 19, 1 << 22

Letters = list[tuple[int, list[Event], str]]
Packets = list[tuple[int, int, Any, list[Event] | None]]
Answer = tuple[int, int, Packets, Letters]


class _Desk:
    """Memory that a worker shares with the main process: for each job under way a place for its input and one for its output.
    Pages that are not used cost nothing. What does not fit goes through the pipe."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _JOBS * (_IN + _OUT))
        self.free = list(range(_JOBS))

    def put_in(self, slot: int, data: bytes) -> bytes | int:
        """Lay input down; what to send: its length, or the data itself."""
        return self._put(slot * _IN, _IN, data)

    def take_in(self, slot: int, sent: bytes | int) -> bytes:
        """The input that was laid down or sent."""
        return sent if isinstance(sent, bytes) else self._memory[slot * _IN : slot * _IN + sent]

    def put_out(self, slot: int, data: Any) -> Any:
        """Lay what an output packed down, where it is bytes; what to send."""
        return self._put(_JOBS * _IN + slot * _OUT, _OUT, data) if isinstance(data, bytes) else (data,)

    def take_out(self, slot: int, sent: Any) -> Any:
        """What an output packed: bytes where they lie, or what was sent."""
        start = _JOBS * _IN + slot * _OUT
        if isinstance(sent, int):
            return memoryview(self._memory)[start : start + sent]
        return sent[0] if isinstance(sent, tuple) else sent

    def _put(self, start: int, size: int, data: bytes) -> bytes | int:
        if len(data) > size:
            return data
        self._memory[start : start + len(data)] = data
        return len(data)


@dataclass(slots=True)
class _Job:
    number: int
    payload: bytes
    size: int
    done: Callable[[Exception | None], None] | None
    deaths: int = 0
    slot: int = 0


@dataclass(slots=True, eq=False)
class _Worker:
    process: int
    pipe: Connection
    desk: _Desk
    jobs: list[_Job] = field(default_factory=list)


def alone(assembly: Assembly) -> Filter | None:
    """A filter because of which all events must go through one worker, if there is one: it holds what it saw of others."""
    filters = [p for p in assembly.plugins(assembly.program.filters) if isinstance(p, Filter)]
    return next((f for f in filters if f.stateful), None)


class ParallelPipeline(Pipeline):
    """A pipeline with several workers."""

    def __init__(self, assembly: Assembly, workers: int, tick: Callable[[Counts], None] | None = None) -> None:
        super().__init__(assembly, tick)
        self._count = workers
        self._workers: list[_Worker] = []
        self._free = threading.Semaphore(workers * _JOBS)
        self._lock = threading.Lock()
        self._answers: dict[int, tuple[_Worker, _Job, Answer]] = {}
        self._next = 0
        self._plugins = list(assembly.made.values())
        self._ending = False
        self._raw: RawStream | None = None

    def _run(self) -> None:
        if len(self.inputs) == 1 and self._queue is None:
            self._raw = self.inputs[0].raw(self._stopping.is_set)
        self._workers = [self._fork() for _ in range(self._count)]
        self._open_ways()
        collector = threading.Thread(target=self._collect, daemon=True)
        collector.start()
        number = 0
        for payload, size, done in self._payloads():
            if not self._submit(_Job(number, payload, size, done)):
                break
            number += 1
        self._end(collector, number)

    def _payloads(self) -> Iterator[tuple[bytes, int, Callable[[Exception | None], None] | None]]:
        if self._raw is not None:
            for piece in self._raw.pieces:
                if piece is None:
                    self._flush_outputs()
                else:
                    yield piece, len(piece), None
            return
        for batch in self.source():
            if batch is None:
                self._flush_outputs()
            else:
                yield pickle.dumps(batch.events, 5), batch.bytes, batch.done

    def _submit(self, job: _Job) -> bool:
        """Give a job to the worker with the fewest; False when the pipeline has failed."""
        while not self._free.acquire(timeout=0.25):
            if self._failure is not None:
                return False
        with self._lock:
            if self._failure is not None:
                return False
            self._send(max(self._workers, key=lambda worker: len(worker.desk.free)), job)
        return True

    def _send(self, worker: _Worker, job: _Job) -> None:
        worker.jobs.append(job)
        job.slot = worker.desk.free.pop()
        with contextlib.suppress(OSError):  # it has died: the collector sees the pipe closed, and has its jobs done again
            worker.pipe.send((job.slot, worker.desk.put_in(job.slot, job.payload)))

    def _collect(self) -> None:
        try:
            while self._workers:
                for ready in wait([worker.pipe for worker in self._workers], 0.5):
                    self._receive(next(worker for worker in self._workers if worker.pipe is ready))
        except BaseException as error:
            self._fail(error)

    def _receive(self, worker: _Worker) -> None:
        try:
            answer: Answer = worker.pipe.recv()
        except (EOFError, OSError):
            self._bury(worker)
            return
        with self._lock:
            job = worker.jobs.pop(0)
        self._answers[job.number] = worker, job, answer
        while self._next in self._answers:
            self._deliver(*self._answers.pop(self._next))
            self._next += 1

    def _deliver(self, worker: _Worker, job: _Job, answer: Answer) -> None:
        taken, given, packets, letters = answer
        for number, events, reason in letters:
            plugin = self._plugins[number]
            if plugin.context.bury is not None:
                plugin.context.bury(plugin, events, reason)
        with Ticket(job.done) as ticket:
            for place, count, sent, originals in packets:
                self._ways[place].submit(worker.desk.take_out(job.slot, sent), count, ticket, originals)
        with self._lock:
            worker.desk.free.append(job.slot)
        self.counts.events_in += taken
        self.counts.events_out += given
        self.counts.bytes_in += job.size
        self._free.release()
        if self._tick is not None:
            self._tick(self.counts)

    def _bury(self, worker: _Worker) -> None:
        """Replace a worker that has gone, unless all are to go; if it left jobs, they are done again."""
        with self._lock:
            self._workers.remove(worker)
            worker.pipe.close()
            os.waitpid(worker.process, 0)
            if self._ending and not worker.jobs:
                return
            for job in worker.jobs:
                job.deaths += 1
            if worker.jobs and worker.jobs[0].deaths >= _MOST_DEATHS:
                raise Undelivered(f"{_MOST_DEATHS} workers died of the same batch")
            heir = self._fork()
            self._workers.append(heir)
            for job in worker.jobs:
                self._send(heir, job)

    def _end(self, collector: threading.Thread, submitted: int) -> None:
        for _ in range(self._count * _JOBS):
            while not self._free.acquire(timeout=0.25):
                if self._failure is not None:
                    break
        with self._lock:
            self._ending = True
            for worker in self._workers:
                _tell_to_end(worker)
        collector.join()
        self._end_ways()

    def _fork(self) -> _Worker:
        ours, theirs = Pipe()
        desk = _Desk()
        process = os.fork()
        if process == 0:
            status = 1
            try:
                ours.close()
                for other in self._workers:
                    other.pipe.close()
                _Work(self, theirs, desk).serve()
                status = 0
            finally:
                os._exit(status)
        theirs.close()
        return _Worker(process, ours, desk)


def _tell_to_end(worker: _Worker) -> None:
    with contextlib.suppress(OSError):  # it has ended
        worker.pipe.send(None)


class _Work:
    """What a worker does, in its own process."""

    def __init__(self, pipeline: ParallelPipeline, pipe: Connection, desk: _Desk) -> None:
        self.pipeline, self.pipe, self.desk = pipeline, pipe, desk
        self.packets: Packets = []
        self.letters: Letters = []
        self.raw = pipeline._raw
        if pipeline._burial is not None:
            for number, plugin in enumerate(pipeline._plugins):
                plugin.context.bury = self._noted(number)
        for place, output in enumerate(pipeline.targets):
            output.write = self._packer(place, output)  # type: ignore[method-assign, assignment]
        self.outputs = generate(pipeline.assembly.program.outputs, pipeline.assembly.made, "outputs")

    def _packer(self, place: int, output: Output) -> Callable[[list[Event]], None]:
        keeps = output.context.bury is not None
        return lambda events: self.packets.append((place, len(events), output.pack(events), events if keeps else None))

    def _noted(self, number: int) -> Callable[[Plugin, list[Event], str], None]:
        """Dead letters are written by the main process: here they are only noted."""
        return lambda plugin, events, reason: self.letters.append((number, copy(events), reason))

    def serve(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        jobs: queue.SimpleQueue[tuple[int, bytes | int] | None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, args=(jobs,), daemon=True).start()
        while (job := jobs.get()) is not None:
            self.pipe.send(self._answer(*job))

    def _listen(self, jobs: queue.SimpleQueue[tuple[int, bytes | int] | None]) -> None:
        """Take jobs as they come, so that who sends them never waits for who works."""
        try:
            while (job := self.pipe.recv()) is not None:
                jobs.put(job)
        except (EOFError, OSError):
            pass  # the main process has gone, and so must we
        jobs.put(None)

    def _answer(self, slot: int, sent: bytes | int) -> Answer:
        self.packets, self.letters = [], []
        events = self._events(self.desk.take_in(slot, sent))
        given = 0
        for portion in self.pipeline.portions(events):
            out = self.pipeline.filters.run(portion)
            given += len(out)
            if out:
                self.outputs.run(out)
        if len(self.packets) == 1:
            ((place, count, packed, originals),) = self.packets
            return len(events), given, [(place, count, self.desk.put_out(slot, packed), originals)], self.letters
        packets = [(place, count, (packed,), originals) for place, count, packed, originals in self.packets]
        return len(events), given, packets, self.letters

    def _events(self, payload: bytes) -> list[Event]:
        if self.raw is None:
            events: list[Event] = pickle.loads(payload)
            return events
        codec = self.raw.codec.stream(self.raw.origin)
        events = codec.complete([*codec.decode(payload), *codec.flush()])
        decorate = self.pipeline.inputs[0].decorate
        if decorate is not None:
            for event in events:
                decorate(event)
        return events

