"""A pipeline with nothing between its input and its output: where their codecs know a shorter way
from bytes to bytes, no event is made at all.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from ...dsl.program import Branch
from ...plugins.batch import Payload
from ...plugins.codec import Codec, Passthrough
from ...plugins.input import CHUNK_BYTES, Input
from ...plugins.output import Output
from ..compile.instantiate import Assembly
from ..delivery.pending import PendingAck
from ..observe.counters import Counts
from .decoding import MOST_STREAMS
from .input_threads import Incoming
from .pipeline import Pipeline
from .work import Work


def passes_through(assembly: Assembly) -> bool:
    """Whether all that a configuration does is to pass on what one input gives to one output that
    encodes it.
    """
    program = assembly.program
    if program.filters or len(program.inputs) != 1 or len(program.outputs) != 1:
        return False
    if isinstance(program.outputs[0], Branch):
        return False
    source, target = assembly.plugins([*program.inputs, *program.outputs])
    assert isinstance(source, Input)
    assert isinstance(target, Output)
    settings, encoding = program.settings, target.plain_encoding()
    is_kept = settings["queue.type"] == "persisted" or settings["dead_letter_queue.enable"]
    if is_kept or source.decorate is not None or not source.completes or encoding is None:
        return False
    codec = source.decoder()
    return codec is not None and codec.stream({}).passthrough(encoding[0]) is not None


class PassthroughPipeline(Pipeline):
    """Passes bytes on."""

    chunk_bytes = 4 * CHUNK_BYTES
    """No events are made that could fall out of a cache; what counts is how often a batch comes."""

    def __init__(self, assembly: Assembly, tick: Callable[[Counts], None] | None = None) -> None:
        super().__init__(assembly, tick)
        encoding, codec = self.targets[0].plain_encoding(), self.inputs[0].decoder()
        assert encoding is not None
        assert codec is not None
        self._codec: Codec = codec
        self._encoder: Codec = encoding[0]
        self._lane: Hashable = encoding[1]
        self._streams: dict[str, Passthrough] = {}

    def _work(self, work: Work, incoming: Incoming) -> None:
        (sink,), batch = self._sinks, incoming.batch
        events = 0
        with PendingAck(self.taken(incoming)) as pending:
            for chunk in batch.chunks or ():
                data, count = self._stream(chunk.origin)(chunk.data)
                sink.submit(Payload(data, None, self._lane, count), pending)
                events += count
        self.counts.add(0, events, events, batch.bytes)

    def _stream(self, origin: Mapping[str, Any]) -> Passthrough:
        key = repr(origin)
        known = self._streams.get(key)
        if known is None:
            if len(self._streams) >= MOST_STREAMS:
                self._streams.clear()
            known = self._codec.stream(origin).passthrough(self._encoder)
            assert known is not None
            self._streams[key] = known
        return known
