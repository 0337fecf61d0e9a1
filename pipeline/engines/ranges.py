"""Files in ranges, so that several machines read parts of one file.

The rule is the usual one: a line belongs to the range in which it starts. A range that does not
begin with the file skips to the first line that starts in it, and reads on beyond its end to the
end of its last line. So no machine needs to know where lines are before it reads.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from ...plugins.input import Input
from ...plugins.streams import Cutter

RANGE_BYTES = 32 << 20
CHUNK_BYTES = 1 << 20

GZIP_MAGIC = b"\x1f\x8b"


class Range(NamedTuple):
    """A part of a file; ``end`` is -1 for all of it."""

    path: str
    start: int = 0
    end: int = -1


def boundary_of(source: Input) -> bytes | None:
    """After which bytes the streams of an input may be cut."""
    codec = source.decoder()
    return None if codec is None else codec.boundary()


def is_packed(path: str) -> bool:
    """Whether a file is packed with gzip, and cannot be read in ranges."""
    with Path(path).open("rb") as file:
        return file.read(len(GZIP_MAGIC)) == GZIP_MAGIC


def ranges_of(
    files: Sequence[tuple[str, int]], can_be_cut: bool, size: int = RANGE_BYTES
) -> list[Range]:
    """Files and their sizes in ranges of about ``size`` bytes each."""
    found: list[Range] = []
    for path, length in files:
        if not can_be_cut or length <= size or is_packed(path):
            found.append(Range(path))
            continue
        starts = range(0, length, size)
        found += [Range(path, at, min(at + size, length)) for at in starts]
    return found


def content_of(part: Range) -> Iterator[bytes]:
    """All bytes of a whole file, unpacked, in pieces."""
    if is_packed(part.path):
        with gzip.open(part.path) as unpacked:
            yield from _pieces(unpacked.read)
        return
    with Path(part.path).open("rb") as file:
        yield from _pieces(file.read)


def _pieces(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while piece := read(CHUNK_BYTES):
        yield piece


def chunks_of(part: Range, boundary: bytes, longest: int) -> Iterator[bytes]:
    """The lines that start in a range, in chunks that end at the ``boundary`` (one byte); the last
    one perhaps where the file ends. ``longest``: the longest line, as of ``Codec``.
    """
    cutter = Cutter(boundary, longest, begun=part.start > 0)
    pieces = content_of(part) if part.end < 0 else _lines_from(part, boundary)
    for piece in pieces:
        chunk = cutter.piece(piece)
        if chunk:
            yield chunk
    rest = cutter.rest()
    if rest:
        yield rest


def _lines_from(part: Range, boundary: bytes) -> Iterator[bytes]:
    with Path(part.path).open("rb") as file:
        at = part.start
        if at:
            at = _next_line(file, at - 1, boundary)
        if at >= part.end:
            return
        file.seek(at)
        while at < part.end:
            piece = file.read(min(CHUNK_BYTES, part.end - at))
            if not piece:
                return
            at += len(piece)
            yield piece
        if not piece.endswith(boundary):
            yield from _up_to_boundary(file, boundary)


def _next_line(file: IO[bytes], at: int, boundary: bytes) -> int:
    """Where the first line starts behind a boundary at or behind an offset."""
    file.seek(at)
    while piece := file.read(1 << 16):
        found = piece.find(boundary)
        if found >= 0:
            return at + found + len(boundary)
        at += len(piece)
    return at


def _up_to_boundary(file: IO[bytes], boundary: bytes) -> Iterator[bytes]:
    while piece := file.read(1 << 16):
        found = piece.find(boundary)
        if found >= 0:
            yield piece[: found + len(boundary)]
            return
        yield piece
