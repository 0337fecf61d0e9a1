"""What runs in tasks: ``MapTask`` works pieces of inputs; ``reduce`` has what stands behind it.

A task is a function from Arrow batches to Arrow batches whose rows are few: a task gets the number
of its piece, and gives a report, and for each shard of keys the rows of a chunk. Payloads stay
where they were packed: files are written, and other outputs delivered, in the task. Only what
``stdout`` is to print goes to the driver.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec
import pyarrow
from pyspark import TaskContext

from ..packed import Packed
from ..parts import SHARDS
from ..shipping import Shipment
from .deliveries import TaskOutputs, task_outputs
from .pieces import decoded
from .read import packed
from .shipped import work_here
from .state import Shard
from .write import Attempt, StagedFile

SCHEMA = "kind int, shard int, time_ms long, place long, number long, blob binary"
REPORT, KEYED, PRINTED, TICK, TOP = range(5)
"""What a row is: a report, events of a shard, what is to be printed, a reason to look at a shard,
or the latest time of a task's events, which is told to all shards where the input ends.
"""


class Row(NamedTuple):
    """A row between tasks, or to the driver. ``place`` and ``number`` give the order of rows that
    one machine would have seen: the piece, and how many came of it before.
    """

    kind: int
    shard: int
    time_ms: int
    place: int
    number: int
    blob: bytes


class Report(msgspec.Struct):
    """What a task did. ``tops``: by partition of the source, the latest time of its events, in
    milliseconds since 1970; ``shards``: those of this ``exchange`` whose state is new, or gone.
    """

    events_in: int = 0
    events_out: int = 0
    staged: list[StagedFile] = []
    tops: dict[str, int] = {}
    exchange: int = 0
    shards: dict[int, Shard | None] = {}
    bytes_out: int = 0
    dead_letters: int = 0

    def close(self, outputs: TaskOutputs) -> None:
        """Let the outputs of the task end, and take note of what came of them."""
        self.staged = outputs.end()
        self.bytes_out, self.dead_letters = outputs.bytes_out, outputs.dead_letters


def arrow(rows: Sequence[Row]) -> Any:
    """Rows as a batch of Arrow."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(Row._fields)
    types = [pyarrow.int32(), pyarrow.int32(), *[pyarrow.int64()] * 3, pyarrow.binary()]
    arrays = [pyarrow.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    return pyarrow.RecordBatch.from_arrays(arrays, names=list(Row._fields))


def rows_of(batches: Iterable[Any]) -> Iterator[Row]:
    """The rows of batches of Arrow."""
    for batch in batches:
        columns = [column.to_pylist() for column in batch.columns]
        yield from map(Row._make, zip(*columns, strict=True))


class MapTask(msgspec.Struct):
    """Works the pieces whose numbers it gets. ``is_keyed``: an exchange follows; ``ends``: the
    input ends with this batch.
    """

    shipment: Shipment
    pieces: list[bytes]
    run: str
    is_keyed: bool
    ends: bool

    def __call__(self, batches: Iterable[Any]) -> Iterator[Any]:
        for batch in batches:
            for place in batch.column(0).to_pylist():
                yield from self._worked(place)

    def _worked(self, place: int) -> Iterator[Any]:
        piece = decoded(self.pieces[place])
        work = work_here(self.shipment)
        work.rest()  # of an attempt that failed here before
        outputs = task_outputs(self.shipment, attempt_of(self.run, 0, place))
        report, number = Report(), 0
        for some in packed(work, piece):
            report.events_in += some.events_in
            report.events_out += 0 if self.is_keyed else some.events_out
            rows = given(some, outputs.take(some), place, number)
            number += len(rows)
            note_top(report, piece.source, some)
            if rows:
                yield arrow(rows)
        report.close(outputs)
        yield arrow(closing(report, place, self.is_keyed and self.ends))


def note_top(report: Report, source: str, some: Packed) -> None:
    """Take note of the latest time of events that go on to an exchange."""
    top = max((row.time_ms for row in some.keyed), default=None)
    if top is not None:
        report.tops[source] = max(top, report.tops.get(source, top))


def closing(report: Report, place: int, tells_top: bool) -> list[Row]:
    """The last rows of a task: its report, and to all shards the latest time of its events."""
    rows = [Row(REPORT, -1, 0, place, 0, msgspec.msgpack.encode(report))]
    if tells_top and report.tops:
        top = max(report.tops.values())
        rows += [Row(TOP, shard, top, place, 0, b"") for shard in range(SHARDS)]
    return rows


def attempt_of(run: str, stage: int, partition: int) -> Attempt:
    """This try of this task."""
    context = TaskContext.get()
    number = 0 if context is None else context.taskAttemptId()
    return Attempt(run, stage, partition, number, f".{uuid4().hex[:8]}")


def given(some: Packed, printed: Sequence[bytes], place: int, number: int) -> list[Row]:
    """The rows for the next exchange, and for the driver."""
    rows = [Row(PRINTED, -1, 0, place, number, data) for data in printed]
    for row in some.keyed:
        rows.append(Row(KEYED, row.shard, row.time_ms, place, number + len(rows), row.blob))
    return rows
