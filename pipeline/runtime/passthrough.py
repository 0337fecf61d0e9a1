"""A pipeline with nothing between its input and its output: where their codecs know a shorter way
from bytes to bytes, no event is made at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...dsl.program import Branch
from ...plugins.contract import Codec, Input, Output
from ...plugins.passthrough import RawBatch, RawStream, Relay
from ...plugins.streams import CHUNK
from ..compile.instantiate import Assembly
from ..delivery.sender import Ticket
from .pipeline import Counts, Pipeline

_MOST_STREAMS = 64


def can_relay(assembly: Assembly) -> bool:
    """Whether all that a configuration does is to pass on what one input gives to one output that
    encodes it.
    """
    program = assembly.program
    if (
        program.filters
        or len(program.inputs) != 1
        or len(program.outputs) != 1
        or isinstance(program.outputs[0], Branch)
    ):
        return False
    source, target = assembly.plugins([*program.inputs, *program.outputs])
    assert isinstance(source, Input)
    assert isinstance(target, Output)
    settings, encoding = program.settings, target.encoding()
    kept = settings["queue.type"] == "persisted" or settings["dead_letter_queue.enable"]
    if kept or source.decorate is not None or source.completes is False or encoding is None:
        return False
    return source.new_codec().relay(encoding[0]) is not None


class RelayPipeline(Pipeline):
    """Passes bytes on."""

    def __init__(self, assembly: Assembly, tick: Callable[[Counts], None] | None = None) -> None:
        super().__init__(assembly, tick)
        encoding = self.targets[0].encoding()
        assert encoding is not None
        self._encoder, self._wrap = encoding
        self._relays: dict[str, Relay] = {}

    def _run(self) -> None:
        raw = self.raw(CHUNK)
        if raw is None:
            super()._run()
            return
        self._open_ways()
        for batch in raw.batches:
            if batch is None:
                self._flush_outputs()
            else:
                self._pass_bytes_on(batch, raw)
            if self._tick is not None:
                self._tick(self.counts)
            if self._failure is not None:
                break
        self._end_ways()

    def _pass_bytes_on(self, batch: RawBatch, raw: RawStream) -> None:
        (way,) = self._ways
        with Ticket(batch.done) as ticket:
            for data, origin in batch.pieces:
                packed, events = self._relay(raw.codec, origin)(data)
                way.submit(self._wrap(packed), events, ticket)
                self.counts.events_in += events
                self.counts.events_out += events
        self.counts.bytes_in += batch.bytes

    def _relay(self, codec: Codec, origin: Mapping[str, Any]) -> Relay:
        key = repr(origin)
        relay = self._relays.get(key)
        if relay is None:
            if len(self._relays) >= _MOST_STREAMS:
                self._relays.clear()
            relay = codec.stream(origin).relay(self._encoder)
            assert relay is not None
            self._relays[key] = relay
        return relay
