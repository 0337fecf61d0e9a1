"""Reading bytes from a descriptor as they come, and cutting a stream of them where it can be
decoded in parts.
"""

from __future__ import annotations

import contextlib
import os
import select

from .codecs._framing import BYTES_MARK, Unmarked, part_end

PIECE = 1 << 18
"""What is handed on as bytes: the larger, the fewer messages."""

_SET_PIPE_SIZE = 1031


def read_available(descriptor: int, most: int) -> tuple[bytes, bool]:
    """What can be read without waiting, up to so many bytes, and whether it ends there; to be
    called where there is something to read.
    """
    data = os.read(descriptor, most)
    if not data:
        return b"", True
    while len(data) < most and select.select([descriptor], [], [], 0)[0]:
        more = os.read(descriptor, most - len(data))
        if not more:
            return data, True
        data += more
    return data, False


def widen(descriptor: int) -> None:
    """Ask for a larger pipe, where it is one: fewer switches between the processes at its ends."""
    with contextlib.suppress(OSError, ImportError):
        import fcntl

        fcntl.fcntl(descriptor, _SET_PIPE_SIZE, 1 << 20)


class Cutter:
    """Cuts a stream into pieces that end at a boundary. Unless it has ``begun`` a byte order mark
    is taken off its start: what decodes the pieces cannot know which of them is the first.

    Of a line that is much longer than ``longest`` pieces are given before it ends: each is over the
    limit, so that whoever gets it alone sees that, and cuts it where it would have cut the whole.
    """

    def __init__(self, boundary: bytes, longest: int, begun: bool = False) -> None:
        self._boundary, self._longest = boundary, longest
        self._start = None if begun else Unmarked(BYTES_MARK)
        self._held: list[bytes] = []
        self._size = 0

    def piece(self, data: bytes) -> bytes:
        """What can be given with these bytes, perhaps nothing."""
        if self._start is not None:
            data = self._started(data, self._start)
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

    def _started(self, data: bytes, start: Unmarked[bytes]) -> bytes:
        data = start.feed(data)
        if start.done:
            self._start = None
        return data

    def rest(self) -> bytes:
        """What is held; then nothing is."""
        if self._start is not None:
            self._held, self._start = [self._start.rest()], None
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
