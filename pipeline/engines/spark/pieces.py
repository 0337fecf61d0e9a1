"""The places of what tasks read, as the driver sends them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

FILE = "file"

Positions = dict[str, Any]
"""By the number of an input, as text, how far it has come: plain data."""


class Piece(msgspec.Struct, frozen=True):
    """What one task reads: a range of a file (``path``; all of it where ``end`` is -1), or of a
    partition of a topic (``topic``), or all that an input gives. ``read`` is the input's number;
    ``left``: how many messages of the partition wait behind the range.
    """

    read: int
    path: str = ""
    topic: str = ""
    partition: int = 0
    start: int = 0
    end: int = -1
    left: int = 0

    @property
    def source(self) -> str:
        """The name of the partition, as in positions."""
        if self.topic:
            return f"{self.read}:topic:{self.topic}-{self.partition}"
        return f"{self.read}:{FILE}:{self.path}"


def encoded(pieces: Sequence[Piece]) -> list[bytes]:
    """Pieces as bytes, to be sent to tasks."""
    return [msgspec.msgpack.encode(piece) for piece in pieces]


def decoded(data: Any) -> Piece:
    """A piece that was sent."""
    return msgspec.msgpack.decode(data, type=Piece)
