"""Reading the body of a request, bounded: by its length, and by what all requests hold together."""

from __future__ import annotations

from aiohttp import web

from ...dsl.diagnostics import PenstockError
from ._http_unpacking import Unpacking
from ._request_intake import Gathering


class TooLong(PenstockError):
    """A body that is longer than it may be."""


class Body:
    """A body while it is read: its bytes are reserved as they come, those that are announced before
    they come.
    """

    def __init__(self, gathering: Gathering, longest: int) -> None:
        self._gathering, self._longest = gathering, longest
        self._reserved = 0

    def expect(self, size: int) -> None:
        """Reserve what was announced; raises Full."""
        self._gathering.reserve(size)
        self._reserved = size

    async def read(self, request: web.BaseRequest, encoding: str) -> bytes:
        """All of it, unpacked, with its bytes and no more reserved; raises TooLong, Unreadable and
        Full. ``encoding``: one of ``ENCODINGS``.
        """
        pieces, size = list[bytes](), 0
        unpacking = Unpacking(encoding)
        while packed := await request.content.readany():
            for piece in unpacking.feed(packed):
                pieces.append(piece)
                size += len(piece)
                if size > self._longest:
                    raise TooLong
                if size > self._reserved:
                    self._gathering.reserve(size - self._reserved)
                    self._reserved = size
        unpacking.end()
        self._gathering.release(self._reserved - size)
        self._reserved = size
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def drop(self) -> None:
        """Nothing of it is held any more."""
        self._gathering.release(self._reserved)
        self._reserved = 0


def as_utf8(body: bytes, charset: str) -> bytes:
    """A text in another character set, as UTF-8."""
    try:
        return body.decode(charset, "replace").encode()
    except (LookupError, ValueError):
        return body  # a character set that nobody knows: as if it had not been named
