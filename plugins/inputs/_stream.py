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
from ..codec import Codec
from ..codecs._charset import Charset
from ..streams import Cutter
from ._delimiter import Retold, RetoldEnds
from ._line_ends import LineEnds
from ._load import Content

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

    def feed(self, data: bytes) -> Content:
        """What is complete with these bytes."""
        content = self._decoded(data)
        self.fed += len(data)
        rest = self._ends.rest(data)
        if rest is not None:
            self.safe = self.fed - rest
        return content

    def flush(self) -> Content:
        """What is held."""
        self.safe = self.fed
        return self._content(self._codec.flush())

    def idle(self) -> Content:
        """Events that are due because nothing came for a while."""
        return self._content(self._codec.idle())

    def _decoded(self, data: bytes) -> Content:
        return self._content(self._codec.decode(data))

    def _content(self, events: list[Event]) -> Content:
        return Content(self._codec.complete(events))


class ChunkStream(Stream):
    """A stream whose bytes are only cut here, where they may be cut, and decoded elsewhere."""

    def __init__(self, codec: Codec, ends: LineEnds, position: int, boundary: bytes) -> None:
        super().__init__(codec, ends, position)
        self._cutter = Cutter(boundary, codec.longest, begun=position > 0)

    def flush(self) -> Content:
        self.safe = self.fed
        return Content([], self._cutter.rest(), self._codec.origin)

    def idle(self) -> Content:
        return Content([])

    def _decoded(self, data: bytes) -> Content:
        return Content([], self._cutter.piece(data), self._codec.origin)


class JoiningStream(Stream):
    """A stream whose codec joins lines to events."""

    def __init__(self, codec: Codec, ends: LineEnds, position: int) -> None:
        super().__init__(codec, ends, position)
        self._line = position  # where the line starts that has no end yet
        self._starts: deque[int] = deque()  # of the lines that are in no event

    @property
    def holds_part(self) -> bool:
        return self._line < self.fed

    def feed(self, data: bytes) -> Content:
        content = self._decoded(data)
        starts, fed = self._starts, self.fed
        for end in self._ends.all(data):
            starts.append(self._line)
            self._line = fed + end
        self.fed += len(data)
        self._settle()
        return content

    def flush(self) -> Content:
        self._starts.clear()
        self._line = self.fed
        return super().flush()

    def idle(self) -> Content:
        content = super().idle()
        self._settle()
        return content

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
        cannot_be_cut = self.joins or self._retold
        self._boundary = None if cannot_be_cut else codec.boundary()
        codec.begun = self._boundary is not None  # then what cuts it takes a byte order mark off

    @property
    def decoder(self) -> Codec | None:
        """The codec that decodes what streams only cut; None where they decode it themselves."""
        return None if self._boundary is None else self._codec

    def codec_of(self, path: str) -> Codec:
        """A codec with the origin of a file, for all of its content."""
        return self._codec.stream(self._origin(_printable(path)))

    def start(self, path: str, position: int, head: bytes) -> Stream:
        """The stream of a file from a position on; ``head`` is how the file starts."""
        codec = self._codec.stream(self._origin(_printable(path)), begun=position > 0)
        charset, mark = self._order(head)
        if position and mark:
            codec.decode(mark)
        ends = self._ends(charset)
        if self._boundary is not None:
            return ChunkStream(codec, ends, position, self._boundary)
        return (JoiningStream if self.joins else Stream)(codec, ends, position)

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
    """A path as text: bytes in it that are not UTF-8 become U+FFFD."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return path
