"""Codecs that take one line at a time, on a stream of bytes: csv, cef, graphite read from a file or a socket.

Logstash's file input hands such a codec line by line. Inputs here hand over bytes as they come, and this cuts them. A
codec says with ``by_line = True`` that it wants it.
"""
from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ...dsl.reference import Event
from ..contract import Codec
from ._framing import Framing


class ByLine(Codec):
    """A codec that is fed line by line. Empty lines are left out."""

    def __init__(self, codec: Codec) -> None:
        self.codec, self.context, self.given = codec, codec.context, codec.given
        self.start()

    def stream(self, origin: Mapping[str, Any] | None = None) -> Codec:
        fresh = copy.copy(self)
        fresh.origin = origin or {}
        fresh.codec = self.codec.stream(origin)
        fresh._framing = Framing(b"\n")
        return fresh

    def start(self) -> None:
        self.codec.start()
        self._framing = Framing(b"\n")

    def decode(self, data: bytes) -> list[Event]:
        return self._each(self._framing.feed(data))

    def flush(self) -> list[Event]:
        return [*self._each(self._framing.rest()), *self.codec.flush()]

    def _each(self, block: bytes | None) -> list[Event]:
        decode = self.codec.decode
        return [event for line in (block or b"").split(b"\n") if line for event in decode(line)]

    def idle(self) -> list[Event]:
        return self.codec.idle()

    def encode(self, events: list[Event]) -> bytes:
        return self.codec.encode(events)
