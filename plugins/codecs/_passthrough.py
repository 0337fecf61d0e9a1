"""The long way of a chunk through a pipeline with nothing in it: to events, and back to bytes."""

from __future__ import annotations

from ..contract import Codec


def decoded_and_encoded(stream: Codec, chunk: bytes, encoder: Codec) -> tuple[bytes, int]:
    """What the encoder makes of a chunk's events, and how many they are; the stream holds nothing
    before nor after.
    """
    events = stream.complete([*stream.decode(chunk), *stream.flush()])
    return encoder.encode(events), len(events)
