"""Lines of text, compressed with gzip. What a piece of data may grow to is bounded: compressed
zeros grow a thousandfold.
"""

from __future__ import annotations

import zlib
from typing import Any, ClassVar

from ...dsl.event import add_tag
from ...dsl.reference import Event
from ..contract import Codec, Ecs, complain
from ..declaration import Bytes, option
from ._charset import charset_option
from ._foreign import text_of
from ._framing import TOO_LONG, LineReader

_GZIP = 16 + zlib.MAX_WBITS
_LIMIT = Bytes(512 << 20)
_PIECE = 1 << 20


class GzipLines(Ecs, Codec, name="gzip_lines"):
    """Lines of text in gzip's format; for inputs only.

    Each line is an event, as with the codec `line`. Files that were compressed one by one and then
    joined are read through. From where a stream cannot be decompressed, because it is damaged,
    grows over the limit or was never packed, its bytes are read as lines of text as they stand,
    each tagged `_gzipparsefailure`; the log says why. A stream that breaks off has the tag on what
    came last.
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
        self._silent, self._fed = True, b""  # what a member was given that has given no text yet

    def decode(self, data: bytes) -> list[Event]:
        return self._as_it_stands(data) if self._failed else self._decode(data)

    def flush(self) -> list[Event]:
        events = self._events(self._reader.rest())
        if self._failed:
            _tag(events)
        elif self._began and not self._gzip.eof:
            self._say("the data is truncated")
            events = events or [self._event(text_of(self._fed))]
            _tag(events[-1:])
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
                rest = self._gzip.unused_data if self._gzip.eof else self._gzip.unconsumed_tail
                if left < 0:
                    reason = (
                        f"the decompressed data exceeds {self.decompress_size_limit_bytes}"
                        " bytes (decompress_size_limit_bytes)"
                    )
                    return [*events, *self._end(reason, rest)]
                self._silent = self._silent and not text and not self._gzip.eof
                self._fed = self._fed + data if self._silent else b""
                data = rest
        except zlib.error as error:
            text, taken = _saved(before, data, left + 1)
            events += self._events(self._reader.lines(text))
            rest = self._fed + data if self._silent and not text else data[taken:]
            return [*events, *self._end(str(error), rest)]
        return events

    def _end(self, reason: str, rest: bytes) -> list[Event]:
        """What is still held, and the bytes from here on."""
        self._say(reason)
        events = self._events(self._reader.rest())
        self._failed = True
        self._reader = LineReader(self._charset, "\n", self.longest, bool(events))
        return [*events, *self._as_it_stands(rest)]

    def _as_it_stands(self, data: bytes) -> list[Event]:
        return _tag(self._events(self._reader.lines(data)))

    def _ahead(self, data: bytes) -> bytes:
        """What is still to be decompressed; a file that ended may be followed by another, or by
        zeros that fill it up.
        """
        if self._gzip.eof:
            data = data.lstrip(b"\0")
            if data:
                self._gzip, self._silent = zlib.decompressobj(_GZIP), True
        self._began = self._began or bool(data)
        return data

    def _events(self, lines: list[str]) -> list[Event]:
        events = [self._event(line) for line in lines]
        for place in self._reader.cut:
            add_tag(events[place], TOO_LONG)
        return events

    def _event(self, line: str) -> Event:
        return {"message": line, "event": {"original": line}} if self.ecs else {"message": line}

    def _say(self, reason: str) -> None:
        where = self.context.where
        complain(f"{where} gzip_lines", "%s: gzip data cannot be decompressed: %s", where, reason)


def _tag(events: list[Event]) -> list[Event]:
    for event in events:
        add_tag(event, "_gzipparsefailure")
    return events


def _saved(gzip: Any, data: bytes, limit: int) -> tuple[bytes, int]:
    """What can be had of data that turns out to be broken, and of how many of its bytes: zlib keeps
    to itself all that it read in a call that fails.
    """
    found: list[bytes] = []
    at = 0
    try:
        for at in range(len(data)):
            found.append(gzip.decompress(data[at : at + 1], limit))
    except zlib.error:
        pass
    return b"".join(found)[:limit], at
