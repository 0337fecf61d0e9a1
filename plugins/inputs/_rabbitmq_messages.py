"""Messages of RabbitMQ as chunks or events, and what of them goes into ``[@metadata]``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import accumulate
from typing import Any, NamedTuple

from pika.spec import Basic, BasicProperties

from ...dsl.event import complete
from ...dsl.reference import Event
from ...dsl.timestamp import Timestamp
from ..batch import Chunk
from ..codec import Codec

_NONE: Mapping[str, Any] = {}
_PROPERTIES = (
    "app_id",
    "cluster_id",
    "content_encoding",
    "content_type",
    "correlation_id",
    "delivery_mode",
    "expiration",
    "message_id",
    "priority",
    "reply_to",
    "timestamp",
    "type",
    "user_id",
)
_OF_DELIVERY = ("consumer_tag", "exchange", "routing_key")
_NAMES = {name: name.replace("_", "-") for name in (*_PROPERTIES, *_OF_DELIVERY)}


class Message(NamedTuple):
    """A message as it came."""

    method: Basic.Deliver
    properties: BasicProperties
    body: bytes

    @property
    def tag(self) -> int:
        """Its number on its channel."""
        return int(self.method.delivery_tag)

    @property
    def stream_offset(self) -> int | None:
        """Its place in the stream that it comes from, if it does."""
        found = (self.properties.headers or _NONE).get("x-stream-offset")
        return int(found) if isinstance(found, int) else None


class Decoration:
    """What ``[@metadata]`` has of messages. ``mode``: as the option ``metadata_enabled``."""

    def __init__(self, mode: str) -> None:
        self.is_on = mode not in ("none", "false")
        self._has_payload = mode == "extended"

    def of(self, message: Message) -> Mapping[str, Any]:
        """The fields of one message."""
        fields: dict[str, Any] = {
            "rabbitmq_headers": _plain(message.properties.headers or {}),
            "rabbitmq_properties": _properties(message),
        }
        if self._has_payload:
            fields["rabbitmq_payload"] = message.body.decode("utf-8", "backslashreplace")
        return {"@metadata": fields}


def _properties(message: Message) -> dict[str, Any]:
    """The properties that are set, by their names in AMQP."""
    found: dict[str, Any] = {}
    for source, names in ((message.method, _OF_DELIVERY), (message.properties, _PROPERTIES)):
        for name in names:
            value = getattr(source, name)
            if value is not None:
                found[_NAMES[name]] = _plain(value)
    if message.method.redelivered:
        found["redeliver"] = True
    return found


def _plain(value: Any) -> Any:
    """A value of AMQP as one that events may have."""
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, datetime):
        return Timestamp.of(value)
    if isinstance(value, Decimal):
        return float(value)
    # The library has an integer of its own for 64 bits.
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value


def chunk_of(messages: Sequence[Message], decoration: Decoration) -> Chunk:
    """Messages as a chunk, to be decoded by whoever works on it."""
    bodies = [message.body for message in messages]
    ends = list(accumulate(map(len, bodies)))
    origins = [decoration.of(message) for message in messages] if decoration.is_on else None
    return Chunk(b"".join(bodies), _NONE, 0, ends, origins, owned=True)


def decoded(
    messages: Sequence[Message], decoration: Decoration, codec: Codec, now: Timestamp
) -> tuple[list[Event], list[Message]]:
    """The events of messages, and those messages that the codec could not decode."""
    events: list[Event] = []
    failed: list[Message] = []
    for message, made in zip(
        messages, codec.decode_messages([message.body for message in messages]), strict=True
    ):
        if _is_kept(made, message.body):
            failed.append(message)
            continue
        complete(made, now, decoration.of(message) if decoration.is_on else _NONE)
        events += codec.complete(made)
    return events, failed


def _is_kept(events: Sequence[Event], body: bytes) -> bool:
    """Whether a codec has failed, and kept the bytes as they are in a tagged event."""
    if len(events) != 1 or not events[0].get("tags"):
        return False
    text = body.decode("utf-8", "backslashreplace")
    return events[0].get("message") in (text, text.rstrip("\r\n"))
