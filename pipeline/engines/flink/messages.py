"""Messages of Kafka on their way through Penstock's step, by Arrow batches.

Flink calls a Python function for each row, or, by its Arrow bridge, for a column of thousands at
once, and wants as many rows back. So all that came of a batch stands in its first row, and the
others are empty; ``Unpack`` makes rows of it.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pandas
from pyflink.common import Row
from pyflink.datastream import FlatMapFunction, RuntimeContext
from pyflink.table.udf import FunctionContext, ScalarFunction

from ..parts import Read
from ..shipping import Shipment
from ..work_process import WorkProcess
from .columns import Messages
from .parent import end_with_flink
from .shipped import files_here
from .step import Routes

_TICK = 5.0


class MessageStep(ScalarFunction):  # type: ignore[misc]
    """Works on messages, by Arrow batches. ``names``: the columns that it gets, the value first."""

    def __init__(self, shipment: Shipment, read: Read, names: Sequence[str]) -> None:
        self._shipment, self._read, self._names = shipment, read, list(names)

    def is_deterministic(self) -> bool:
        """The planner must not call it twice."""
        return False

    def open(self, _context: FunctionContext) -> None:
        end_with_flink()
        self._process = WorkProcess(self._shipment, files_here())

    def close(self) -> None:
        self._process.close()

    def eval(self, *columns: Any) -> Any:
        """All that came of a batch, in its first row."""
        given = dict(zip(self._names, (column.tolist() for column in columns), strict=True))
        (worked,) = self._process.ask(Messages(self._read.number, given))
        return pandas.Series([worked] + [None] * (len(given["value"]) - 1))


class Unpack(FlatMapFunction):  # type: ignore[misc]
    """What came of a batch of messages, as rows. Of rows on their way to a shard the time is as far
    as all partitions of this reader have come; all shards hear of it every few seconds.
    """

    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    def open(self, context: RuntimeContext) -> None:
        self._routes.count(context.get_metrics_group())
        self._times: dict[Any, int] = {}
        self._ticked = time.monotonic()

    def close(self) -> None:
        self._routes.close()

    def flat_map(self, batch: Row) -> Iterator[Row]:
        for partition, packed in pickle.loads(batch[0]):
            if packed.keyed:
                latest = max(row.time_ms for row in packed.keyed)
                self._times[partition] = max(latest, self._times.get(partition, latest))
                low = min(self._times.values())
                packed.keyed = [row._replace(time_ms=low) for row in packed.keyed]
            yield from self._routes.rows(packed, 1)
        if time.monotonic() - self._ticked > _TICK:
            self._ticked = time.monotonic()
            yield from self._routes.ticks(1)
