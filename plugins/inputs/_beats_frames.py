"""Lumberjack's frames, taken out of the bytes of a connection.

A client opens a window of so many events (``W``) and sends them as JSON (``J``), as pairs of texts
(``D``, version 1), or many such frames packed with zlib (``C``). Nothing that a client says about
lengths is believed: a frame over the limit is refused before its bytes are read, a packed one
before more than the limit was unpacked, and one inside another at all.

What has come is cut into pieces of a usual size, so that a window of a hundred thousand events is
neither held as a whole nor acknowledged only at its end.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from ...dsl.diagnostics import PenstockError

VERSIONS = (0x31, 0x32)
_WINDOW, _JSON, _DATA, _PACKED = 0x57, 0x4A, 0x44, 0x43
_KINDS = (_WINDOW, _JSON, _DATA, _PACKED)
_COUNT = struct.Struct(">BBI")
_EVENT = struct.Struct(">BBII")
_FRAME = struct.Struct(">H4xI")  # an event's frame as one reads many: how it begins, its length
HEAD = _EVENT.size
"""The bytes before each event of a piece that are its frame's."""

_LENGTH = struct.Struct(">I")
_MOST_EVENTS = 1000
_MOST_PAIRS = 10_000
_encode = msgspec.json.Encoder().encode


class ProtocolError(PenstockError):
    """What a client sent is not Lumberjack, or is over a limit; said so that a log can show it."""


class Piece(NamedTuple):
    """Events of one window, each as JSON behind ``HEAD`` bytes, in order: ``data`` is all of them,
    ``ends`` says where each ends. ``sequence``: the number of the last one, in frames of that
    ``version``; ``ends_window``: whether the client waits for just this number.
    """

    data: bytes
    ends: Sequence[int]
    sequence: int
    version: int
    ends_window: bool


