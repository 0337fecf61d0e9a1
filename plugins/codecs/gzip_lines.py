"""Lines of text, compressed with gzip. What a piece of data may grow to is bounded: compressed
zeros grow a thousandfold.
"""

from __future__ import annotations

import zlib
from typing import Any, ClassVar

from ...dsl.event import add_tag
from ...dsl.reference import Event
from ..contract import Codec, Ecs
from ..declaration import Bytes, option
from ._charset import charset_option
from ._framing import TOO_LONG, LineReader

_GZIP = 16 + zlib.MAX_WBITS
_LIMIT = Bytes(512 << 20)
_PIECE = 1 << 20


class GzipLines(Ecs, Codec, name="gzip_lines"):
    """Lines of text in gzip's format; for inputs only.

    Each line is an event, as with the codec `line`. Files that were compressed one by one and then
    joined are read through. What cannot be decompressed is one event tagged `_gzipparsefailure`,
    which says why; the lines before it are kept, the rest of the stream is left out.
    """

    encodes: ClassVar[bool] = False

    charset: str = option("The character set of the text.", default="UTF-8")
    decompress_size_limit_bytes: Bytes = option(
        "The most that a piece of data may grow to.", default=_LIMIT
    )

    def prepare(self) -> None:
        self._charset = charset_option(self)

    def start(self) -> None:
        self._reader = LineReader(self._charset, "\n", self.longest, self.begun)
        self._gzip = zlib.decompressobj(_GZIP)
        self._began = self._failed = False

    def decode(self, data: bytes) -> list[Event]:
        return [] if self._failed else self._decode(data)

    def flush(self) -> list[Event]:
        events = self._events(self._reader.rest())
        if self._began and not self._failed and not self._gzip.eof:
            events.append(self._failure("the data ends before its end"))
        self.start()
        return events

    def _decode(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        left: int = self.decompress_size_limit_bytes
        before = self._gzip
        try:
            while data := self._ahead(data):
                before = self._gzip.copy()
                text = self._gzip.decompress(data, min(left + 1, _PIECE))
                left -= len(text)
                events += self._events(self._reader.lines(text))
                if left < 0:
                    return [
                        *events,
                        *self._end(f"it grows over {self.decompress_size_limit_bytes} bytes"),
                    ]
                data = self._gzip.unused_data if self._gzip.eof else self._gzip.unconsumed_tail
        except zlib.error as error:
            text = _saved(before, data, left + 1)
            return [*events, *self._events(self._reader.lines(text)), *self._end(str(error))]
        return events

    def _end(self, reason: str) -> list[Event]:
        return [*self._events(self._reader.rest()), self._failure(reason)]

    def _ahead(self, data: bytes) -> bytes:
        """What is still to be decompressed; a file that ended may be followed by another, or by
        zeros that fill it up.
        """
        if self._gzip.eof:
            data = data.lstrip(b"\0")
            if data:
                self._gzip = zlib.decompressobj(_GZIP)
        self._began = self._began or bool(data)
        return data

    def _events(self, lines: list[str]) -> list[Event]:
        events: list[Event] = [
            {"message": line, "event": {"original": line}} if self.ecs else {"message": line}
            for line in lines
        ]
        for place in self._reader.cut:
            add_tag(events[place], TOO_LONG)
        return events

    def _failure(self, reason: str) -> Event:
        self._failed = True
        event: Event = {"message": f"the gzip data cannot be decompressed: {reason}"}
        add_tag(event, "_gzipparsefailure")
        return event


def _saved(gzip: Any, data: bytes, limit: int) -> bytes:
    """What can be had of data that turns out to be broken: zlib keeps to itself all that it read in
    a call that fails.
    """
    found: list[bytes] = []
    try:
        for at in range(len(data)):
            found.append(gzip.decompress(data[at : at + 1], limit))
    except zlib.error:
        pass
    return b"".join(found)[:limit]
