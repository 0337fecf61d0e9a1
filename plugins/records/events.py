"""A batch of events as bytes: MessagePack, with instants as instants wherever they stand, and
whatever a field may hold kept.

The common case is what is fast: plain data whose only instants are the events' own ``@timestamp``.
The encoder hands out every value that it does not know and writes null there; if it handed out just
the events' timestamps, these are written before the events, as texts. Otherwise instants are an
extension type. What MessagePack has no place for (numbers beyond 64 bits, half surrogates, data
nested deeper than the interpreter's stack) is written event by event as a flat list of steps, see
``odd``.

Source: the MessagePack specification; extension types 1 and 2 are this program's.
"""

from __future__ import annotations

from itertools import repeat
from operator import is_
from typing import Any

import msgspec

from ...dsl.diagnostics import PenstockError
from ...dsl.reference import Event
from ...dsl.timestamp import Timestamp
from .flat_encoding import flattened, rebuilt, with_room

_INSTANT = 1
_ODD = 2
_MIXED, _STAMPED = b"\x00", b"\x01\x92"


class Unreadable(PenstockError, ValueError):
    """Bytes that are not a batch of events."""


def _to_extension(value: Any) -> msgspec.msgpack.Ext:
    if type(value) is Timestamp:
        return msgspec.msgpack.Ext(_INSTANT, value.encode())
    raise TypeError(f"{type(value).__name__} cannot be written as MessagePack")


def _from_extension(code: int, data: memoryview) -> Any:
    if code == _INSTANT:
        return Timestamp(str(data, "ascii"))
    if code == _ODD:
        return rebuilt(_decode(data))
    raise ValueError(f"the extension type {code} is not known")


_encode = msgspec.msgpack.Encoder(enc_hook=_to_extension).encode
_decode = msgspec.msgpack.Decoder(ext_hook=_from_extension).decode
_NOT_PLAIN = (TypeError, ValueError, OverflowError, RecursionError)


def pack(events: list[Event]) -> bytes:
    """Events as bytes; they are left as they are."""
    try:
        return _stamped(events) or _MIXED + _encode(events)
    except _NOT_PLAIN:
        return _MIXED + _encode([msgspec.Raw(_packed(event)) for event in events])


def _stamped(events: list[Event]) -> bytes | None:
    """The events if each has an instant as its ``@timestamp`` and none elsewhere."""
    unknown: list[Any] = []
    body = msgspec.msgpack.Encoder(enc_hook=unknown.append).encode(events)
    if len(unknown) != len(events) or set(map(type, unknown)) != {Timestamp}:
        return None
    if not all(map(is_, [event.get("@timestamp") for event in events], unknown)):
        return None
    same = unknown.count(unknown[0]) == len(unknown)
    return _STAMPED + _encode(list(map(str, unknown[:1] if same else unknown))) + body


def _packed(event: Event) -> bytes:
    try:
        return _encode(event)
    except _NOT_PLAIN:
        return _encode(msgspec.msgpack.Ext(_ODD, _encode(flattened(event))))


def unpack(data: bytes) -> list[Event]:
    """The events of such bytes, equal to those that were packed; raises Unreadable."""
    content = memoryview(data)[len(_MIXED) :]
    try:
        try:
            found = _decode(content)
        except RecursionError:  # packed where more of the stack was left
            found = with_room(lambda: _decode(content))
        if type(found) is not list:
            raise Unreadable("not a batch of events: not a list")
        return found if data[:1] == _MIXED else _with_stamps(*found)
    except (msgspec.DecodeError, ValueError, TypeError, KeyError, IndexError) as error:
        raise Unreadable(f"not a batch of events: {error}") from None


def _with_stamps(texts: list[str], events: list[Event]) -> list[Event]:
    instants = list(map(Timestamp, texts))
    for event, instant in zip(
        events, instants if len(instants) == len(events) else repeat(instants[0]), strict=False
    ):
        event["@timestamp"] = instant
    return events
