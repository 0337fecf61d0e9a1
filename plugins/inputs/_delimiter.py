"""A delimiter of the input's, for codecs that know no other end of a line than a line break:
delimiters become line breaks.

What may be the first half of a delimiter is kept until the rest is there, by both classes alike.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from ...dsl.reference import Event
from ..codec import Codec
from ._line_ends import LineEnds


class Retold(Codec):
    """A codec that is told line breaks in the place of delimiters."""

    def __init__(self, codec: Codec, delimiter: bytes) -> None:
        self._codec, self._delimiter = codec, delimiter
        self._edge = b""

    def stream(self, origin: Mapping[str, Any] | None = None, begun: bool | None = None) -> Codec:
        fresh = copy.copy(self)
        fresh._codec, fresh._edge = self._codec.stream(origin, begun), b""
        return fresh

    def complete(self, events: list[Event]) -> list[Event]:
        return self._codec.complete(events)

    def decode(self, data: bytes) -> list[Event]:
        data = self._edge + data
        whole = len(data) - begun(data, self._delimiter)
        self._edge = data[whole:]
        return self._codec.decode(data[:whole].replace(self._delimiter, b"\n"))

    def flush(self) -> list[Event]:
        edge, self._edge = self._edge, b""
        return [*self._codec.decode(edge), *self._codec.flush()] if edge else self._codec.flush()

    @property
    def held(self) -> int:
        return self._codec.held

    def idle(self) -> list[Event]:
        return self._codec.idle()


class RetoldEnds(LineEnds):
    """Where lines end for such a codec: at delimiters and at line breaks."""

    def __init__(self, delimiter: bytes) -> None:
        super().__init__(delimiter)
        self._find = re.compile(b"|".join((re.escape(delimiter), b"\n"))).finditer

    def rest(self, data: bytes) -> int | None:
        ends = self.all(data)
        return len(data) - ends[-1] if ends else None

    def all(self, data: bytes) -> list[int]:
        before, data = len(self._edge), self._edge + data
        whole = len(data) - begun(data, self._delimiter)
        self._edge = data[whole:]
        return [found.end() - before for found in self._find(data[:whole])]


def begun(data: bytes, delimiter: bytes) -> int:
    """How many of the last bytes may be the start of a delimiter."""
    rest = data.split(delimiter)[-1]
    return next((k for k in range(len(delimiter) - 1, 0, -1) if rest.endswith(delimiter[:k])), 0)
