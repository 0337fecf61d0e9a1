"""Flume's protocol over Thrift: `ThriftSourceProtocol`, in frames, encoded as `compact` (Flume's
default) or `binary`.

Events are encoded one by one where they are filtered. A call then needs no more than the beginning
of the list that they are put into, which the two encodings write differently. What comes is read by
``flume_thrift_reader``.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import thriftpy2
from thriftpy2.protocol import TCompactProtocol, TCyBinaryProtocol
from thriftpy2.transport import TCyMemoryBuffer, TMemoryBuffer

from .flume import FAILED, OK, Answer, Call, Encode, Expect, ProtocolError, Read
from .flume_thrift_reader import (
    CALL,
    EXCEPTION,
    REPLY,
    Binary,
    Compact,
    MakeReader,
    events,
    failure,
    status,
)

_SIZE = struct.Struct(">I")
_LONGEST_ANSWER = 1 << 20
_STATUSES = (OK, FAILED, "ERROR", "UNKNOWN")
_INTERFACE = thriftpy2.load_fp(
    io.StringIO(
        """
        enum Status { OK, FAILED, ERROR, UNKNOWN }
        struct ThriftFlumeEvent { 1: required map<string, string> headers, 2: required binary body }
        service ThriftSourceProtocol {
            Status append(1: ThriftFlumeEvent event),
            Status appendBatch(1: list<ThriftFlumeEvent> events),
        }
        """
    ),
    "penstock_flume_thrift",
)
_SERVICE = _INTERFACE.ThriftSourceProtocol
_METHODS = ("append", "appendBatch")

_IN_BINARY = struct.Struct(">BhBi")
"""The field 1, a list of structs, and how many."""

_LIST, _STRUCT = 15, 12
_COMPACT_FIELD = b"\x19"
_COMPACT_STRUCT = 12
_COMPACT_SHORT = 15
_STOP = b"\0"


class Encoding:
    """One of the two encodings. ``begin`` makes the beginning of a call's list of events,
    ``length`` writes the length of bytes, ``reader`` reads a message.
    """

    def __init__(
        self,
        protocol: Callable[[Any], Any],
        memory: Callable[[], Any],
        begin: Callable[[int], bytes],
        length: Callable[[int], bytes],
        reader: MakeReader,
    ) -> None:
        self._protocol, self._memory, self.begin, self.reader = protocol, memory, begin, reader
        self._length = length
        self._head = lru_cache(maxsize=1024)(self._encoded_head)

    def encode(self, headers: Mapping[str, str], body: bytes) -> bytes:
        """An event. Most have headers that others had, which are written once."""
        head = self._head(tuple(headers.items()))
        return head + self._length(len(body)) + body + _STOP

    def _encoded_head(self, pairs: tuple[tuple[str, str], ...]) -> bytes:
        """An event up to the length of its body."""
        memory = self._memory()
        event = _INTERFACE.ThriftFlumeEvent(headers=dict(pairs), body=b"")
        event.write(self._protocol(memory))
        return bytes(memory.getvalue()).removesuffix(self._length(0) + _STOP)

    def message(self, name: str, kind: int, serial: int, content: Any = None) -> bytes:
        """A message, up to its content where there is none yet."""
        memory = self._memory()
        protocol = self._protocol(memory)
        protocol.write_message_begin(name, kind, serial)
        if content is not None:
            content.write(protocol)
            protocol.write_message_end()
        return bytes(memory.getvalue())


def _begin_binary(count: int) -> bytes:
    return _IN_BINARY.pack(_LIST, 1, _STRUCT, count)


def _begin_compact(count: int) -> bytes:
    if count < _COMPACT_SHORT:
        return _COMPACT_FIELD + bytes([count << 4 | _COMPACT_STRUCT])
    return _COMPACT_FIELD + bytes([_COMPACT_SHORT << 4 | _COMPACT_STRUCT]) + _varint(count)


def _varint(number: int) -> bytes:
    """A number in groups of seven bits."""
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)


_ENCODINGS = {
    "compact": Encoding(TCompactProtocol, TMemoryBuffer, _begin_compact, _varint, Compact),
    "binary": Encoding(TCyBinaryProtocol, TCyMemoryBuffer, _begin_binary, _SIZE.pack, Binary),
}


def encoder(name: str) -> Encode:
    """What encodes events as ``compact`` or ``binary``."""
    return _ENCODINGS[name].encode


def _framed(data: bytes) -> bytes:
    return _SIZE.pack(len(data)) + data


class ThriftServer:
    """One connection of a server."""

    def __init__(self, encoding: str) -> None:
        self._encoding = _ENCODINGS[encoding]

    async def receive(self, read: Read, expect: Expect) -> Call:
        """The next call."""
        (size,) = _SIZE.unpack(await read(_SIZE.size))
        await expect(size)
        reader = self._encoding.reader(await read(size))
        name, _, serial = reader.head()
        if name not in _METHODS:
            raise ProtocolError(f"it calls `{name}`, which Flume does not have")
        return Call(events(reader, name), partial(self._reply, name, serial))

    def _reply(self, name: str, serial: int, status: str) -> bytes:
        result = getattr(_SERVICE, f"{name}_result")(success=_STATUSES.index(status))
        return _framed(self._encoding.message(name, REPLY, serial, result))


class ThriftClient:
    """One connection of a client."""

    def __init__(self, encoding: str) -> None:
        self._encoding = _ENCODINGS[encoding]
        self._unread = bytearray()

    def hello(self, serial: int) -> bytes:
        """Thrift has none."""
        return b""

    def call(self, serial: int, items: Sequence[bytes]) -> bytes:
        """A call with encoded events."""
        head = self._encoding.message("appendBatch", CALL, serial)
        return _framed(head + self._encoding.begin(len(items)) + b"".join(items) + _STOP)

    def feed(self, data: bytes) -> list[Answer]:
        """The answers that are complete."""
        unread = self._unread
        unread += data
        answers = []
        while len(unread) >= _SIZE.size:
            (size,) = _SIZE.unpack_from(unread)
            if size > _LONGEST_ANSWER:
                raise ProtocolError("the server does not speak Thrift in frames")
            if len(unread) < _SIZE.size + size:
                break
            frame = bytes(unread[_SIZE.size : _SIZE.size + size])
            del unread[: _SIZE.size + size]
            answers.append(self._answer(frame))
        return answers

    def _answer(self, frame: bytes) -> Answer:
        reader = self._encoding.reader(frame)
        _, kind, serial = reader.head()
        if kind == EXCEPTION:
            return Answer(serial, FAILED, failure(reader))
        number = status(reader)
        if not 0 <= number < len(_STATUSES):
            raise ProtocolError(f"an answer cannot be read: its status is {number}")
        return Answer(serial, _STATUSES[number])
