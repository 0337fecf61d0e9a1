"""Filters that keep state: ``Keyed`` in Flink's keyed state, a shard of keys for each key of Flink.

Time is Penstock's: of each row the time of its events, as far as all partitions of its reader have
come. A shard's timers are made of its state and registered at each call, since PyFlink was seen to
lose them over a restart; a *tick* comes to each shard now and then, so that those without events
are seen as well. Inputs that end have no watermark before their end: files are read in any order.
"""

from __future__ import annotations

from collections.abc import Iterator

from pyflink.common import Duration, Row, Types, WatermarkStrategy
from pyflink.common.watermark_strategy import TimestampAssigner
from pyflink.datastream import DataStream, KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import ValueStateDescriptor

from ..keyed import Keyed, Taken
from ..parts import Segment
from ..plan import Plan
from ..shipping import Shipment
from .rows import ROW
from .shipped import assembled_here
from .step import Routes

END = 1 << 62
"""A time that comes when the inputs have ended, in milliseconds."""

_NOT_BEGUN = -END


def keyed_stream(rows: DataStream, plan: Plan, segment: Segment, routes: Routes) -> DataStream:
    """The rows that come of a segment, from those on their way to its shards."""
    step = KeyedStep(plan.shipment, routes, segment.number, plan.is_bounded)
    shards = rows.key_by(_shard, Types.STRING())
    return shards.process(step, ROW).uid(f"segment-{segment.number}")


def timed(rows: DataStream, segment: Segment) -> DataStream:
    """Rows of inputs that do not end, with Flink's watermarks: only the first segment has its own;
    what goes on from one segment to the next follows the time of the first.
    """
    lateness = Duration.of_millis(segment.lateness_ms)
    idle = Duration.of_seconds(_IDLE_SECONDS)
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(lateness).with_idleness(idle)
    return rows.assign_timestamps_and_watermarks(strategy.with_timestamp_assigner(_Time()))


_IDLE_SECONDS = 60
"""After so long a reader without any partition no longer holds time back. Python workers import
this module, and have no gateway to Java, which a Duration is.
"""


class _Time(TimestampAssigner):  # type: ignore[misc]
    def extract_timestamp(self, row: Row, _record: int) -> int:
        time: int = row[2]
        return time


def _shard(row: Row) -> str:
    return str(row[1])


class KeyedStep(KeyedProcessFunction):  # type: ignore[misc]
    """Takes the rows of a shard, and gives what comes of them."""

    def __init__(self, shipment: Shipment, routes: Routes, segment: int, is_bounded: bool) -> None:
        self._shipment, self._routes = shipment, routes
        self._segment, self._is_bounded = segment, is_bounded

    def open(self, context: RuntimeContext) -> None:
        kind = Types.PICKLED_BYTE_ARRAY()
        self._state = context.get_state(ValueStateDescriptor(f"segment-{self._segment}", kind))
        self._keyed = Keyed(assembled_here(self._shipment), self._segment)
        self._routes.count(context.get_metrics_group())

    def close(self) -> None:
        self._routes.close()
        self._keyed.close()

    def process_element(self, row: Row, context: KeyedProcessFunction.Context) -> Iterator[Row]:
        state, latest = self._held()
        latest = max(latest, row[2])
        timers = context.timer_service()
        blobs = [row[3]] if row[3] else []
        taken = self._keyed.take(state, blobs, self._watermark(timers.current_watermark()))
        self._hold(taken, latest)
        if taken.state:
            timers.register_event_time_timer(END)
            if not self._is_bounded and taken.timer_ms is not None:
                timers.register_event_time_timer(taken.timer_ms - 1)
        yield from self._routes.rows(taken.packed, self._segment + 1)
        if not row[3]:
            yield from self._routes.ticks(self._segment + 1)

    def on_timer(self, _time: int, context: KeyedProcessFunction.OnTimerContext) -> Iterator[Row]:
        state, latest = self._held()
        if state is None:
            return
        timers = context.timer_service()
        mark = timers.current_watermark()
        if mark >= END:
            taken = self._keyed.end(state, latest)
        else:
            taken = self._keyed.due(state, mark + 1)
            if taken.timer_ms is not None:
                timers.register_event_time_timer(taken.timer_ms - 1)
        self._hold(taken, latest)
        yield from self._routes.rows(taken.packed, self._segment + 1)
        if mark >= END:
            yield from self._routes.ticks(self._segment + 1)

    def _watermark(self, flinks: int) -> int | None:
        """Flink's watermark says that nothing comes up to it, Penstock's that nothing comes before
        it.
        """
        return None if self._is_bounded or flinks <= _NOT_BEGUN else flinks + 1

    def _held(self) -> tuple[bytes | None, int]:
        """The state of the shard, and the latest time of all shards, as far as it is told."""
        found = self._state.value()
        return (None, _NOT_BEGUN) if found is None else found

    def _hold(self, taken: Taken, latest: int) -> None:
        self._state.update((taken.state or None, latest))
