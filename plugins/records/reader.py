"""Reading a segment, however damaged: every intact record is found, everything else is named.

A head tells by its own sum whether it can be trusted, so a damaged body costs one record: the next
one begins where the head says. Where a head is damaged, the next sync word with an intact head is
searched for. A block that the disk cannot read is read as zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from .disk import Disk
from .layout import HEAD, Seal, head_at, is_whole

_WINDOW = 1 << 20
_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Record:
    """An intact record. ``offset`` and ``end`` are its place in the file; ``note`` is the small
    header, as bytes.
    """

    sequence: int
    note: bytes
    payload: bytes
    count: int
    offset: int
    end: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """A part of a file that holds no intact record. ``torn``: it was never written whole, as a
    crash leaves it at the end. ``events``: how many were lost, where that is known.
    """

    file: str
    offset: int
    size: int
    reason: str
    torn: bool = False
    events: int | None = None

    def __str__(self) -> str:
        return (
            f"{self.file}:"
            f" {f'{self.size} bytes at {self.offset}: ' if self.size else ''}{self.reason}"
        )


class Reader:
    """Reads a segment from an offset on. ``next`` may be called again when the file has grown."""

    def __init__(self, disk: Disk, path: Path, seal: Seal, offset: int) -> None:
        self.offset = offset
        self._disk, self._path, self._seal = disk, path, seal
        self._descriptor = disk.open(path)
        self._data, self._start = b"", 0

    def size(self) -> int:
        """How large the file is now."""
        return self._disk.size(self._descriptor)

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            self._disk.close(self._descriptor)
            self._descriptor = -1

    def next(self, limit: int, final: bool = True) -> Record | Skipped | None:
        """The next record or damage before ``limit``; None if there is nothing more.

        With ``final`` false a part of a record at the end is waited for: its writer may be at work.
        """
        offset = self.offset
        if offset + HEAD > limit:
            return self._torn(limit) if final and offset < limit else None
        head = head_at(self._seal, self._bytes(offset, HEAD, limit), 0)
        if head is None:
            return self._resynchronised(limit)
        end = offset + HEAD + head.size
        if end > limit:
            return self._torn(limit) if final else None
        body = self._bytes(offset + HEAD, head.size, limit)
        self.offset = end
        if not is_whole(self._seal, head, body):
            reason = f"the record {head.sequence} is damaged"
            return Skipped(str(self._path), offset, end - offset, reason, events=head.events)
        return Record(head.sequence, body[: head.note], body[head.note :], head.events, offset, end)

    def _torn(self, limit: int) -> Skipped:
        offset, self.offset = self.offset, limit
        return Skipped(
            str(self._path),
            offset,
            limit - offset,
            "the last record was not written whole",
            torn=True,
        )

    def _resynchronised(self, limit: int) -> Skipped:
        """Go on at the next intact head, or at the end."""
        offset, self.offset = self.offset, self._next_head(self.offset + 1, limit)
        found = (
            "damaged; the records after it are kept"
            if self.offset < limit
            else "damaged up to the end"
        )
        return Skipped(str(self._path), offset, self.offset - offset, found)

    def _next_head(self, at: int, limit: int) -> int:
        while at + HEAD <= limit:
            data = self._bytes(at, min(_WINDOW, limit - at), limit)
            if len(data) < HEAD:
                break
            place = data.find(self._seal.sync)
            while place >= 0 and place + HEAD <= len(data):
                if head_at(self._seal, data, place) is not None:
                    return at + place
                place = data.find(self._seal.sync, place + 1)
            at += len(data) - HEAD + 1
        return limit

    def _bytes(self, offset: int, size: int, limit: int) -> bytes:
        at = offset - self._start
        if at < 0 or at + size > len(self._data):
            wanted = min(max(size, _WINDOW), limit - offset)
            self._data, self._start, at = self._read(wanted, offset), offset, 0
        return self._data[at : at + size]

    def _read(self, size: int, offset: int) -> bytes:
        try:
            return self._disk.read(self._descriptor, size, offset)
        except OSError:
            end = offset + size
            starts = [offset, *range(offset - offset % _BLOCK + _BLOCK, end, _BLOCK)]
            return b"".join(
                self._block(following - at, at) for at, following in pairwise([*starts, end])
            )

    def _block(self, size: int, offset: int) -> bytes:
        try:
            return self._disk.read(self._descriptor, size, offset).ljust(size, b"\0")
        except OSError:
            return bytes(size)
