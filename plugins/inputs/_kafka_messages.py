"""Messages of Kafka as a batch: a chunk of whole messages for each run of one partition.

What ``decorate_events`` asks for travels beside the bytes, so that a worker decodes both. A message
without a value (a tombstone) has no bytes to decode; where events are decorated it becomes an event
all the same, decoded here, so that a copy of a compacted topic keeps what was deleted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from confluent_kafka import Message

from ...dsl.event import complete
from ...dsl.reference import Event
from ...dsl.timestamp import Timestamp
from ..batch import Batch, Chunk, Part, Position
from ..codec import Codec

_NONE: Mapping[str, Any] = {}


class Run:
    """The messages of one partition that follow each other in a batch. ``incarnation``: of the
    partition, filled in by who knows it.
    """

    __slots__ = ("first", "incarnation", "messages", "number", "topic")

    def __init__(self, message: Message) -> None:
        self.topic, self.number = place_of(message)
        self.first = message.offset() or 0
        self.incarnation = ""
        self.messages: list[Message] = []

    @property
    def partition(self) -> str:
        """The name of the partition in positions."""
        return partition_name(self.topic, self.number)

    @property
    def end(self) -> int:
        """The offset behind the last message."""
        return (self.messages[-1].offset() or 0) + 1


def partition_name(topic: str, number: int) -> str:
    """The name of a partition in positions."""
    return f"{topic}-{number}"


def place_of(message: Message) -> tuple[str, int]:
    """The topic and the partition of a message that came from one."""
    topic, number = message.topic(), message.partition()
    assert topic is not None
    assert number is not None
    return topic, number


def runs_of(messages: Sequence[Message]) -> list[Run]:
    """Messages in runs, in their order."""
    runs: list[Run] = []
    topic: str | None = None
    number: int | None = -1
    for message in messages:
        if message.partition() != number or message.topic() != topic:
            runs.append(Run(message))
            topic, number = message.topic(), message.partition()
            append = runs[-1].messages.append
        append(message)
    return runs


class Decoration:
    """What ``[@metadata][kafka]`` has of messages. ``mode``: as the option ``decorate_events``."""

    def __init__(self, mode: str, group: str, has_text_keys: bool) -> None:
        self._group, self._has_text_keys = group, has_text_keys
        self.is_on = mode not in ("none", "false")
        self._has_headers = mode == "extended"

    def of(self, message: Message) -> Mapping[str, Any]:
        """The fields of one message."""
        key: Any = message.key()
        if self._has_text_keys and isinstance(key, bytes):
            key = key.decode("utf-8", "backslashreplace")
        fields: dict[str, Any] = {
            "topic": message.topic(),
            "consumer_group": self._group,
            "partition": message.partition(),
            "offset": message.offset(),
            "key": key,
            "timestamp": message.timestamp()[1],
        }
        if message.value() is None:
            fields["tombstone"] = True
        if self._has_headers:
            fields["headers"] = _headers(message)
        return {"@metadata": {"kafka": fields}}


def _headers(message: Message) -> dict[str, str]:
    """The headers that are text; of several with one name, the last."""
    found: dict[str, str] = {}
    pairs: Any = message.headers() or ()
    for name, value in pairs:
        try:
            found[name] = value.decode() if isinstance(value, bytes) else str(value or "")
        except UnicodeDecodeError:
            continue
    return found


def batch_of(runs: Sequence[Run], token: Any, decoration: Decoration) -> Batch:
    """The batch of some runs, its chunks to be decoded by whoever works on it."""
    parts: dict[str, int] = {}
    batch = Batch(chunks=[], token=token)
    assert batch.chunks is not None
    for run in runs:
        values = [message.value() or b"" for message in run.messages]
        ends = list(accumulate(map(len, values)))
        origins = [decoration.of(m) for m in run.messages] if decoration.is_on else None
        place = _place(batch, parts, run)
        batch.chunks.append(Chunk(b"".join(values), _NONE, place, ends, origins, owned=True))
        batch.bytes += ends[-1]
    return batch


def decoded_batch_of(
    runs: Sequence[Run], token: Any, decoration: Decoration, codec: Codec, now: Timestamp
) -> Batch:
    """The same, decoded: with an event for each tombstone."""
    parts: dict[str, int] = {}
    batch = Batch(events=[], token=token)
    assert batch.events is not None
    for run in runs:
        place = _place(batch, parts, run)
        for message in run.messages:
            events = _events_of(message, codec, decoration)
            complete(events, now, decoration.of(message) if decoration.is_on else _NONE)
            codec.complete(events)
            batch.events += events
            batch.parts[place].events += len(events)
            batch.bytes += len(message.value() or b"")
    return batch


def _events_of(message: Message, codec: Codec, decoration: Decoration) -> list[Event]:
    value = message.value()
    if value is not None:
        return codec.decode_messages([value])[0]
    return [{}] if decoration.is_on else []  # without metadata it would say nothing


def _place(batch: Batch, parts: dict[str, int], run: Run) -> int:
    """The number of the run's part, which goes to behind the run from now on."""
    name = run.partition
    place = parts.setdefault(name, len(batch.parts))
    if place == len(batch.parts):
        batch.parts.append(Part(name))
    batch.parts[place].position = Position(run.incarnation, run.end)
    return place


def has_tombstones(messages: Sequence[Message]) -> bool:
    """Whether a message has no value."""
    return any(message.value() is None for message in messages)
