"""Exactly once: what is written and the offsets of what was read are committed in one transaction.

A transaction is an epoch of the pipeline. It begins with the first message; when all messages of
the epoch are reported, the offsets are added and it is committed. Where a message, or the producer,
fails in it, it is *void*: what still comes is not written, and answered as if it were; the commit
then refuses, the transaction is aborted, and the input gives all of it again. So nothing of an
epoch that was aborted gets into the next one.

Whether a commit without an answer took place is not known here. The input asks the brokers, where
it goes on (see ``_kafka_member``); a producer that is made anew ends whatever was left open first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from hashlib import blake2b
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from ..batch import Payload
from ..clients.kafka_client import refusal_of
from ..clients.kafka_link import TransactionLink
from ..contract import Disconnected, Misconfigured, Plugin, Rejected
from ..epoch import Offsets, ShardedState
from ._kafka_changelog import StateTopic
from ._kafka_delivery import Delivering, Request, judged
from ._kafka_suspects import Suspects

_NOTHING_KEPT = ShardedState((), {}, {})
_NEVER = 0  # the number of no assignment
_TIMEOUT = 10.0
_TRIES = 12


class Transactions:
    """The transactions of one output; the pipeline's participant. ``renew`` makes a producer anew
    and hands it to ``adopt``, unless another thread has just done that.
    """

    overlaps = False

    def __init__(
        self,
        plugin: Plugin,
        link: TransactionLink,
        renew: Callable[[], None],
        changelog: StateTopic,
    ) -> None:
        self._plugin, self._link, self._renew = plugin, link, renew
        self._changelog = changelog
        self._lock = threading.RLock()
        self._delivering: Delivering | None = None
        self._is_open = self._is_stale = False
        # Set without the lock: reports come while another thread holds it and waits for them.
        self._void: str | None = None
        self._lacks = "no producer"
        self._suspects = Suspects(None)

    def adopt(self, delivering: Delivering | None) -> None:
        """Use a new producer, which has no transaction; None while there is none."""
        with self._lock:
            if self._is_open:
                self._is_open, self._void = False, "the producer was replaced"
            self._delivering, self._is_stale = delivering, False
            if delivering is not None:
                delivering.suspects = self._suspects

    @property
    def has_producer(self) -> bool:
        """Whether there is a producer to go on with."""
        return self._delivering is not None

    def expire(self, reason: str) -> None:
        """The producer must be made anew, at the next abort."""
        self._is_stale, self._void = True, self._void or reason

    def restored(self) -> Offsets:
        """The group keeps its offsets in the brokers."""
        return {}

    def begin(self) -> None:
        """From now on messages belong to the next transaction."""
        with self._lock:
            self._void = None

    def snapshot(self) -> ShardedState:
        """Under which assignments the offsets are committed: what comes back later is read again
        from what was committed before.
        """
        return ShardedState((), self._link.assignments(), {})

    def deliver(self, payload: Payload, topic: str | None) -> Future[None] | None:
        """Write a payload in the transaction; None where it is void."""
        delivering = self._delivering
        if delivering is None:
            self._void = self._void or self._lacks
            return None
        if delivering.watch.fatal is not None:
            self._void = self._void or f"the producer cannot go on: {delivering.watch.fatal.str()}"
            return None
        request = delivering.begin(
            payload.data, lambda ended: self._ended(ended, delivering, topic)
        )
        with self._lock:
            if self._void is not None or not self._begin_if_needed(delivering):
                delivering.release(request)
                return None
            delivering.send(request)
        return request.future

    def _begin_if_needed(self, delivering: Delivering) -> bool:
        """Begin a transaction unless one is open; False where there can be none."""
        if self._delivering is not delivering:
            self._void = "the producer was replaced"
            return False
        if not self._is_open:
            try:
                delivering.producer.begin_transaction()
            except KafkaException as error:
                self._void = error.args[0].str()
                return False
            self._is_open = True
        return True

    def _ended(
        self, request: Request, delivering: Delivering, topic: str | None
    ) -> Exception | None:
        """What the reports of a request mean. Only what was never sent can be refused without the
        transaction: a report of a failure ends it.
        """
        delivering.release(request)
        if not request.has_failed:
            delivering.watch.works()
            return None
        error = judged(request, self._plugin, topic, self._suspects)
        if not request.failures and isinstance(error, Rejected) and not error.retry:
            return error
        self._void = self._void or str(error)
        return error if isinstance(error, Misconfigured) else None

    def commit(self, offsets: Offsets, state: Any) -> None:
        """Commit the transaction, with the offsets of the input in it, and the state of filters
        that is kept with partitions, a ``ShardedState``, where there is one. Raises Disconnected
        where it is void, or cannot be committed.
        """
        kept: ShardedState = state or _NOTHING_KEPT
        with self._lock:
            delivering = self._delivering
            if delivering is None or self._void is not None:
                raise Disconnected(f"the transaction was aborted: {self._void or self._lacks}")
            positions = dict(kept.positions)
            for parts in offsets.values():
                positions |= parts
            if not positions and not self._is_open:
                return
            # Taken before the assignments are looked at: if they change after that, the group
            # refuses what is shown to it.
            metadata = self._link.group_metadata()
            self._link.check({**dict.fromkeys(positions, _NEVER), **kept.assignments})
            places = self._link.places(positions)
            if not self._begin_if_needed(delivering):
                raise Disconnected(f"no transaction can be begun: {self._void}")
            self._try(delivering, lambda: self._changelog.write(delivering.producer, kept.rows))
            if places and metadata is not None:
                self._try(delivering, lambda: self._send_offsets(delivering, places, metadata))
            self._try(delivering, lambda: delivering.producer.commit_transaction(_TIMEOUT))
            self._is_open = False
            self._suspects.clear()

    def _send_offsets(
        self, delivering: Delivering, places: list[TopicPartition], metadata: Any
    ) -> None:
        """Add offsets to the transaction. librdkafka may forget its time-out, and wait for ever for
        a coordinator that has moved (its issues 5456 and 5511): then the producer is given up.
        """
        send, ended = delivering.producer.send_offsets_to_transaction, Future[None]()

        def run() -> None:
            try:
                send(places, metadata, _TIMEOUT)
            except BaseException as error:
                ended.set_exception(error)
            else:
                ended.set_result(None)

        threading.Thread(target=run, name="kafka offsets", daemon=True).start()
        try:
            ended.result(2 * _TIMEOUT)
        except TimeoutError:
            self.expire("offsets could not be added to the transaction in time")
            raise Disconnected(str(self._void)) from None

    def _try(self, delivering: Delivering, step: Callable[[], object]) -> None:
        """A step of a commit, again where that is what its error asks for; a stop does not wait for
        brokers that are not there.
        """
        for _ in range(_TRIES):
            try:
                step()
                return
            except KafkaException as failure:
                error: KafkaError = failure.args[0]
                if not error.retriable() or error.fatal() or error.txn_requires_abort():
                    break
            if self._plugin.context.stopping.wait(0.1) and delivering.is_cut_off:
                break
        raise Disconnected(error.str())

    def abort(self) -> None:
        """Abort the transaction; until ``begin`` nothing is written."""
        self._void = self._void or "the epoch was aborted"
        with self._lock:
            delivering = self._delivering
            if delivering is not None and self._abort_open(delivering):
                return
            self._is_open, self._delivering = False, None
        self._make_anew()

    def mend(self) -> None:
        """Make the producer anew where that was not possible when it was due. Until then what it
        left open is open, and who reads the group's offsets, this process among them, waits.
        """
        if not self.has_producer and not self._plugin.context.stopping.is_set():
            self._make_anew()

    def _make_anew(self) -> None:
        try:
            self._renew()
        except Exception as error:
            self._lacks = f"the producer cannot be replaced: {error}"
            self._plugin.context.log.warning("%s; retrying", self._lacks)

    def _abort_open(self, delivering: Delivering) -> bool:
        """Abort the open transaction, if there is one; False where the producer cannot go on."""
        if delivering.watch.fatal is not None or self._is_stale:
            return False
        if not self._is_open:
            return True
        try:
            delivering.producer.abort_transaction(_TIMEOUT)
        except KafkaException as error:
            text = "the transaction cannot be aborted: %s; the producer is replaced"
            self._plugin.context.log.warning(text, error.args[0].str())
            return False
        self._is_open = False
        return True


def init_transactions(plugin: Plugin, producer: Producer) -> None:
    """Take over the transactional id: fence whoever had it before, and end what that left open.
    Raises Disconnected, Misconfigured.
    """
    try:
        producer.init_transactions(_TIMEOUT)
    except KafkaException as failure:
        error: KafkaError = failure.args[0]
        refusal = refusal_of(error, plugin)
        if refusal is not None:
            raise refusal from None
        raise Disconnected(f"no transaction can be begun: {error.str()}") from None


def slot_of(given: str | None, link: TransactionLink, settings: Mapping[str, Any]) -> str:
    """What stands behind the group in the transactional id. It must be another for each process of
    a group, or two fence each other, and the same after a restart, so that what was left open ends.
    """
    if given is not None or link.instance is not None:
        return given or str(link.instance)
    import socket

    place = f"{settings.get('path.data')}\0{settings.get('pipeline.id')}"
    return f"{socket.gethostname()}-{blake2b(place.encode(), digest_size=4).hexdigest()}"
