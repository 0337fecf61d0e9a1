"""The codec of one file, and up to where what it was given has become events.

A position may be remembered when nothing before it is still held back: neither the start of a line
nor, where a codec joins lines, the lines of an event that is not complete. Such a codec says how
many whole lines it holds.
"""

from __future__ import annotations

import codecs
from collections import deque
from typing import Any

from ...dsl.reference import Event
from ..codecs._charset import Charset
from ..contract import Codec
from ._delimiter import Retold, RetoldEnds
from ._line_ends import LineEnds
from ._raw_codec import Pieces

_JOINING = ("multiline",)
_WIDTHS = {"utf-16": 2, "utf-32": 4}
_ORDERS = {
    "utf-16": {"le": codecs.BOM_UTF16_LE, "be": codecs.BOM_UTF16_BE},
    "utf-32": {"le": codecs.BOM_UTF32_LE, "be": codecs.BOM_UTF32_BE},
}


class Stream:
    """One file's bytes on their way through a codec. ``fed`` and ``safe`` are positions in the
    file.
    """

    def __init__(self, codec: Codec, ends: LineEnds, position: int) -> None:
        self._codec, self._ends = codec, ends
        self.fed = self.safe = position

    @property
    def holds(self) -> bool:
        """Whether something was given that is in no event."""
        return self.safe < self.fed

    @property
    def holds_part(self) -> bool:
        """Whether the last line given has no end yet."""
        return self.safe < self.fed

    def feed(self, data: bytes) -> list[Event]:
        """The events that are complete with these bytes."""
        events = self._codec.decode(data)
        self.fed += len(data)
        rest = self._ends.rest(data)
        if rest is not None:
            self.safe = self.fed - rest
        return self._codec.complete(events)

    def flush(self) -> list[Event]:
        """What is held, as events."""
        events = self._codec.flush()
        self.safe = self.fed
        return self._codec.complete(events)

    def idle(self) -> list[Event]:
        """Events that are due because nothing came for a while."""
        return self._codec.complete(self._codec.idle())


class JoiningStream(Stream):
    """A stream whose codec joins lines to events."""

    def __init__(self, codec: Codec, ends: LineEnds, position: int) -> None:
        super().__init__(codec, ends, position)
        self._line = position  # where the line starts that has no end yet
        self._starts: deque[int] = deque()  # of the lines that are in no event

    @property
    def holds_part(self) -> bool:
        return self._line < self.fed

    def feed(self, data: bytes) -> list[Event]:
        events = self._codec.decode(data)
        starts, fed = self._starts, self.fed
        for end in self._ends.all(data):
            starts.append(self._line)
            self._line = fed + end
        self.fed += len(data)
        self._settle()
        return self._codec.complete(events)

    def flush(self) -> list[Event]:
        self._starts.clear()
        self._line = self.fed
        return super().flush()

    def idle(self) -> list[Event]:
        events = super().idle()
        self._settle()
        return events

    def _settle(self) -> None:
        starts, held = self._starts, self._codec.held
        while len(starts) > held:
            starts.popleft()
        self.safe = starts[0] if starts else self._line


class Streams:
    """Makes the stream of each file, from the codec of the input and its delimiter (None: the
    codec's own).

    ``joins``: whether the codec makes events of several lines.
    """

    def __init__(self, codec: Codec, delimiter: str | None, host: str, ecs: bool) -> None:
        self._codec, self._host, self._ecs = codec, host, ecs
        self.joins = getattr(getattr(codec, "spec", None), "name", "") in _JOINING
        self._charset = Charset(getattr(codec, "charset", "UTF-8")).codec.name
        self._retold = b""
        if delimiter is not None and "delimiter" not in codec.given:
            if hasattr(codec, "delimiter"):
                codec.delimiter = delimiter
                codec.prepare()
            elif delimiter != "\n":
                self._retold = delimiter.encode()
                self._codec = Retold(codec, self._retold)
        self._delimiter: str = getattr(codec, "delimiter", "\n")

    def give_pieces(self) -> Codec | None:
        """From now on streams give pieces in the place of events; the codec that decodes them.
        None: they cannot be cut.
        """
        codec = self._codec
        boundary = None if self.joins or self._retold else codec.boundary()
        if boundary is None:
            return None
        self._codec = Pieces(codec, boundary)
        return codec

    def start(self, path: str, position: int, head: bytes) -> Stream:
        """The stream of a file from a position on; ``head`` is how the file starts."""
        codec = self._codec.stream(self._origin(_printable(path)))
        charset, mark = self._order(head)
        if position and mark:
            codec.decode(mark)
        return (JoiningStream if self.joins else Stream)(codec, self._ends(charset), position)

    def _origin(self, path: str) -> dict[str, Any]:
        metadata = {"path": path, "host": self._host}
        if self._ecs:
            return {
                "host": {"name": self._host},
                "log": {"file": {"path": path}},
                "@metadata": metadata,
            }
        return {"host": self._host, "path": path, "@metadata": metadata}

    def _ends(self, charset: str) -> LineEnds:
        if self._retold:
            return RetoldEnds(self._retold)
        width = next((units for name, units in _WIDTHS.items() if charset.startswith(name)), 1)
        return LineEnds(self._delimiter.encode(charset, "replace"), width)

    def _order(self, head: bytes) -> tuple[str, bytes]:
        """The character set with its byte order, and the mark that tells it, where the start of a
        file does.
        """
        for order, mark in _ORDERS.get(self._charset, {}).items():
            if head.startswith(mark):
                return f"{self._charset}-{order}", mark
        return (f"{self._charset}-be", b"") if self._charset in _ORDERS else (self._charset, b"")


def _printable(path: str) -> str:
    """A path as text: bytes in it that are no UTF-8 become U+FFFD."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return path
