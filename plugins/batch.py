"""What travels between the parts of the runtime: batches from inputs, payloads to outputs.

A batch carries decoded events, or chunks of bytes that can be decoded by themselves; never both. It
knows which partitions its events come from and up to which position, so that the runtime can keep
one low-water mark per partition, whatever the source: a file, a partition of a topic, a shard.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any, Literal, NamedTuple

import msgspec

from ..dsl.reference import Event


class Position(NamedTuple):
    """A place in a partition, behind what was read. A file that was truncated or replaced, a topic
    that was made anew, is another ``incarnation``: its content is new, whatever the offset. Where
    positions do not outlive the connection, each connection is one (a fresh uuid).
    """

    incarnation: str
    offset: int


class Part(msgspec.Struct):
    """What a batch has of one partition: ``events`` of them, in order, up to ``position``.

    ``events`` is filled in by whoever decodes. ``state`` may say that the partition has just begun,
    is idle, or is finished; the part may then be empty.
    """

    partition: str
    position: Position | None = None
    events: int = 0
    state: Literal["active", "begun", "idle", "finished"] = "active"


class Chunk(NamedTuple):
    """Bytes of one stream, cut so that a fresh ``codec.stream(origin)`` decodes them by
    themselves. ``part``: which part of its batch they belong to.

    Where ``ends`` are given, the bytes are messages of a broker one behind the other, each of which
    is decoded by itself, and ``ends`` says where; ``origins`` has more fields for the events of
    each. ``owned``: each of them was made for its message, and events may hold it as it is.
    ``head``: how many bytes before each message are the protocol's and not the message's.
    """

    data: bytes
    origin: Mapping[str, Any]
    part: int = 0
    ends: Sequence[int] | None = None
    origins: Sequence[Mapping[str, Any]] | None = None
    owned: bool = False
    head: int = 0

    @classmethod
    def of_messages(cls, values: Sequence[bytes], origins: Sequence[Mapping[str, Any]]) -> Chunk:
        """Messages of a broker, one behind the other, each with its fields."""
        ends = list(accumulate(map(len, values)))
        data, first = b"".join(values), origins[0]
        if all(origin is first for origin in origins):
            return cls(data, first, 0, ends)
        return cls(data, {}, 0, ends, origins)

    def messages(self) -> list[bytes]:
        """The messages that the bytes are."""
        data, head, places = self.data, self.head, pairwise((0, *(self.ends or ())))
        if head:
            return [data[start + head : end] for start, end in places]
        return [data[start:end] for start, end in places]


class Batch(msgspec.Struct):
    """What one ``read`` gave, or one ``emit`` brings.

    ``token`` is the input's own word for it, handed back by ``settle``; ``bytes`` is its size at
    the source, for the figures. ``is_decoded``: the runtime has completed and decorated its events.
    """

    events: list[Event] | None = None
    chunks: list[Chunk] | None = None
    token: Any = None
    parts: list[Part] = msgspec.field(default_factory=list)
    bytes: int = 0
    is_decoded: bool = False


class Payload(msgspec.Struct):
    """What an output packed of some events, as plain data, for one ``deliver``.

    ``data``: bytes, or a list with an item for each event; it may go through another process or to
    disk. Payloads of one ``lane`` are delivered in order, one at a time; the lane None asks for no
    order beyond ``max_in_flight``. ``events`` are kept for the dead letters only, where there are
    some: ``count`` stays when they are gone.
    """

    data: Any
    events: list[Event] | None = None
    lane: Hashable = None
    count: int = -1

    def __post_init__(self) -> None:
        if self.count < 0:
            self.count = len(self.events or ())

    @property
    def size(self) -> int:
        """About how many bytes it is."""
        data = self.data
        if isinstance(data, bytes):
            return len(data)
        if isinstance(data, list) and data and isinstance(data[0], bytes | str):
            return sum(map(len, data))
        return self.count * _EVENT_SIZE


_EVENT_SIZE = 1000
