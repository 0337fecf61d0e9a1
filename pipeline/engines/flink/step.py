"""Penstock's own step in Flink's Python workers: a function is called for each element, and does
much for each, since an element is a range of a file.

Two subtasks may be threads of one Python process, and a subtask may change its thread, so that
what works belongs to the function that Flink made for the subtask: ``open`` makes it. Chunks of
inputs are worked in a process beside it (``work_process``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pyflink.common import Row
from pyflink.datastream import FlatMapFunction, RuntimeContext

from ..deliver import Deliveries
from ..packed import Packed, Payload
from ..parts import Read
from ..ranges import Range
from ..reading import Reading
from ..shipping import Shipment
from ..work_process import WorkProcess
from .figures import StepCounts
from .parent import end_with_flink
from .rows import keyed_row, lines_row, message_rows, tick_rows
from .shipped import assembled_here, files_here


class Routes:
    """Where payloads go: to a sink of Flink as rows (``files``, and ``topics`` with the topic that
    is the same for all events of an output), or to their target at once, in the task.
    """

    def __init__(
        self,
        shipment: Shipment,
        files: Sequence[int],
        topics: Mapping[int, str | None],
        outputs: int,
        segments: int,
    ) -> None:
        """``outputs``, ``segments``: how many there are in all."""
        self._shipment, self._files, self._topics = shipment, frozenset(files), dict(topics)
        taken = {*files, *topics}
        self._here = [number for number in range(outputs) if number not in taken]
        self._segments = segments
        self._latest: int | None = None
        self._told: int | None = None
        self._deliveries: Deliveries | None = None
        self._counts: StepCounts | None = None

    def count(self, group: Any) -> None:
        """Keep counts of what the step does as metrics in a group of Flink's."""
        self._counts = StepCounts(group)

    def rows(self, packed: Packed, segment: int) -> Iterator[Row]:
        """The rows of what a step packed; the rest is delivered before this ends, so that no
        checkpoint is ahead of it. ``segment``: where events by shards go.
        """
        if self._counts is not None:
            self._counts.add(packed, segment == 1, segment > self._segments)
        here: list[Payload] = []
        for payload in packed.payloads:
            if payload.output in self._files:
                yield lines_row(payload)
            elif payload.output in self._topics:
                yield from message_rows(payload, self._topics[payload.output])
            else:
                here.append(payload)
        for row in packed.keyed:
            self._latest = max(row.time_ms, self._latest or row.time_ms)
            yield keyed_row(segment, row)
        if here:
            self._deliver(here)

    def ticks(self, segment: int) -> Iterator[Row]:
        """Tell all shards of a segment the latest time of what was sent there, if it is new."""
        if self._latest != self._told and self._latest is not None and segment <= self._segments:
            self._told = self._latest
            yield from tick_rows(segment, self._latest)

    def _deliver(self, payloads: Sequence[Payload]) -> None:
        if self._deliveries is None:
            self._deliveries = Deliveries(assembled_here(self._shipment), self._here)
        self._deliveries.deliver(payloads)

    def close(self) -> None:
        """Let what was delivered here end."""
        if self._deliveries is not None:
            self._deliveries.end()
            self._deliveries.close()


class ReadStep(FlatMapFunction):  # type: ignore[misc]
    """Reads an input of which each element is a range, by its number, or the whole."""

    def __init__(self, shipment: Shipment, routes: Routes, read: Read, ranges: Sequence[Range]):
        self._shipment, self._routes, self._read = shipment, routes, read
        self._ranges = list(ranges)

    def open(self, context: RuntimeContext) -> None:
        end_with_flink()
        self._routes.count(context.get_metrics_group())
        self._process = WorkProcess(self._shipment, files_here())

    def close(self) -> None:
        self._routes.close()
        self._process.close()

    def flat_map(self, number: int) -> Iterator[Row]:
        for packed in self._packed(number):
            yield from self._routes.rows(packed, 1)
        yield from self._routes.ticks(1)

    def _packed(self, number: int) -> Iterator[Packed]:
        if self._read.how == "input":
            return self._process.ask(Reading(self._read.number))
        if not self._ranges:
            return iter(())
        return self._process.ask(Reading(self._read.number, self._ranges[number]))
