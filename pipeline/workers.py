"""Several workers: processes that decode, filter and pack, while this one reads and delivers.

A worker is forked from the assembled pipeline, so nothing need be sent to it but input: raw bytes where the input has a stream that
can be cut, else events. Its answer is what the outputs packed. Answers are delivered in the order of the input, whatever worker
gives them, so order is kept; each worker has at most two jobs, so what is under way is bounded. A worker that dies is replaced, and
its jobs are done again.
"""
from __future__ import annotations

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
from ..plugins.contract import Filter, Output, RawStream
from .assembly import Assembly
from .delivery import Undelivered, persistent
from .generate import generate
from .intake import batches
from .run import Counts, Pipeline, rare_collections

_JOBS = 2
_MOST_DEATHS = 3

Answer = tuple[int, int, list[tuple[int, Any]]]


@dataclass(slots=True)
class _Job:
    number: int
    payload: bytes
    size: int
    done: Callable[[Exception | None], None] | None
    deaths: int = 0


@dataclass(slots=True, eq=False)
class _Worker:
    process: int
    pipe: Connection
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
        self._answers: dict[int, tuple[_Job, Answer]] = {}
        self._next = 0
        self._failure: BaseException | None = None
        self._raw: RawStream | None = None

    def _run(self) -> None:
        if len(self.inputs) == 1:
            self._raw = self.inputs[0].raw(self._stopping.is_set)
        self._deliveries = [persistent(output, self._stopping) for output in self.targets]
        self._workers = [self._fork() for _ in range(self._count)]
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
                    self._pause()
                else:
                    yield piece, len(piece), None
            return
        for batch in batches(self.inputs, self._stopping):
            if batch is None:
                self._pause()
            else:
                yield pickle.dumps(batch.events, 5), batch.bytes, batch.done

    def _pause(self) -> None:
        for target in self.targets:
            target.flush()

    def _submit(self, job: _Job) -> bool:
        """Give a job to the worker with the fewest; False when the pipeline has failed."""
        while not self._free.acquire(timeout=0.25):
            if self._failure is not None:
                return False
        with self._lock:
            if self._failure is not None:
                return False
            self._send(min(self._workers, key=lambda worker: len(worker.jobs)), job)
        return True

    def _send(self, worker: _Worker, job: _Job) -> None:
        worker.jobs.append(job)
        try:
            worker.pipe.send_bytes(job.payload)
        except OSError:
            pass  # it has died: the collector sees its end of the pipe closed, and does its jobs again

    def _collect(self) -> None:
        try:
            while self._workers:
                for ready in wait([worker.pipe for worker in self._workers], 0.5):
                    self._receive(next(worker for worker in self._workers if worker.pipe is ready))
        except BaseException as error:
            self._failure = error
            self._stopping.set()

    def _receive(self, worker: _Worker) -> None:
        try:
            answer: Answer = pickle.loads(worker.pipe.recv_bytes())
        except (EOFError, OSError):
            self._bury(worker)
            return
        with self._lock:
            job = worker.jobs.pop(0)
        self._answers[job.number] = job, answer
        while self._next in self._answers:
            self._deliver(*self._answers.pop(self._next))
            self._next += 1

    def _deliver(self, job: _Job, answer: Answer) -> None:
        taken, given, packets = answer
        for place, packed in packets:
            self._deliveries[place](packed)
        self.counts.events_in += taken
        self.counts.events_out += given
        self.counts.bytes_in += job.size
        if job.done is not None:
            job.done(None)
        self._free.release()
        if self._tick is not None:
            self._tick(self.counts)

    def _bury(self, worker: _Worker) -> None:
        """Replace a worker that has gone; if it left jobs, they are done again."""
        with self._lock:
            self._workers.remove(worker)
            worker.pipe.close()
            os.waitpid(worker.process, 0)
            if not worker.jobs:
                return
            for job in worker.jobs:
                job.deaths += 1
            if worker.jobs[0].deaths >= _MOST_DEATHS:
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
            for worker in self._workers:
                _tell_to_end(worker)
        collector.join()
        if self._failure is not None:
            raise self._failure
        self._pause()

    def _fork(self) -> _Worker:
        ours, theirs = Pipe()
        process = os.fork()
        if process == 0:
            status = 1
            try:
                ours.close()
                for other in self._workers:
                    other.pipe.close()
                _Work(self, theirs).serve()
                status = 0
            finally:
                os._exit(status)
        theirs.close()
        return _Worker(process, ours)


def _tell_to_end(worker: _Worker) -> None:
    try:
        worker.pipe.send_bytes(b"")
    except OSError:
        pass  # it has ended


class _Work:
    """What a worker does, in its own process."""

    def __init__(self, pipeline: ParallelPipeline, pipe: Connection) -> None:
        self.pipeline, self.pipe = pipeline, pipe
        self.packets: list[tuple[int, Any]] = []
        self.raw = pipeline._raw
        for place, output in enumerate(pipeline.targets):
            output.write = self._packer(place, output)  # type: ignore[method-assign]
        self.outputs = generate(pipeline.assembly.program.outputs, pipeline.assembly.made, "outputs")

    def _packer(self, place: int, output: Output) -> Callable[[list[Event]], None]:
        return lambda events: self.packets.append((place, output.pack(events)))

    def serve(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        jobs: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._listen, args=(jobs,), daemon=True).start()
        with rare_collections():
            while payload := jobs.get():
                self.pipe.send_bytes(pickle.dumps(self._answer(payload), 5))

    def _listen(self, jobs: queue.SimpleQueue[bytes]) -> None:
        """Take jobs as they come, so that who sends them never waits for who works."""
        try:
            while payload := self.pipe.recv_bytes():
                jobs.put(payload)
        except (EOFError, OSError):
            pass  # the main process has gone, and so must we
        jobs.put(b"")

    def _answer(self, payload: bytes) -> Answer:
        events, self.packets = self._events(payload), []
        given = 0
        for portion in self.pipeline.portions(events):
            out = self.pipeline.filters.run(portion)
            given += len(out)
            if out:
                self.outputs.run(out)
        return len(events), given, self.packets

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

