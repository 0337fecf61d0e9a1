"""Events that are held as bytes: reading bytes makes a copy of an event sooner than maps and lists
are copied, and the same bytes give what is made of them its id.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ..dsl.reference import Event
from ..dsl.timestamp import Timestamp
from ._stream_results import fresh


class Held(msgspec.Struct):
    """An event that waits for partners: its instant, and all else as bytes (a copy, where bytes
    cannot say it); of a left one, the partner chosen so far.

    ``own`` is the event itself, where it goes no further: the first who asks for a copy gets it.
    """

    time: int
    stamp: Timestamp | None
    data: bytes | Event
    matched: bool = False
    partner: Held | None = None
    own: Event | None = None

    def event(self) -> Event:
        """A copy of the event."""
        own = self.own
        if own is not None:
            self.own = None
            return own
        if type(self.data) is not bytes:
            return fresh(self.data)  # type: ignore[no-any-return]
        made: Event = _decode(self.data)
        if self.stamp is not None:
            made["@timestamp"] = self.stamp
        return made


def held(time: int, event: Event, goes_on: bool = True) -> Held:
    """An event of a time, packed; its own copy, where it does not go on."""
    stamp = event.get("@timestamp")
    if type(stamp) is not Timestamp:
        return _unstamped(time, event)
    event["@timestamp"] = None
    try:
        data = _encode(event)
    except _UNSAYABLE:
        data = None
    event["@timestamp"] = stamp
    if data is None:
        return Held(time, None, fresh(event))
    return Held(time, stamp, data, False, None, None if goes_on else event)


def held_all(times: list[int], events: Sequence[Event], go_on: bool) -> list[Held]:
    """Events of some times, packed; see ``held``."""
    stamps = [event.get("@timestamp") for event in events]
    if not _STAMPS.issuperset(map(type, stamps)):
        return [held(time, event, go_on) for time, event in zip(times, events, strict=True)]
    for event in events:
        event["@timestamp"] = None
    try:
        packed = [_encode(event) for event in events]
    except _UNSAYABLE:
        packed = None
    for event, stamp in zip(events, stamps, strict=True):
        event["@timestamp"] = stamp
    if packed is None:
        return [held(time, event, go_on) for time, event in zip(times, events, strict=True)]
    if go_on:
        return list(map(Held, times, stamps, packed))
    rows = zip(times, stamps, packed, events, strict=True)
    return [Held(time, stamp, data, False, None, event) for time, stamp, data, event in rows]


def _unstamped(time: int, event: Event) -> Held:
    try:
        return Held(time, None, _encode(event))
    except _UNSAYABLE:
        return Held(time, None, fresh(event))


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
