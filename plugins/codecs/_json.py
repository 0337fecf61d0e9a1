"""JSON as Logstash reads and writes it: fast where it is plain, and never an error for an event
that is odd.

Logstash reads the first value of a text and lets the rest be; here the event is tagged and keeps
the whole text. Values that msgspec refuses (numbers beyond a double, half surrogates) are read
again by the standard library.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import msgspec

from ...dsl.event import accept, add_tag
from ...dsl.reference import Event, FieldRef
from ...dsl.timestamp import Timestamp
from ...dsl.values import finite, is_finite
from ..json_bounds import Bounds
from ._rendering import utf8

FAILED = "_jsonparsefailure"
BLANK = " \t\n\r\x0b\x0c"
_BLANK = BLANK.encode()

decode = msgspec.json.Decoder().decode
# Of instants, which are the one kind of text that msgspec does not know, ``strip`` makes plain text
# in half the time that ``str`` takes; it refuses anything else, and the event goes the other way.
encoder = msgspec.json.Encoder(enc_hook=str.strip)
_encode = msgspec.json.Encoder(enc_hook=str).encode
_pack = msgspec.msgpack.Encoder(enc_hook=str).encode
_BEYOND = (b"\xcb\x7f", b"\xcb\xff")  # how infinity and NaN start, and huge numbers
_HALF = re.compile("[\ud800-\udfff]")
_FRAMES = 3  # of Python, for a level of nested data


def parse(text: str | bytes) -> Any:
    """The value of a text; raises ValueError where there is none, or something behind it."""
    value, more = _parse(text)
    if more:
        raise ValueError("unexpected text after the JSON")
    return value


def parse_events(text: str | bytes) -> tuple[list[Event], bool]:
    """The maps of a text: one map, or a list of maps; none for a blank text; and whether something
    stands behind them. Raises ValueError for anything else.
    """
    found, more = ([], False) if _is_blank(text) else _parse(text)
    events: list[Any] = found if type(found) is list else [found]
    for event in events:
        if type(event) is not dict or type(event.get("@metadata", {})) is not dict:
            raise ValueError("neither a map nor a list of maps")
    if more and not events:
        raise ValueError("unexpected text after an empty list")
    return events, more


def parse_plain(text: bytes) -> Event | None:
    """The map of a text, where there is nothing to look at more closely; None for any other. Raises
    ValueError where msgspec does.
    """
    found: Any = decode(text)
    if type(found) is not dict or "@timestamp" in found:
        return None
    return None if "tags" in found or "@metadata" in found else found


def decode_maps(texts: Sequence[bytes], bounds: Bounds) -> list[Event]:
    """The maps of texts, each of which is one; raises ValueError where one is not, or is over a
    bound. What they hold is not looked at but for ``@metadata``.
    """
    try:
        found: list[Any] = list(map(decode, bounds.checked(texts)))
    except RecursionError:
        raise ValueError("the JSON is nested too deep") from None
    for value in found:
        if type(value) is not dict:
            raise ValueError("not a map")
        if "@metadata" in value and type(value["@metadata"]) is not dict:
            raise ValueError("its metadata is not a map")
    return found


_ORIGINAL = FieldRef("[event][original]")


def keep_original(event: Event, text: str) -> None:
    """Keep the text of an event, unless its data has such a field."""
    if type(event.get("event", {})) is dict and not _ORIGINAL.has(event):
        _ORIGINAL.set(event, text)


def with_whole_text(events: list[Event], text: str) -> list[Event]:
    """Events of a text with something behind its JSON: tagged, with the whole text as `message` of
    the first; the text alone, where the data has such a field.
    """
    if "message" in events[0]:
        return [{"message": text, "tags": [FAILED]}]
    events[0]["message"] = text
    for event in events:
        add_tag(event, FAILED)
    return events


def _parse(text: str | bytes) -> tuple[Any, bool]:
    """The first value of a text, and whether something stands behind it."""
    try:
        return decode(text), False
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _parse_odd(text if isinstance(text, str) else text.decode())
    except RecursionError:
        raise ValueError("the JSON is nested too deep") from None


def _is_blank(text: str | bytes) -> bool:
    return not (text.strip(BLANK) if isinstance(text, str) else text.strip(_BLANK))


def checked(event: Event, now: Timestamp) -> Event:
    """A map from outside as an event: what ``@timestamp`` and ``tags`` hold is checked."""
    return accept(event, now) if "@timestamp" in event or "tags" in event else event


def _parse_odd(text: str) -> tuple[Any, bool]:
    text = text.strip(BLANK)
    try:
        value, end = _ODD.raw_decode(text)
        return (_mended(value) if "\\u" in text else value), end < len(text)
    except RecursionError:
        raise ValueError("the JSON is nested too deep") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not valid JSON")


_ODD = json.JSONDecoder(parse_constant=_refuse)


def _mended(value: Any) -> Any:
    """The value with U+FFFD for surrogates that stand alone, which no encoder takes."""
    if type(value) is str:
        return _HALF.sub("\ufffd", value)
    if type(value) is list:
        return [_mended(item) for item in value]
    if type(value) is dict:
        return {_mended(key): _mended(item) for key, item in value.items()}
    return value


def bare(event: Event) -> Event:
    """The event without its metadata; itself, if it has none."""
    if "@metadata" not in event:
        return event
    shown = event.copy()  # and not item by item, which takes four times as long
    del shown["@metadata"]
    return shown


def encode(event: Event) -> bytes:
    """An event as JSON without metadata; what JSON does not know (NaN, Infinity) becomes text."""
    try:
        shown = bare(event)
        data = _encode(shown)
        if is_true_to((shown,), data):
            return data
    except (UnicodeEncodeError, TypeError, ValueError, OverflowError, RecursionError):
        pass
    return utf8(json.dumps(plain(bare(event)), ensure_ascii=False, separators=(",", ":")))


def is_true_to(events: Sequence[Event], data: bytes) -> bool:
    """Whether what msgspec wrote has all numbers of the events: it writes infinity as null.

    MessagePack shows a double with all bits of its exponent set without a walk through the events.
    """
    if b"null" not in data:
        return True
    try:
        packed = _pack(events)
    except (ValueError, OverflowError):
        pass
    else:
        if not any(map(packed.__contains__, _BEYOND)):
            return True
    return all(map(is_finite, events))


def plain(value: Any, levels: int | None = None) -> Any:
    """The value with nothing in it that the standard library refuses; what nests deeper than Python
    can follow becomes text.
    """
    if levels is None:
        levels = sys.getrecursionlimit() // _FRAMES - 50
    if isinstance(value, str):
        return _HALF.sub("\ufffd", value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return finite(value)
    if levels < 0:
        return "…"
    if isinstance(value, dict):
        return {
            _HALF.sub("\ufffd", str(key)): plain(item, levels - 1) for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [plain(item, levels - 1) for item in value]
    return str(value)
