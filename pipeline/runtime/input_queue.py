"""The disk queue between inputs and filters: what an input gives counts as delivered for it once it
is on the disk.

Inputs are read by a thread each, which puts their batches into the queue; the filters take them
out. What was not delivered when the process ended is handed out again at the next start.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from ...dsl.options import read
from ...dsl.reference import Event
from ...dsl.spec import Kind
from ...plugins.batch import Batch, Part, Position
from ...plugins.data_paths import data_directory
from ...plugins.epoch import Offsets
from ...plugins.errors import Undelivered
from ...plugins.input import Input
from ...plugins.plugin import Plugin
from ...plugins.records.events import Unreadable, pack, unpack
from ..storage.backlog import Item
from ..storage.incarnation import incarnation_of
from ..storage.queue import DiskQueue
from ..storage.queue_errors import Closed, Full
from .decoding import Decoder
from .in_flight import InFlight
from .input_threads import CommitsOf, Done, Failed, Incoming, no_commits, threads_of
from .reader import REST, SharedCommits

log = logging.getLogger("penstock")

_WAIT = 1.0
_QUEUE = -1
"""In the place of an input's number."""
_PARTITION = "queue"


def open_queue(settings: Mapping[str, Any]) -> DiskQueue:
    """The queue that the settings describe; raises InUse where another process has it, OSError
    where there can be none.
    """

    def size(key: str) -> int:
        return int(read(Kind("bytes"), settings[key]))

    return DiskQueue(
        queue_directory(settings),
        max_bytes=size("queue.max_bytes"),
        max_events=int(settings["queue.max_events"]),
        page_capacity=size("queue.page_capacity"),
        commit_events=int(settings["queue.checkpoint.writes"]),
        checkpoint_acks=int(settings["queue.checkpoint.acks"]),
    )


def queue_directory(settings: Mapping[str, Any]) -> Path:
    """Where a pipeline's queue is."""
    root = (
        Path(settings["path.queue"])
        if settings["path.queue"]
        else data_directory(settings) / "queue"
    )
    return root / str(settings["pipeline.id"])


