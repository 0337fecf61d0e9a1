"""One batch on Spark, bounded inputs being a single one: map where pieces are read, and for each
filter that keeps state an exchange by shard of keys and a reduce.

What comes back to the driver are reports, a few hundred bytes a task. They become the note in the
checkpoint that makes the batch done, and only then files get their names.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from pyspark.sql import DataFrame, SparkSession

from ..parts import Plan, Segment
from .deliveries import outputs_of
from .pieces import Piece, Positions, encoded
from .progress import due_shards, forget_idle, note, watermark_of
from .session import SparkOptions
from .state import Checkpoint, Manifest
from .step import PRINTED, REPORT, SCHEMA, TICK, MapTask, Report, Row, arrow
from .write import check_paths, files_of, publish

Task = Callable[[Iterable[Any]], Iterator[Any]]


class Batches:
    """Works batches of a plan, one after the other. ``run``: a name that no other run has;
    ``left``: messages that waited behind the last batch when that was planned.
    """

    def __init__(
        self,
        session: SparkSession,
        plan: Plan,
        options: SparkOptions,
        run: str,
        checkpoint: Checkpoint | None,
    ) -> None:
        self._session, self._plan, self._options = session, plan, options
        self._run, self.checkpoint = run, checkpoint
        cores = session.sparkContext.defaultParallelism
        self._partitions = options.partitions or cores
        self.last = Manifest() if checkpoint is None else checkpoint.last
        self.left = 0
        if self.last.batch < 0:
            check_paths(files_of(outputs_of(plan.assembly)))
        publish(self.last.staged, self._named(self.last.batch), is_again=True)

    def _named(self, batch: int) -> str:
        return f"{self._run}-{max(batch, 0):06}"

    def begin(self, positions: Positions) -> None:
        """Keep where a stream begins, so that another start before its first batch is done begins
        there as well.
        """
        self.last = msgspec.structs.replace(self.last, positions=positions)
        if self.checkpoint is not None:
            self.checkpoint.commit(self.last)

    def work(
        self, batch: int, pieces: Sequence[Piece], ends: bool, reached: Positions | None = None
    ) -> None:
        """Work a batch, unless it is done. Where the input ``ends`` with it, filters tell all that
        they hold; ``reached``: how far those of a stream are read then. Raises what a task failed
        with.
        """
        if batch <= self.last.batch:
            return
        positions = reached or {}
        after = msgspec.structs.replace(self.last, batch=batch, staged=[], positions=positions)
        run, begun = self._named(batch), time.time()
        printed = self._fold(after, self._map(pieces, run, ends), run, ends)
        forget_idle(after, {piece.source for piece in pieces}, begun, self._options.idle)
        for segment in [] if ends else self._plan.keyed:
            shards = due_shards(after, segment)
            if shards:
                due = f"{run}-due{segment.number}"
                printed += self._fold(after, self._ticks(shards), due, ends, segment)
        if self.checkpoint is not None:
            self.checkpoint.commit(after)
        self.last, self.left = after, sum(piece.left for piece in pieces)
        publish(after.staged, self._named(batch))
        for data in printed:
            sys.stdout.buffer.write(data)
        sys.stdout.flush()

    def _fold(
        self,
        after: Manifest,
        frame: DataFrame,
        run: str,
        ends: bool,
        due: Segment | None = None,
    ) -> list[bytes]:
        """Run the exchanges behind a first step, or from the segment on where shards are ``due``,
        and take note of the reports; what is to be printed, in the order of the source.
        """
        for segment in self._plan.keyed:
            if due is None or segment.number >= due.number:
                mark = watermark_of(after if segment is due else self.last, segment)
                task = self._reduce(segment, after, run, ends, mark)
                frame = _exchanged(frame, self._partitions).mapInArrow(_call(task), SCHEMA)
        rows = [Row(*row) for row in frame.collect()]
        for row in rows:
            if row.kind == REPORT:
                note(after, msgspec.msgpack.decode(row.blob, type=Report))
        printed = sorted(row[3:] for row in rows if row.kind == PRINTED)
        return [bytes(blob) for _, _, blob in printed]

    def _map(self, pieces: Sequence[Piece], run: str, ends: bool) -> DataFrame:
        count, is_keyed = max(1, len(pieces)), bool(self._plan.keyed)
        task = MapTask(self._plan.shipment, encoded(pieces), run, is_keyed, ends)
        places = self._session.range(0, len(pieces), 1, count)
        return places.mapInArrow(_call(task), SCHEMA)

    def _reduce(
        self, segment: Segment, after: Manifest, run: str, ends: bool, mark: int | None
    ) -> Task:
        from .reduce import ReduceTask

        directory = "" if ends or self.checkpoint is None else str(self.checkpoint.states)
        number, is_last = segment.number, segment is self._plan.keyed[-1]
        shards = after.shards.get(number, {})
        return ReduceTask(self._plan.shipment, number, run, mark, shards, directory, is_last)

    def _ticks(self, shards: Sequence[int]) -> DataFrame:
        rows = [Row(TICK, shard, 0, 0, 0, b"") for shard in shards]
        return self._session.range(0, 1, 1, 1).mapInArrow(lambda _: iter([arrow(rows)]), SCHEMA)


def _call(task: Task) -> Task:
    """A task as a function, which Spark ships by value."""
    return lambda batches: task(batches)


def _exchanged(frame: DataFrame, partitions: int) -> DataFrame:
    return frame.repartition(partitions, "shard").sortWithinPartitions("shard", "place", "number")
