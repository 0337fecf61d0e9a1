"""A batch while it is filled, of one file or several.

The runtime keeps the order in which batches end, and says behind which position of a file all is
delivered. What is kept here is what only the input knows: which parts of a file are under way, so
that one that was not delivered is read again from where it began.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar

from ...dsl.reference import Event
from ..batch import Batch, Chunk, Part, Position
from ._fingerprint import Mark


class Source(Protocol):
    """A file, as the runtime knows it."""

    partition: str
    incarnation: str


F = TypeVar("F", bound=Source)


class Content(NamedTuple):
    """What a stream gives: events, or bytes of an origin that can be decoded by themselves."""

    events: list[Event]
    data: bytes = b""
    origin: Mapping[str, Any] = {}

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it."""
        return not (self.events or self.data)


class Span(Generic[F]):
    """A part of one file in one batch: where it begins, and the mark at its end."""

    __slots__ = ("file", "mark", "start")

    def __init__(self, file: F, start: int, mark: Mark) -> None:
        self.file, self.start, self.mark = file, start, mark


class Load(Generic[F]):
    """A batch while it is filled. ``gives_chunks``: its content is bytes, not events."""

    def __init__(self, gives_chunks: bool) -> None:
        self._gives_chunks = gives_chunks
        self.events: list[Event] = []
        self.chunks: list[Chunk] = []
        self.parts: list[Part] = []
        self.spans: list[Span[F]] = []
        self.bytes = 0  # on disk
        self.size = 0  # of their content

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to hand on, not even the news of a file."""
        return not self.parts

    def add(self, span: Span[F], content: Content) -> None:
        """A part of a file."""
        file, last = span.file, self.parts[-1] if self.parts else None
        position = Position(file.incarnation, span.mark.position)
        if last is None or last.partition != file.partition or last.state != "active":
            last = Part(file.partition)
            self.parts.append(last)
        last.position = position
        last.events += len(content.events)
        self.spans.append(span)
        if content.data:
            self.chunks.append(Chunk(content.data, content.origin, len(self.parts) - 1))
        elif self.events:
            self.events += content.events
        else:
            self.events = content.events

    def tell(self, file: F, state: Literal["begun", "finished"]) -> None:
        """Say that a file has begun, or that nothing of it will follow."""
        self.parts.append(Part(file.partition, state=state))

    def batch(self) -> Batch:
        """The batch; its token are the spans."""
        events = None if self._gives_chunks else self.events
        chunks = self.chunks if self._gives_chunks else None
        return Batch(events, chunks, self.spans, self.parts, self.bytes)
