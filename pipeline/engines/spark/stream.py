"""Inputs that do not end, as a stream: Spark asks where they end now, keeps the answer in its
checkpoint, and gives a batch of pieces for each; ``Batches`` works it.

The source gives places, not content: a partition of a topic with two offsets is one row. Where
Spark was stopped between our note of a batch and its own, it gives the batch again with the same
places, and it is left out as done.
"""

from __future__ import annotations

import base64
import json
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.datasource import DataSource, DataSourceStreamReader, InputPartition
from pyspark.sql.streaming import StreamingQuery

from ....plugins.errors import Undelivered
from ..parts import Plan
from ..shipping import Shipment, assembled
from .batch import Batches
from .groups import GroupOffsets
from .offsets import Positions, SourceEnds
from .pieces import Piece, decoded, encoded
from .read import inputs_of
from .session import SparkOptions, silence_streams

_PATIENCE = 0.5


class PiecesSource(DataSource):  # type: ignore[misc]
    """The pieces of all inputs, as a source of Spark."""

    @classmethod
    def name(cls) -> str:
        """What ``format`` takes."""
        return "penstock"

    def schema(self) -> str:
        """A piece a row."""
        return "piece binary"

    def streamReader(self, schema: Any) -> PiecesReader:  # noqa: N802 (Spark's name)
        """Called where Spark plans."""
        return PiecesReader(*pickle.loads(base64.b64decode(self.options["plan"])))


class PiecesReader(DataSourceStreamReader):  # type: ignore[misc]
    """Where inputs end now, and the pieces between two such answers. ``reached``: where the last
    batch of a checkpoint ends, from where the next one has its size. Without a checkpoint Spark
    asks where the first batch ends before it asks where that begins.
    """

    def __init__(self, shipment: Shipment, most: int, reached: Positions) -> None:
        self._shipment, self._most, self._given = shipment, most, reached
        self._begun: Positions = {}
        self._ends: SourceEnds | None = None

    def _sources(self) -> SourceEnds:
        if self._ends is None:
            self._ends = SourceEnds(assembled(self._shipment), self._most)
        return self._ends

    def initialOffset(self) -> Positions:  # noqa: N802
        """Where a stream without a checkpoint begins."""
        if not self._begun:
            self._begun = self._sources().starts()
        return self._begun

    def latestOffset(self) -> Positions:  # noqa: N802
        """Where the next batch ends."""
        self._given = self._sources().ends(self._given or self.initialOffset())
        return self._given

    def partitions(self, start: Positions, end: Positions) -> list[InputPartition]:
        """The pieces between two offsets."""
        return [InputPartition(piece) for piece in encoded(self._sources().pieces(start, end))]

    def read(self, partition: InputPartition) -> Iterator[tuple[bytes]]:
        """The place itself: it is read where it is worked."""
        yield (partition.value,)

    def stop(self) -> None:
        """The stream has ended."""
        if self._ends is not None:
            self._ends.close()


def run_stream(
    session: SparkSession,
    plan: Plan,
    options: SparkOptions,
    batches: Batches,
    stopping: threading.Event,
) -> None:
    """Run until ``stopping`` is set, or, where that is asked for, until nothing is left of what was
    there at the start. Raises what a task failed with.
    """
    assert batches.checkpoint is not None
    under_way = threading.Lock()
    groups = GroupOffsets(inputs_of(plan.assembly))

    def work(frame: DataFrame, batch: int) -> None:
        with under_way:
            if stopping.is_set():
                silence_streams(session)
                raise Undelivered("the job is to stop")  # so that the batch does not count as done
            pieces = [decoded(row.piece) for row in frame.collect()]
            batches.work(batch, _ordered(pieces), ends=False)
            groups.commit(pieces)

    session.dataSource.register(PiecesSource)
    given = plan.shipment, options.batch_records, _reached(Path(batches.checkpoint.offsets))
    sent = base64.b64encode(pickle.dumps(given)).decode()
    source = session.readStream.format("penstock").option("plan", sent).load()
    writer = source.writeStream.foreachBatch(work)
    writer = writer.option("checkpointLocation", batches.checkpoint.offsets)
    seconds = 0.0 if options.until_idle else options.batch_seconds
    query = writer.trigger(processingTime=f"{seconds} seconds").start()
    try:
        _await(query, options.until_idle, stopping, under_way)
    except PySparkException:
        if not stopping.is_set():
            raise
    finally:
        query.stop()
        groups.close()


def _await(
    query: StreamingQuery, until_idle: bool, stopping: threading.Event, under_way: threading.Lock
) -> None:
    """Return when nothing is left, or the job is to stop and no batch is under way."""
    if until_idle:
        query.processAllAvailable()  # a trigger for this would work one batch alone
        return
    while not query.awaitTermination(_PATIENCE):
        if stopping.is_set():
            with under_way:
                return


def _reached(directory: Path) -> Positions:
    """Where the last batch ends that Spark has planned: the last line of its newest note."""
    noted = [path for path in directory.glob("offsets/*") if path.name.isdigit()]
    if not noted:
        return {}
    newest = max(noted, key=lambda path: int(path.name))
    found: Positions = json.loads(newest.read_text(encoding="utf-8").splitlines()[-1])
    return found


def _ordered(pieces: list[Piece]) -> list[Piece]:
    return sorted(pieces, key=lambda piece: (piece.read, piece.topic, piece.path, piece.start))
