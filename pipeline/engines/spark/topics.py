"""Topics of Kafka for the driver and for tasks: where partitions end now, and the messages between
two offsets.

No consumer group shares the partitions: the driver does. Each task reads its range with a consumer
of its own, to which the partition is assigned, and ends at the offset that the driver saw, or where
the partition ends: behind the last message there may be marks of transactions, which are no
messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from ....plugins.batch import Batch
from ....plugins.clients.kafka_client import Watch, make_client
from ....plugins.errors import Disconnected
from ....plugins.inputs.kafka import Kafka
from .pieces import Piece

_PATIENCE = 30.0
_MOST = 2000
_SPECS: Any = OffsetSpec
_EARLIEST, _LATEST = _SPECS.earliest(), _SPECS.latest()
Offsets = dict[str, int]
"""By partition of a topic, the offset behind what was read."""


def consumer_of(source: Kafka) -> Consumer:
    """A consumer with the options of an input; raises Disconnected, Misconfigured."""
    config = source.options_of_consumer()
    watch = Watch(source, config)
    own = {
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
    }
    consumer: Consumer = make_client(source, Consumer, {**config, **watch.config(), **own})
    try:
        watch.await_broker(consumer)
    except BaseException:
        consumer.close()
        raise
    return consumer


def batches(source: Any, piece: Piece) -> Iterator[Batch]:
    """The messages of a range. Raises Disconnected where brokers do not answer."""
    consumer = consumer_of(source)
    try:
        consumer.assign([TopicPartition(piece.topic, piece.partition, piece.start)])
        at, silent = piece.start, 0.0
        while at < piece.end:
            found = consumer.consume(min(_MOST, piece.end - at), 1.0)
            silent = 0.0 if found else silent + 1.0
            if silent > _PATIENCE:
                raise Disconnected(f"{piece.topic}-{piece.partition}: no message at {at}")
            at, wanted = _wanted(found, at, piece.end)
            if wanted:
                yield source.batch_of(wanted)
    finally:
        consumer.close()


def _wanted(found: list[Message], at: int, end: int) -> tuple[int, list[Message]]:
    """The messages below ``end``, and behind which offset all was seen."""
    wanted: list[Message] = []
    for message in found:
        error, offset = message.error(), message.offset() or 0
        if error is None:
            if offset < end:
                wanted.append(message)
            at = max(at, offset + 1)
        elif error.code() == KafkaError._PARTITION_EOF:
            at = max(at, offset)
        elif not error.retriable():
            raise Disconnected(error.str())
    return at, wanted


class TopicEnds:
    """Where the partitions of one input's topics end. ``most``: messages of one in a batch."""

    def __init__(self, number: int, source: Any, most: int) -> None:
        self._number, self._source, self._most = number, source, most
        self._consumer = consumer_of(source)
        options: dict[str, Any] = source.options_of_client()
        self._admin = AdminClient(options)
        self._ends: Offsets = {}

    def _partitions(self) -> list[TopicPartition]:
        try:
            topics = self._consumer.list_topics(timeout=_PATIENCE).topics
        except KafkaException as error:
            raise Disconnected(f"topics cannot be listed: {error.args[0].str()}") from error
        names = [name for name in topics if self._source.reads(name)]
        return [TopicPartition(name, n) for name in names for n in topics[name].partitions]

    def starts(self) -> Offsets:
        """Where to begin without a checkpoint: behind what the group has committed, else as
        ``auto_offset_reset`` says.
        """
        places = self._partitions()
        is_earliest = self._source.auto_offset_reset == "earliest"
        offsets = self._offsets(places, _EARLIEST if is_earliest else _LATEST)
        try:
            committed = self._consumer.committed(places, timeout=_PATIENCE) if places else []
        except KafkaException as error:
            told = error.args[0].str()
            raise Disconnected(f"offsets of the group cannot be read: {told}") from error
        return offsets | {_name(place): place.offset for place in committed if place.offset >= 0}

    def ends(self, before: Offsets) -> Offsets:
        """Behind the last message that may be read, and that fits in a batch. A partition that is
        new is read from its start.
        """
        places = self._partitions()
        ends = self._ends = self._offsets(places, _LATEST)
        new = [place for place in places if _name(place) not in before]
        begun = {**self._offsets(new, _EARLIEST), **before}
        return {
            name: max(begun[name], min(end, begun[name] + self._most)) for name, end in ends.items()
        }

    def pieces(self, start: Offsets, end: Offsets) -> list[Piece]:
        """The ranges between two answers."""
        found = []
        for name, until in end.items():
            begin = start.get(name, 0)
            if begin < until:
                topic, _, partition = name.rpartition("-")
                left = max(0, self._ends.get(name, until) - until)
                piece = Piece(self._number, "", topic, int(partition), begin, until, left)
                found.append(piece)
        return found

    def _offsets(self, places: list[TopicPartition], spec: OffsetSpec) -> Offsets:
        isolation = IsolationLevel.READ_COMMITTED
        if self._source.options_of_consumer()["isolation.level"] == "read_uncommitted":
            isolation = IsolationLevel.READ_UNCOMMITTED
        asked = dict.fromkeys(places, spec)
        found = self._admin.list_offsets(asked, isolation_level=isolation) if asked else {}
        offsets: Offsets = {}
        for place, future in found.items():
            try:
                offsets[_name(place)] = future.result(_PATIENCE).offset
            except KafkaException as error:
                raise Disconnected(f"{place.topic}: {error.args[0].str()}") from error
        return offsets

    def close(self) -> None:
        """Let go of the brokers."""
        self._consumer.close()


def _name(place: TopicPartition) -> str:
    return f"{place.topic}-{place.partition}"
