"""Messages of Kafka on their way through Penstock's step, by Arrow batches.

Flink calls a Python function for each row, or, by its Arrow bridge, for a column of thousands at
once, and wants as many rows back. So all that came of a batch stands in its first row, and the
others are empty; ``Unpack`` makes rows of it.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas
from pyflink.common import Row
from pyflink.datastream import FlatMapFunction, RuntimeContext
from pyflink.table.udf import FunctionContext, ScalarFunction

from ..parts import Read
from ..shipping import Shipment
from ..work import Work
from .parent import end_with_flink
from .shipped import assembled_here
from .step import Routes

PLACE = ("topic", "partition")
MESSAGE = {
    "value": "BYTES",
    "topic": "STRING METADATA",
    "partition": "INT METADATA",
    "offset": "BIGINT METADATA",
    "timestamp": "TIMESTAMP_LTZ(3) METADATA",
    "key": "BYTES",
    "headers": "MAP<STRING, BYTES> METADATA",
}
"""The columns of a message; what ``decorate_events`` shows is made of all of them."""

_TICK = 5.0


class MessageStep(ScalarFunction):  # type: ignore[misc]
    """Works on messages, by Arrow batches. ``names``: the columns that it gets, the value first;
    with those of ``PLACE`` the messages of each partition are worked by themselves.
    """

    def __init__(self, shipment: Shipment, read: Read, names: Sequence[str]) -> None:
        self._shipment, self._read, self._names = shipment, read, list(names)

    def is_deterministic(self) -> bool:
        """The planner must not call it twice."""
        return False

    def open(self, _context: FunctionContext) -> None:
        end_with_flink()
        self._work = Work(assembled_here(self._shipment))
        source: Any = self._work.inputs[self._read.number]
        self._decoration = source.decoration

    def close(self) -> None:
        self._work.close()

    def eval(self, *columns: Any) -> Any:
        """All that came of a batch, pickled: pairs of a partition and what was packed."""
        given = dict(zip(self._names, (column.tolist() for column in columns), strict=True))
        values = [value or b"" for value in given["value"]]
        metadata = None
        if self._decoration.is_on:
            messages = map(Message, *(given[name] for name in MESSAGE))
            metadata = [self._decoration.of(message) for message in messages]
        worked = []
        for partition, numbers in _by_partition(given).items():
            mine = [values[number] for number in numbers]
            its = None if metadata is None else [metadata[number] for number in numbers]
            worked.append((partition, self._work.messages(mine, its, self._read.number)))
        return pandas.Series([pickle.dumps(worked, 5)] + [None] * (len(values) - 1))


def _by_partition(given: Mapping[str, Sequence[Any]]) -> dict[Any, Sequence[int]]:
    """The numbers of the messages of each partition; all together where none is told."""
    if any(name not in given for name in PLACE):
        return {None: range(len(given["value"]))}
    found: dict[Any, list[int]] = {}
    for number, place in enumerate(zip(*(given[name] for name in PLACE), strict=True)):
        found.setdefault(place, []).append(number)
    return dict(found)


class Message:
    """A message from Flink's columns, with the methods of the client's."""

    def __init__(self, value: bytes | None, *others: Any) -> None:
        self._value = value
        self._topic, self._partition, self._offset, self._time = others[:4]
        self._key: bytes | None = others[4]
        self._headers: Any = others[5]

    def value(self) -> bytes | None:
        return self._value

    def topic(self) -> str:
        return str(self._topic)

    def partition(self) -> int:
        return int(self._partition)

    def offset(self) -> int:
        return int(self._offset)

    def timestamp(self) -> tuple[int, int]:
        return 0, int(self._time.timestamp() * 1000)

    def key(self) -> bytes | None:
        return self._key

    def headers(self) -> list[tuple[str, bytes]]:
        pairs = self._headers
        return list(pairs.items() if isinstance(pairs, dict) else pairs or ())


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
