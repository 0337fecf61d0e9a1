"""In the place of a file's codec where somebody else decodes: cuts the bytes where they may be cut, and gives them as they are."""
from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ..contract import Codec
from ..raw import Piece


class Pieces(Codec):
    """Gives pieces in the place of events; what stands after the last boundary is held. ``codec`` is what will decode them."""

    completes = True

    def __init__(self, codec: Codec, boundary: bytes) -> None:
        self._codec, self._boundary = codec, boundary
        self._held: list[bytes] = []

    def stream(self, origin: Mapping[str, Any] | None = None) -> Codec:
        fresh = copy.copy(self)
        fresh.origin, fresh._held = origin or {}, []
        return fresh

    def decode(self, data: bytes) -> list[Any]:
        at = data.rfind(self._boundary) + len(self._boundary)
        if at < len(self._boundary):
            self._held.append(data)
            return []
        whole = b"".join([*self._held, data[:at]])
        self._held = [data[at:]] if at < len(data) else []
        return [Piece(whole, self.origin)]

    def flush(self) -> list[Any]:
        held, self._held = b"".join(self._held), []
        return [Piece(held, self.origin)] if held else []
