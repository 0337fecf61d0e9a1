"""A consumer on one channel: messages as they come, and their acknowledgement.

A position is a number that grows from message to message: the delivery tag, which belongs to the
channel, or, of a stream, the offset, which belongs to the stream. What is settled without a gap is
acknowledged with one ``basic.ack`` for all of it. Messages that are to be rejected wait for their
turn in that order, since the server refuses an acknowledgement up to a tag that it has none for any
more.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

from pika.channel import Channel
from pika.spec import Basic, BasicProperties

from ..batch import Position
from ..clients.rabbitmq_link import Link
from ._rabbitmq_messages import Message
from ._rabbitmq_stream import StreamStart

MOST = 65_535
_TOO_LONG = 0.5
_MOMENT, _RECENT = 0.004, 0.05
_GOOD = 100


class Consumer:
    """Reads a queue over the channel that a connection has. ``prefetch``: how many messages may be
    unacknowledged; ``start``: None where the queue is not a stream. Raises Disconnected,
    Misconfigured.
    """

    def __init__(self, link: Link, queue: str, prefetch: int, start: StreamStart | None) -> None:
        assert link.channel is not None
        self._link, self._channel, self.queue = link, link.channel, queue
        self.id = uuid4().hex if start is None else start.stream
        self.start = start
        self._came: deque[Message] = deque()
        self._given: deque[tuple[int, int]] = deque()
        self._rejected: set[int] = set()
        self._acknowledged = self._latest = 0
        self._stepped = time.monotonic()
        self._good, self._gave = min(_GOOD, prefetch // 4), 0.0
        channel = self._channel
        link.ask(
            lambda answer: channel.basic_qos(prefetch_count=prefetch, callback=answer),
            "prefetch_count",
        )
        channel.add_on_cancel_callback(link.on_cancelled)
        arguments = {} if start is None else {"x-stream-offset": start.asked}
        link.ask(
            lambda answer: channel.basic_consume(
                queue, self._take, arguments=arguments, callback=answer
            ),
            "queue",
        )

    def _take(
        self, channel: Channel, method: Basic.Deliver, properties: BasicProperties, body: bytes
    ) -> None:
        message = Message(method, properties, body)
        self._latest = message.tag
        self._came.append(message)

    def fetch(self, most_bytes: int, timeout: float) -> list[Message]:
        """Messages that have come, waiting for the first up to so many seconds, or until the
        connection is woken; up to about so many bytes.
        """
        end = time.monotonic() + timeout
        if self._came and time.monotonic() - self._stepped > _TOO_LONG:
            self.step(0.0)
        while not self._came:
            left = end - time.monotonic()
            woken = self.step(max(0.0, left))
            if not self._came and (woken or left <= 0):
                return []
        self._gather()
        found, size = [], 0
        while self._came and size < most_bytes:
            message = self._came.popleft()
            found.append(message)
            size += len(message.body)
        return found

    def _gather(self) -> None:
        """While messages come one batch upon another, wait a moment for more: they come in small
        pieces, and a batch costs as much as several messages.
        """
        now = time.monotonic()
        end = now + _MOMENT if now - self._gave < _RECENT else now
        while len(self._came) < self._good and now < end:
            self.step(end - now)
            now = time.monotonic()
        self._gave = now

    def step(self, timeout: float) -> bool:
        """Keep the connection alive; whether it was woken. Raises Disconnected, Misconfigured."""
        woken = self._link.step(timeout)
        self._stepped = time.monotonic()
        self._link.check()
        return woken

    def ask_lag(self, tell: Callable[[int], None]) -> None:
        """Ask how many messages the queue has, and tell it in a later step, with those that this
        consumer has and has not acknowledged. Needs no right of the user's.
        """

        def answered(frame: Any) -> None:
            tell(frame.method.message_count + self._latest - self._acknowledged)

        self._channel.queue_declare(self.queue, passive=True, callback=answered)

    def position_behind(self, messages: Sequence[Message]) -> Position:
        """The position behind messages that are given now."""
        last = messages[-1]
        offset = last.tag
        if self.start is not None:
            stream_offset = last.stream_offset
            assert stream_offset is not None
            offset = stream_offset + 1
        self._given.append((offset, last.tag))
        return Position(self.id, offset)

    def reject(self, messages: Sequence[Message]) -> None:
        """Have messages rejected, and not given again, when all before them is settled."""
        self._rejected.update(message.tag for message in messages)

    def acknowledge(self, behind: Position) -> None:
        """Everything before a position is settled. Where the connection is gone, so is what there
        was to acknowledge: the server gives it again.
        """
        last = 0
        while self._given and self._given[0][0] <= behind.offset:
            last = self._given.popleft()[1]
        if last and self._link.lost is None:
            self._settle(last)

    def _settle(self, last: int) -> None:
        """Acknowledge and reject up to a tag, in order."""
        for tag in sorted(tag for tag in self._rejected if tag <= last):
            self._acknowledge(tag - 1)
            self._channel.basic_reject(tag, requeue=False)
            self._acknowledged = tag
            self._rejected.discard(tag)
        self._acknowledge(last)

    def _acknowledge(self, last: int) -> None:
        if last > self._acknowledged:
            self._channel.basic_ack(last, multiple=True)
            self._acknowledged = last
