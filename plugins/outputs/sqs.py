"""The output sqs: events as messages of a queue, ten in a request.

The parts: ``clients.sqs`` (a queue), ``_aws_calls`` (requests, and what becomes of each message).
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from ...dsl.reference import Event
from ...dsl.template import Template
from ..batch import Payload
from ..clients.aws import Aws, AwsOptions
from ..clients.sqs import MOST, Queue, QueueOptions, open_queue
from ..contract import Batching, Disconnected, Output, Rejected
from ..declaration import Bytes, option
from ._aws_calls import Sending, deliver

_USUAL = 256 << 10
_LARGEST = 1 << 20


class Sqs(QueueOptions, AwsOptions, Output, name="sqs"):
    """Send events to a queue of SQS.

    Ten messages go into one request, and count as delivered when SQS has answered for each. What it
    refuses, such as a message with control characters, and what is larger than `message_max_size`,
    is a dead letter. To a standard queue, which promises no order, up to 32 requests are under way
    at once; a message waits for 50 ms at most for others to fill one.

    A FIFO queue (its name ends in `.fifo`) needs `message_group_id`. One request at a time is sent
    to it unless `max_in_flight` says more, which keeps the order within each group. Without
    `message_deduplication_id`, and unless the queue makes ids of contents, each message has an id
    of its own, so that a request whose answer was lost is not taken twice.

    Differs from Logstash: `message_group_id` and `message_deduplication_id` are additions, and
    messages that are too large are dead letters, not dropped.
    """

    default_codec = "json"
    batching = Batching(bytes=_USUAL, events=MOST, age=0.05)

    max_in_flight: int = option(
        "How many requests may be under way at once; unless it is given, one to a FIFO queue.",
        default=32,
        at_least=1,
        common=True,
    )
    message_max_size: Bytes = option(
        "The most bytes that a message may have.", default=Bytes(_USUAL), at_least=1
    )
    message_group_id: Template | None = option(
        "The group of a message in a FIFO queue; takes fields of the event.", default=None
    )
    message_deduplication_id: Template | None = option(
        "What tells a message from others within five minutes, in a FIFO queue; takes fields of the"
        " event.",
        default=None,
    )

    _queue: Queue | None = None

    def prepare(self) -> None:
        self._aws = Aws(self, self)
        self._encode = self.new_codec().encode_messages
        self._is_fifo = self.queue.endswith(".fifo")
        if self._is_fifo and "max_in_flight" not in self.given:
            self.max_in_flight = 1  # more divide requests by group: few messages in each
        self._has_rows = bool(self._is_fifo or self.message_group_id)
        if not self.queue:
            self.problem("queue", "the name is empty", 'write queue => "name"')
        if self._is_fifo and self.message_group_id is None:
            help = 'add message_group_id => "%{[host][name]}", or another group'
            self.problem("queue", "a FIFO queue requires `message_group_id`", help)
        if self.batch_events is not None and self.batch_events > MOST:
            message = f"SQS takes {MOST} messages in a request"
            self.problem("batch_events", message, "give a smaller number")
        if self.message_max_size > _LARGEST:
            self.problem("message_max_size", "SQS takes 1 MiB at most", "give a smaller size")

    def pack(self, events: list[Event]) -> list[Payload]:
        """Bodies, or rows `[body, group, deduplication id, id of our own]`; a lane for each group
        where requests overlap.
        """
        values: list[Any] = self._encode(events)
        if not self._has_rows:
            size = self.batch_events or MOST
            starts = range(0, len(events), size)
            return [Payload(values[at : at + size], events[at : at + size]) for at in starts]
        rows = [self._row(event, value) for event, value in zip(events, values, strict=True)]
        if self.max_in_flight == 1:
            return [Payload(rows, events)]
        by_group: dict[str, list[int]] = {}
        for index, row in enumerate(rows):
            by_group.setdefault(row[1], []).append(index)
        return [
            Payload([rows[i] for i in indexes], [events[i] for i in indexes], group)
            for group, indexes in by_group.items()
        ]

    def _row(self, event: Event, value: bytes) -> list[Any]:
        group = self.message_group_id.render(event) if self.message_group_id else ""
        wanted = self.message_deduplication_id
        own = uuid4().hex if self._is_fifo and wanted is None else ""
        return [value, group, wanted.render(event) if wanted else "", own]

    def connect(self) -> None:
        self.close()
        self._queue = open_queue(
            self._aws,
            self.queue,
            self.queue_owner_aws_account_id,
            max_pool_connections=self.max_in_flight + 1,
            connect_timeout=10,
            read_timeout=30,
        )

    def deliver(self, payload: Payload) -> None:
        queue = self._queue
        if queue is None:
            raise Disconnected("not connected")
        by_content = queue.attributes.get("ContentBasedDeduplication") == "true"
        entries: dict[int, dict[str, Any]] = {}
        refused: dict[int, str] = {}
        for index, item in enumerate(payload.data):
            value, *ids = item if self._has_rows else (item,)
            if len(value) > self.message_max_size:
                refused[index] = f"it has {len(value)} bytes, more than message_max_size"
                continue
            try:
                entry: dict[str, Any] = {"MessageBody": value.decode()}
            except UnicodeDecodeError:
                refused[index] = "it is not UTF-8, and SQS takes text only"
                continue
            if ids:
                group, deduplication, own = ids
                entry |= {"MessageGroupId": group} if group else {}
                deduplication = deduplication or ("" if by_content else own)
                entry |= {"MessageDeduplicationId": deduplication} if deduplication else {}
            entries[index] = entry
        limit = max(_USUAL, int(self.message_max_size))
        if entries:
            deliver(Sending(queue.send, entries, "MessageBody", limit), refused)
        elif refused:
            raise Rejected(refused)

    def close(self) -> None:
        queue, self._queue = self._queue, None
        if queue is not None:
            queue.close()
