"""Batches from inputs: one input is read in the thread that asks; several by a thread each, through
a bounded queue, which is the whole of back-pressure.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterator, Sequence

from ...dsl.event import complete
from ...plugins.contract import Batch, Input

log = logging.getLogger("penstock")

_QUEUED = 8


def batches(inputs: Sequence[Input], stopping: threading.Event) -> Iterator[Batch | None]:
    """Batches of whole events, as they come; None when nothing came for a moment."""
    return finished(inputs[0], stopping) if len(inputs) == 1 else _merged(inputs, stopping)


def finished(source: Input, stopping: threading.Event) -> Iterator[Batch | None]:
    """The batches of one input, its events complete and decorated."""
    decorate = source.decorate
    for batch in source.batches(stopping.is_set):
        if batch is not None:
            if not source.completes:
                complete(batch.events, source.context.now(), {})
            if decorate is not None:
                for event in batch.events:
                    decorate(event)
        yield batch


def _merged(inputs: Sequence[Input], stopping: threading.Event) -> Iterator[Batch | None]:
    waiting: queue.Queue[Batch | None] = queue.Queue(_QUEUED)
    for source in inputs:
        threading.Thread(target=_pump, args=(source, waiting, stopping), daemon=True).start()
    left = len(inputs)
    while left:
        try:
            batch = waiting.get(timeout=0.25)
        except queue.Empty:
            yield None
            continue
        if batch is None:
            left -= 1
        else:
            yield batch


def _pump(source: Input, waiting: queue.Queue[Batch | None], stopping: threading.Event) -> None:
    """Put what an input gives into the queue; one that fails is logged and started again."""
    while not stopping.is_set():
        try:
            for batch in finished(source, stopping):
                if batch is not None:
                    waiting.put(batch)
            break
        except Exception as error:
            log.error(
                "%s: the input %s failed: %s; it is started again",
                source.context.where,
                source.name,
                error,
            )
            stopping.wait(1)
    waiting.put(None)
