"""From the bytes of one connection to what is gathered: cut where they can be decoded by
themselves, by whoever filters, or decoded here by a codec of the connection's own.

A line that does not end is handed out in parts as soon as it is over its limit, by the cutter. That
bounds one connection; ``Held`` bounds all of them together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ..batch import Chunk
from ..codec import Codec
from ..codecs._framing import TOO_LONG
from ..streams import Cutter
from .gathering import Gathering

_LINES_HELD = 8
"""As many lines of the longest size may wait for their ends in all connections together."""


class Feed(Protocol):
    """What takes the bytes of a connection."""

    @property
    def held(self) -> int:
        """How many bytes wait for more."""
        ...

    def feed(self, data: bytes) -> None:
        """These bytes came."""
        ...

    def spill(self) -> None:
        """Give what is held, though it has no end: too much is held in all."""
        ...

    def idle(self) -> None:
        """Nothing came for a while; called about once a second."""
        ...

    def end(self) -> None:
        """Nothing more comes: give what is held."""
        ...


class Held:
    """How much all connections hold."""

    def __init__(self, longest: int) -> None:
        self._most, self._total = _LINES_HELD * longest, 0

    def changed(self, feed: Feed, before: int) -> None:
        """A feed holds more, or less, than before."""
        self._total += feed.held - before
        if self._total > self._most and feed.held:
            self._total -= feed.held
            feed.spill()
            self._total += feed.held


class CutFeed:
    """Cuts lines, or what else ends at a boundary."""

    def __init__(
        self, gathering: Gathering, boundary: bytes, longest: int, origin: Mapping[str, Any]
    ) -> None:
        self.held = 0
        self._gathering, self._origin = gathering, origin
        self._cutter = Cutter(boundary, longest)

    def feed(self, data: bytes) -> None:
        """As ``Feed``."""
        piece = self._cutter.piece(data)
        if piece:
            self.held = max(0, self.held + len(data) - len(piece))
            self._gathering.add(Chunk(piece, self._origin))
        else:
            self.held += len(data)

    def spill(self) -> None:
        """As ``Feed``."""
        self._rest({**self._origin, "tags": [TOO_LONG]})

    def idle(self) -> None:
        """As ``Feed``."""

    def end(self) -> None:
        """As ``Feed``."""
        self._rest(self._origin)

    def _rest(self, origin: Mapping[str, Any]) -> None:
        rest = self._cutter.rest()
        self.held = 0
        if rest:
            self._gathering.add(Chunk(rest, origin))


class CodecFeed:
    """Decodes with a codec that must see the whole stream, such as one that joins lines."""

    held = 0

    def __init__(self, gathering: Gathering, codec: Codec) -> None:
        self._gathering, self._codec = gathering, codec

    def feed(self, data: bytes) -> None:
        """As ``Feed``."""
        codec = self._codec
        self._gathering.add_events(codec.complete(codec.decode_or_keep(data)), len(data))

    def spill(self) -> None:
        """As ``Feed``."""

    def idle(self) -> None:
        """As ``Feed``."""
        self._gathering.add_events(self._codec.complete(self._codec.idle()), 0)

    def end(self) -> None:
        """As ``Feed``."""
        self._gathering.add_events(self._codec.complete(self._codec.flush()), 0)
