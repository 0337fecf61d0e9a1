"""An input as bytes: pieces that somebody else decodes, or that are passed on without being
decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from .contract import Codec

Relay = Callable[[bytes], tuple[bytes, int]]
"""From bytes that came to bytes that go, and how many events they are."""


class Piece(NamedTuple):
    """Bytes of one stream, cut so that they can be decoded by themselves, by a fresh
    ``codec.stream(origin)``.
    """

    data: bytes
    origin: Mapping[str, Any]


class RawBatch(msgspec.Struct):
    """Pieces on their way from an input; ``done`` as in ``Batch``."""

    pieces: list[Piece]
    done: Callable[[Exception | None], None] | None = None
    bytes: int = 0


class RawStream(msgspec.Struct):
    """An input's bytes, for whoever decodes them in its place. ``batches`` gives None when nothing
    came for a moment.
    """

    codec: Codec
    batches: Iterator[RawBatch | None]
