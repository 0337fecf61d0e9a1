"""In the place of a file's codec where somebody else decodes: cuts the bytes where they may be cut,
and gives them as they are.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ..contract import Codec
from ..passthrough import Piece
from ..streams import Cutter


class Pieces(Codec):
    """Gives pieces in the place of events; what stands after the last boundary is held. ``codec``
    is what will decode them.
    """

    completes = True

    def __init__(self, codec: Codec, boundary: bytes) -> None:
        self._codec, self._boundary = codec, boundary
        self.start()

    def stream(self, origin: Mapping[str, Any] | None = None) -> Codec:
        fresh = copy.copy(self)
        fresh.origin = origin or {}
        fresh.start()
        return fresh

    def start(self) -> None:
        self._cutter = Cutter(self._boundary, self._codec.longest)

    def decode(self, data: bytes) -> list[Any]:
        piece = self._cutter.piece(data)
        return [Piece(piece, self.origin)] if piece else []

    def flush(self) -> list[Any]:
        held = self._cutter.rest()
        return [Piece(held, self.origin)] if held else []
