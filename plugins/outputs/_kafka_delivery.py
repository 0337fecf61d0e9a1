"""Handing messages to a producer, and learning from its reports what became of them.

A request has a future, which ends with the report of its last message, in the thread that asks the
producer for reports. Reports name no message but by its content: of two that are alike it does not
matter which one has failed. How much is under way is counted here, in bytes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import cached_property
from itertools import count
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from ..clients.kafka_client import Watch, refusal_of
from ..contract import Disconnected, Plugin, Rejected, Retry
from ._kafka_rows import Row, row_of
from ._kafka_suspects import Suspects

_SLICE = 0.2
_PATIENCE = 5.0
_ROW_SIZE = 100
_GROUP = 1000

_OF_BATCHES = (
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.RECORD_LIST_TOO_LARGE,
    KafkaError.INVALID_MSG_SIZE,
    KafkaError.INVALID_RECORD,
    KafkaError.INVALID_TIMESTAMP,
    KafkaError.POLICY_VIOLATION,
)
"""Why a batch is never taken: for one of its messages, whichever it is."""

_OF_TOPICS = (
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError._UNKNOWN_TOPIC,
)
"""Why a message is never taken; where all have one topic, an outage: it may come back."""

_OF_MESSAGES = (
    KafkaError.TOPIC_EXCEPTION,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError._INVALID_ARG,
)
"""Why a message is never taken."""

_PURGED = (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT)

Ended = Callable[["Request"], Exception | None]


class Request:
    """Some messages under way, as they were packed. ``failures``: what reports say, with topic, key
    and value.
    """

    def __init__(self, items: Sequence[Any], topic: str, size: int, ended: Ended) -> None:
        self.items, self.size = items, size
        self._topic, self._ended = topic, ended
        self.future: Future[None] = Future()
        self.failures: list[tuple[KafkaError, str | None, bytes | None, bytes | None]] = []
        self.refused: dict[int, KafkaError] = {}
        # Reports come in two threads where a transaction is aborted: counting must be one step.
        self._ticks, self._last = count(1), len(items) + 1

    @cached_property
    def rows(self) -> list[Row]:
        """What the items say; not looked at where they are values, and nothing fails."""
        return [row_of(item) for item in self.items]

    @cached_property
    def are_values(self) -> bool:
        """Whether items are values alone: they go to the one topic there is, to any partition."""
        return set(map(type, self.items)) == {bytes}

    def report(self, error: KafkaError | None, message: Message) -> None:
        """What became of one message; from a thread that asks the producer."""
        if error is not None:
            failure = error, message.topic(), message.key(), message.value()
            self.failures.append(failure)
        if next(self._ticks) == self._last:
            self._end()

    def refuse(self, index: int, error: KafkaError) -> None:
        """The producer did not take one message."""
        self.refused[index] = error
        self.tick()

    def tick(self) -> None:
        """One more step has ended: a message, or handing them over."""
        if next(self._ticks) == self._last:
            self._end()

    def _end(self) -> None:
        try:
            error = self._ended(self)
        except Exception as fault:  # nobody else would end the future
            error = fault
        if error is None:
            self.future.set_result(None)
        else:
            self.future.set_exception(error)

    @property
    def has_failed(self) -> bool:
        """Whether any message was not taken."""
        return bool(self.failures or self.refused)

    def by_index(self) -> dict[int, KafkaError]:
        """What has failed, by the number of its row."""
        found = dict(self.refused)
        if not self.failures:
            return found
        places: dict[tuple[Any, ...], list[int]] = {}
        for index in reversed(range(len(self.rows))):
            if index not in found:
                row = self.rows[index]
                place = row.topic or self._topic, row.key or None, row.value or None
                places.setdefault(place, []).append(index)
        for error, topic, key, value in self.failures:
            found[places[topic, key or None, value or None].pop()] = error
        return found


class Delivering:
    """Hands messages to one producer. ``limit``: how many bytes may be under way; ``topic``: of
    messages that name none.
    """

    def __init__(
        self, plugin: Plugin, producer: Producer, watch: Watch, topic: str | None, limit: int
    ) -> None:
        self._plugin, self.producer, self.watch = plugin, producer, watch
        self._topic, self._limit = topic, limit
        self.suspects = Suspects(topic)
        self._under_way = 0
        self._change = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._poll, name="kafka reports", daemon=True)
        self._thread.start()

    def begin(self, items: Sequence[Any], ended: Ended | None = None) -> Request:
        """A request that waits until there is room for it; hand it over with ``send``."""
        size = _size_of(items)
        with self._change:
            self._change.wait_for(lambda: self._has_room(size))
            self._under_way += size
        return Request(items, self._topic or "", size, ended or self.outcome)

    def _has_room(self, size: int) -> bool:
        return not self._under_way or self._under_way + size <= self._limit or self._is_closed

    def send(self, request: Request) -> None:
        """Hand the messages to the producer, in their order; suspects in small groups, each waited
        for, so that no other message is in their batch.
        """
        if self.suspects.are_there:
            self._send_suspects(request)
        else:
            self._send_rows(request, 0, len(request.items))
        request.tick()

    def _send_suspects(self, request: Request) -> None:
        rows, start = request.rows, 0
        for index, row in enumerate(rows):
            reason = self.suspects.refusal_of(row)
            if reason is not None:
                request.refuse(index, KafkaError(KafkaError._INVALID_ARG, reason))
        groups = [self.suspects.group_of(row) for row in rows]
        while start < len(rows):
            group = groups[start]
            end = start + 1
            while end < len(rows) and groups[end] == group and (not group or end - start < group):
                end += 1
            if group:
                self.producer.flush(_PATIENCE)
            self._send_rows(request, start, end)
            if group:
                self.producer.flush(_PATIENCE)
            start = end

    def _send_rows(self, request: Request, start: int, stop: int) -> None:
        while start < stop:
            end = start + 1
            if start not in request.refused:
                end = self._same(request, start, stop)
                self._send(request, start, end)
            start = end

    def _same(self, request: Request, start: int, stop: int) -> int:
        """Up to where rows can be handed over at once: those of one topic and partition, without
        headers. (The client library has a place for the partition of each message, and does not
        look at it.)
        """
        last = min(stop, start + _GROUP)
        if request.are_values and not request.refused:
            return last
        rows, refused = request.rows, request.refused
        first, end = rows[start], start + 1
        if first.headers or isinstance(first.partition, str):
            return end
        while end < last and end not in refused and rows[end][2:] == first[2:]:
            end += 1
        return end

    def _send(self, request: Request, start: int, end: int) -> None:
        if request.are_values:
            values = [{"value": value} for value in request.items[start:end]]
            self._send_many(request, start, self._topic or "", -1, values)
            return
        row = request.rows[start]
        topic = row.topic or self._topic or ""
        if isinstance(row.partition, str):
            reason = f"`{row.partition[:50]}` is not a number of a partition"
            request.refuse(start, KafkaError(KafkaError._INVALID_ARG, reason))
        elif row.headers:
            self._send_one(request, start, topic, row)
        else:
            messages = [_message(row) for row in request.rows[start:end]]
            self._send_many(request, start, topic, _partition(row), messages)

    def _send_one(self, request: Request, index: int, topic: str, row: Row) -> None:
        pairs = [(str(name), value) for name, value in row.headers or ()]
        try:
            self.producer.produce(
                topic, row.value, row.key, _partition(row), request.report, headers=pairs
            )
        except KafkaException as error:
            request.refuse(index, error.args[0])

    def _send_many(
        self,
        request: Request,
        start: int,
        topic: str,
        partition: int,
        messages: list[dict[str, Any]],
    ) -> None:
        try:
            taken = self.producer.produce_batch(topic, messages, partition, request.report)
        except KafkaException as error:
            for index in range(start, start + len(messages)):
                request.refuse(index, error.args[0])
            return
        if taken < len(messages):
            for index, message in enumerate(messages, start):
                if "_error" in message:
                    request.refuse(index, _as_error(message["_error"]))

    def outcome(self, request: Request) -> Exception | None:
        """What the reports of a request mean; called with the last one."""
        self.release(request)
        if not request.has_failed:
            self.watch.works()
            if self.suspects.are_there:
                self.suspects.absolve(request.rows)
            return None
        error = judged(request, self._plugin, self._topic, self.suspects)
        if isinstance(error, Rejected):
            self.suspects.absolve(request.rows[index] for index in error.reasons_of(0))
        return error

    def release(self, request: Request) -> None:
        """A request is through."""
        with self._change:
            self._under_way -= request.size
            self._change.notify_all()

    def _poll(self) -> None:
        stopping = self._plugin.context.stopping
        while not self._is_closed:
            self._serve(_SLICE)
            self.watch.look(self.producer)
            if self.is_cut_off and stopping.is_set():
                self.producer.purge()  # a stop does not wait for brokers that are not there

    @property
    def is_cut_off(self) -> bool:
        """Whether no broker could be reached for a while."""
        return self.watch.is_down and time.monotonic() - self.watch.since > _PATIENCE

    def _serve(self, timeout: float) -> None:
        """Hear reports. A producer that was fenced raises here what ends it."""
        try:
            self.producer.poll(timeout)
        except KafkaException as failure:
            self.watch.fatal = self.watch.fatal or failure.args[0]
            time.sleep(timeout)

    def close(self) -> None:
        """Forget the producer; what is under way fails."""
        self.producer.purge()
        self._serve(0)
        with self._change:
            self._is_closed = True
            self._change.notify_all()
        if self._thread is not threading.current_thread():
            self._thread.join()
        self.producer.flush(_SLICE)


def _size_of(items: Sequence[Any]) -> int:
    values = [item if type(item) is bytes else item[0] or b"" for item in items]
    return sum(map(len, values)) + _ROW_SIZE * len(items)


def _message(row: Row) -> dict[str, Any]:
    return {"value": row.value} if row.key is None else {"value": row.value, "key": row.key}


def _partition(row: Row) -> int:
    return -1 if row.partition is None else int(row.partition)


def _as_error(found: Any) -> KafkaError:
    error: KafkaError = found.args[0] if isinstance(found, KafkaException) else found
    return error


def judged(request: Request, plugin: Plugin, topic: str | None, suspects: Suspects) -> Exception:
    """What the failures of a request ask for."""
    failed = request.by_index()
    first = failed[min(failed)]
    if any(error.fatal() or error.code() == KafkaError._FATAL for error in failed.values()):
        return Disconnected(f"the producer cannot go on: {first.str()}")
    never: dict[int, str] = {}
    for index, error in failed.items():
        code = error.code()
        if index in request.refused:
            is_refused = code in _OF_BATCHES or code in _OF_MESSAGES
        elif code in _OF_BATCHES:
            is_refused = not suspects.narrow(request.rows[index], len(failed), error.str())
        else:
            is_refused = code in _OF_MESSAGES or (topic is None and code in _OF_TOPICS)
        if is_refused:
            never[index] = error.str()
    again = sorted(failed.keys() - never.keys())
    if never:
        return Rejected(never, retry=again, after=0.0)
    refusal = refusal_of(first, plugin)
    if refusal is not None:
        return refusal
    if any(error.code() in _PURGED for error in failed.values()):
        return Disconnected("no broker could be reached in time; the messages are sent again")
    is_narrowed = any(error.code() in _OF_BATCHES for error in failed.values())
    return Retry(first.str(), again, after=0.0 if is_narrowed else None)
