"""Records that Amazon's producer library has packed into one: many small messages, written as one
record with a checksum.

The layout: four bytes of magic, a message of protocol buffers, and its MD5. The message has a table
of partition keys (field 1) and the records (field 3), each with the number of its key (1) and its
data (3). What looks so and is not, by its checksum or its content, is a message of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

_MAGIC = b"\xf3\x89\x9a\xc2"
_DIGEST = 16
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class UserRecord(NamedTuple):
    """One of the messages of a record."""

    key: str
    data: bytes


def unpacked(data: bytes) -> list[UserRecord] | None:
    """The messages that a record was packed of; None where it is a message itself."""
    if not data.startswith(_MAGIC) or len(data) <= len(_MAGIC) + _DIGEST:
        return None
    packed = data[len(_MAGIC) : -_DIGEST]
    if hashlib.md5(packed, usedforsecurity=False).digest() != data[-_DIGEST:]:
        return None
    try:
        return _records(packed)
    except (ValueError, IndexError):
        return None


def _records(packed: bytes) -> list[UserRecord]:
    keys: list[str] = []
    records: list[tuple[int, bytes]] = []
    for number, value in _fields(packed):
        if number == 1 and isinstance(value, bytes):
            keys.append(value.decode("utf-8", "backslashreplace"))
        elif number == 3 and isinstance(value, bytes):
            records.append(_record(value))
    return [UserRecord(keys[key], data) for key, data in records]


def _record(packed: bytes) -> tuple[int, bytes]:
    key, data = 0, b""
    for number, value in _fields(packed):
        if number == 1 and isinstance(value, int):
            key = value
        elif number == 3 and isinstance(value, bytes):
            data = value
    return key, data


def _fields(packed: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message, each with its number. Raises ValueError, IndexError."""
    at = 0
    while at < len(packed):
        tag, at = _varint(packed, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _varint(packed, at)
            yield tag >> 3, value
            continue
        size, at = _size(packed, at, kind)
        if at + size > len(packed):
            raise ValueError("a field is cut off")
        yield tag >> 3, packed[at : at + size]
        at += size


def _size(packed: bytes, at: int, kind: int) -> tuple[int, int]:
    """How many bytes a field has, and where they begin."""
    if kind == _BYTES:
        return _varint(packed, at)
    if kind == _FIXED64:
        return 8, at
    if kind == _FIXED32:
        return 4, at
    raise ValueError(f"{kind} is not a valid type of a field")


def _varint(packed: bytes, at: int) -> tuple[int, int]:
    """A number, and where the next thing begins."""
    value = shift = 0
    while True:
        byte = packed[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")
