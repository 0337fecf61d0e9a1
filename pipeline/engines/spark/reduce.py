"""The filters that keep state, in the tasks behind an exchange by shard of keys.

A task takes the state of a shard from where the batch before left it, the rows of this batch, and
the time up to which events are complete; it leaves the state behind the batch, and when that is due
next. Where the input ends, filters tell all that they hold, and no state is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from typing import Any

import msgspec
from pyspark import TaskContext

from ..keyed import Taken
from ..packed import Packed
from ..shipping import Shipment
from .deliveries import task_outputs
from .shipped import keyed_here
from .state import Shard, StateWriter
from .step import (
    KEYED,
    TOP,
    Report,
    Row,
    arrow,
    attempt_of,
    closing,
    given,
    note_top,
    rows_of,
)

_ROWS = 64


class ReduceTask(msgspec.Struct):
    """Works the rows of shards behind an exchange. Rows come sorted by shard, and within one in the
    order of the source. ``shards`` are the states behind the batch before; ``directory`` is for
    those behind this one, and empty where the input ends with this batch. ``is_last``: no exchange
    follows.
    """

    shipment: Shipment
    exchange: int
    run: str
    watermark: int | None
    shards: dict[int, Shard]
    directory: str
    is_last: bool

    def __call__(self, batches: Iterable[Any]) -> Iterator[Any]:
        context = TaskContext.get()
        place = 0 if context is None else context.partitionId()
        attempt = attempt_of(self.run, self.exchange + 1, place)
        outputs, report = task_outputs(self.shipment, attempt), Report(exchange=self.exchange)
        states, number = StateWriter(self.directory, attempt), 0
        for shard, rows in groupby(rows_of(batches), key=lambda row: row.shard):
            if shard < 0:
                yield from map(arrow, _lists(rows))
                continue
            for some in self._worked(shard, rows, states, report):
                report.events_out += some.events_out if self.is_last else 0
                note_top(report, f"exchange {self.exchange}", some)
                going = given(some, outputs.take(some), place, number)
                number += len(going)
                if going:
                    yield arrow(going)
        states.close()
        report.close(outputs)
        yield arrow(closing(report, place, tells_top=not self.directory and not self.is_last))

    def _worked(
        self, shard: int, rows: Iterator[Row], states: StateWriter, report: Report
    ) -> Iterator[Packed]:
        """What comes of the rows of a shard; its state goes to the report."""
        keyed, latest = keyed_here(self.shipment, self.exchange), None
        known = self.shards.get(shard)
        taken = Taken(b"" if known is None else known.state.read(), Packed(), None)
        for some in _lists(rows):
            blobs = [row.blob for row in some if row.kind == KEYED]
            latest = _later(latest, [row.time_ms for row in some if row.kind == TOP])
            if blobs or self.watermark is not None:
                taken = keyed.take(taken.state, blobs, self.watermark)
                yield taken.packed
        if not self.directory:
            if taken.state:
                yield keyed.end(taken.state, latest).packed
        elif taken.state:
            report.shards[shard] = states.add(taken.state, taken.timer_ms)
        elif known is not None:
            report.shards[shard] = None


def _later(latest: int | None, times: list[int]) -> int | None:
    """The latest of some times."""
    return max([*times] if latest is None else [latest, *times], default=None)


def _lists(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while some := list(islice(rows, _ROWS)):
        yield some
