"""The input rabbitmq: a consumer of a queue or a stream, which acknowledges what the outputs have.

The parts: ``_rabbitmq_consumer`` (messages and their acknowledgement), ``_rabbitmq_messages`` (from
messages to batches), ``_rabbitmq_stream`` and ``_rabbitmq_bookmark`` (where a stream is read), and
the modules ``rabbitmq*`` in ``clients``.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ...dsl.timestamp import parse_timestamp
from ..batch import Batch, Part, Position
from ..clients.rabbitmq import RabbitClient, RabbitOptions
from ..clients.rabbitmq_link import Link
from ..clients.rabbitmq_topology import (
    Exchange,
    Queue,
    arguments_of,
    bind,
    count_of,
    declare_exchange,
    declare_queue,
)
from ..codec import Codec
from ..contract import Disconnected, Input, Misconfigured, Outcome
from ..declaration import Duration, option
from ._rabbitmq_bookmark import Bookmark
from ._rabbitmq_consumer import MOST, Consumer
from ._rabbitmq_messages import Decoration, Message, chunk_of, decoded
from ._rabbitmq_stream import StreamStart

_UNLIMITED = 2000
_LAG_EVERY = 5.0
_WORDS = ("first", "last", "next")
_UNITS = tuple("YMDhms")


class RabbitMQ(RabbitOptions, Input, name="rabbitmq"):
    """Read messages from a queue or a stream of RabbitMQ.

    The queue is declared as the options say, and bound to `exchange` with `key`, where that is
    given; all of it again with each connection. Each message goes through the codec. It is
    acknowledged when every output has its events, and many at once; one that is not delivered yet
    holds back those behind it. What was not acknowledged when a process or a connection ended comes
    again. `prefetch_count` bounds how much of that there may be: nothing more is taken from the
    server meanwhile, and heartbeats go on.

    A message that the codec cannot decode goes on as an event with a tag; with
    `reject_undecodable => true` it is rejected instead, which sends it to the dead-letter exchange
    of the queue.

    A stream (`arguments => { "x-queue-type" => "stream" } durable => true`) is read from
    `stream_offset` on at first, and later from where it was delivered up to, which is kept below
    `path.data`.

    With `metadata_enabled => "basic"` an event has `[@metadata][rabbitmq_headers]` and
    `[@metadata][rabbitmq_properties]`; with `"extended"` also `[@metadata][rabbitmq_payload]`.

    Differs from Logstash: messages are acknowledged behind the outputs, not when they were read;
    with TLS the server's certificate is verified; `ssl_certificate_path` is a PEM file;
    `stream_offset`, `reject_undecodable` and most of what begins with `ssl_` are additions.
    """

    default_codec = "json"

    queue: str = option("The queue; by default one that the server names.", default="")
    durable: bool = option(
        "Whether the queue, and the exchange where it is declared, outlives the server.",
        default=False,
    )
    auto_delete: bool = option(
        "Whether the server removes the queue when its last consumer ends.", default=False
    )
    # Means to the runtime what it means to the server: another connection cannot have it meanwhile.
    exclusive: bool = option(  # type: ignore[misc]
        "Whether the queue is for this connection alone, and ends with it.", default=False
    )
    exchange: str | None = option("An exchange to bind the queue to.", default=None)
    exchange_type: str | None = option(
        "The type of that exchange, such as `topic`; with it the exchange is declared.",
        default=None,
    )
    key: str = option("The routing key to bind it with.", default="logstash")
    ack: bool = option(
        "Whether messages are acknowledged when the outputs have them; without it when they are"
        " read, so that a kill loses them.",
        default=True,
    )
    prefetch_count: int = option(
        "How many messages may be unacknowledged; 0: 2000.", default=256, at_least=0
    )
    metadata_enabled: str = option(
        "What of a message goes into `[@metadata]`; `true` is `basic`, `false` is `none`.",
        default="none",
        choices=("none", "basic", "extended", "false", "true"),
    )
    reject_undecodable: bool = option(
        "Whether a message that the codec cannot decode is rejected, and goes to the dead-letter"
        " exchange of the queue; where it has none it is gone.",
        default=False,
    )
    stream_offset: str = option(
        "Where to begin in a stream that was not read before: `first`, `last` (the last chunk of"
        " messages), `next`, an offset, an instant in ISO 8601, or an age such as `2h`.",
        default="first",
    )
    subscription_retry_interval_seconds: Duration = option(
        "Seconds before the next attempt, where the server has ended the consumer; default: ever"
        " longer.",
        default=Duration(5.0),
        at_least=0,
    )
    threads: int = option(
        "Accepted, and without effect: one connection reads as fast as the server gives, and"
        " decoding is parallel with `pipeline.workers`.",
        default=1,
        at_least=1,
    )

    _link: Link | None = None
    _consumer: Consumer | None = None
    _bookmark: Bookmark | None = None
    _committed: Position | None = None
    _server_named = ""
    _asked = -_LAG_EVERY

    def prepare(self) -> None:
        self._client = RabbitClient(self, self)
        self._arguments = arguments_of(self.arguments)
        self._is_stream = self._arguments.get("x-queue-type") == "stream"
        is_lasting = bool(self.queue) and not self.auto_delete and not self.exclusive
        self.replays = self.ack and is_lasting
        self._decoration = Decoration(self.metadata_enabled)
        self._codec = self.new_codec()
        self._check()
        self._first = _first_offset(self.stream_offset)
        self._rewinds = False

    def _check(self) -> None:
        if self.prefetch_count > MOST:
            self.problem("prefetch_count", f"it is larger than {MOST}", "give a smaller one")
        if self.exchange_type is not None and self.exchange is None:
            self.problem(
                "exchange_type", "`exchange_type` requires `exchange`", "add exchange => …"
            )
        if self.passive and not self.queue:
            self.problem("passive", "`passive` requires `queue`", "add queue => …")
        if not self._is_stream and "stream_offset" in self.given:
            help = 'add arguments => { "x-queue-type" => "stream" }, or remove it'
            self.problem("stream_offset", "`stream_offset` requires a stream", help)
        if self._is_stream and not self.queue:
            self.problem("arguments", "a stream requires `queue`", "add queue => …")
        if self._is_stream and self.reject_undecodable:
            message = "a stream keeps all messages: none of them can be rejected"
            self.problem("reject_undecodable", message, "remove it")
        if _first_offset(self.stream_offset) is None:
            message = f"`{self.stream_offset}` is not a valid place in a stream"
            help = "write first, last, next, a number, 2024-10-11T22:14:15Z or 2h"
            self.problem("stream_offset", message, help)

    def decoder(self) -> Codec | None:
        return None if self.reject_undecodable else self._codec

    def open(self) -> None:
        if not self._is_stream:
            return
        directory = self.context.data_directory
        try:
            self._bookmark = Bookmark(directory, self.host, self.vhost, self.queue)
        except OSError as error:
            reason = f"no position can be kept in `{directory}`: {error.strerror or error}"
            raise Misconfigured("queue", reason, "check path.data") from error

    def connect(self) -> None:
        self._leave()
        self._link = self._client.connect()
        if "subscription_retry_interval_seconds" in self.given:
            self._link.wait_to_consume = self.subscription_retry_interval_seconds
        self._declare(self._link)

    def _declare(self, link: Link) -> None:
        queue = Queue(
            self.queue,
            self.durable,
            self.auto_delete,
            self.exclusive,
            self.passive,
            self._arguments,
        )
        self._name = self._server_named_again(link) or declare_queue(link, queue)
        if not self.queue:
            self._server_named = self._name
        if self.exchange:
            exchange = Exchange(self.exchange, self.exchange_type, self.durable, self.passive)
            declare_exchange(link, exchange)
            bind(link, self._name, self.exchange, self.key)

    def _server_named_again(self, link: Link) -> str:
        """The queue that the server named before, if it outlived the connection."""
        if not self._server_named:
            return ""
        again = Queue(self._server_named, False, False, False, True, {})
        try:
            return declare_queue(link, again)
        except Misconfigured:
            self._server_named = ""
            raise Disconnected("the queue that the server named is gone", after=0.0) from None

    def resume(self, positions: Mapping[str, Position]) -> None:
        self._committed = positions.get(self.queue)

    def _consume(self, link: Link) -> Consumer:
        start = self._start(self._bookmark) if self._bookmark is not None else None
        prefetch = self.prefetch_count or _UNLIMITED
        self._consumer = Consumer(link, self._name, prefetch, start)
        return self._consumer

    def _measure(self, consumer: Consumer | None) -> None:
        """Ask now and then how much waits. How much a stream has says nothing about who reads."""
        now = time.monotonic()
        if consumer is None or self._is_stream or now - self._asked < _LAG_EVERY:
            return
        self._asked = now
        consumer.ask_lag(self.context.metrics.gauge("lag").set)

    def _start(self, bookmark: Bookmark) -> StreamStart:
        """Where to go on: what the runtime has committed counts, where it is of this stream."""
        position = bookmark.position
        committed, self._committed = self._committed, None
        if committed is not None and committed.incarnation == position.incarnation:
            position = committed
        return StreamStart(position, self._first, self._count)

    def _count(self) -> int:
        """How many messages the stream has."""
        assert self._link is not None
        return count_of(self._link, self._name)

    def read(self, timeout: float) -> Batch | None:
        link = self._link
        if link is None:
            raise Disconnected("not connected")
        if self._rewinds:
            self._rewinds, self._consumer = False, None
            link.open_channel(self.context.stopping)
        consumer = self._consumer or self._consume(link)
        self._measure(consumer)
        messages = consumer.fetch(4 * self.chunk_bytes, timeout)
        start = consumer.start
        if start is None:
            self._check_kind(messages)
        elif messages:
            messages = start.of(messages, self.queue, self.context.log)
        elif start.is_another():
            self._begin_anew()
        return self._batch(consumer, messages) if messages else None

    def runs_dry(self) -> bool:
        return self._consumer is not None and self._consumer.runs_dry()

    def _check_kind(self, messages: list[Message]) -> None:
        if messages and messages[0].stream_offset is not None:
            help = 'add arguments => { "x-queue-type" => "stream" }'
            raise Misconfigured("queue", f"`{self.queue}` is a stream", help)

    def _begin_anew(self) -> None:
        text = "the stream `%s` was recreated; it is read from its beginning"
        self.context.log.warning(text, self.queue)
        assert self._bookmark is not None
        self._bookmark.begin_anew()
        self._first, self._rewinds = "first", True

    def _batch(self, consumer: Consumer, messages: list[Message]) -> Batch:
        part = Part(consumer.queue, consumer.position_behind(messages))
        size = sum(len(message.body) for message in messages)
        batch = Batch(token=consumer.id, parts=[part], bytes=size)
        if self.reject_undecodable:
            now = self.context.now()
            batch.events, failed = decoded(messages, self._decoration, self._codec, now)
            part.events = len(batch.events)
            consumer.reject(failed)
        else:
            batch.chunks = [chunk_of(messages, self._decoration)]
        if not self.ack and part.position is not None:
            consumer.acknowledge(part.position)
        return batch

    def wake(self) -> None:
        link = self._link
        if link is not None:
            link.wake()

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Position]) -> None:
        consumer = self._consumer
        if consumer is None:
            return
        position = behind.get(consumer.queue)
        if position is not None and position.incarnation == consumer.id:
            consumer.acknowledge(position)
            if self._bookmark is not None:
                self._bookmark.move(position)
        if any(error is not None and token == consumer.id for token, error in outcomes):
            self._rewinds = True

    def tend(self, timeout: float) -> None:
        if self._link is not None:
            self._measure(self._consumer)
            self._link.step(timeout)
            self._link.check()

    def _leave(self) -> None:
        link, self._link, self._consumer = self._link, None, None
        self._rewinds = False
        if link is not None:
            link.close()

    def close(self) -> None:
        self._leave()
        bookmark, self._bookmark = self._bookmark, None
        if bookmark is not None:
            bookmark.close()


def _first_offset(text: str) -> Any:
    """Where to begin, as the server takes it; None where it is not valid."""
    if text in _WORDS:
        return text
    if text.isascii() and text.isdigit():
        return int(text)
    if text[:-1].isdigit() and text.endswith(_UNITS):
        return text
    instant = parse_timestamp(text)
    return None if instant is None else dt.datetime.fromtimestamp(instant.seconds(), dt.UTC)
