"""Messages of Kafka on their way through Penstock's step, by Arrow batches.

Flink calls a Python function for each row, or, by its Arrow bridge, for a column of thousands at
once, and wants as many rows back. So all that came of a batch stands in its first row, and the
others are empty; ``Unpack`` makes rows of it.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import pandas
from pyflink.common import Row
from pyflink.datastream import FlatMapFunction
from pyflink.table.udf import FunctionContext, ScalarFunction

from ..parts import Read
from ..shipping import Shipment, assembled
from ..work import Work
from .parent import end_with_flink
from .step import Routes


class MessageStep(ScalarFunction):  # type: ignore[misc]
    """Works on messages, by Arrow batches: all that came of a batch stands, pickled, in its first
    row, and nothing in the others.
    """

    def __init__(self, shipment: Shipment, read: Read) -> None:
        self._shipment, self._read = shipment, read

    def is_deterministic(self) -> bool:
        """The planner must not call it twice."""
        return False

    def open(self, _context: FunctionContext) -> None:
        end_with_flink()
        self._work = Work(assembled(self._shipment))
        source: Any = self._work.inputs[self._read.number]
        self._decoration = source.decoration

    def close(self) -> None:
        self._work.close()

    def eval(self, *columns: Any) -> Any:
        """``columns``: the values; where events are decorated, all that ``read.MESSAGE`` has."""
        values, *others = (column.tolist() for column in columns)
        metadata = None
        if others:
            messages = map(Message, values, *others)
            metadata = [self._decoration.of(message) for message in messages]
        given = [value or b"" for value in values]
        packed = self._work.messages(given, metadata, self._read.number)
        return pandas.Series([pickle.dumps(packed, 5)] + [None] * (len(values) - 1))


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
    """What came of a batch of messages, as rows."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    def close(self) -> None:
        self._routes.close()

    def flat_map(self, batch: Row) -> Iterator[Row]:
        yield from self._routes.rows(pickle.loads(batch[0]), 1)
