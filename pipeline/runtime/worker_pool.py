"""Several workers: processes that decode, filter and pack, while this one reads and delivers.

A worker is forked from the assembled pipeline, so nothing need be sent to it but input: raw bytes
where the input's can be cut, else events. Its answer is what the outputs packed. Answers are
delivered in the order of the input, whatever worker gives them, unless ``pipeline.ordered`` is
false; each worker has at most two jobs, so what is under way is bounded. A worker that dies is
replaced, and its jobs are done again. Bytes go to and fro through shared memory; the pipes carry
little more than where they lie.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any, NoReturn
from weakref import WeakSet

import msgspec

from ...plugins.contract import Codec, Filter
from ...plugins.passthrough import RawBatch
from ...plugins.streams import PIECE
from ..compile.instantiate import Assembly
from ..delivery.dispatch import Direct
from ..delivery.sender import Ticket, Undelivered
from .pipeline import Counts, Pipeline
from .shared_memory import JOBS, Desk
from .worker_process import Answer, Packet, Parts, Worker

_MOST_DEATHS = 3

_forking = threading.Lock()
_ours: WeakSet[Connection] = WeakSet()
"""The ends of pipes that this process holds, of all its pipelines. A worker that kept one open, or
was forked while another was being made, would keep a pipe alive whose worker, or whose main
process, has died: nobody would notice.
"""

Done = Callable[[Exception | None], None] | None


class _Job(msgspec.Struct):
    """``payload``: the bytes of pieces, whose lengths and origins are ``parts``, or without them a
    pickled batch of events.
    """

    payload: bytes
    parts: Parts | None
    size: int
    done: Done
    number: int = 0
    deaths: int = 0
    slot: int = 0


class _Hand(msgspec.Struct, eq=False):
    """A worker as the main process sees it."""

    process: int
    pipe: Connection
    desk: Desk
    jobs: list[_Job] = msgspec.field(default_factory=list)


def alone(assembly: Assembly) -> Filter | None:
    """A filter because of which all events must go through one worker, if there is one: it holds
    what it saw of others.
    """
    filters = [p for p in assembly.plugins(assembly.program.filters) if isinstance(p, Filter)]
    return next((f for f in filters if f.stateful), None)


def useful(assembly: Assembly, workers: int) -> int:
    """How many of so many workers are of use: as many as there are processors, unless a filter
    waits for servers meanwhile.
    """
    filters = assembly.plugins(assembly.program.filters)
    if any(isinstance(plugin, Filter) and plugin.external for plugin in filters):
        return workers
    return min(
        workers,
        max(
            len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count() or 1,
            2,
        ),
    )


class ParallelPipeline(Pipeline):
    """A pipeline with several workers."""

    def __init__(
        self, assembly: Assembly, workers: int, tick: Callable[[Counts], None] | None = None
    ) -> None:
        super().__init__(assembly, tick)
        self.plugins = list(assembly.made.values())
        self._count = useful(assembly, workers)
        self._ordered = assembly.program.settings["pipeline.ordered"] != "false"
        self._hands: list[_Hand] = []
        self._free = threading.Semaphore(self._count * JOBS)
        self._lock = threading.Lock()
        self._answers: dict[int, tuple[_Hand, _Job, Answer]] = {}
        self._under_way: dict[int, _Job] = {}
        self._next = 0
        self._ending = False
        self._codec: Codec | None = None

    def _run(self) -> None:
        jobs = self._jobs()
        self._hands = [self._fork() for _ in range(self._count)]
        self._open_ways()
        self._wraps = [
            encoding and encoding[1] for encoding in (target.encoding() for target in self.targets)
        ]
        collector = threading.Thread(target=self._collect, daemon=True)
        collector.start()
        for number, job in enumerate(jobs):
            job.number = number
            if not self._submit(job):
                break
        self._end(collector)

    def _jobs(self) -> Iterator[_Job]:
        raw = self.raw(PIECE)
        if raw is None:
            return self._jobs_of_events()
        self._codec = raw.codec
        return self._jobs_of_pieces(raw.batches)

    def _jobs_of_pieces(self, batches: Iterator[RawBatch | None]) -> Iterator[_Job]:
        for batch in batches:
            if batch is None:
                self._flush_outputs()
            else:
                parts = [(len(piece.data), piece.origin) for piece in batch.pieces]
                data = (
                    batch.pieces[0].data
                    if len(parts) == 1
                    else b"".join([piece.data for piece in batch.pieces])
                )
                yield _Job(data, parts, batch.bytes, batch.done)

    def _jobs_of_events(self) -> Iterator[_Job]:
        for batch in self.source():
            if batch is None:
                self._flush_outputs()
            else:
                yield _Job(pickle.dumps(batch.events, 5), None, batch.bytes, batch.done)

    def _submit(self, job: _Job) -> bool:
        """Give a job to the worker with the fewest; False when the pipeline has failed."""
        while not self._free.acquire(timeout=0.25):
            if self._failure is not None:
                return False
        with self._lock:
            if self._failure is not None:
                return False
            self._under_way[job.number] = job
            self._send(max(self._hands, key=lambda hand: len(hand.desk.free)), job)
        return True

    def _send(self, hand: _Hand, job: _Job) -> None:
        hand.jobs.append(job)
        job.slot = hand.desk.free.pop()
        with contextlib.suppress(
            OSError
        ):  # it has died: the collector sees the pipe closed, and has its jobs done again
            hand.pipe.send((job.slot, hand.desk.put_in(job.slot, job.payload), job.parts))

    def _collect(self) -> None:
        try:
            while self._hands:
                for ready in wait([hand.pipe for hand in self._hands], 0.5):
                    self._receive(next(hand for hand in self._hands if hand.pipe is ready))
        except BaseException as error:
            self._fail(error)

    def _receive(self, hand: _Hand) -> None:
        try:
            answer: Answer = hand.pipe.recv()
        except (EOFError, OSError):
            self._bury(hand)
            return
        with self._lock:
            job = hand.jobs.pop(0)
        if not self._ordered:
            self._deliver(hand, job, answer)
            return
        self._answers[job.number] = hand, job, answer
        while self._next in self._answers:
            self._deliver(*self._answers.pop(self._next))
            self._next += 1

    def _deliver(self, hand: _Hand, job: _Job, answer: Answer) -> None:
        for number, events, reason in answer.letters:
            plugin = self.plugins[number]
            if plugin.context.bury is not None:
                plugin.context.bury(plugin, events, reason)
        del self._under_way[job.number]
        with Ticket(job.done) as ticket:
            for packet in answer.packets:
                way, packed = self._ways[packet.output], self._taken(hand, packet)
                way.submit(packed, packet.events, ticket, packet.originals)
        with self._lock:
            hand.desk.free.append(job.slot)
        self.counts.events_in += answer.taken
        self.counts.events_out += answer.given
        self.counts.bytes_in += job.size
        self._free.release()
        if self._tick is not None:
            self._tick(self.counts)

    def _taken(self, hand: _Hand, packet: Packet) -> Any:
        """What an output packed, as its ``deliver`` takes it; as a copy, unless it is delivered
        before this returns.
        """
        packed, wrap = hand.desk.take(packet.packed), self._wraps[packet.output]
        if isinstance(packed, memoryview) and not isinstance(self._ways[packet.output], Direct):
            packed = bytes(packed)
        return packed if wrap is None else wrap(packed)

    def _bury(self, hand: _Hand) -> None:
        """Replace a worker that has gone, unless all are to go; if it left jobs, they are done
        again.
        """
        with self._lock:
            self._hands.remove(hand)
            hand.pipe.close()
            os.waitpid(hand.process, 0)
            if self._ending and not hand.jobs:
                return
            for job in hand.jobs:
                job.deaths += 1
            if hand.jobs and hand.jobs[0].deaths >= _MOST_DEATHS:
                raise Undelivered(f"{_MOST_DEATHS} workers died of the same batch")
            heir = self._fork()
            self._hands.append(heir)
            for job in hand.jobs:
                self._send(heir, job)

    def _end(self, collector: threading.Thread) -> None:
        for _ in range(self._count * JOBS):
            while not self._free.acquire(timeout=0.25):
                if self._failure is not None:
                    break
        with self._lock:
            self._ending = True
            for hand in self._hands:
                _tell_to_end(hand)
        collector.join()
        if self._failure is not None:
            self._give_back()
        self._end_ways()

    def _give_back(self) -> None:
        """What no worker answered for was not delivered."""
        for job in self._under_way.values():
            if job.done is not None:
                job.done(Undelivered(str(self._failure)))

    def _fork(self) -> _Hand:
        with _forking:
            ours, theirs = Pipe()
            _ours.add(ours)
            desk = Desk()
            process = os.fork()
            if process == 0:
                self._serve(theirs, desk)
            theirs.close()
        return _Hand(process, ours, desk)

    def _serve(self, pipe: Connection, desk: Desk) -> NoReturn:
        status = 1
        try:
            for ours in _ours:
                ours.close()
            Worker(self, pipe, desk, self._codec).serve()
            status = 0
        finally:
            os._exit(status)


def _tell_to_end(hand: _Hand) -> None:
    with contextlib.suppress(OSError):  # it has ended
        hand.pipe.send(None)
