"""Reading bytes from a descriptor in pieces of a size that suits the cache, without hanging where nothing comes."""
from __future__ import annotations

import contextlib
import os
import select
from collections.abc import Callable, Iterator

CHUNK = 1 << 16
"""What becomes a batch of events: with more than 64 KiB they fall out of the processor's cache."""

PIECE = 1 << 18
"""What is handed on as bytes: the larger, the fewer messages."""

_WAIT = 0.25
_SET_PIPE_SIZE = 1031


def chunks(descriptor: int, stopping: Callable[[], bool], most: int = CHUNK) -> Iterator[bytes | None]:
    """Pieces of up to ``most`` bytes until the end; None when nothing came for a quarter of a second."""
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


def cut(pieces: Iterator[bytes | None], boundary: bytes) -> Iterator[bytes | None]:
    """The same bytes in pieces that end at a boundary; the last one ends where the bytes end."""
    held: list[bytes] = []
    for piece in pieces:
        if piece is None:
            yield None
            continue
        at = piece.rfind(boundary) + len(boundary)
        if at < len(boundary):
            held.append(piece)
            continue
        yield b"".join([*held, piece[:at]])
        held = [piece[at:]] if at < len(piece) else []
    rest = b"".join(held)
    if rest:
        yield rest
