"""From what an input gave to complete events: chunks are decoded, events are completed and
decorated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...dsl.event import complete
from ...dsl.reference import Event
from ...plugins.batch import Batch, Chunk
from ...plugins.codec import Codec
from ...plugins.input import CHUNK_BYTES, Input

_MOST_STREAMS = 64


class Decoder:
    """Makes events of the batches of one input. At the end of a chunk a codec holds nothing, so
    that the codec of a stream serves for the next chunk of the same origin.
    """

    def __init__(self, source: Input) -> None:
        self._source = source
        self._codec = source.decoder()
        self._decorate = source.decorate
        self._streams: dict[str, Codec] = {}

    def batches(self, batch: Batch) -> Iterator[list[Event]]:
        """The events of a batch, in lists that stay in the processor's cache; the parts of the
        batch learn how many events they have.
        """
        if batch.chunks is None:
            yield self._finished(batch.events or [])
            return
        for part in batch.parts:
            part.events = 0
        for chunk in batch.chunks:
            for events in self._decoded(chunk):
                if batch.parts:
                    batch.parts[chunk.part].events += len(events)
                yield events

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

    def _decoded(self, chunk: Chunk) -> Iterator[list[Event]]:
        data, codec = chunk.data, self._stream(chunk.origin)
        if chunk.ends is not None:
            yield self._messages(codec, chunk)
            return
        # A chunk of the usual size is a little larger for the line that it began with.
        size = CHUNK_BYTES if len(data) > 2 * CHUNK_BYTES else len(data) or 1
        for start in range(0, len(data), size):
            events = codec.decode_or_keep(data[start : start + size])
            if start + size >= len(data):
                events += codec.flush()
            codec.complete(events)
            self._decorate_all(events)
            yield events

    def _messages(self, codec: Codec, chunk: Chunk) -> list[Event]:
        """The events of messages, each with the fields that its message has."""
        decoded = codec.decode_messages(chunk.messages())
        if chunk.origins is not None:
            now = self._source.context.now()
            for some, origin in zip(decoded, chunk.origins, strict=True):
                complete(some, now, origin)
        events = [event for some in decoded for event in some]
        codec.complete(events)
        self._decorate_all(events)
        return events

    def _stream(self, origin: Mapping[str, Any]) -> Codec:
        key = repr(origin)
        known = self._streams.get(key)
        if known is None:
            if len(self._streams) >= _MOST_STREAMS:
                self._streams.clear()
            assert self._codec is not None
            known = self._streams[key] = self._codec.stream(origin)
        return known