class QueueIntake:
    """Takes what the inputs give into the queue; a batch counts as delivered for its input when it
    is on the disk.

    ``committed``, where positions of the inputs are committed with what filters keep: the
    partitions of each input that have one. The first batches of another partition count as
    delivered only when they are committed: were the queue deleted before, nothing else would say
    where the input must begin again.
    """

    def __init__(
        self,
        inputs: Sequence[Input],
        queue: DiskQueue,
        committed: Mapping[int | str, Collection[str]] | None = None,
    ) -> None:
        self._queue, self._notes_parts = queue, committed is not None
        self._committed = {
            number: set((committed or {}).get(number, ())) for number in range(len(inputs))
        }
        self._first: dict[int, tuple[int, list[str]]] = {}  # by sequence
        self._told: dict[int, list[Part]] = {}
        self._decoders = [Decoder(source) for source in inputs]
        self._prompt = [source.prompt for source in inputs]
        self._await = [source.awaits_outputs for source in inputs]
        self._awaited: dict[int, Done] = {}  # by sequence
        self._is_given_up = False
        self._callbacks: list[Callable[[], None]] = []
        self._lock, self._settled = threading.Lock(), threading.Event()

    def offer(self, incoming: Incoming, timeout: float) -> bool:
        """Put a batch into the queue, waiting for room up to so many seconds; False where there was
        none.
        """
        decoded = self._decoders[incoming.source].batches(incoming.batch)
        events = [event for some in decoded for event in some]
        done = incoming.done or (lambda error: None)
        if not events:
            self._told.setdefault(incoming.source, []).extend(incoming.batch.parts)
            done(None)
            return True
        # What was decoded must not be decoded again where there is no room yet: the batch goes on
        # as events.
        incoming.batch.events, incoming.batch.chunks = events, None
        incoming.batch.is_decoded = True
        try:
            note = self._note(incoming)
            fresh = self._uncommitted(incoming) if self._notes_parts else []
            if fresh or self._await[incoming.source]:
                if not self._put_awaited(incoming.source, events, note, done, fresh):
                    self._settled.wait(timeout)
                    return False
            else:
                self._put(events, note, timeout, partial(done, None))
                if self._prompt[incoming.source]:
                    self._queue.sync_soon()
            self._told.pop(incoming.source, None)
        except Full:
            return False
        except Closed as error:
            done(error)
        return True

    def _put_awaited(
        self,
        source: int,
        events: list[Event],
        note: dict[str, Any] | None,
        done: Done,
        fresh: list[str],
    ) -> bool:
        """Put a batch whose end is awaited; False where there is no room for it now. The lock is
        held, since it may be delivered before `put` returns. So room is not waited for here: it
        comes of deliveries, and they need the lock.
        """
        self._settled.clear()
        with self._lock:
            try:
                sequence = self._put(events, note, 0)
            except Full:
                return False
            self._awaited[sequence] = done
            if fresh:
                self._first[sequence] = source, fresh
        return True

    def _note(self, incoming: Incoming) -> dict[str, Any] | None:
        """What is written beside the events: the parts of the batch, and of those before it that
        had no events.
        """
        if not self._notes_parts:
            return None
        parts = [*self._told.get(incoming.source, ()), *incoming.batch.parts]
        rows = [[p.partition, p.position, p.events, p.state] for p in parts]
        return {"input": incoming.source, "parts": rows}

    def _uncommitted(self, incoming: Incoming) -> list[str]:
        """The partitions of a batch of which no position is committed."""
        known = self._committed[incoming.source]
        return [
            part.partition
            for part in incoming.batch.parts
            if part.position is not None and part.partition not in known
        ]

    @property
    def awaits_first_commit(self) -> bool:
        """Whether a batch waits for the first commit of its partition."""
        return bool(self._first)

    def _put(
        self,
        events: list[Event],
        note: dict[str, Any] | None,
        timeout: float,
        on_durable: Callable[[], None] | None = None,
    ) -> int:
        return self._queue.put(
            pack(events),
            note,
            count=len(events),
            live=events,
            timeout=timeout,
            on_durable=on_durable,
        )

    def settled(self, sequence: int, error: Exception | None) -> None:
        """An item was delivered, or failed: tell the input that awaits it. One that waits for the
        first commit of its partition is tried again out of the queue.
        """
        if not self._notes_parts and not any(self._await):
            return
        with self._lock:
            source, partitions = self._first.get(sequence, (0, []))
            if partitions and error is not None and not self._is_given_up:
                return
            self._first.pop(sequence, None)
            if error is None:
                self._committed[source].update(partitions)
            done = self._awaited.pop(sequence, None)
        self._settled.set()
        if done is not None:
            done(error)

    def give_up(self) -> None:
        """Nothing more is delivered: what is in the queue comes with the next start."""
        self._is_given_up = True
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
        """As ``Intake``."""
        self._queue.wake()


