"""The long way of a piece through a pipeline with nothing in it: to events, and back to bytes."""

from __future__ import annotations

from ..contract import Codec


def relayed(stream: Codec, piece: bytes, encoder: Codec) -> tuple[bytes, int]:
    """What the encoder makes of a piece's events, and how many they are; the stream holds nothing
    before nor after.
    """
    events = stream.complete([*stream.decode(piece), *stream.flush()])
    return encoder.encode(events), len(events)
