"""The offsets of a consumer group, as far as this member commits them: what is settled of its
partitions, every now and then, and at once where a partition goes to another member.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from ..contract import Plugin
from ._kafka_messages import partition_name

_GONE = (
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.STALE_MEMBER_EPOCH,
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError._ASSIGNMENT_LOST,
)
"""What a commit answers when its partitions have gone: somebody else reads them from here."""


class Assigned(msgspec.Struct):
    """A partition that this member reads. ``assignment``: a number that none had before;
    ``first``: where reading began; ``next``: the offset that is awaited; ``settled``: all before it
    has been delivered; ``incarnation``: the topic's identity, and more where offsets began anew.
    """

    topic: str
    number: int
    assignment: int
    incarnation: str = ""
    first: int | None = None
    next: int = -1
    settled: int | None = None
    leader_epoch: int = -1
    is_dirty: bool = False

    def at(self, offset: int) -> TopicPartition:
        """An offset of it, as the client library says it."""
        if self.leader_epoch >= 0:
            return TopicPartition(self.topic, self.number, offset, leader_epoch=self.leader_epoch)
        return TopicPartition(self.topic, self.number, offset)


class Commits:
    """``interval``: seconds between two commits; without ``is_on`` nothing is committed here, but
    by a transaction.
    """

    def __init__(
        self,
        plugin: Plugin,
        consumer: Consumer,
        assigned: Mapping[str, Assigned],
        interval: float,
        is_on: bool,
    ) -> None:
        self._plugin, self._consumer, self._assigned = plugin, consumer, assigned
        self._interval, self._is_on = interval, is_on
        self._last = time.monotonic()

    def keep_start(self, assigned: Assigned) -> None:
        """Commit where reading of a partition begins."""
        if assigned.first is not None:
            self._consumer.commit(offsets=[assigned.at(assigned.first)], asynchronous=True)

    def when_due(self) -> None:
        """Commit what is settled, when it is time."""
        now = time.monotonic()
        if now - self._last < self._interval:
            return
        self._last = now
        dirty = self._dirty(self._assigned)
        if not dirty:
            return
        try:
            self._consumer.commit(offsets=dirty, asynchronous=True)
        except KafkaException as error:
            self.failed(error.args[0], dirty)

    def _dirty(self, names: Iterable[str]) -> list[TopicPartition]:
        if not self._is_on:
            return []
        dirty = []
        for name in names:
            assigned = self._assigned.get(name)
            if assigned is not None and assigned.is_dirty and assigned.settled is not None:
                assigned.is_dirty = False
                dirty.append(assigned.at(assigned.settled))
        return dirty

    def failed(self, error: KafkaError | None, places: Sequence[TopicPartition]) -> None:
        """The answer to a commit that was not waited for; from within a poll."""
        if error is None or error.code() == KafkaError._NO_OFFSET:
            return
        log = self._plugin.context.log
        if error.code() in _GONE:
            log.debug("a commit came too late: %s", error.str())
            return
        log.warning("offsets cannot be committed: %s; retrying", error.str())
        for place in places:
            assigned = self._assigned.get(partition_name(place.topic, place.partition))
            if assigned is not None and assigned.settled is not None:
                assigned.is_dirty = True

    def now(self, names: Iterable[str]) -> None:
        """Commit what is settled of some partitions, and wait for the answer."""
        dirty = self._dirty(list(names))
        if not dirty:
            return
        try:
            self._consumer.commit(offsets=dirty, asynchronous=False)
        except KafkaException as error:
            reason = error.args[0].str()
            log = self._plugin.context.log
            log.warning("the last offsets cannot be committed: %s; they may come twice", reason)
