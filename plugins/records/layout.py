"""The bytes of a segment file: a header of 32 bytes, then records, each a head of 32 bytes, a note
and a payload.

All numbers are little-endian. The header: magic, version, flags (none yet), salt, the first
sequence, CRC-32 of what stands before. A record's head: sync word, size of the body, sequence, size
of the note, count of events, CRC-32 of the body, CRC-32 of the head.

The hard idea is the salt: eight random bytes of each file, from which its sync word and the seeds
of all its sums are made. So a payload may hold anything, also bytes of another segment, and is
never taken for a record when a damaged file is searched for what is left. The salt stands in the
file's name too: a header can be lost without its records.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

MAGIC = b"PENSTOCK"
VERSION = 1
LARGEST = (1 << 31) - 1
"""The most bytes that the note and the payload of one record have together."""

_FILE = struct.Struct("<8sHHQQ")
_RECORD = struct.Struct("<4sIQIII")
_SUM = struct.Struct("<I")
HEADER = _FILE.size + _SUM.size
HEAD = _RECORD.size + _SUM.size

_NAME = re.compile(r"(\d{20})-([0-9a-f]{16})\.log", re.ASCII)
_HIGHEST = 1 << 62


class Seal:
    """What marks the records of one file as its own: the sync word and the seeds of its sums."""

    __slots__ = ("body", "head", "salt", "sync")

    def __init__(self, salt: int | None = None) -> None:
        self.salt = int.from_bytes(os.urandom(8), "little") if salt is None else salt
        raw = self.salt.to_bytes(8, "little")
        self.sync = crc32(raw, 1).to_bytes(4, "little")
        self.head, self.body = crc32(raw, 2), crc32(raw, 3)


class Head(NamedTuple):
    """The head of a record."""

    size: int
    sequence: int
    note: int
    events: int
    sum: int


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a file."""

    version: int
    salt: int
    first: int


def segment_name(first: int, seal: Seal) -> str:
    """The name of a segment; names sort as their first sequences do."""
    return f"{first:020d}-{seal.salt:016x}.log"


def parse_name(name: str) -> tuple[int, int] | None:
    """The first sequence and the salt that a name tells; None if it is not a segment's."""
    match = _NAME.fullmatch(name)
    if match is None or int(match[1]) >= _HIGHEST:
        return None
    return int(match[1]), int(match[2], 16)


def file_header(first: int, seal: Seal) -> bytes:
    """The header of a new segment."""
    data = _FILE.pack(MAGIC, VERSION, 0, seal.salt, first)
    return data + _SUM.pack(crc32(data))


def parse_header(data: bytes) -> Header | None:
    """The header that stands at the beginning of some bytes, if it is whole."""
    if len(data) < HEADER or _SUM.unpack_from(data, _FILE.size)[0] != crc32(data[: _FILE.size]):
        return None
    magic, version, _, salt, first = _FILE.unpack_from(data)
    return Header(version, salt, first) if magic == MAGIC else None


def record_parts(
    seal: Seal, sequence: int, note: bytes, payload: bytes, count: int
) -> Sequence[bytes]:
    """A record as pieces to be written one after the other; raises ValueError where it is too
    large.
    """
    size = len(note) + len(payload)
    if size > LARGEST:
        raise ValueError(f"a record of {size} bytes is too large: {LARGEST} is the most")
    head = _RECORD.pack(
        seal.sync, size, sequence, len(note), count, crc32(payload, crc32(note, seal.body))
    )
    return (head + _SUM.pack(crc32(head, seal.head)), note, payload)


def head_at(seal: Seal, data: bytes, at: int) -> Head | None:
    """The head that stands at a place of some bytes; None if there is none, or a damaged one."""
    end = at + _RECORD.size
    if len(data) < end + _SUM.size or not data.startswith(seal.sync, at):
        return None
    if _SUM.unpack_from(data, end)[0] != crc32(data[at:end], seal.head):
        return None
    head = Head(*_RECORD.unpack_from(data, at)[1:])
    return head if head.note <= head.size <= LARGEST else None


def is_whole(seal: Seal, head: Head, body: bytes) -> bool:
    """Whether a body is the one that its head was written for."""
    return len(body) == head.size and crc32(body, seal.body) == head.sum
