"""Cutting a stream at a delimiter, however its bytes come: the first half of every codec that reads
lines.

What has no end yet is kept as a list of pieces and joined once, so that a line of 100 MiB costs no
more than its length. A line longer than the limit is handed out in parts of that size: memory stays
bounded and no byte is lost. Where the parts are cut depends on the line alone, not on how its bytes
came.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Any, AnyStr, Generic

from ._charset import Charset

LIMIT = 16 << 20
"""The longest line, in bytes, unless an option or the setting ``penstock.limits.line`` says
otherwise.
"""

TOO_LONG = "_linetoobig"
"""The tag of an event that holds a part of a line over the limit."""

_SMALL = 65_536
"""Pieces up to this size are joined two by two, so that a stream of single bytes does not become a
list of them.
"""


BYTES_MARK = codecs.BOM_UTF8
MARK = "\ufeff"


class Unmarked(Generic[AnyStr]):
    """Takes a byte order mark off the start of a stream, however its bytes come."""

    def __init__(self, mark: AnyStr) -> None:
        self._mark: AnyStr = mark
        self.held: AnyStr = mark[:0]
        self.done = False

    def feed(self, data: AnyStr) -> AnyStr:
        """The data without the mark; what may be the start of one is held."""
        if self.done:
            return data
        data = self.held + data
        if len(data) < len(self._mark) and self._mark.startswith(data):
            self.held = data
            return data[:0]
        self.done, self.held = True, data[:0]
        return data.removeprefix(self._mark)

    def rest(self) -> AnyStr:
        """What is held when the stream ends."""
        rest, self.held, self.done = self.held, self.held[:0], True
        return rest


class Framing(Generic[AnyStr]):
    """Cuts bytes, or text, at a delimiter. ``cut`` tells which lines of the latest block are parts
    of a line over the limit. Unless its stream has ``begun`` a byte order mark is taken off.
    """

    def __init__(self, delimiter: AnyStr, limit: int = LIMIT, begun: bool = False) -> None:
        mark: Any = BYTES_MARK if isinstance(delimiter, bytes) else MARK
        self._start: Unmarked[AnyStr] | None = None if begun else Unmarked(mark)
        self.delimiter: AnyStr = delimiter
        self.limit = limit
        self.cut: Sequence[int] = ()
        self._overlap = len(delimiter) - 1
        self._held: list[AnyStr] = []
        self._size = 0
        self._in_parts = False

    def feed(self, data: AnyStr) -> AnyStr | None:
        """The lines that are complete with this data: to be split at the delimiter, the last one
        without it. None: there are none.
        """
        if self.cut:
            self.cut = ()
        if self._start is not None:
            data = self._started(data, self._start)
        if self._size + len(data) > self.limit:
            return self._feed_long(data)
        if self._overlap:
            data = self._edge(data)
        at = self._last(data)
        if at < 0:
            self._hold(data)
            return None
        if self._in_parts:
            return self._feed_long(data)
        block = data[:at]
        if self._held:
            block = data[:0].join(self._held + [block])  # noqa: RUF005
        self._keep(data[at + self._overlap + 1 :])
        return block

    def _started(self, data: AnyStr, start: Unmarked[AnyStr]) -> AnyStr:
        data = start.feed(data)
        if start.done:
            self._start = None
        return data

    def rest(self) -> AnyStr | None:
        """What stands after the last delimiter, to be split like a block; None if nothing does.
        Nothing is held afterwards.
        """
        if self._start is not None:
            self._hold(self._start.rest())
            self._start = None
        rest = self.delimiter[:0].join(self._held)
        self._keep(rest[:0])
        lines: list[AnyStr] = []
        cut: list[int] = []
        if rest:
            self._parts(rest, lines, cut)
        self._in_parts, self.cut = False, cut
        return self.delimiter.join(lines) if rest else None

    def _last(self, data: AnyStr) -> int:
        """Where the last delimiter starts, found from the left: one that overlaps itself has but
        one reading.
        """
        if not self._overlap:
            return data.rfind(self.delimiter)
        return len(data) - len(data.split(self.delimiter)[-1]) - len(self.delimiter)

    def _edge(self, data: AnyStr) -> AnyStr:
        """The data with as much of what is held as may be the start of a delimiter."""
        edge = data[:0]
        while self._held and len(edge) < self._overlap:
            edge = self._held.pop() + edge
        if len(edge) > self._overlap:
            self._held.append(edge[: -self._overlap])
            edge = edge[-self._overlap :]
        self._size -= len(edge)
        return edge + data

    def _hold(self, data: AnyStr) -> None:
        if not data:
            return
        held = self._held
        held.append(data)
        self._size += len(data)
        while len(held) > 1 and len(held[-2]) <= min(len(held[-1]), _SMALL):
            last = held.pop()
            held[-1] += last

    def _keep(self, data: AnyStr) -> None:
        self._held, self._size = ([data], len(data)) if data else ([], 0)

    def _feed_long(self, data: AnyStr) -> AnyStr | None:
        """What ``feed`` does, where a line may be over the limit."""
        whole = data[:0].join(self._held + [data]).split(self.delimiter)  # noqa: RUF005
        tail = whole.pop()
        lines: list[AnyStr] = []
        cut: list[int] = []
        for line in whole:
            self._parts(line, lines, cut)
            self._in_parts = False
        at = 0
        while len(tail) - at > self.limit + self._overlap:
            end = at + part_end(tail, at, self.limit)
            cut.append(len(lines))
            lines.append(tail[at:end])
            at, self._in_parts = end, True
        self._keep(tail[at:])
        self.cut = cut
        return self.delimiter.join(lines) if lines else None

    def _parts(self, line: AnyStr, lines: list[AnyStr], cut: list[int]) -> None:
        first, in_parts, at = len(lines), self._in_parts, 0
        while len(line) - at > self.limit:
            end = at + part_end(line, at, self.limit)
            lines.append(line[at:end])
            at, in_parts = end, True
        lines.append(line[at:])
        if in_parts:
            cut.extend(range(first, len(lines)))


def part_end(line: str | bytes, start: int, limit: int) -> int:
    """How long the part is that starts there: as the limit says, or shorter by the character that
    it would cut.
    """
    at = limit
    if isinstance(line, bytes):
        while at > max(0, limit - 3) and line[start + at] & 0xC0 == 0x80:
            at -= 1
    return at or limit


class LineReader:
    """The lines of a stream of bytes, as text. ``cut`` tells which of the latest lines are parts of
    one over the limit.
    """

    def __init__(
        self, charset: Charset, delimiter: str, limit: int = LIMIT, begun: bool = False
    ) -> None:
        self._charset, self._delimiter = charset, delimiter
        self._bytes = Framing(delimiter.encode(), limit, begun)
        self._decoder = None if charset.is_utf8 else charset.decoder()
        self._text = Framing(delimiter, limit, begun)

    @property
    def cut(self) -> Sequence[int]:
        """The places, in the latest lines, of parts of a line over the limit."""
        return self._bytes.cut if self._decoder is None else self._text.cut

    def lines(self, data: bytes) -> list[str]:
        """The lines that are complete with these bytes."""
        if self._decoder is None:
            return self._read(self._bytes.feed(data))
        text = self._text.feed(self._decoder.decode(data))
        return [] if text is None else text.split(self._delimiter)

    def rest(self) -> list[str]:
        """What stands after the last delimiter. Nothing is held afterwards."""
        if self._decoder is None:
            return self._read(self._bytes.rest())
        more = self._text.feed(self._decoder.decode(b"", True))
        lines = [] if more is None else more.split(self._delimiter)
        text = self._text.rest()
        return lines if text is None else [*lines, *text.split(self._delimiter)]

    def _read(self, block: bytes | None) -> list[str]:
        if block is None:
            return []
        try:
            return block.decode().split(self._delimiter)
        except UnicodeDecodeError:
            return [self._charset.text(line) for line in block.split(self._delimiter.encode())]


def delimiter_option(plugin: Any, option: str = "delimiter") -> str:
    """The delimiter that a plugin's option gives; a line feed if it is empty, which is reported."""
    delimiter: str = getattr(plugin, option)
    if not delimiter:
        plugin.problem(option, "the delimiter is empty", "remove the option, or give a character")
    return delimiter or "\n"
