"""What the bytes of a file were: the first ones, and those before the place that was read up to.

An inode number alone does not tell a file: it is given away again when a file is deleted, and a
file that is truncated and written again keeps it. If both ends of what was read are still there,
what follows is what is still to be read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

HEAD = 256
TAIL = 64

ReadAt = Callable[[int, int], bytes]
"""Bytes of a file: how many, and from where; fewer at its end."""


class Mark(NamedTuple):
    """The bytes before a position: how many, and their CRC-32."""

    position: int
    length: int
    sum: int


def mark(position: int, before: bytes) -> Mark:
    """The mark at a position, of the bytes that end there."""
    end = before[-TAIL:]
    return Mark(position, len(end), crc32(end))


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The head of a file (how many bytes, and their CRC-32) and a mark."""

    length: int
    sum: int
    mark: Mark

    def fits(self, read_at: ReadAt) -> bool:
        """Whether a file still has these bytes; raises OSError where it cannot be read."""
        if crc32(read_at(self.length, 0)) != self.sum:
            return False
        position, length, wanted = self.mark
        return crc32(read_at(length, position - length)) == wanted


def fingerprint(head: bytes, at: Mark) -> Fingerprint:
    """The fingerprint of a file that starts with ``head``."""
    return Fingerprint(len(head), crc32(head), at)
