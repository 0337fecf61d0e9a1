"""Offsets of consumer groups, told by the driver when a batch is done: for monitors, and for
streams without a checkpoint. Where there is one, that alone counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ....plugins.errors import ConnectorError
from ....plugins.input import Input
from ....plugins.rate_limit import complain
from .pieces import Piece

_Places = dict[int, list[tuple[str, int, int]]]
"""By the number of an input: topic, partition, and the offset behind what was read."""


class GroupOffsets:
    """Tells the groups of ``inputs`` how far they have come. What cannot be told is logged: offsets
    are for monitors, and for streams without a checkpoint.
    """

    def __init__(self, inputs: Sequence[Input]) -> None:
        self._inputs = inputs
        self._consumers: dict[int, Any] = {}

    def commit(self, pieces: Iterable[Piece]) -> None:
        """Batches are done up to the ends of these pieces."""
        for number, places in _places(pieces).items():
            self._commit(number, places)

    def _commit(self, number: int, places: list[tuple[str, int, int]]) -> None:
        from confluent_kafka import KafkaException, TopicPartition

        from .topics import consumer_of

        source: Any = self._inputs[number]
        try:
            if number not in self._consumers:
                self._consumers[number] = consumer_of(source)
            told = [TopicPartition(*place) for place in places]
            self._consumers[number].commit(offsets=told, asynchronous=False)
        except (KafkaException, ConnectorError) as error:
            message = "kafka: offsets of the group `%s` cannot be committed: %s"
            complain(f"offsets of {number}", message, source.group_id, error)

    def close(self) -> None:
        """Let go of the brokers."""
        for consumer in self._consumers.values():
            consumer.close()


def _places(pieces: Iterable[Piece]) -> _Places:
    found: _Places = {}
    for piece in pieces:
        if piece.topic:
            place = (piece.topic, piece.partition, piece.end)
            found.setdefault(piece.read, []).append(place)
    return found
