"""Unpacking the body of a request, a piece at a time, and knowing whether it is whole.

The HTTP server's own unpacking takes a gzip body that was cut off for a whole one: what was missing
would be answered with 200, and be lost.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from ...dsl.diagnostics import PenstockError

ENCODINGS = ("", "identity", "gzip", "deflate")
"""The encodings of bodies that can be unpacked."""

_GZIP, _RAW = 31, -15
_STEP = 1 << 16
_DEFLATE_METHOD = 8


class Unreadable(PenstockError):
    """A body that is not what its encoding says, or was cut off."""


class Unpacking:
    """A body in one of ``ENCODINGS``. Not thread-safe."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._packed = encoding not in ("", "identity")
        self._inflate = zlib.decompressobj(_GZIP) if encoding == "gzip" else None
        self._has_begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What a piece gives, in pieces of 64 KiB at most where it was packed. Raises
        Unreadable.
        """
        if not self._packed:
            yield data
            return
        is_full = False
        while data or is_full:  # what was taken in may give more than one piece
            inflate = self._member(data)
            try:
                piece = inflate.decompress(data, _STEP)
            except zlib.error as error:
                reason = str(error).rpartition(": ")[2]
                raise Unreadable(f"the body is not {self._encoding}: {reason}") from error
            data = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
            if inflate.eof and data and self._encoding != "gzip":
                raise Unreadable("bytes follow the packed body")
            is_full = len(piece) == _STEP and not inflate.eof
            if piece:
                yield piece

    def end(self) -> None:
        """Nothing more comes; raises Unreadable where something is missing. No bytes at all are an
        empty body.
        """
        if self._has_begun and self._inflate is not None and not self._inflate.eof:
            raise Unreadable("the packed body was cut off")

    def _member(self, data: bytes) -> zlib._Decompress:
        """What unpacks the bytes that come now: a gzip body may have several members."""
        if self._inflate is None:
            is_raw = data[0] & 0x0F != _DEFLATE_METHOD  # as some old clients send it
            self._inflate = zlib.decompressobj(_RAW if is_raw else zlib.MAX_WBITS)
        elif self._inflate.eof and data:
            self._inflate = zlib.decompressobj(_GZIP)
        self._has_begun = True
        return self._inflate
