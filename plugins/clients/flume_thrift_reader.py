"""Reading what comes by Thrift: the two messages of Flume's interface, and nothing else.

The library would read as much as a length says, and skip what it does not know as often as a count
says: a message of a hundred bytes could hold up everybody for minutes. Here a field that Flume does
not send is an error, and so is whatever goes beyond the end of its frame.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple, Protocol

from .flume import ProtocolError, Sent, check_count

Kind = Literal["list", "struct", "map", "blob", "i32"]

CALL, REPLY, EXCEPTION = 1, 2, 3
_VERSION = 0x80010000
_KIND = 0xFF
_COMPACT = 0x82
_COMPACT_VERSION = 1
_LONGEST_NUMBER = 5
_MORE = 0x80
_LONG_LIST = 15
_INT = struct.Struct(">i")
_UNSIGNED = struct.Struct(">I")
_FIELD = struct.Struct(">Bh")
_MAP_OF_TEXTS = b"\x0b\x0b"
_BINARY_KINDS: dict[int, Kind] = {15: "list", 12: "struct", 13: "map", 11: "blob", 8: "i32"}
_COMPACT_KINDS: dict[int, Kind] = {9: "list", 12: "struct", 11: "map", 8: "blob", 5: "i32"}
_STRUCT = 12


class Head(NamedTuple):
    """The beginning of a message."""

    name: str
    kind: int
    serial: int


class Reader(Protocol):
    """A message. Each method reads the next part of it, and raises ProtocolError."""

    def head(self) -> Head:
        """Its beginning."""
        ...

    def field(self, last: int) -> tuple[Kind, int] | None:
        """The kind and the number of a field, or None at the end of a struct; ``last``: the number
        of the field before, or 0.
        """
        ...

    def structs(self) -> int:
        """How many structs a list has."""
        ...

    def texts(self) -> int:
        """How many pairs of texts a map has."""
        ...

    def blob(self) -> bytes:
        """Bytes, or a text."""
        ...

    def i32(self) -> int:
        """A number."""
        ...


class _Frame:
    """Bytes that are read from their start to their end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at, self._end = data, 0, len(data)

    def _take(self, count: int) -> bytes:
        at = self._at
        if count < 0 or count > self._end - at:
            raise ProtocolError("a message is longer than its frame")
        self._at = at + count
        return self._data[at : at + count]

    def _byte(self) -> int:
        at = self._at
        if at >= self._end:
            raise ProtocolError("a message is longer than its frame")
        self._at = at + 1
        return self._data[at]


class Binary(_Frame):
    """A message in the encoding `binary`."""

    def head(self) -> Head:
        """Its beginning."""
        (version,) = _UNSIGNED.unpack(self._take(4))
        if version & ~_KIND != _VERSION:
            raise ProtocolError("it does not speak Thrift's encoding `binary`")
        name = _name(self.blob())
        return Head(name, version & _KIND, self.i32())

    def field(self, last: int) -> tuple[Kind, int] | None:
        """The next field."""
        if self._data[self._at : self._at + 1] == b"\0":
            self._at += 1
            return None
        kind, number = _FIELD.unpack(self._take(3))
        return _known(_BINARY_KINDS, kind), number

    def structs(self) -> int:
        """The beginning of a list."""
        if self._byte() != _STRUCT:
            raise ProtocolError("a list is not one of events")
        return self.i32()

    def texts(self) -> int:
        """The beginning of a map."""
        kinds, count = self._take(2), self.i32()
        if kinds != _MAP_OF_TEXTS and count:
            raise ProtocolError("headers are not texts")
        return count

    def blob(self) -> bytes:
        """Bytes."""
        return self._take(self.i32())

    def i32(self) -> int:
        """A number."""
        number: int = _INT.unpack(self._take(4))[0]
        return number


