"""Reading gzip a piece at a time, member by member, and knowing whether the file is whole."""

from __future__ import annotations

import zlib
from zlib import crc32

from ._fingerprint import TAIL, Fingerprint, ReadAt

MAGIC = b"\x1f\x8b"

_PIECE = 1 << 16
_GZIP = 31


class Unpacker:
    """The content of a gzip file, from its byte ``skip`` on. ``consumed`` counts packed bytes.

    ``whole``: the last member has ended. ``drained``: nothing came any more when it was last read.
    ``problem``: why no more can be read; bytes that follow the last member and are not gzip are
    one, zeros are not.
    """

    def __init__(self, read_at: ReadAt, skip: int = 0) -> None:
        self._read_at = read_at
        self._skip = skip
        self._packed = b""
        self._inflate = zlib.decompressobj(_GZIP)
        self.consumed = 0
        self.whole = self.drained = False
        self.problem = ""

    def read(self, length: int) -> bytes:
        """Up to ``length`` unpacked bytes; none at the end of what there is, or after a problem."""
        while self._skip and (piece := self._read(min(self._skip, _PIECE))):
            self._skip -= len(piece)
        return self._read(length)

    def _read(self, length: int) -> bytes:
        pieces, left = [], length
        self.drained = False
        while left and not self.problem:
            more = bool(self._packed) or self._fill()
            piece = self._unpack(left)
            if not piece and not more:
                self.drained = True
                break
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def _fill(self) -> bool:
        self._packed = self._read_at(_PIECE, self.consumed)
        return bool(self._packed)

    def _unpack(self, limit: int) -> bytes:
        if self.whole and not self._next_member():
            return b""
        size, before = len(self._packed), self._inflate.copy()
        try:
            piece = self._inflate.decompress(self._packed, limit)
        except zlib.error as error:
            self._inflate = before
            return self._salvage(limit, str(error))
        self._packed = (
            self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
        )
        self.consumed += size - len(self._packed)
        self.whole = self._inflate.eof
        return piece

    def _salvage(self, limit: int, problem: str) -> bytes:
        """What comes out before the flaw: byte by byte, for what an error interrupts gives
        nothing.
        """
        pieces = []
        for at in range(len(self._packed)):
            try:
                piece = self._inflate.decompress(self._packed[at : at + 1], limit)
            except zlib.error:
                break
            pieces.append(piece)
            limit -= len(piece)
            if not limit:  # the rest comes with the next piece, and so does the flaw
                self._packed = self._inflate.unconsumed_tail + self._packed[at + 1 :]
                return b"".join(pieces)
        self.problem = problem
        return b"".join(pieces)

    def _next_member(self) -> bool:
        """Whether a member starts here; zeros, with which tapes and disks fill up, are passed
        over.
        """
        filled = len(self._packed)
        self._packed = self._packed.lstrip(b"\0")
        self.consumed += filled - len(self._packed)
        if not self._packed:
            return False
        if not MAGIC.startswith(self._packed[:2]):
            self.problem = "what follows the packed data is not gzip"
            return False
        self._inflate, self.whole = zlib.decompressobj(_GZIP), False
        return True


def flaw(read_at: ReadAt) -> str:
    """What is wrong with a gzip file; nothing if it is whole."""
    unpacker = Unpacker(read_at)
    while unpacker.read(1 << 18):
        pass
    return unpacker.problem or ("" if unpacker.whole else "the file is truncated")


def unpacked_fits(print_: Fingerprint, read_at: ReadAt) -> bool:
    """Whether the content of a gzip file has the bytes of a fingerprint; where its head differs, no
    more than that is unpacked.
    """
    unpacker = Unpacker(read_at)
    head = unpacker.read(print_.length)
    if len(head) < print_.length or crc32(head) != print_.sum:
        return False
    position, length, wanted = print_.mark
    tail, left = head[:position][-TAIL:], position - len(head)
    while left > 0:
        piece = unpacker.read(min(left, _PIECE))
        if not piece:
            return False
        tail, left = (tail + piece)[-TAIL:], left - len(piece)
    return crc32(tail[len(tail) - length :]) == wanted
