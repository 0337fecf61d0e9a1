"""The contract of codecs: bytes to events and back.

A codec of one stream is used in one thread at a time. What ``decode`` raises costs the stream
nothing: the bytes become an event, with a tag, and decoding begins anew behind them.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from ..dsl.event import complete
from ..dsl.reference import Event
from .context import Context
from .plugin import Plugin
from .raised import said_with_place

log = logging.getLogger("penstock")

Passthrough = Callable[[bytes], tuple[bytes, int]]
"""From bytes that came to bytes that go, and how many events they are."""


class Codec(Plugin):
    """Bytes to events and back. One codec decodes one stream: ``stream()`` gives a fresh one for
    another.
    """

    section = "codec"
    decodes: ClassVar[bool] = True
    encodes: ClassVar[bool] = True
    by_line: bool = False
    """Whether it wants to be fed line by line where bytes come as a stream."""

    completes: ClassVar[bool] = False
    """Whether ``decode`` itself gives events all that ``complete`` would."""

    remembers: ClassVar[bool] = False
    """Whether what it makes of a payload depends on those before, so that all of one sender have to
    go through one codec: templates, lines that are joined.
    """

    needs_whole_chunks: ClassVar[bool] = False
    """Whether a chunk must be decoded at once, since nothing of its end is held from one call to
    the next.
    """

    begun: bool = False
    """Whether the stream does not start at its beginning: bytes that look like a byte order mark
    are content there.
    """

    instead_of: str = ""
    """The codec in whose place this one cuts a stream of bytes into payloads, if it does."""

    of_lines: bool = False
    """Whether the input of this stream takes each line for a payload, as one of files does."""

    writes_finite: bool = False
    """Whether all numbers of the events that it encodes are known to be finite; the runtime tells
    it.
    """

    takes_rows: bool = False
    """Whether ``encode`` writes the ``rows`` of ``UnmadeEvents`` without their events."""

    origin: Mapping[str, Any] = {}
    """Fields that every event of this stream gets unless it has them, such as the host that it came
    from.
    """

    @property
    def longest(self) -> int:
        """The longest line, in bytes, that is decoded as one: an option of the codec's, or the
        setting.
        """
        given: int | None = getattr(self, "decode_size_limit_bytes", None)
        return given or self.context.limit("line")

    @property
    def held(self) -> int:
        """How many whole lines are in no event yet, where lines are joined."""
        return 0

    def stream(self, origin: Mapping[str, Any] | None = None, begun: bool | None = None) -> Codec:
        """A codec with the same options and nothing held, for a stream of that origin; ``begun``
        where it goes on in the middle of one.
        """
        fresh = copy.copy(self)
        fresh.origin = origin or {}
        fresh.begun = self.begun if begun is None else begun
        fresh.start()
        return fresh

    def complete(self, events: list[Event]) -> list[Event]:
        """Give decoded events what every event has, and their origin; the same list."""
        if not self.completes:
            complete(events, self.context.now(), self.origin)
        return events

    def start(self) -> None:
        """Forget what is held of a stream; called for every new one."""

    def decode(self, data: bytes) -> list[Event]:
        """The events that are complete with these bytes; events may lack ``@timestamp`` and
        ``@version``. Bytes of an event that is not complete yet are held for the next call. May
        raise anything where bytes are not what it decodes.
        """
        raise NotImplementedError

    def decode_or_keep(self, data: bytes) -> list[Event]:
        """As ``decode``; where it raises, an event that holds the bytes, tagged. One bad line must
        not end a run, and must not take its neighbours along.
        """
        try:
            return self.decode(data)
        except Exception as error:
            self.begun = True
            self.start()
            return self._lines_or_kept(data, error)

    def lines_or_events(self, data: bytes) -> list[Event]:
        """The events of bytes that end a stream, or some part of it that can be read by itself; or
        ``UnmadeEvents``, where they are lines that need nothing more than to be made.
        """
        return self.decode_or_keep(data) + self.flush()

    def decode_messages(self, messages: Sequence[bytes]) -> list[list[Event]]:
        """The events of messages that are whole, a list for each; nothing is held between them."""
        decode, flush = self.decode_or_keep, self.flush
        return [decode(message) + flush() for message in messages]

    def decode_one_each(self, messages: Sequence[bytes]) -> list[Event] | None:
        """The events of messages that are whole, one of each: a shorter way for many of the usual
        kind. None where one of them is not, or the codec knows no such way; then nothing is held,
        and ``decode_messages`` takes them.
        """
        return None

    def _lines_or_kept(self, data: bytes, error: Exception) -> list[Event]:
        boundary = self.boundary()
        lines = data.split(boundary) if boundary else [data]
        if len(lines) < 2 or lines[1:] == [b""]:
            return [self._kept(data, error)]
        ended = [line + (boundary or b"") for line in lines[:-1]]
        if lines[-1]:
            ended.append(lines[-1])
        return [event for line in ended for event in self.decode_or_keep(line)]

    def _kept(self, data: bytes, error: Exception) -> Event:
        reason = said_with_place(error)
        self.context.log.warning("codec failed; its bytes are kept as `message`: %s", reason)
        log.debug("codec %s raised", self.name, exc_info=error)
        text = data.decode("utf-8", "backslashreplace").rstrip("\r\n")
        return {"message": text, "tags": [f"_{self.name}_exception"]}

    def flush(self) -> list[Event]:
        """What is held when the stream ends."""
        return []

    def idle(self) -> list[Event]:
        """Events that are due because nothing came for a while; called about once a second."""
        return []

    def boundary(self) -> bytes | None:
        """The bytes after which a stream may be cut, its parts decoded one without the other; None
        if there are none.
        """
        return None

    def passthrough(self, encoder: Codec) -> Passthrough | None:
        """A shorter way from a chunk of this stream, cut at the boundary, to what ``encoder`` makes
        of its events, where nothing lies between them; None if there is none.
        """
        return None

    def encode(self, events: list[Event]) -> bytes:
        """Events as bytes; ``@metadata`` is left out, the events are left as they are. May raise
        where an event cannot be written: the output then packs event by event.
        """
        raise NotImplementedError

    def encode_messages(self, events: Sequence[Event]) -> list[bytes]:
        """Each event as a message of its own."""
        encode = self.encode
        return [encode([event]) for event in events]


def made_codec(context: Context, value: Any, streams: bool = False) -> Codec:
    """The codec that an option's value says, for the plugin of this context; for a stream of bytes
    if ``streams``. What is wrong with the value becomes a problem of the plugin's.
    """
    assert context.make_codec is not None
    made: Codec = context.make_codec(value, streams)
    return made
