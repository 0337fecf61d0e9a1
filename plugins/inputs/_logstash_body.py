"""What the output logstash sends in a request: a list of events as JSON, on one line, or an event
on each line. Which of the two, its first byte says.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ...dsl.reference import Event
from ..codec import Codec

_WHITE = b" \t\r\n"


class BodyCodec(Codec):
    """Decodes bodies: lists with ``whole``, others with ``lines``."""

    def __init__(self, whole: Codec, lines: Codec) -> None:
        self.context, self.given = lines.context, lines.given
        self._whole, self._lines = whole, lines
        self._inner, self._pieces = lines, list[bytes]()

    def stream(self, origin: Mapping[str, Any] | None = None, begun: bool | None = None) -> Codec:
        fresh = copy.copy(self)
        fresh.origin = origin or {}
        fresh._inner, fresh._pieces = self._lines, []
        return fresh

    def decode(self, data: bytes) -> list[Event]:
        return self.decode_or_keep(data)

    def decode_or_keep(self, data: bytes) -> list[Event]:
        self._pieces.append(data)
        return []

    def flush(self) -> list[Event]:
        body, self._pieces = b"".join(self._pieces), []
        is_list = body[:1] == b"[" or body[:64].lstrip(_WHITE).startswith(b"[")
        self._inner = (self._whole if is_list else self._lines).stream(self.origin)
        return self._inner.decode_or_keep(body) + self._inner.flush()

    def complete(self, events: list[Event]) -> list[Event]:
        return self._inner.complete(events)
