"""``Work``: the step that every engine runs. Chunks of bytes go in, what the outputs packed comes
out, or, before a filter that keeps state, events by shards of their keys.

A plugin holds what belongs to a batch while it works, so a ``Work`` is one thread's alone:
``work_for`` keeps one for each thread (with two slots in a process of Flink, two threads of one
interpreter run tasks).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ...plugins.batch import Batch, Chunk
from ...plugins.codec import Codec
from ...plugins.input import CHUNK_BYTES, Input
from ..compile.instantiate import Assembly
from .packed import DEAD_LETTERS, KeyedRow, Packed, Payload
from .segment_work import SegmentWork
from .shipping import Fetch, Shipment, assembled

__all__ = ["DEAD_LETTERS", "KeyedRow", "Packed", "Payload", "Work", "work_for"]


class Work:
    """Decode and the first segment of the filters: of one configuration, in one thread."""

    def __init__(self, assembly: Assembly) -> None:
        self.assembly = assembly
        self._segment = SegmentWork(assembly, 0)
        program = assembly.program
        self.inputs = [p for p in assembly.plugins(program.inputs) if isinstance(p, Input)]

    def lines(self, chunk: bytes, origin: Mapping[str, Any] | None, read: int = 0) -> Packed:
        """Work on bytes of a stream that were cut at the codec's boundary; ``read`` is the number
        of the input that they are of, ``origin`` the fields that each of its events gets.
        """
        return self._run(read, Batch(chunks=[Chunk(chunk, origin or {})], bytes=len(chunk)))

    def range(
        self, chunks: Iterable[bytes], origin: Mapping[str, Any] | None, read: int = 0
    ) -> Iterator[Packed]:
        """Work on the chunks of a range, as ``lines``; results that filters make in parts are
        gathered over all of them.
        """
        for chunk in chunks:
            batch = Batch(chunks=[Chunk(chunk, origin or {})], bytes=len(chunk))
            yield self._run(read, batch, gathers=True)
        yield self.rest()

    def rest(self) -> Packed:
        """What filters have gathered; what was left of a call that failed."""
        return self._segment.taken(0, 0)

    def messages(
        self,
        messages: Sequence[bytes],
        metadata: Sequence[Mapping[str, Any]] | None = None,
        read: int = 0,
    ) -> Packed:
        """Work on messages of a broker, each decoded by itself; ``metadata`` has the fields that
        each of them brings, such as ``{"@metadata": {"kafka": {…}}}``.
        """
        if not messages:
            return Packed()
        chunk = Chunk.of_messages(messages, metadata or [{}] * len(messages))
        return self._run(read, Batch(chunks=[chunk], bytes=len(chunk.data)))

    def events(self, batch: Batch, read: int = 0) -> Packed:
        """Work on a batch that an input gave."""
        return self._run(read, batch)

    def whole(self, codec: Codec, content: Iterable[bytes], read: int = 0) -> Iterator[Packed]:
        """Work on all of a stream whose codec cannot be cut, such as multiline, piece by piece."""
        for piece in content:
            for start in range(0, len(piece), CHUNK_BYTES):
                events = codec.decode_or_keep(piece[start : start + CHUNK_BYTES])
                yield self.events(Batch(codec.complete(events)), read)
        yield self.events(Batch(codec.complete(codec.flush())), read)

    def _run(self, read: int, batch: Batch, gathers: bool = False) -> Packed:
        taken = given = 0
        segment = self._segment
        run = segment.work.filters.run
        for _, events in segment.work.decoded(read, batch):
            out = run(events)
            taken += len(events)
            given += len(out)
            segment.emit(out)
        return segment.taken(taken, given, gathers)

    def close(self) -> None:
        """Close the filters."""
        self._segment.close()


_kept = threading.local()


def work_for(shipment: Shipment, fetch: Fetch | None = None) -> Work:
    """The ``Work`` of a configuration in this thread, made when it is first asked for; ``fetch`` as
    of ``assembled``. Raises ConfigError where the configuration does not hold on this machine.
    """
    digest = shipment.digest
    known: dict[str, Work] = _kept.__dict__
    if digest not in known:
        for other in list(known):
            known.pop(other).close()
        known[digest] = Work(assembled(shipment, fetch))
    return known[digest]
