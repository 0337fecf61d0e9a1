"""Topics of a Kafka that tests fill and look into, with the client library itself."""
from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

_PATIENCE = 120.0


class Topic:
    """A topic of a name of its own, made at once. ``settings`` are the topic's."""

    def __init__(self, address: str, partitions: int = 2, copies: int = 1, name: str = "", **settings: str) -> None:
        self.address, self.partitions = address, partitions
        self.name = name or f"t-{uuid4().hex[:12]}"
        self._put = 0
        self._wanted = NewTopic(self.name, partitions, copies, config={k.replace("_", "."): v for k, v in settings.items()})
        self._admin = AdminClient(self._config())
        self._make()

    def _make(self) -> None:
        end = time.monotonic() + _PATIENCE
        while True:
            (future,) = self._admin.create_topics([self._wanted]).values()
            try:
                future.result(_PATIENCE)
                break
            except KafkaException:  # the one before it is still being deleted
                assert time.monotonic() < end, f"{self.name} cannot be made"
        self._producer = Producer(self._config(acks="all"))

    def make_anew(self) -> None:
        """Delete it, and make it again under its name."""
        (future,) = self._admin.delete_topics([self.name]).values()
        future.result(_PATIENCE)
        self._make()

    def _config(self, **more: Any) -> dict[str, Any]:
        return {"bootstrap.servers": self.address, "log_level": 0, **{k.replace("_", "."): v for k, v in more.items()}}

    def put(self, values: Sequence[str | bytes | None], **more: Any) -> None:
        """Put messages, one partition after the other unless ``partition`` is given; they are there
        when this returns.
        """
        failures: list[Any] = []
        for value in values:
            where = {"partition": self._put % self.partitions, **more}
            self._producer.produce(self.name, value, on_delivery=lambda error, _: failures.append(error), **where)
            self._put += 1
        assert self._producer.flush(_PATIENCE) == 0
        assert not any(failures), failures

    def records(self, isolation: str = "read_committed") -> list[Message]:
        """All messages that are there now, partition by partition."""
        consumer = Consumer(self._config(group_id="look", enable_auto_commit=False, isolation_level=isolation, enable_partition_eof=True))
        end = time.monotonic() + _PATIENCE
        found: list[list[Message]] = [[] for _ in range(self.partitions)]
        try:
            places = [TopicPartition(self.name, number, 0) for number in range(self.partitions)]
            highs = [self._high(consumer, place, end) for place in places]
            consumer.assign(places)
            left = {number for number, high in enumerate(highs) if high}
            while left:
                assert time.monotonic() < end, f"{self.name} cannot be read"
                message = consumer.poll(0.2)
                if message is None:
                    continue
                number, error = message.partition(), message.error()
                if error is not None:
                    if error.code() == KafkaError._PARTITION_EOF:
                        left.discard(number)  # behind transactions it comes without a message
                    continue
                if number in left:
                    found[number].append(message)
                if message.offset() + 1 >= highs[number]:
                    left.discard(number)
        finally:
            consumer.close()
        return [message for messages in found for message in messages]

    def _high(self, consumer: Consumer, place: TopicPartition, end: float) -> int:
        """The end of a partition, as soon as its leader is known again."""
        while True:
            try:
                return int(consumer.get_watermark_offsets(place, timeout=5)[1])
            except KafkaException:
                assert time.monotonic() < end, f"{self.name} cannot be read"
                time.sleep(0.1)

    def values(self, isolation: str = "read_committed") -> list[str]:
        """The values of all messages."""
        return [(message.value() or b"").decode() for message in self.records(isolation)]

    def committed(self, group: str) -> list[int]:
        """The committed offset of each partition; below 0 for none. Those of a transaction that is
        just being committed are waited for.
        """
        consumer = Consumer(self._config(group_id=group))
        end = time.monotonic() + _PATIENCE
        try:
            while (found := self._committed(consumer)) is None:
                assert time.monotonic() < end, "the group's coordinator does not answer"
                time.sleep(0.1)
            return found
        finally:
            consumer.close()

    def _committed(self, consumer: Consumer) -> list[int] | None:
        """The offsets; None where they are not known yet."""
        places = [TopicPartition(self.name, number) for number in range(self.partitions)]
        try:
            known = consumer.committed(places, timeout=5)
        except KafkaException:
            return None
        if any(place.error is not None for place in known):
            return None
        return [place.offset for place in known]