class Frames:
    """The frames of one connection. ``longest``: the bytes of a frame, packed and unpacked;
    ``size``: the bytes after which a piece is large enough.
    """

    def __init__(self, longest: int, size: int) -> None:
        self._longest, self._size = longest, size
        self._buffer = bytearray()
        self._wanted = 0
        self._left = 0  # events that the window still has
        self._frames: list[bytes] = []
        self._ends: list[int] = []
        self._end = self._sequence = 0
        self.version = VERSIONS[1]
        self._pieces: list[Piece] = []

    @property
    def held(self) -> int:
        """The bytes that are in no piece yet."""
        return len(self._buffer) + self._end

    def feed(self, data: bytes) -> list[Piece]:
        """The pieces that are complete with these bytes. Raises ProtocolError; what came before
        the error is not given then, and is to be sent again.
        """
        buffer = self._buffer
        if buffer or len(data) < self._wanted:
            buffer += data
            if len(buffer) < self._wanted:
                return []
            data = bytes(buffer)
            buffer.clear()
        at = self._walk(data, False)
        buffer += data[at:]
        pieces, self._pieces = self._pieces, []
        return pieces

    def _walk(self, data: bytes, is_unpacked: bool) -> int:
        """Take the whole frames; where the first one begins that is not whole."""
        at, end = 0, len(data)
        self._wanted = _COUNT.size
        while end - at >= _COUNT.size:
            version, kind, number = _COUNT.unpack_from(data, at)
            if version not in VERSIONS or kind not in _KINDS:
                raise ProtocolError(f"the bytes {data[at : at + 6]!r} do not begin a frame")
            self.version = version
            if kind == _JSON:
                after = self._take_json(data, at, end)
            elif kind == _WINDOW:
                self._close(ends_window=True)
                self._left, after = number, at + _COUNT.size
            elif kind == _DATA:
                after = self._take_pairs(data, at, end)
            elif is_unpacked:
                raise ProtocolError("a packed frame holds another one")
            else:
                after = self._take_packed(data, at, end, number)
            if not after:
                break
            at, self._wanted = after, _COUNT.size
        return at

    def _take_json(self, data: bytes, at: int, end: int) -> int:
        """Take the frames of JSON that begin here, as many as make a piece; where the first one
        begins that was not taken; 0 where that is the first of them. This is the hottest code of
        the input: frames stay together as they came, and only their ends are noted.
        """
        unpack, ended = _FRAME.unpack_from, self._ends.append
        room = min(max(self._left, 1), _MOST_EVENTS - len(self._ends))
        kind, first, latest = data[at] << 8 | _JSON, at, at
        shift = self._end - at
        full = self._size - shift
        for taken in range(room):
            if end - at < HEAD:
                self._wanted = HEAD
                break
            found, length = unpack(data, at)
            if found != kind:
                break
            after = at + HEAD + length
            if after > end:
                self._want(HEAD + length, at, end)
                break
            ended(after + shift)
            latest, at = at, after
            if at >= full:
                taken += 1
                break
        else:
            taken = room
        if not taken:
            return 0
        (sequence,) = _LENGTH.unpack_from(data, latest + 2)
        self._note(data[first:at], sequence, taken)
        return at

    def _take_pairs(self, data: bytes, at: int, end: int) -> int:
        """Take one event of version 1, pairs of texts; where the next frame begins, or 0."""
        if end - at < _EVENT.size:
            self._wanted = _EVENT.size
            return 0
        _, _, sequence, count = _EVENT.unpack_from(data, at)
        if count > _MOST_PAIRS:
            raise ProtocolError(f"an event has {count} fields, more than {_MOST_PAIRS}")
        texts: list[str] = []
        place = at + _EVENT.size
        for _ in range(2 * count):
            if end - place < _LENGTH.size:
                self._want(place + _LENGTH.size - at, at, end)
                return 0
            (length,) = _LENGTH.unpack_from(data, place)
            start = place + _LENGTH.size
            place = start + length
            if place > end:
                self._want(place - at, at, end)
                return 0
            texts.append(data[start:place].decode("utf-8", "backslashreplace"))
        payload = _encode(dict(zip(texts[::2], texts[1::2], strict=True)))
        self._ends.append(self._end + HEAD + len(payload))
        self._note(bytes(HEAD) + payload, sequence, 1)
        return place

    def _take_packed(self, data: bytes, at: int, end: int, length: int) -> int:
        after = at + _COUNT.size + length
        if after > end:
            self._want(_COUNT.size + length, at, end)
            return 0
        unpacked = self._unpacked(data[at + _COUNT.size : after])
        taken = self._walk(unpacked, True)
        if taken < len(unpacked):
            raise ProtocolError("a packed frame ends in the middle of a frame")
        return after

    def _unpacked(self, data: bytes) -> bytes:
        unpacking = zlib.decompressobj()
        try:
            unpacked = unpacking.decompress(data, self._longest + 1)
        except zlib.error as error:
            raise ProtocolError(f"a packed frame cannot be unpacked: {error}") from error
        if len(unpacked) > self._longest:
            raise ProtocolError(f"a packed frame unpacks to more than {self._longest} bytes")
        if not unpacking.eof:
            raise ProtocolError("a packed frame is cut off")
        return unpacked

    def _want(self, size: int, at: int, end: int) -> None:
        """So many bytes must be there before it is worth looking again."""
        if size > self._longest:
            raise ProtocolError(f"a frame of {size} bytes is over {self._longest}")
        self._wanted = size

    def _note(self, frames: bytes, sequence: int, count: int) -> None:
        """So many frames more were taken; their ends are noted already."""
        self._frames.append(frames)
        self._end += len(frames)
        self._sequence = sequence
        self._left -= count
        if self._left <= 0 or self._end >= self._size or len(self._ends) >= _MOST_EVENTS:
            self._close(self._left <= 0)

    def _close(self, ends_window: bool) -> None:
        """What was taken is a piece."""
        if self._frames:
            data = b"".join(self._frames)
            piece = Piece(data, self._ends, self._sequence, self.version, ends_window)
            self._pieces.append(piece)
        self._frames, self._ends, self._end = [], [], 0
        self._left = max(self._left, 0)
