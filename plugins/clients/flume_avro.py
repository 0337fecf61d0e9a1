"""Flume's protocol over Avro: `AvroSourceProtocol`, over TCP as Avro's Netty transport has it.

Whatever is sent is a pack: a serial number, a number of buffers, then each buffer behind its
length. What the buffers hold is Avro: the first call of a connection begins with a handshake, in
which a client may name the hash of its protocol alone; whoever speaks to a port of Flume's has the
one protocol that there is, so it is always known.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

from fastavro import parse_schema, schemaless_reader, schemaless_writer

from .flume import (
    FAILED,
    MOST_EVENTS,
    OK,
    Answer,
    Call,
    Expect,
    ProtocolError,
    Read,
    Sent,
    check_count,
)

_HEAD = struct.Struct(">II")
_SIZE = struct.Struct(">I")
_MOST_BUFFERS = 1 << 20
_LONGEST_ANSWER = 1 << 20
_STATUSES = (OK, FAILED, "UNKNOWN")
_NAMESPACE = "org.apache.flume.source.avro"
_HEADERS_TYPE = {"type": "map", "values": "string"}
_EVENT_TYPE = {
    "type": "record",
    "name": "AvroFlumeEvent",
    "fields": [
        {"name": "headers", "type": _HEADERS_TYPE},
        {"name": "body", "type": "bytes"},
    ],
}
_STATUS_TYPE = {"type": "enum", "name": "Status", "symbols": list(_STATUSES)}
_PROTOCOL = json.dumps(
    {
        "protocol": "AvroSourceProtocol",
        "namespace": _NAMESPACE,
        "types": [_STATUS_TYPE, _EVENT_TYPE],
        "messages": {
            "append": {
                "request": [{"name": "event", "type": "AvroFlumeEvent"}],
                "response": "Status",
            },
            "appendBatch": {
                "request": [
                    {"name": "events", "type": {"type": "array", "items": "AvroFlumeEvent"}}
                ],
                "response": "Status",
            },
        },
    }
)
_HASH = hashlib.md5(_PROTOCOL.encode(), usedforsecurity=False).digest()

_MD5 = {"type": "fixed", "name": "MD5", "size": 16}
_META = {"type": "map", "values": "bytes"}
_REQUEST = parse_schema(
    {
        "type": "record",
        "name": "HandshakeRequest",
        "fields": [
            {"name": "clientHash", "type": _MD5},
            {"name": "clientProtocol", "type": ["null", "string"]},
            {"name": "serverHash", "type": "MD5"},
            {"name": "meta", "type": ["null", _META]},
        ],
    }
)
_RESPONSE = parse_schema(
    {
        "type": "record",
        "name": "HandshakeResponse",
        "fields": [
            {
                "name": "match",
                "type": {
                    "type": "enum",
                    "name": "HandshakeMatch",
                    "symbols": ["BOTH", "CLIENT", "NONE"],
                },
            },
            {"name": "serverProtocol", "type": ["null", "string"]},
            {"name": "serverHash", "type": ["null", _MD5]},
            {"name": "meta", "type": ["null", _META]},
        ],
    }
)
_METADATA = parse_schema(_META)
_HEADERS = parse_schema(_HEADERS_TYPE)
_EVENT = parse_schema(_EVENT_TYPE)
_EVENTS = parse_schema({"type": "array", "items": _EVENT})
_STATUS = parse_schema(_STATUS_TYPE)
_TEXT = parse_schema("string")
_LONG = parse_schema("long")

_NO_METADATA = b"\0"
_DONE, _WENT_WRONG = b"\0", b"\1"
_SYSTEM_ERROR = b"\0"
"""The first of the errors that a call may have: a text."""


def _written(schema: Any, value: Any) -> bytes:
    buffer = io.BytesIO()
    schemaless_writer(buffer, schema, value)
    return buffer.getvalue()


def _read(buffer: io.BytesIO, schema: Any) -> Any:
    return schemaless_reader(buffer, schema, None, handle_unicode_errors="replace")


def _packed(serial: int, payload: bytes) -> bytes:
    return _HEAD.pack(serial, 1) + _SIZE.pack(len(payload)) + payload


_BOTH = _written(_RESPONSE, {"match": "BOTH"})
_HELLO = _written(_REQUEST, {"clientHash": _HASH, "clientProtocol": _PROTOCOL, "serverHash": _HASH})
_BATCH = _NO_METADATA + _written(_TEXT, "appendBatch")
_PING = _NO_METADATA + _written(_TEXT, "")
_END_OF_ARRAY = b"\0"


def encode(headers: Mapping[str, str], body: bytes) -> bytes:
    """An event. Most have headers that others had, and lengths too, which are written once."""
    return _headers(tuple(headers.items())) + _length(len(body)) + body


@lru_cache(maxsize=1024)
def _headers(pairs: tuple[tuple[str, str], ...]) -> bytes:
    return _written(_HEADERS, dict(pairs))


@lru_cache(maxsize=4096)
def _length(size: int) -> bytes:
    return _written(_LONG, size)


class AvroServer:
    """One connection of a server."""

    def __init__(self) -> None:
        self._is_greeted = False

    async def receive(self, read: Read, expect: Expect) -> Call:
        """The next call."""
        serial, count = _HEAD.unpack(await read(_HEAD.size))
        if count > _MOST_BUFFERS:
            raise ProtocolError("it does not speak Avro")
        parts = []
        for _ in range(count):
            (size,) = _SIZE.unpack(await read(_SIZE.size))
            await expect(size)
            parts.append(await read(size))
        try:
            return self._call(serial, b"".join(parts))
        except ProtocolError:
            raise
        except Exception as error:  # whatever the library makes of garbage
            raise ProtocolError(f"a call cannot be read: {type(error).__name__}") from error

    def _call(self, serial: int, payload: bytes) -> Call:
        buffer = io.BytesIO(payload)
        greeting = b""
        if not self._is_greeted:
            _read(buffer, _REQUEST)
            self._is_greeted, greeting = True, _BOTH
        _read(buffer, _METADATA)
        name = _read(buffer, _TEXT)
        if name == "appendBatch":
            events = _events(buffer, payload)
        elif name == "append":
            events = [_read(buffer, _EVENT)]
        elif name:
            raise ProtocolError(f"it calls `{name[:40]}`, which Flume does not have")
        else:
            reply = _packed(serial, greeting)
            return Call([], lambda status: reply)
        sent = [Sent(event["headers"], event["body"]) for event in events]
        return Call(sent, partial(_reply, serial, greeting))


def _events(buffer: io.BytesIO, payload: bytes) -> list[Any]:
    """The events of a batch. Each has a zero behind its headers; only where there are more zeros
    than events may be is it worth to read one event after another, and to count them.
    """
    if payload.count(0) <= MOST_EVENTS:
        found: list[Any] = _read(buffer, _EVENTS)
        return found
    events: list[Any] = []
    while count := _read(buffer, _LONG):
        if count < 0:  # the size of the block follows
            _read(buffer, _LONG)
        check_count(len(events) + abs(count))
        events += [_read(buffer, _EVENT) for _ in range(abs(count))]
    return events


def _reply(serial: int, greeting: bytes, status: str) -> bytes:
    return _packed(serial, greeting + _NO_METADATA + _DONE + _written(_STATUS, status))


class AvroClient:
    """One connection of a client. The first call is a ping, so that the handshake is over before
    several calls are under way.
    """

    def __init__(self) -> None:
        self._is_greeted = False
        self._unread = bytearray()

    def hello(self, serial: int) -> bytes:
        """The handshake."""
        return _packed(serial, _HELLO + _PING)

    def call(self, serial: int, items: Sequence[bytes]) -> bytes:
        """A call with encoded events."""
        return _packed(serial, _BATCH + _length(len(items)) + b"".join(items) + _END_OF_ARRAY)

    def feed(self, data: bytes) -> list[Answer]:
        """The answers that are complete."""
        self._unread += data
        answers = []
        while (found := self._next()) is not None:
            try:
                answers.append(self._answer(*found))
            except ProtocolError:
                raise
            except Exception as error:
                raise ProtocolError(f"an answer cannot be read: {error}") from error
        return answers

    def _next(self) -> tuple[int, bytes] | None:
        """The serial and the content of the next pack, if it is there."""
        unread = self._unread
        if len(unread) < _HEAD.size:
            return None
        serial, count = _HEAD.unpack_from(unread)
        at, parts = _HEAD.size, []
        for _ in range(count):
            if len(unread) < at + _SIZE.size:
                return None
            (size,) = _SIZE.unpack_from(unread, at)
            at += _SIZE.size
            if at + size > _LONGEST_ANSWER:
                raise ProtocolError("the server does not speak Avro")
            if len(unread) < at + size:
                return None
            parts.append(bytes(unread[at : at + size]))
            at += size
        del unread[:at]
        return serial, b"".join(parts)

    def _answer(self, serial: int, payload: bytes) -> Answer:
        buffer = io.BytesIO(payload)
        if not self._is_greeted:
            greeting = _read(buffer, _RESPONSE)
            if greeting["match"] == "NONE":
                raise ProtocolError("the server does not have Flume's protocol")
            self._is_greeted = True
            return Answer(serial, OK)
        _read(buffer, _METADATA)
        if buffer.read(1) != _DONE:
            buffer.read(len(_SYSTEM_ERROR))
            return Answer(serial, FAILED, _read(buffer, _TEXT))
        return Answer(serial, _read(buffer, _STATUS))
