"""Messages of Kafka as Flink gives them, by columns, and the work on a batch of them."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from ..work import Work

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


class Messages(msgspec.Struct, frozen=True):
    """Messages of the input with this number, by columns; with those of ``PLACE`` those of each
    partition are worked by themselves.
    """

    read: int
    columns: Mapping[str, Sequence[Any]]

    def __call__(self, work: Work) -> Iterator[bytes]:
        """All that comes of them, pickled: pairs of a partition and what was packed."""
        values = [value or b"" for value in self.columns["value"]]
        decoration = getattr(work.inputs[self.read], "decoration")  # noqa: B009  (an input kafka)
        metadata = None
        if decoration.is_on:
            messages = map(Message, *(self.columns[name] for name in MESSAGE))
            metadata = [decoration.of(message) for message in messages]
        worked = []
        for partition, numbers in self._by_partition().items():
            mine = [values[number] for number in numbers]
            its = None if metadata is None else [metadata[number] for number in numbers]
            worked.append((partition, work.messages(mine, its, self.read)))
        yield pickle.dumps(worked, 5)

    def _by_partition(self) -> dict[Any, Sequence[int]]:
        """The numbers of the messages of each partition; all together where none is told."""
        if any(name not in self.columns for name in PLACE):
            return {None: range(len(self.columns["value"]))}
        found: dict[Any, list[int]] = {}
        for number, place in enumerate(zip(*(self.columns[name] for name in PLACE), strict=True)):
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
