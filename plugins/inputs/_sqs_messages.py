"""Messages of SQS as a batch: a chunk of whole messages, each with the fields that tell where it
comes from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...dsl.reference import Event, FieldRef
from ...dsl.timestamp import Timestamp
from ..batch import Batch
from ._redis_source import chunk_of
from ._sqs_leases import Lease

_OF_FIFO = {
    "MessageGroupId": "message_group_id",
    "MessageDeduplicationId": "message_deduplication_id",
    "SequenceNumber": "sequence_number",
}


class Fields:
    """What events get of their message: ``[@metadata][sqs]``, and the fields that options name."""

    def __init__(
        self, id_field: FieldRef | None, md5_field: FieldRef | None, sent_field: FieldRef | None
    ) -> None:
        self._id, self._md5, self._sent = id_field, md5_field, sent_field

    def of(self, message: Mapping[str, Any], queue: str) -> Event:
        """The fields for the events of one message."""
        attributes = message.get("Attributes") or {}
        sent = int(attributes.get("SentTimestamp", 0))
        facts: dict[str, Any] = {
            "queue": queue,
            "message_id": message["MessageId"],
            "receive_count": int(attributes.get("ApproximateReceiveCount", 1)),
            "sent_timestamp": sent,
        }
        for name, ours in _OF_FIFO.items():
            if name in attributes:
                facts[ours] = attributes[name]
        given = message.get("MessageAttributes")
        if given:
            texts = {name: each["StringValue"] for name, each in given.items() if _is_text(each)}
            facts["attributes"] = texts
        fields: Event = {"@metadata": {"sqs": facts}}
        if self._id is not None:
            self._id.set(fields, message["MessageId"])
        if self._md5 is not None:
            self._md5.set(fields, message.get("MD5OfBody"))
        if self._sent is not None:
            self._sent.set(fields, Timestamp.of_millis(sent))
        return fields


def _is_text(attribute: Mapping[str, Any]) -> bool:
    return "StringValue" in attribute


def batch_of(leases: Sequence[Lease], fields: Fields, queue: str) -> Batch:
    """The batch of some messages; they are its token."""
    bodies = [str(lease.message["Body"]).encode() for lease in leases]
    origins = [fields.of(lease.message, queue) for lease in leases]
    chunk = chunk_of(bodies, {}, origins, owned=True)
    for lease in leases:
        lease.message = {}  # only the receipt is needed from now on
    return Batch(chunks=[chunk], token=list(leases), bytes=len(chunk.data))
