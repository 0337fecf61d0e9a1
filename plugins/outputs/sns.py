"""The output sns: events published to a topic, ten in a request.

The parts: ``clients.aws`` (the client), ``_aws_calls`` (requests, and what becomes of each).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from uuid import uuid4

import msgspec

from ...dsl.reference import Event
from ...dsl.template import Template
from ...dsl.values import plain
from ..batch import Payload
from ..clients.aws import Aws, AwsOptions
from ..clients.sqs import MOST, Failure, failures_of, numbered
from ..contract import Batching, Disconnected, Misconfigured, Output, Rejected
from ..declaration import option
from ._aws_calls import Sending, deliver

_LARGEST = 256 << 10
_LONGEST_SUBJECT = 100
_LANE = "\n"  # what stands between a topic and the number of its lane
_NO_SUBJECT = "NO SUBJECT"


class Sns(AwsOptions, Output, name="sns"):
    """Publish events to a topic of SNS.

    Fields of the event say more: `sns` is the topic, where there is no `arn`; `sns_subject` the
    subject, cut to 100 characters; `sns_message` the message, instead of what the codec makes of
    the event. Ten messages go into one request, and count as delivered when SNS has answered for
    each. What it refuses is a dead letter, and so is what is larger than its 256 KiB.

    Up to `max_in_flight` requests are under way at once, so that only FIFO topics keep an order; a
    message waits for 50 ms at most for others to fill one.

    A FIFO topic (its name ends in `.fifo`) needs `message_group_id`; the order within a group is
    kept. Without `message_deduplication_id` each message has an id of its own.

    Differs from Logstash: messages are not cut to 32 KiB, `message_group_id` and
    `message_deduplication_id` are additions, and an event without a topic is a dead letter.
    """

    batching = Batching(bytes=_LARGEST, events=MOST, age=0.05)

    max_in_flight: int = option(
        "How many requests may be under way at once; one at a time to a FIFO topic.",
        default=32,
        at_least=1,
        common=True,
    )
    arn: str | None = option("The topic; without it, the field `sns` of each event.", default=None)
    publish_boot_message_arn: str | None = option(
        "A topic that is told once when this output is connected.", default=None
    )
    message_group_id: Template | None = option(
        "The group of a message in a FIFO topic; takes fields of the event.", default=None
    )
    message_deduplication_id: Template | None = option(
        "What tells a message from others within five minutes, in a FIFO topic; takes fields of the"
        " event.",
        default=None,
    )

    _client: Any = None
    _has_booted = False

    def prepare(self) -> None:
        self._aws = Aws(self, self)
        self._codec = self.new_codec()
        self._numbers = itertools.count()
        if self.arn == "":
            self.problem("arn", "the topic is empty", "give its ARN, or remove it")
        if (self.arn or "").endswith(".fifo") and self.message_group_id is None:
            help = 'add message_group_id => "%{[host][name]}", or another group'
            self.problem("arn", "a FIFO topic requires `message_group_id`", help)
        if self.batch_events is not None and self.batch_events > MOST:
            message = f"SNS takes {MOST} messages in a request"
            self.problem("batch_events", message, "give a smaller number")

    def pack(self, events: list[Event]) -> list[Payload]:
        """Rows `[message, subject, group, deduplication id]`. Each topic is a lane of its own, and
        several where requests may overlap and the topic keeps no order.
        """
        by_topic: dict[str, list[Event]] = {}
        for event in events:
            topic = self.arn or event.get("sns")
            by_topic.setdefault(topic if isinstance(topic, str) else "", []).append(event)
        return [payload for topic, some in by_topic.items() for payload in self._of(topic, some)]

    def _of(self, topic: str, events: list[Event]) -> list[Payload]:
        rows = [self._row(event, topic) for event in events]
        if self.max_in_flight == 1 or topic.endswith(".fifo"):
            return [Payload(rows, events, topic)]
        found = []
        size = self.batch_events or MOST
        for at in range(0, len(events), size):
            lane = f"{topic}{_LANE}{next(self._numbers) % self.max_in_flight}"
            found.append(Payload(rows[at : at + size], events[at : at + size], lane))
        return found

    def _row(self, event: Event, topic: str) -> list[Any]:
        group, wanted = self.message_group_id, self.message_deduplication_id
        own = uuid4().hex if topic.endswith(".fifo") else ""
        return [
            self._message(event),
            _subject(event.get("sns_subject")),
            group.render(event) if group else "",
            wanted.render(event) if wanted else own,
        ]

    def _message(self, event: Event) -> str:
        message = event.get("sns_message")
        if isinstance(message, list):  # the first of several, as Logstash takes it
            message = message[0] if message else None
        if message is None:
            return self._codec.encode_messages([event])[0].decode("utf-8", "replace")
        return _text(message)

    def connect(self) -> None:
        self.close()
        connections = self.max_in_flight + 1
        self._client = self._aws.client(
            "sns", max_pool_connections=connections, connect_timeout=10, read_timeout=30
        )
        if self.arn is not None:
            self._look_at(self.arn)
        boot = self.publish_boot_message_arn
        if boot and not self._has_booted:
            said = {"Message": "Penstock successfully booted", "Subject": "Penstock booted"}
            publish = self._client.publish
            self._aws.asked("publish_boot_message_arn", publish, TopicArn=boot, **said)
            self._has_booted = True

    def _look_at(self, arn: str) -> None:
        """See that the topic is there, where that may be asked."""
        try:
            self._aws.asked("arn", self._client.get_topic_attributes, TopicArn=arn)
        except Misconfigured as error:
            if not error.reason.startswith("access denied"):
                raise

    def deliver(self, payload: Payload) -> None:
        if self._client is None:
            raise Disconnected("not connected")
        topic = str(payload.lane or "").partition(_LANE)[0]
        if not topic:
            raise Rejected("the event has no field `sns`, and `arn` is not set")
        entries: dict[int, dict[str, Any]] = {}
        refused: dict[int, str] = {}
        for index, (message, subject, group, deduplication) in enumerate(payload.data):
            size = len(message.encode())
            if size > _LARGEST:
                refused[index] = f"it has {size} bytes, more than the 256 KiB that SNS takes"
                continue
            entry = {"Message": message, "Subject": subject}
            entry |= {"MessageGroupId": group} if group else {}
            entry |= {"MessageDeduplicationId": deduplication} if deduplication else {}
            entries[index] = entry

        if not entries:
            raise Rejected(refused)
        try:
            deliver(Sending(partial(self._send, topic), entries, "Message", _LARGEST), refused)
        except Misconfigured as error:
            if self.arn is None and error.option == "arn":  # the event is to blame, not an option
                raise Rejected(error.reason) from error
            raise

    def _send(self, topic: str, some: Sequence[Mapping[str, Any]]) -> Mapping[int, Failure]:
        wanted, publish = numbered(some), self._client.publish_batch
        answer = self._aws.asked("arn", publish, TopicArn=topic, PublishBatchRequestEntries=wanted)
        return failures_of(answer)

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _subject(value: Any) -> str:
    if value is None or value == "":
        return _NO_SUBJECT
    return _text(value)[:_LONGEST_SUBJECT]


def _text(value: Any) -> str:
    """A text as it is; anything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(plain(value)).decode()
