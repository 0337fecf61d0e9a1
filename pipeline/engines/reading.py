"""What a task reads by itself: a range of a file, or all that an input gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from ...plugins.errors import EndOfInput
from ..runtime.opening import open_plugin
from .packed import Packed
from .ranges import Range, boundary_of, chunks_of, content_of
from .work import Work

_WAIT = 1.0


class Reading(msgspec.Struct, frozen=True):
    """A range of the input with this number, None for all that it gives."""

    read: int
    part: Range | None = None

    def __call__(self, work: Work) -> Iterator[Packed]:
        """Read, and work on it, chunk by chunk. Raises OSError, Disconnected."""
        source: Any = work.inputs[self.read]
        if self.part is None:
            yield from self._all_of(work, source)
            return
        codec, boundary = source.codec_of(self.part.path), boundary_of(source)
        if boundary is None:
            yield from work.whole(codec, content_of(self.part), self.read)
            return
        chunks = chunks_of(self.part, boundary, codec.longest)
        yield from work.range(chunks, codec.origin, self.read)

    def _all_of(self, work: Work, source: Any) -> Iterator[Packed]:
        open_plugin(source)
        try:
            source.connect()
            while True:
                batch = source.read(_WAIT)
                if batch is not None:
                    yield work.events(batch, self.read)
        except EndOfInput:
            return
        finally:
            source.close()
