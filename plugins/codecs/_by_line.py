"""Codecs that take one line at a time, on a stream of bytes: csv, cef, graphite read from a file or
a socket.

Logstash's file input hands such a codec line by line. Inputs here hand over bytes as they come, and
this cuts them. A codec says with ``by_line = True`` that it wants it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ...dsl.reference import Event
from ..contract import Codec
from ._charset import Charset
from ._framing import TOO_LONG, Framing


class ByLine(Codec):
    """A codec that is fed line by line. Empty lines are left out; parts of a line over the limit
    are events.
    """

    def __init__(self, codec: Codec) -> None:
        self.codec, self.context, self.given = codec, codec.context, codec.given
        self._text = Charset(getattr(codec, "charset", "UTF-8")).text
        self.start()

    def stream(self, origin: Mapping[str, Any] | None = None, begun: bool | None = None) -> Codec:
        fresh = copy.copy(self)
        fresh.origin = origin or {}
        fresh.begun = self.begun if begun is None else begun
        fresh.codec = self.codec.stream(origin, fresh.begun)
        fresh._framing = Framing(b"\n", self.longest, fresh.begun)
        return fresh

    def start(self) -> None:
        self.codec.start()
        self._framing = Framing(b"\n", self.longest, self.begun)

    def decode(self, data: bytes) -> list[Event]:
        return self._each(self._framing.feed(data))

    def flush(self) -> list[Event]:
        return [*self._each(self._framing.rest()), *self.codec.flush()]

    def _each(self, block: bytes | None) -> list[Event]:
        decode, cut = self.codec.decode, self._framing.cut
        lines = (block or b"").split(b"\n")
        if not cut:
            return [event for line in lines if line for event in decode(line)]
        return [
            event
            for place, line in enumerate(lines)
            if line
            for event in (self._part(line) if place in cut else decode(line))
        ]

    def _part(self, line: bytes) -> list[Event]:
        return [{"message": self._text(line), "tags": [TOO_LONG]}]

    def idle(self) -> list[Event]:
        return self.codec.idle()

    def encode(self, events: list[Event]) -> bytes:
        return self.codec.encode(events)
