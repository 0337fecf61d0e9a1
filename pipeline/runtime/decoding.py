"""From what an input gave to complete events: chunks are decoded, events are completed and
decorated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ...dsl.event import add_origins, complete
from ...dsl.reference import Event
from ...dsl.unmade import UnmadeEvents
from ...plugins.batch import Batch, Chunk, Part
from ...plugins.codec import Codec
from ...plugins.input import CHUNK_BYTES, Input

MOST_STREAMS = 4096
"""As many connections as may talk in turn without their codecs being made again and again."""


class Decoder:
    """Makes events of the batches of one input. At the end of a chunk a codec holds nothing, so
    that the codec of a stream serves for the next chunk of the same origin.
    """

    def __init__(self, source: Input) -> None:
        self._source = source
        self._codec = source.decoder()
        self._decorate = source.decorate
        self._streams: dict[str, Codec] = {}
        self._latest: tuple[Mapping[str, Any] | None, Codec | None] = None, None
        self.part: int | None = None
        """The part of the batch that the list given last comes from; None for all of them."""

    @property
    def codec(self) -> Codec | None:
        """The codec of its streams; None where the input gives events as such."""
        return self._codec

    def batches(self, batch: Batch, unmade: bool = False) -> Iterator[list[Event]]:
        """The events of a batch, in lists that stay in the processor's cache; the parts of the
        batch learn how many events they have. ``unmade``: lists may be ``UnmadeEvents``.
        """
        self.part = None
        if batch.chunks is None:
            events = batch.events or []
            yield events if batch.is_decoded else self._finished(events)
            return
        for part in batch.parts:
            part.events = 0
        if unmade and len(batch.chunks) == 1 and batch.chunks[0].ends is None:
            yield from self._lines(batch.chunks[0], batch.parts)
            return
        for number, events in _gathered(self._runs(batch.chunks, batch.parts)):
            self.part = number
            yield events

    def _lines(self, chunk: Chunk, parts: Sequence[Part]) -> Iterator[list[Event]]:
        """The events of a chunk, made or not, in lists that stay in the processor's cache."""
        codec, self.part = self._stream(chunk.origin), chunk.part
        is_large = len(chunk.data) > 2 * CHUNK_BYTES
        boundary = codec.boundary() if is_large else None
        if self._decorate is not None or (is_large and boundary is None):
            for _, events in _gathered(self._runs((chunk,), parts)):
                yield events
            return
        for data in (chunk.data,) if boundary is None else _cut(chunk.data, boundary):
            events = codec.lines_or_events(data)
            if parts:
                parts[chunk.part].events += len(events)
            if type(events) is not UnmadeEvents:
                codec.complete(events)
            yield events

    def _runs(
        self, chunks: Sequence[Chunk], parts: Sequence[Part]
    ) -> Iterator[tuple[int, int, list[Event]]]:
        """The events of chunks that follow each other in one stream and part, such as datagrams of
        one sender, with the part and the bytes that they came of: what costs something a call is
        called for all.
        """
        at = 0
        while at < len(chunks):
            first = chunks[at]
            if first.ends is not None:
                yield first.part, len(first.data), self._messages(first, parts)
                at += 1
                continue
            codec, size = self._stream(first.origin), 0
            if len(first.data) > 2 * CHUNK_BYTES and not codec.needs_whole_chunks:
                for size, events in self._pieces(first, parts):
                    yield first.part, size, events
                at += 1
                continue
            run: list[Event] = []
            while at < len(chunks) and _same(chunks[at], first):
                chunk = chunks[at]
                if size and size + len(chunk.data) > CHUNK_BYTES:
                    break
                run += self._decoded(codec, chunk, parts)
                size += len(chunk.data)
                at += 1
            self._complete(codec, run)
            yield first.part, size, run

    def _decoded(self, codec: Codec, chunk: Chunk, parts: Sequence[Part]) -> list[Event]:
        events = codec.decode_or_keep(chunk.data)
        events += codec.flush()
        if parts:
            parts[chunk.part].events += len(events)
        return events

    def _pieces(self, chunk: Chunk, parts: Sequence[Part]) -> Iterator[tuple[int, list[Event]]]:
        """The events of a large chunk, in lists that stay in the processor's cache. A chunk of the
        usual size is a little larger for the line that it began with.
        """
        data, codec = chunk.data, self._stream(chunk.origin)
        for start in range(0, len(data), CHUNK_BYTES):
            events = codec.decode_or_keep(data[start : start + CHUNK_BYTES])
            if start + CHUNK_BYTES >= len(data):
                events += codec.flush()
            if parts:
                parts[chunk.part].events += len(events)
            self._complete(codec, events)
            yield CHUNK_BYTES, events

    def _complete(self, codec: Codec, events: list[Event]) -> None:
        codec.complete(events)
        self._decorate_all(events)

    def _finished(self, events: list[Event]) -> list[Event]:
        if not self._source.completes:
            complete(events, self._source.context.now(), {})
        self._decorate_all(events)
        return events

    def _decorate_all(self, events: list[Event]) -> None:
        decorate = self._decorate
        if decorate is not None:
            for event in events:
                decorate(event)

    def _messages(self, chunk: Chunk, parts: Sequence[Part]) -> list[Event]:
        """The events of messages, each with the fields that its message has."""
        codec = self._stream(chunk.origin)
        messages, origins, owned = chunk.messages(), chunk.origins, chunk.owned
        events = codec.decode_one_each(messages)
        if events is None:
            decoded = codec.decode_messages(messages)
            events = [event for some in decoded for event in some]
            if origins is not None:
                pairs = zip(decoded, origins, strict=True)
                origins = [origin for some, origin in pairs for _ in some]
                owned = owned and max(map(len, decoded), default=0) < 2
        if origins is not None:
            add_origins(events, origins, owned)
        if parts:
            parts[chunk.part].events += len(events)
        self._complete(codec, events)
        return events

    def _stream(self, origin: Mapping[str, Any]) -> Codec:
        latest, codec = self._latest
        if latest is not origin or codec is None:
            codec = self._known_stream(origin)
            self._latest = origin, codec
        return codec

    def _known_stream(self, origin: Mapping[str, Any]) -> Codec:
        key = repr(origin)
        known = self._streams.get(key)
        if known is None:
            if len(self._streams) >= MOST_STREAMS:
                self._streams.clear()
            assert self._codec is not None
            known = self._streams[key] = self._codec.stream(origin)
        return known


def _cut(data: bytes, boundary: bytes) -> Iterator[bytes]:
    """Pieces of a usual size, cut behind boundaries."""
    start = 0
    while start < len(data):
        at = data.find(boundary, start + CHUNK_BYTES)
        stop = len(data) if at < 0 else at + len(boundary)
        yield data[start:stop]
        start = stop


def _same(chunk: Chunk, first: Chunk) -> bool:
    return chunk.origin is first.origin and chunk.part == first.part


def _gathered(
    decoded: Iterable[tuple[int, int, list[Event]]],
) -> Iterator[tuple[int, list[Event]]]:
    """The events of small chunks, such as datagrams, in lists of a usual size: filters work on
    lists. Each list is of one part, and comes with its number.
    """
    gathered: list[Event] = []
    total = latest = 0
    for part, size, events in decoded:
        if gathered and (total + size > CHUNK_BYTES or part != latest):
            yield latest, gathered
            gathered, total = [], 0
        latest = part
        total += size
        if gathered:
            gathered += events
        elif events:
            gathered = events
    yield latest, gathered