class QueueSource:
    """Batches out of the queue, while inputs put theirs in; ends when the inputs have ended and the
    queue is empty, or, without ``drain``, as soon as the pipeline is to stop.

    ``restored``: what batches that share a commit had committed; ``force``, where positions of the
    inputs are kept beside the events and committed with them: it commits as soon as that can be.
    """

    is_ticked = True

    def __init__(
        self,
        inputs: Sequence[Input],
        queue: DiskQueue,
        stopping: threading.Event,
        failed: Failed,
        carried: Set[Plugin],
        drain: bool,
        restored: Offsets | None = None,
        force: Callable[[], None] | None = None,
    ) -> None:
        self._queue, self._stopping, self._drain = queue, stopping, drain
        self._incarnation = incarnation_of(queue.directory)
        committed = restored or {}
        self._restored = committed.get(_QUEUE, {}).get(_PARTITION)
        self._intake = QueueIntake(inputs, queue, None if force is None else committed)
        commits: CommitsOf = no_commits if force is None else self._resuming(committed, force)
        self._threads = threads_of(inputs, self._intake, stopping, failed, carried, commits)

    def _resuming(self, committed: Offsets, force: Callable[[], None]) -> CommitsOf:
        """By input: where it goes on. Behind what stands in the queue, or else behind what was
        committed: so that nothing is in the queue twice, and nothing is missed where it was
        deleted.
        """
        behind = {number: dict(parts) for number, parts in committed.items()}
        for sequence, note in self._queue.take_notes():
            if not self._is_committed(sequence):
                number, parts = _noted(msgspec.msgpack.decode(note) if note else {})
                positions = {p.partition: p.position for p in parts if p.position is not None}
                behind.setdefault(number, {}).update(positions)
        intake = self._intake

        def force_first() -> None:
            if intake.awaits_first_commit:
                force()

        return lambda source: SharedCommits(behind.get(source, {}), force_first, _nothing_of)

    def __iter__(self) -> Iterator[Incoming | None]:
        for thread in self._threads:
            thread.start()
        while True:
            item = self._queue.get(_WAIT if self.is_ticked else REST)
            if item is not None:
                self._intake.freed()
                if self._is_committed(item.sequence):
                    self._queue.ack(item.sequence)
                else:
                    yield self._incoming(item)
            elif self._inputs_have_ended() and self._queue.is_empty:
                return
            else:
                yield None
            if self._stopping.is_set() and not self._drain and self._inputs_have_ended():
                return

    @property
    def has_ended(self) -> bool:
        """As ``Source``."""
        return self._queue.is_empty and all(thread.is_at_end for thread in self._threads)

    @property
    def under_way(self) -> list[InFlight]:
        """As ``Source``: of inputs on their way to the disk."""
        return [thread.in_flight for thread in self._threads]

    def _inputs_have_ended(self) -> bool:
        return all(thread.has_ended.is_set() for thread in self._threads)

    def _is_committed(self, sequence: int) -> bool:
        """Whether a commit that batches share has it, though its acknowledgement was not saved."""
        at = self._restored
        return at is not None and at.incarnation == self._incarnation and sequence <= at.offset

    def _incoming(self, item: Item) -> Incoming:
        position = Position(self._incarnation, item.sequence)
        live, item.live = item.live, None  # filters change it: a redelivery reads it from the disk
        events = live if live is not None else self._events(item)
        source, parts = _noted(item.note)
        for part in parts:
            part.partition = f"{source} {part.partition}"
        counted = sum(part.events for part in parts)
        parts.append(Part(_PARTITION, position, len(events) - counted))
        return Incoming(_QUEUE, Batch(events, parts=parts), partial(self._settle, item.sequence))

    def _events(self, item: Item) -> list[Event]:
        try:
            return unpack(item.payload)
        except Unreadable as error:
            log.error(
                "queue `%s`: cannot decode record %d; kept as text: %s",
                self._queue.directory,
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
        if self._inputs_have_ended():
            self._queue.wake()  # this may have been the last one

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


def _noted(note: Mapping[str, Any]) -> tuple[int, list[Part]]:
    """The input that an item came from, and the parts of its batch; none where they were not
    noted.
    """
    rows = note.get("parts", ())
    parts = [
        Part(partition, None if position is None else Position(*position), events, state)
        for partition, position, events, state in rows
    ]
    return note.get("input", 0), parts


def _nothing_of(partitions: Sequence[str]) -> Mapping[str, Position]:
    """Partitions that go are in the queue already."""
    return {}


def _as_text(payload: bytes) -> Event:
    """What cannot be decoded any more, kept as text rather than lost."""
    return {"message": payload.decode("utf-8", "backslashreplace"), "tags": ["_queue_unreadable"]}
