"""Events that wait for partners. Those that go on are held as bytes: reading bytes makes a copy of
an event sooner than maps and lists are copied. Those that go no further wait as they are, and
become bytes when a partner comes: the same bytes give what is made of them its id.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ..dsl.reference import Event
from ..dsl.timestamp import Timestamp
from ._stream_results import fresh


class Held(msgspec.Struct, gc=False):
    """An event that waits for partners: its instant, and all else as bytes (a copy, where bytes
    cannot say it); of a left one, the partner chosen so far.

    ``own`` is the event itself, where it goes no further: the first who asks for a copy gets it.
    Until somebody does there may be nothing else.
    """

    time: int
    own: Event | None = None
    stamp: Timestamp | None = None
    data: bytes | Event | None = None
    matched: bool = False
    partner: Held | None = None

    def event(self) -> Event:
        """A copy of the event."""
        own = self.own
        if own is not None:
            if self.data is None:
                self.stamp, self.data = _packed(own)
            self.own = None
            return own
        if type(self.data) is not bytes:
            return fresh(self.data)  # type: ignore[no-any-return]
        made: Event = _decode(self.data)
        if self.stamp is not None:
            made["@timestamp"] = self.stamp
        return made

    def seen(self) -> Event:
        """The event, to be read and not to be kept."""
        return self.event() if self.own is None else self.own


def held(time: int, event: Event) -> Held:
    """An event of a time, packed."""
    return Held(time, None, *_packed(event))


def held_all(times: list[int], events: Sequence[Event], go_on: bool) -> list[Held]:
    """Events of some times; see ``held``. Where they do not go on they wait as they are."""
    if not go_on:
        return list(map(Held, times, events))
    stamps = [event.get("@timestamp") for event in events]
    if not _STAMPS.issuperset(map(type, stamps)):
        return list(map(held, times, events))
    for event in events:
        event["@timestamp"] = None
    try:
        packed = [_encode(event) for event in events]
    except _UNSAYABLE:
        packed = None
    for event, stamp in zip(events, stamps, strict=True):
        event["@timestamp"] = stamp
    if packed is None:
        return list(map(held, times, events))
    rows = zip(times, stamps, packed, strict=True)
    return [Held(time, None, stamp, data) for time, stamp, data in rows]


def _packed(event: Event) -> tuple[Timestamp | None, bytes | Event]:
    """The instant of an event and all else as bytes; all of it as bytes where its time is no
    instant, and a copy where bytes cannot say it.
    """
    stamp = event.get("@timestamp")
    if type(stamp) is not Timestamp:
        try:
            return None, _encode(event)
        except _UNSAYABLE:
            return None, fresh(event)
    event["@timestamp"] = None
    try:
        data = _encode(event)
    except _UNSAYABLE:
        event["@timestamp"] = stamp
        return None, fresh(event)
    event["@timestamp"] = stamp
    return stamp, data


_STAMPS = frozenset({Timestamp})


def _extended(value: Any) -> msgspec.msgpack.Ext:
    if type(value) is Timestamp:
        return msgspec.msgpack.Ext(1, value.encode())
    raise TypeError(f"a {type(value).__name__} has no bytes")


def _revived(code: int, data: memoryview) -> Timestamp:
    return Timestamp(str(data, "ascii"))


_UNSAYABLE = (OverflowError, UnicodeError, RecursionError, TypeError, msgspec.MsgspecError)
_encode = msgspec.msgpack.Encoder(enc_hook=_extended).encode
_decode = msgspec.msgpack.Decoder(ext_hook=_revived).decode
