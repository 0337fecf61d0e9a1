"""The disk queue between inputs and filters: what an input gives counts as delivered for it once it
is on the disk.

Inputs are read by a thread each, which puts their batches into the queue; the filters take them
out. What was not delivered when the process ended is handed out again at the next start.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ...dsl.options import read
from ...dsl.reference import Event
from ...dsl.spec import Kind
from ...plugins.contract import Batch, Input
from ...plugins.data_paths import data_folder
from ...plugins.records.events import Unreadable, pack, unpack
from ..storage.backlog import Item
from ..storage.queue import Closed, DiskQueue
from .input_threads import finished

log = logging.getLogger("penstock")


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


def batches(
    inputs: Sequence[Input], queue: DiskQueue, stopping: threading.Event, drain: bool
) -> Iterator[Batch | None]:
    """Batches out of the queue, while inputs put theirs in; ends when the inputs have ended and the
    queue is empty, or, without ``drain``, as soon as the pipeline is to stop.
    """
    pumps = [
        threading.Thread(target=_pump, args=(source, queue, stopping), daemon=True)
        for source in inputs
    ]
    for pump in pumps:
        pump.start()
    while True:
        item = queue.get(0.25)
        if item is not None:
            yield _batch(queue, item)
        elif not any(pump.is_alive() for pump in pumps) and queue.is_empty:
            return
        else:
            yield None
        if stopping.is_set() and not drain and not any(pump.is_alive() for pump in pumps):
            return


def _batch(queue: DiskQueue, item: Item) -> Batch:
    settle = partial(_settle, queue, item.sequence)
    live, item.live = (
        item.live,
        None,
    )  # the filters change it: who gets it a second time gets it from the disk
    if live is not None:
        return Batch(live, done=settle)
    try:
        return Batch(unpack(item.payload), done=settle)
    except Unreadable as error:
        log.error(
            "the queue `%s` holds something that is no batch of events, at %d: %s",
            queue.folder,
            item.sequence,
            error,
        )
        return Batch([_salvaged(item.payload)], done=settle)


def _salvaged(payload: bytes) -> Event:
    """What cannot be read any more, kept as text rather than lost."""
    return {"message": payload.decode("utf-8", "backslashreplace"), "tags": ["_queue_unreadable"]}


def _settle(queue: DiskQueue, sequence: int, error: Exception | None) -> None:
    if error is None:
        queue.ack(sequence)
    else:
        queue.give_back(sequence)


def _pump(source: Input, queue: DiskQueue, stopping: threading.Event) -> None:
    """Put what an input gives into the queue; one that fails is logged and started again."""
    while not stopping.is_set():
        try:
            for batch in finished(source, stopping):
                if batch is not None:
                    _put(queue, batch)
            return
        except Closed:
            return
        except Exception as error:
            log.error(
                "%s: the input %s failed: %s; it is started again",
                source.context.where,
                source.name,
                error,
            )
            stopping.wait(1)


def _put(queue: DiskQueue, batch: Batch) -> None:
    done: Callable[[], None] | None = None if batch.done is None else partial(batch.done, None)
    if not batch.events:
        if done is not None:
            done()
        return
    try:
        queue.put(pack(batch.events), count=len(batch.events), live=batch.events, on_durable=done)
    except Closed as error:
        if batch.done is not None:
            batch.done(error)
        raise
