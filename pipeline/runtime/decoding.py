"""From what an input gave to complete events: chunks are decoded, events are completed and
decorated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ...dsl.event import complete
from ...dsl.reference import Event
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

    def batches(self, batch: Batch) -> Iterator[list[Event]]:
        """The events of a batch, in lists that stay in the processor's cache; the parts of the
        batch learn how many events they have.
        """
        self.part = None
        if batch.chunks is None:
            yield self._finished(batch.events or [])
            return
        for part in batch.parts:
            part.events = 0
        for part_number, events in _gathered(self._counted(batch.chunks, batch.parts)):
            self.part = part_number
            yield events

    def _counted(
        self, chunks: Sequence[Chunk], parts: Sequence[Part]
    ) -> Iterator[tuple[int, int, list[Event]]]:
        for chunk in chunks:
            for size, events in self._decoded(chunk):
                if parts:
                    parts[chunk.part].events += len(events)
                yield chunk.part, size, events

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

    def _decoded(self, chunk: Chunk) -> Iterator[tuple[int, list[Event]]]:
        data, codec = chunk.data, self._stream(chunk.origin)
        # A chunk of the usual size is a little larger for the line that it began with.
        size = CHUNK_BYTES if len(data) > 2 * CHUNK_BYTES else len(data) or 1
        for start in range(0, len(data) or 1, size):  # an empty payload is one
            events = codec.decode_or_keep(data[start : start + size])
            if start + size >= len(data):
                events += codec.flush()
            codec.complete(events)
            self._decorate_all(events)
            yield min(size, len(data)), events

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
