"""The disk queue between inputs and filters: what an input gives counts as delivered for it once it
is on the disk.

Inputs are read by a thread each, which puts their batches into the queue; the filters take them
out. What was not delivered when the process ended is handed out again at the next start.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from functools import partial
from pathlib import Path
from typing import Any

from ...dsl.options import read
from ...dsl.reference import Event
from ...dsl.spec import Kind
from ...plugins.batch import Batch, Part, Position
from ...plugins.data_paths import data_folder
from ...plugins.errors import Undelivered
from ...plugins.input import Input
from ...plugins.plugin import Plugin
from ...plugins.records.events import Unreadable, pack, unpack
from ..storage.backlog import Item
from ..storage.incarnation import incarnation_of
from ..storage.queue import Closed, DiskQueue, Full
from .decoding import Decoder
from .input_threads import Done, Failed, Incoming, threads_of

log = logging.getLogger("penstock")

_WAIT = 1.0
_PARTITION = "queue"


def open_queue(settings: Mapping[str, Any]) -> DiskQueue:
    """The queue that the settings describe; raises InUse where another process has it, OSError
    where there can be none.
    """

    def size(key: str) -> int:
        return int(read(Kind("bytes"), settings[key]))

    return DiskQueue(
        queue_folder(settings),
        max_bytes=size("queue.max_bytes"),
        max_events=int(settings["queue.max_events"]),
        page_capacity=size("queue.page_capacity"),
        commit_events=int(settings["queue.checkpoint.writes"]),
        checkpoint_acks=int(settings["queue.checkpoint.acks"]),
    )


def queue_folder(settings: Mapping[str, Any]) -> Path:
    """Where a pipeline's queue is."""
    root = (
        Path(settings["path.queue"]) if settings["path.queue"] else data_folder(settings) / "queue"
    )
    return root / str(settings["pipeline.id"])


class QueueIntake:
    """Takes what the inputs give into the queue; a batch counts as delivered for its input when it
    is on the disk.
    """

    def __init__(self, inputs: Sequence[Input], queue: DiskQueue) -> None:
        self._queue = queue
        self._decoders = [Decoder(source) for source in inputs]
        self._prompt = [source.prompt for source in inputs]
        self._await = [source.awaits_outputs for source in inputs]
        self._awaited: dict[int, Done] = {}  # by sequence
        self._callbacks: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def offer(self, incoming: Incoming, timeout: float) -> bool:
        """Put a batch into the queue, waiting for room up to so many seconds; False where there was
        none.
        """
        decoded = self._decoders[incoming.source].batches(incoming.batch)
        events = [event for some in decoded for event in some]
        done = incoming.done or (lambda error: None)
        if not events:
            done(None)
            return True
        # What was decoded must not be decoded again where there is no room yet: the batch goes on
        # as events.
        incoming.batch.events, incoming.batch.chunks = events, None
        try:
            if self._await[incoming.source]:
                with self._lock:  # it may be delivered before `put` returns
                    self._awaited[self._put(events, timeout)] = done
            else:
                self._put(events, timeout, partial(done, None))
                if self._prompt[incoming.source]:
                    self._queue.sync_soon()
        except Full:
            return False
        except Closed as error:
            done(error)
        return True

    def _put(
        self, events: list[Event], timeout: float, on_durable: Callable[[], None] | None = None
    ) -> int:
        return self._queue.put(
            pack(events), count=len(events), live=events, timeout=timeout, on_durable=on_durable
        )

    def settled(self, sequence: int, error: Exception | None) -> None:
        """An item was delivered, or failed: tell the input that awaits it."""
        if not any(self._await):
            return
        with self._lock:
            done = self._awaited.pop(sequence, None)
        if done is not None:
            done(error)

    def give_up(self) -> None:
        """Nothing more is delivered: what is in the queue comes with the next start."""
        for sequence in list(self._awaited):
            self.settled(sequence, Undelivered("it is in the disk queue, for the next start"))

    def when_free(self, callback: Callable[[], None]) -> None:
        """Call back, once, when an item was taken out."""
        with self._lock:
            self._callbacks.append(callback)

    def freed(self) -> None:
        """An item was taken out."""
        if not self._callbacks:
            return
        with self._lock:
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def poke(self) -> None:
        """The reader of the queue looks by itself."""


class QueueSource:
    """Batches out of the queue, while inputs put theirs in; ends when the inputs have ended and the
    queue is empty, or, without ``drain``, as soon as the pipeline is to stop.
    """

    def __init__(
        self,
        inputs: Sequence[Input],
        queue: DiskQueue,
        stopping: threading.Event,
        failed: Failed,
        carried: Set[Plugin],
        drain: bool,
        restored: Mapping[str, Position] | None = None,
    ) -> None:
        self._queue, self._stopping, self._drain = queue, stopping, drain
        self._incarnation = incarnation_of(queue.folder)
        self._restored = (restored or {}).get(_PARTITION)
        self._intake = QueueIntake(inputs, queue)
        self._threads = threads_of(inputs, self._intake, stopping, failed, carried)

    def __iter__(self) -> Iterator[Incoming | None]:
        for thread in self._threads:
            thread.start()
        while True:
            item = self._queue.get(_WAIT)
            if item is not None:
                self._intake.freed()
                if self._is_committed(item):
                    self._queue.ack(item.sequence)
                else:
                    yield self._incoming(item)
            elif self._inputs_have_ended() and self._queue.is_empty:
                return
            else:
                yield None
            if self._stopping.is_set() and not self._drain and self._inputs_have_ended():
                return

    def _inputs_have_ended(self) -> bool:
        return all(thread.has_ended.is_set() for thread in self._threads)

    def _is_committed(self, item: Item) -> bool:
        """Whether a commit that batches share has it, though its acknowledgement was not saved."""
        at = self._restored
        return at is not None and at.incarnation == self._incarnation and item.sequence <= at.offset

    def _incoming(self, item: Item) -> Incoming:
        position = Position(self._incarnation, item.sequence)
        live, item.live = item.live, None  # filters change it: a redelivery reads it from the disk
        events = live if live is not None else self._events(item)
        batch = Batch(events, parts=[Part(_PARTITION, position, len(events))])
        return Incoming(-1, batch, partial(self._settle, item.sequence))

    def _events(self, item: Item) -> list[Event]:
        try:
            return unpack(item.payload)
        except Unreadable as error:
            log.error(
                "queue `%s`: cannot decode record %d; kept as text: %s",
                self._queue.folder,
                item.sequence,
                error,
            )
            return [_as_text(item.payload)]

    def _settle(self, sequence: int, error: Exception | None) -> None:
        if error is None:
            self._queue.ack(sequence)
        else:
            self._queue.give_back(sequence)
        self._intake.settled(sequence, error)

    def wake(self) -> None:
        """Look at ``stopping`` now."""
        for thread in self._threads:
            thread.wake()
        self._queue.wake()

    def drain(self) -> None:
        """The threads of the inputs go on settling."""

    def finish(self) -> None:
        """All is delivered: let the inputs settle what is on the disk, and end their threads."""
        with contextlib.suppress(OSError):  # what is not on the disk is not acknowledged
            self._queue.commit()
        self._intake.give_up()
        for thread in self._threads:
            thread.finish()


def _as_text(payload: bytes) -> Event:
    """What cannot be decoded any more, kept as text rather than lost."""
    return {"message": payload.decode("utf-8", "backslashreplace"), "tags": ["_queue_unreadable"]}
