"""What a worker does, in its own process: it takes jobs, filters their events, packs them for the
outputs, and answers.
"""

from __future__ import annotations

import pickle
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, NamedTuple

from ...dsl.guard import standing_by
from ...dsl.reference import Event
from ...dsl.values import copy
from ...plugins.contract import Codec, Output, Plugin
from ...plugins.streams import CHUNK
from ..compile.generate import generate
from .shared_memory import Desk, OutTray

if TYPE_CHECKING:
    from .worker_pool import ParallelPipeline

_MOST_STREAMS = 64

Parts = list[tuple[int, Mapping[str, Any]]]
"""Of a job's bytes, the length and the origin of each piece."""


class Packet(NamedTuple):
    """What an output packed: the output's number, how many events, the bytes or where they lie, the
    events for dead letters.
    """

    output: int
    events: int
    packed: Any
    originals: list[Event] | None


class Answer(NamedTuple):
    """What became of a job: events taken and given, packets in order, and dead letters as plugin
    number, events, reason.
    """

    taken: int
    given: int
    packets: list[Packet]
    letters: list[tuple[int, list[Event], str]]


class Worker:
    """The work of one process."""

    def __init__(
        self, pipeline: ParallelPipeline, pipe: Connection, desk: Desk, codec: Codec | None
    ) -> None:
        self._pipeline, self._pipe, self._desk, self._codec = pipeline, pipe, desk, codec
        self._streams: dict[str, Codec] = {}
        self._decorate = pipeline.inputs[0].decorate
        self._packets: list[Packet] = []
        self._letters: list[tuple[int, list[Event], str]] = []
        self._tray = OutTray(desk, 0)
        if pipeline.buries:
            for number, plugin in enumerate(pipeline.plugins):
                plugin.context.bury = self._noted(number)
        for number, output in enumerate(pipeline.targets):
            output.write = self._packer(number, output)  # type: ignore[method-assign, assignment]
        self._outputs = generate(
            pipeline.assembly.program.outputs, pipeline.assembly.made, "outputs"
        )

    def _packer(self, number: int, output: Output) -> Callable[[list[Event]], None]:
        keeps = output.context.bury is not None
        encoding = output.encoding()
        pack = output.pack if encoding is None else encoding[0].encode

        def write(events: list[Event]) -> None:
            self._packets.append(
                Packet(number, len(events), self._tray.put(pack(events)), events if keeps else None)
            )

        return write

    def _noted(self, number: int) -> Callable[[Plugin, list[Event], str], None]:
        """Dead letters are written by the main process: here they are only noted."""
        return lambda plugin, events, reason: self._letters.append((number, copy(events), reason))

    def serve(self) -> None:
        """Work until the main process says that there is no more, or has gone."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        jobs: queue.SimpleQueue[tuple[int, Any, Parts | None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, args=(jobs,), daemon=True).start()
        with standing_by():
            while (job := jobs.get()) is not None:
                self._pipe.send(self._answer(*job))

    def _listen(self, jobs: queue.SimpleQueue[tuple[int, Any, Parts | None] | None]) -> None:
        """Take jobs as they come, so that who sends them never waits for who works."""
        try:
            while (job := self._pipe.recv()) is not None:
                jobs.put(job)
        except (EOFError, OSError):
            pass  # the main process has gone, and so must we
        jobs.put(None)

    def _answer(self, slot: int, sent: Any, parts: Parts | None) -> Answer:
        self._packets, self._letters, self._tray = [], [], self._desk.out(slot)
        taken = given = 0
        for events in self._batches(bytes(self._desk.take(sent)), parts):
            taken += len(events)
            for portion in self._pipeline.portions(events):
                given += self._through(portion)
        return Answer(taken, given, self._packets, self._letters)

    def _through(self, events: list[Event]) -> int:
        out = self._pipeline.filters.run(events)
        if out:
            self._outputs.run(out)
        return len(out)

    def _batches(
        self, payload: bytes, parts: Sequence[tuple[int, Mapping[str, Any]]] | None
    ) -> Iterator[list[Event]]:
        if parts is None:
            yield pickle.loads(payload)
            return
        start = 0
        for length, origin in parts:
            yield from self._decoded(payload[start : start + length], self._stream(origin))
            start += length

    def _decoded(self, piece: bytes, codec: Codec) -> Iterator[list[Event]]:
        """The events of a piece, in batches that stay in the processor's cache."""
        for start in range(0, len(piece), CHUNK):
            events = codec.decode(piece[start : start + CHUNK])
            if start + CHUNK >= len(piece):
                events += codec.flush()
            codec.complete(events)
            if self._decorate is not None:
                for event in events:
                    self._decorate(event)
            yield events

    def _stream(self, origin: Mapping[str, Any]) -> Codec:
        """The codec of a stream: at the end of a piece it holds nothing, and can be used for the
        next.
        """
        key = repr(origin)
        known = self._streams.get(key)
        if known is None:
            if len(self._streams) >= _MOST_STREAMS:
                self._streams.clear()
            assert self._codec is not None
            known = self._streams[key] = self._codec.stream(origin)
        return known
