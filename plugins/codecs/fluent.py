"""The forward protocol of Fluentd and Fluent Bit: MessagePack with tags and times. Source:
Fluentd's forward protocol specification, v1.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import msgpack
import msgspec

from ...dsl.event import add_tag
from ...dsl.reference import Event, FieldError, FieldRef
from ...dsl.timestamp import Timestamp
from ..contract import Codec, complain
from ..declaration import option
from ._foreign import at_home, text_of
from ._json import bare
from ._packing import packed
from ._target import check_target, placed

FAILED = "_fluentparsefailure"
_LARGEST = 128 * 1024 * 1024
_LONGEST = 1_000_000
_GZIP = 16 + zlib.MAX_WBITS
_EVENT_TIME = struct.Struct(">II")
_BROKEN = (msgpack.UnpackException, ValueError, TypeError, RecursionError)


class _Time(tuple[int, int]):
    """Seconds and nanoseconds since 1970."""


def _extension(code: int, data: bytes) -> Any:
    if code == 0 and len(data) == 8:
        return _Time(_EVENT_TIME.unpack(data))
    raise ValueError(f"the extension type {code} is not known")


class Fluent(Codec, name="fluent"):
    """The forward protocol of Fluentd and Fluent Bit.

    Decoding: each record is an event with its time as `@timestamp`, tagged with its tag; single
    messages, lists, packed and compressed lists are taken. A message that is none is an event with
    its text, tagged `_fluentparsefailure`. There is no way to find the next message behind bytes
    that are not MessagePack: from there on they are events with the same tag, as they come.

    Encoding: a message for each event; its tag is the event's tags, joined with dots, or `log`.

    Differs from Logstash: compressed lists are taken, up to 128 MiB when decompressed, and
    nanoseconds are read whatever `nanosecond_precision` says.
    """

    nanosecond_precision: bool = option(
        "Whether times are written with nanoseconds.", default=False
    )
    target: FieldRef | None = option(
        "The field to put records under, instead of the event's root.", default=None
    )

    def prepare(self) -> None:
        check_target(self)

    def start(self) -> None:
        self._unpacker = _unpacker()
        self._failed = False
        self._pending: list[bytes] = []  # what is in no whole message yet
        self._base = self._taken = 0  # where that starts, and where the latest whole one ends

    def decode(self, data: bytes) -> list[Event]:
        if self._failed:
            return _failure(data)
        events: list[Event] = []
        self._pending.append(data)
        try:
            self._unpacker.feed(data)
            for item in self._unpacker:
                if type(item) is not list:
                    raise ValueError("a message is not a list")
                start, self._taken = self._taken, self._unpacker.tell()
                events += self._message(item, start)
        except _BROKEN as error:
            self._say(error)
            self._failed = True
            events += _failure(self._bytes(self._taken))
            self._pending.clear()
        if self._taken > self._base and not self._failed:
            rest = self._bytes(self._taken)
            self._pending, self._base = [rest] if rest else [], self._taken
        return events

    def _bytes(self, start: int, end: int | None = None) -> bytes:
        """What is pending, from one place in the stream to another."""
        stop = None if end is None else end - self._base
        return b"".join(self._pending)[start - self._base : stop]

    def flush(self) -> list[Event]:
        pending = b"".join(self._pending)
        if pending:
            self._say("the data ends within a message")
        self.start()
        return _failure(pending)

    def _say(self, reason: object) -> None:
        where = self.context.where
        complain(
            f"{where} fluent", "%s: a stream is not of the forward protocol: %r", where, reason
        )

    def _message(self, item: list[Any], start: int) -> list[Event]:
        """The events of a message that started there in the stream."""
        try:
            return [self._event(item[0], time, record) for time, record in _records(item)]
        except (*_BROKEN, FieldError, IndexError, zlib.error):
            shown = _shown(item) or text_of(self._bytes(start, self._taken))
            return [{"message": shown, "tags": [FAILED]}]

    def _event(self, tag: Any, time: Any, record: Any) -> Event:
        if not isinstance(record, dict):
            raise ValueError("a record is not a map")
        event = placed(self.target, at_home(record), self.context.now())
        event["@timestamp"] = _stamp(time)
        add_tag(event, text_of(tag) if isinstance(tag, bytes) else str(tag))
        return event

    def encode(self, events: list[Event]) -> bytes:
        return b"".join([self._encoded(event) for event in events])

    def _encoded(self, event: Event) -> bytes:
        stamp = event.get("@timestamp")
        stamp = stamp if type(stamp) is Timestamp else self.context.now()
        time: Any = stamp.seconds()
        if self.nanosecond_precision or not 0 <= time < 2**32:
            seconds, nanos = divmod(stamp.nanos(), 10**9)
            time = msgspec.msgpack.Ext(0, _EVENT_TIME.pack(max(0, min(seconds, 2**32 - 1)), nanos))
        return (
            b"\x93"
            + msgspec.msgpack.encode(_tag(event))
            + msgspec.msgpack.encode(time)
            + packed(bare(event))
        )


def _unpacker() -> Any:
    return msgpack.Unpacker(
        raw=True,
        strict_map_key=False,
        ext_hook=_extension,
        max_buffer_size=_LARGEST,
        max_array_len=_LONGEST,
        max_map_len=_LONGEST,
    )


def _records(item: list[Any]) -> Iterator[tuple[Any, Any]]:
    """The times and records of a message, in any of its four forms."""
    entries = item[1]
    if isinstance(entries, list):
        yield from [(entry[0], entry[1]) for entry in entries]
    elif isinstance(entries, bytes):
        options = item[2] if len(item) > 2 and isinstance(item[2], dict) else {}
        unpacker = _unpacker()
        unpacker.feed(_decompressed(entries) if options.get(b"compressed") == b"gzip" else entries)
        yield from [(entry[0], entry[1]) for entry in unpacker]
    else:
        yield entries, item[2]


def _decompressed(data: bytes) -> bytes:
    found, left = [], _LARGEST
    while data:
        gzip = zlib.decompressobj(_GZIP)
        found.append(gzip.decompress(data, left))
        left -= len(found[-1])
        if not gzip.eof or left <= 0:
            raise ValueError("the compressed records are truncated or too large")
        data = gzip.unused_data
    return b"".join(found)


def _stamp(time: Any) -> Timestamp:
    if isinstance(time, _Time):
        return Timestamp.of_nanos(time[0] * 10**9 + time[1])
    if type(time) is int and abs(time) < 10**12:
        return Timestamp.of_millis(time * 1000)
    if type(time) is float and abs(time) < 10**12:
        return Timestamp.of_millis(int(time * 1000))
    raise ValueError("a time is not valid")


def _tag(event: Event) -> str:
    tags = event.get("tags")
    text = ".".join(map(str, tags)) if type(tags) is list else str(tags or "")
    return text.encode("utf-8", "replace").decode() or "log"


def _shown(item: list[Any]) -> str | None:
    """A message as JSON; None where JSON does not have what is in it."""
    try:
        return msgspec.json.encode(at_home(item)).decode()
    except (ValueError, TypeError, RecursionError):
        return None


def _failure(data: bytes) -> list[Event]:
    """Bytes that belong to no message, if there are any."""
    return [{"message": text_of(data), "tags": [FAILED]}] if data else []