class Compact(_Frame):
    """A message in the encoding `compact`."""

    def head(self) -> Head:
        """Its beginning."""
        protocol, version = self._byte(), self._byte()
        if protocol != _COMPACT or version & 0x1F != _COMPACT_VERSION:
            raise ProtocolError("it does not speak Thrift's encoding `compact`")
        serial = self._number()
        return Head(_name(self.blob()), version >> 5, serial)

    def field(self, last: int) -> tuple[Kind, int] | None:
        """The next field."""
        byte = self._byte()
        if byte == 0:
            return None
        more = byte >> 4
        number = last + more if more else self.i32()
        return _known(_COMPACT_KINDS, byte & 0x0F), number

    def structs(self) -> int:
        """The beginning of a list."""
        byte = self._byte()
        if byte & 0x0F != _STRUCT:
            raise ProtocolError("a list is not one of events")
        count = byte >> 4
        return self._number() if count == _LONG_LIST else count

    def texts(self) -> int:
        """The beginning of a map."""
        count = self._number()
        if count and self._byte() != 0x88:
            raise ProtocolError("headers are not texts")
        return count

    def blob(self) -> bytes:
        """Bytes."""
        return self._take(self._number())

    def i32(self) -> int:
        """A number, whose last bit is its sign."""
        number = self._number()
        return (number >> 1) ^ -(number & 1)

    def _number(self) -> int:
        byte = self._byte()
        if byte < _MORE:
            return byte
        number, shift = byte & 0x7F, 7
        for _ in range(_LONGEST_NUMBER - 1):
            byte = self._byte()
            number |= (byte & 0x7F) << shift
            if byte < _MORE:
                return number
            shift += 7
        raise ProtocolError("a number is too long")


def _known(kinds: dict[int, Kind], kind: int) -> Kind:
    try:
        return kinds[kind]
    except KeyError:
        raise ProtocolError(f"a field is of the kind {kind}") from None


def _name(data: bytes) -> str:
    return data[:40].decode("utf-8", "replace")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _fields(reader: Reader) -> Iterator[tuple[Kind, int]]:
    """The fields of a struct; who iterates reads the value of each."""
    last = 0
    while (field := reader.field(last)) is not None:
        last = field[1]
        yield field


def _unknown(field: tuple[Kind, int]) -> ProtocolError:
    return ProtocolError(f"it sends a field {field[1]} ({field[0]}), which Flume does not have")


def event(reader: Reader) -> Sent:
    """An event."""
    headers: dict[str, str] = {}
    body: bytes | None = None
    for field in _fields(reader):
        if field == ("map", 1):
            for _ in range(reader.texts()):
                name = _text(reader.blob())
                headers[name] = _text(reader.blob())
        elif field == ("blob", 2):
            body = reader.blob()
        else:
            raise _unknown(field)
    if body is None:
        raise ProtocolError("an event has no body")
    return Sent(headers, body)


def events(reader: Reader, name: str) -> list[Sent]:
    """The events of a call whose head is read."""
    found: list[Sent] = []
    for field in _fields(reader):
        if name == "appendBatch" and field == ("list", 1):
            count = reader.structs()
            check_count(count)
            found = [event(reader) for _ in range(count)]
        elif name == "append" and field == ("struct", 1):
            found = [event(reader)]
        else:
            raise _unknown(field)
    return found


def status(reader: Reader) -> int:
    """The number of the status that an answer gives."""
    found: int | None = None
    for field in _fields(reader):
        if field != ("i32", 0):
            raise _unknown(field)
        found = reader.i32()
    if found is None:
        raise ProtocolError("an answer has no status")
    return found


def failure(reader: Reader) -> str:
    """What an exception says, in the place of an answer."""
    said = ""
    for field in _fields(reader):
        if field == ("blob", 1):
            said = _text(reader.blob())
        elif field == ("i32", 2):
            reader.i32()
        else:
            raise _unknown(field)
    return said or "unknown error"


MakeReader = Callable[[bytes], Reader]
