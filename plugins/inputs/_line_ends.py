"""Where lines end in the bytes of a stream, however the bytes come.

The codec cuts the lines; the position that may be remembered is that of the last line's end, and
this finds it in the bytes themselves. In UTF-16 and UTF-32 an end is one only where a character
starts; a delimiter of several bytes may be cut by the border of two pieces; one that overlaps
itself is read from the left.
"""

from __future__ import annotations


class LineEnds:
    """Finds delimiters. ``width``: bytes of a character's unit, to which delimiters are aligned."""

    def __init__(self, delimiter: bytes, width: int = 1) -> None:
        self._delimiter, self._width = delimiter, width
        self._size = len(delimiter)
        self._plain = self._size == 1
        self._overlaps = any(delimiter.endswith(delimiter[:k]) for k in range(1, self._size))
        self._edge = b""
        self._offset = 0  # of the edge, from where a character started

    def rest(self, data: bytes) -> int | None:
        """How many of these bytes stand after the last end of a line; None if no line ends in
        them.
        """
        if self._plain:
            at = data.rfind(self._delimiter)
            return None if at < 0 else len(data) - at - 1
        data = self._edge + data
        at = self._last(data)
        rest = len(data) if at < 0 else len(data) - at - self._size
        self._keep(data, rest)
        return None if at < 0 else rest

    def all(self, data: bytes) -> list[int]:
        """After how many of these bytes each line ends."""
        before, data = len(self._edge), self._edge + data
        ends, at = [], self._next(data, 0)
        while at >= 0:
            ends.append(at + self._size - before)
            at = self._next(data, at + self._size)
        self._keep(data, len(data) - (ends[-1] + before) if ends else len(data))
        return ends

    def _keep(self, data: bytes, rest: int) -> None:
        """Hold back what may be the start of a delimiter."""
        held = min(rest, self._size - 1)
        self._edge = data[len(data) - held :]
        self._offset = (self._offset + len(data) - held) % self._width

    def _last(self, data: bytes) -> int:
        if self._overlaps and self._width == 1:
            return len(data) - len(data.split(self._delimiter)[-1]) - self._size
        at = data.rfind(self._delimiter)
        while at >= 0 and (self._offset + at) % self._width:
            at = data.rfind(self._delimiter, 0, at + self._size - 1)
        return at

    def _next(self, data: bytes, start: int) -> int:
        at = data.find(self._delimiter, start)
        while at >= 0 and (self._offset + at) % self._width:
            at = data.find(self._delimiter, at + 1)
        return at
