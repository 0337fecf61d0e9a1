"""The state of filters in a topic of its own, ``GROUP-state``: compacted, with as many partitions
as the topics that the group reads, so that the state of partition n is partition n.

Rows are written in the transaction that has the offsets. Who is given a partition reads them up to
the end that the partition has at that moment, transactions that are open among it: the process that
had it before may be committing just then, and the group's offsets may be known as committed before
these rows are. A process that is paused in the middle of a commit is waited for until the brokers
end its transaction (``transaction_timeout_ms``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka import admin as _admin
from confluent_kafka.admin import AdminClient

from ..clients.kafka_client import Watch, make_client, refusal_of
from ..clients.kafka_link import TransactionLink, topic_and_number
from ..contract import Disconnected, Misconfigured, Plugin
from ..epoch import Row

_client: Any = _admin  # its package declares half of what it has

_PATIENCE = 10.0
_SLICE = 0.2
_SAID_AFTER = 5.0
_MANY = 1000
_TRIES = 20
_SETTINGS = {"cleanup.policy": "compact", "segment.bytes": str(64 << 20)}


class StateTopic:
    """The changelog of one group; ``config`` gives that of any client. Where the link's member has
    its partitions, this has their state.
    """

    def __init__(
        self, plugin: Plugin, link: TransactionLink, config: Callable[[], Mapping[str, Any]]
    ) -> None:
        self._plugin, self._link, self._config = plugin, link, config
        self.topic = f"{link.group}-state"
        self._count = 0
        self._admin: AdminClient | None = None
        self._consumer: Consumer | None = None

    def partitions(self) -> Mapping[str, int]:
        """The partitions that are read here now; see ``Changelog``."""
        return self._link.assignments()

    def shard_of(self, partition: str) -> str:
        """The number of a partition: topics that are read together are keyed alike."""
        return partition.rpartition("-")[2]

    def write(self, producer: Producer, rows: Iterable[Row]) -> None:
        """Write rows in the producer's transaction; that they have arrived is known when it is
        committed. Raises KafkaException.
        """
        for row in rows:
            producer.produce(self.topic, row.value, row.key, int(row.shard))

    # -- reading ----------------------------------------------------------------------------

    def read(self, shard: str, is_wanted: Callable[[], bool]) -> Mapping[bytes, bytes]:
        """The committed rows of a shard; see ``Changelog``."""
        number = int(shard)
        try:
            admin = self._connected()
            if number >= self._count:
                self._count = self._counted(admin)
            end = self._end(admin, number)
            return self._rows(number, end, is_wanted) if end else {}
        except KafkaException as error:
            self.close()
            raise self._failed(error.args[0]) from None
        except Misconfigured as error:
            error.plugin = self._plugin
            raise

    def _failed(self, error: KafkaError) -> Exception:
        refusal = refusal_of(error, self._plugin)
        return refusal or Disconnected(f"topic `{self.topic}`: {error.str()}")

    def _connected(self) -> AdminClient:
        if self._admin is None:
            config = {**self._config()}
            config |= Watch(self._plugin, config).config()
            more = {
                "group.id": f"{self.topic}-reader",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "allow.auto.create.topics": False,
            }
            self._consumer = make_client(self._plugin, Consumer, {**config, **more})
            self._admin = make_client(self._plugin, AdminClient, config)
        return self._admin

    def _end(self, admin: AdminClient, number: int) -> int:
        """Where a partition ends, with what is not committed yet."""
        place = TopicPartition(self.topic, number)
        (future,) = admin.list_offsets(
            {place: _client.OffsetSpec.latest()},
            isolation_level=IsolationLevel.READ_UNCOMMITTED,
            request_timeout=_PATIENCE,
        ).values()
        return int(future.result().offset)

    def _rows(self, number: int, end: int, is_wanted: Callable[[], bool]) -> dict[bytes, bytes]:
        consumer, rows = self._consumer, dict[bytes, bytes]()
        assert consumer is not None
        consumer.assign([TopicPartition(self.topic, number, OFFSET_BEGINNING)])
        at, began, is_said = 0, time.monotonic(), False
        try:
            while at < end:
                for message in consumer.consume(_MANY, _SLICE):
                    at = self._take(message, rows, at)
                if not is_wanted():
                    raise Disconnected("its partition has gone")
                if not is_said and time.monotonic() - began > _SAID_AFTER:
                    is_said = True
                    self._say_waiting(number, at, end)
        finally:
            consumer.unassign()
        return rows

    def _take(self, message: Message, rows: dict[bytes, bytes], at: int) -> int:
        """Note a row; the offset behind what has been read."""
        error, offset = message.error(), message.offset() or 0
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                return max(at, offset)  # behind a transaction there is an end without a row
            raise KafkaException(error)
        key, value = message.key(), message.value()
        assert isinstance(key, bytes)
        if isinstance(value, bytes):
            rows[key] = value
        else:
            rows.pop(key, None)
        return offset + 1

    def _say_waiting(self, number: int, at: int, end: int) -> None:
        text = "the state of partition %d is being read, or its last commit waited for: %d of %d"
        self._plugin.context.log.info(text, number, at, end)

    # -- the topic --------------------------------------------------------------------------

    def _counted(self, admin: AdminClient) -> int:
        """How many partitions the topic has, which is made where it is not there. Raises
        Misconfigured where the topics that are read have more, or other numbers of them.
        """
        counts = self._counts(admin)
        if len(set(counts.values())) > 1:
            said = ", ".join(f"{name} has {count}" for name, count in sorted(counts.items()))
            help = "give them as many partitions each, keyed alike"
            message = f"the topics have different numbers of partitions: {said}"
            raise Misconfigured("exactly_once", message, help, "E245")
        count = max(counts.values())
        refusal = self._make(admin, count)
        for _ in range(_TRIES):
            known = admin.list_topics(timeout=_PATIENCE).topics.get(self.topic)
            if known is not None and known.partitions:
                self._check(admin, len(known.partitions), count)
                return count
            if refusal is not None or self._plugin.context.stopping.wait(_SLICE):
                break
        raise self._missing(refusal, count)

    def _counts(self, admin: AdminClient) -> dict[str, int]:
        """How many partitions each topic has that is read here."""
        wanted = {topic_and_number(name)[0] for name in self._link.assignments()}
        known = admin.list_topics(timeout=_PATIENCE).topics
        found = {name: len(known[name].partitions) for name in wanted if name in known}
        if not found:
            raise Disconnected("its partition has gone")
        return found

    def _make(self, admin: AdminClient, count: int) -> KafkaError | None:
        """Make the topic unless it is there; why that is refused, if it is."""
        wanted = _client.NewTopic(self.topic, count, config=_SETTINGS)
        (future,) = admin.create_topics([wanted], request_timeout=_PATIENCE).values()
        try:
            future.result()
        except KafkaException as failure:
            error: KafkaError = failure.args[0]
            return None if error.code() == KafkaError.TOPIC_ALREADY_EXISTS else error
        self._plugin.context.log.info("topic `%s` was made for the state of filters", self.topic)
        return None

    def _missing(self, refusal: KafkaError | None, count: int) -> Exception:
        if refusal is None or refusal.retriable():
            return Disconnected(f"topic `{self.topic}` does not exist yet")
        return Misconfigured(
            "exactly_once",
            f"topic `{self.topic}`, for the state of filters, cannot be made: {refusal.str()}",
            f"make it with {count} partitions and cleanup.policy=compact",
        )

    def _check(self, admin: AdminClient, has: int, count: int) -> None:
        if has != count:
            message = (
                f"topic `{self.topic}` has {has} partitions, and the topic that is read {count}"
            )
            help = (
                "keys have moved to other partitions: stop the group, delete the topic of the"
                " state, and begin anew, or take another `group_id`"
            )
            raise Misconfigured("exactly_once", message, help, "E245")
        (future,) = admin.describe_configs(
            [_client.ConfigResource(_client.ResourceType.TOPIC, self.topic)],
            request_timeout=_PATIENCE,
        ).values()
        try:
            policy = str(future.result()["cleanup.policy"].value)
        except KafkaException as error:
            self._plugin.context.log.debug("no settings of `%s`: %s", self.topic, error)
            return
        if "compact" not in policy or "delete" in policy:
            message = f"topic `{self.topic}` has cleanup.policy={policy}: state would be deleted"
            raise Misconfigured("exactly_once", message, "set cleanup.policy=compact for it")

    def close(self) -> None:
        """Let go of the clients."""
        consumer, self._consumer, self._admin = self._consumer, None, None
        if consumer is not None:
            consumer.close()
