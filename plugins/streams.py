"""Reading bytes from a descriptor in pieces of a size that suits the cache, without hanging where
nothing comes.
"""

from __future__ import annotations

import contextlib
import os
import select
from collections.abc import Callable, Iterator

from .codecs._framing import LIMIT, part_end

CHUNK = 1 << 15
"""What becomes a batch of events: with more than 32 KiB they fall out of a cache of half a
megabyte.
"""

PIECE = 1 << 18
"""What is handed on as bytes: the larger, the fewer messages."""

_WAIT = 0.25
_SET_PIPE_SIZE = 1031


def chunks(
    descriptor: int, stopping: Callable[[], bool], most: int = CHUNK
) -> Iterator[bytes | None]:
    """Pieces of up to ``most`` bytes until the end; None when nothing came for a quarter of a
    second.
    """
    _widen(descriptor)
    while not stopping():
        if not _readable(descriptor, _WAIT):
            yield None
            continue
        data = os.read(descriptor, most)
        if not data:
            return
        while len(data) < most and _readable(descriptor, 0):
            more = os.read(descriptor, most - len(data))
            if not more:
                break
            data += more
        yield data


def _readable(descriptor: int, wait: float) -> bool:
    return bool(select.select([descriptor], [], [], wait)[0])


def _widen(descriptor: int) -> None:
    """Ask for a larger pipe, where it is one: fewer switches between the processes at its ends."""
    with contextlib.suppress(OSError, ImportError):
        import fcntl

        fcntl.fcntl(descriptor, _SET_PIPE_SIZE, 1 << 20)


def cut(
    chunks: Iterator[bytes | None], boundary: bytes, longest: int = LIMIT
) -> Iterator[bytes | None]:
    """The same bytes in pieces that can be decoded by themselves; the last one ends where the bytes
    end.
    """
    cutter = Cutter(boundary, longest)
    for data in chunks:
        piece = None if data is None else cutter.piece(data)
        if data is None or piece:
            yield piece
    rest = cutter.rest()
    if rest:
        yield rest


class Cutter:
    """Cuts a stream into pieces that end at a boundary.

    Of a line that is much longer than ``longest`` pieces are given before it ends: each is over the
    limit, so that whoever gets it alone sees that, and cuts it where it would have cut the whole.
    """

    def __init__(self, boundary: bytes, longest: int) -> None:
        self._boundary, self._longest = boundary, longest
        self._held: list[bytes] = []
        self._size = 0

    def piece(self, data: bytes) -> bytes:
        """What can be given with these bytes, perhaps nothing."""
        at = data.rfind(self._boundary) + len(self._boundary)
        whole = at >= len(self._boundary)
        if not whole:
            self._held.append(data)
            self._size += len(data)
            if self._size <= 3 * self._longest + PIECE:
                return b""
            data = b"".join(self._held)
            at = _two_parts(data, self._longest)
        piece = b"".join([*self._held, data[:at]]) if whole else data[:at]
        self._held, self._size = ([data[at:]], len(data) - at) if at < len(data) else ([], 0)
        return piece

    def rest(self) -> bytes:
        """What is held; then nothing is."""
        rest = b"".join(self._held)
        self._held, self._size = [], 0
        return rest


def _two_parts(line: bytes, longest: int) -> int:
    """Where parts of a line end of which at least one more is left: an even number of them, so that
    none stands alone.
    """
    end = 0
    while len(line) - end > 3 * longest:
        for _ in range(2):
            end += part_end(line, end, longest)
    return end
