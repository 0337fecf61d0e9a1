"""Reading bytes from a descriptor in pieces of a size that suits the cache, without hanging where nothing comes."""
from __future__ import annotations

import contextlib
import os
import select
from collections.abc import Callable, Iterator

from .codecs._framing import LIMIT, part_end

CHUNK = 1 << 18
"""256 KiB: with larger pieces the events of a batch fall out of the processor's cache."""

_WAIT = 0.25
_SET_PIPE_SIZE = 1031


def chunks(descriptor: int, stopping: Callable[[], bool]) -> Iterator[bytes | None]:
    """Pieces of up to 256 KiB until the end; None when nothing came for a quarter of a second."""
    _widen(descriptor)
    while not stopping():
        if not _readable(descriptor, _WAIT):
            yield None
            continue
        data = os.read(descriptor, CHUNK)
        if not data:
            return
        while len(data) < CHUNK and _readable(descriptor, 0):
            more = os.read(descriptor, CHUNK - len(data))
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


def cut(pieces: Iterator[bytes | None], boundary: bytes, longest: int = LIMIT) -> Iterator[bytes | None]:
    """The same bytes in pieces that end at a boundary; the last one ends where the bytes end.

    Of a line that is much longer than ``longest`` pieces are given before it ends: each is over the limit, so that whoever gets it
    alone sees that, and cuts it where it would have cut the whole.
    """
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        if piece is None:
            yield None
            continue
        at = piece.rfind(boundary) + len(boundary)
        if at < len(boundary):
            held.append(piece)
            size += len(piece)
            if size > 3 * longest + CHUNK:
                whole = b"".join(held)
                end = _two_parts(whole, longest)
                yield whole[:end]
                held, size = [whole[end:]], size - end
            continue
        yield b"".join([*held, piece[:at]])
        held = [piece[at:]] if at < len(piece) else []
        size = len(piece) - at
    rest = b"".join(held)
    if rest:
        yield rest


def _two_parts(line: bytes, longest: int) -> int:
    """Where parts of a line end of which at least one more is left: an even number of them, so that none stands alone."""
    end = 0
    while len(line) - end > 3 * longest:
        for _ in range(2):
            end += part_end(line, end, longest)
    return end
