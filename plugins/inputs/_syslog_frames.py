"""How messages of syslog follow each other on a connection (RFC 6587): each with its length in
front, or each with a newline behind it; senders mix both.

A frame has a length in front where it begins with a number, a space and a priority; else it is a
line. So one frame can be told from the next without knowing what came before, and what is cut
between two frames can be decoded by itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...dsl.event import complete
from ...dsl.reference import Event
from ...dsl.timestamp import Timestamp
from ..batch import Chunk
from ..codecs._framing import TOO_LONG, part_end
from ..servers.gathering import Gathering

_COUNT = re.compile(rb"([1-9][0-9]{0,8}) (?=<[0-9])")
_COUNT_ON_A_LINE = re.compile(rb"\n[1-9][0-9]{0,8} <[0-9]")
_LONGEST_COUNT = 12
_UNTIL_NEWLINE = -1


def frames(data: bytes) -> list[bytes]:
    """The messages of what was cut between two frames; empty lines are none."""
    if not data[:1].isdigit() and _COUNT_ON_A_LINE.search(data) is None:
        return [line for line in data.split(b"\n") if line]
    found, at = [], 0
    while at < len(data):
        counted = _COUNT.match(data, at)
        if counted is not None:
            start, at = counted.end(), counted.end() + int(counted[1])
            found.append(data[start:at])
            continue
        start, end = at, data.find(b"\n", at)
        at = len(data) + 1 if end < 0 else end + 1
        if at > start + 1:
            found.append(data[start : at - 1])
    return found


class FrameFeed:
    """Cuts a connection's bytes between two frames; a ``Feed``.

    A frame over the limit, however long it says it is, is handed out in parts as it comes: events
    that hold a part as ``message``, tagged.
    """

    def __init__(self, gathering: Gathering, longest: int, origin: Mapping[str, Any]) -> None:
        self._gathering, self._longest, self._origin = gathering, longest, origin
        self._data = bytearray()
        self._need = 0  # how much there must be for another look to be of use
        self._seen = 0  # how much was searched for the end of a line
        self._oversize = 0  # how much of a frame over the limit is to come, or until a newline

    @property
    def held(self) -> int:
        """As ``Feed``."""
        return len(self._data)

    def feed(self, data: bytes) -> None:
        """As ``Feed``."""
        self._data += data
        while self._goes_on():
            pass

    def _goes_on(self) -> bool:
        """Give what can be given; whether to look again."""
        if self._oversize:
            return self._gives_part()
        if len(self._data) < self._need:
            return False
        self._need = 0
        end = self._last_end()
        if end:
            self._give(end)
            return True  # what is behind it is now the first
        if not self._oversize and not self._need and len(self._data) > self._longest:
            self._oversize = _UNTIL_NEWLINE
        return bool(self._oversize)

    def _last_end(self) -> int:
        """Where the last frame ends that is complete."""
        at = 0
        while at < len(self._data):
            end = self._end_of_frames(at)
            if end <= at:
                break
            at = end
        return at

    def _end_of_frames(self, at: int) -> int:
        """Where frames end that begin there, one with a length or all lines up to the next such; 0
        where none is complete.
        """
        data = self._data
        counted = _COUNT.match(data, at)
        if counted is not None:
            return self._end_of_counted(at, counted.end(), int(counted[1]))
        if _may_be_a_count(data, at):
            return 0
        unseen = max(at, self._seen)
        following = _COUNT_ON_A_LINE.search(data, unseen)
        end = data.rfind(b"\n", unseen) + 1 if following is None else following.start() + 1
        if end - at > self._longest:
            end = data.find(b"\n", at) + 1  # one by one, to see which is over the limit
            return end if end - at <= self._longest + 1 else 0
        if following is None:
            self._seen = max(0, len(data) - _LONGEST_COUNT - 2)
        return end

    def _end_of_counted(self, at: int, start: int, length: int) -> int:
        if length > self._longest:
            if at == 0:  # else what is before it goes first
                del self._data[:start]
                self._oversize = length
            return 0
        self._need = start + length - at
        if start + length > len(self._data):
            return 0
        self._need = 0
        return start + length

    def _gives_part(self) -> bool:
        """Give the next part of a frame over the limit, where it is there."""
        data, size, rest = self._data, self._longest, self._oversize
        end = data.find(b"\n", 0, size + 1) if rest == _UNTIL_NEWLINE else -1
        if end >= 0:
            self._part(end)
            del data[:1]
            self._oversize = 0
        elif rest == _UNTIL_NEWLINE:
            if len(data) <= size:
                return False
            self._part(part_end(bytes(data[: size + 1]), 0, size))
        else:
            if len(data) < min(rest, size):
                return False
            whole = rest <= size
            end = rest if whole else part_end(bytes(data[: size + 1]) + b" ", 0, size)
            self._part(end)
            self._oversize -= end
        return True

    def _give(self, end: int) -> None:
        chunk = bytes(self._data[:end])
        del self._data[:end]
        self._seen = 0
        self._gathering.add(Chunk(chunk, self._origin))

    def _part(self, end: int) -> None:
        text = bytes(self._data[:end]).decode("utf-8", "backslashreplace")
        del self._data[:end]
        self._seen = self._need = 0
        if text:
            event: Event = {"message": text, "tags": [TOO_LONG]}
            complete([event], Timestamp.now(), self._origin)
            self._gathering.add_events([event], end)

    def spill(self) -> None:
        """As ``Feed``."""
        if self._oversize > 0:
            self._oversize = max(0, self._oversize - len(self._data)) or _UNTIL_NEWLINE
        elif self._need:
            self._oversize = self._need - len(self._data)
        else:
            self._oversize = _UNTIL_NEWLINE
        self._part(len(self._data))

    def idle(self) -> None:
        """As ``Feed``."""

    def end(self) -> None:
        """As ``Feed``."""
        if self._oversize:
            self._part(len(self._data))
        elif self._data:
            self._give(len(self._data))


def _may_be_a_count(data: bytearray, at: int) -> bool:
    """Whether what is there may become a length when more has come."""
    rest = bytes(data[at : at + _LONGEST_COUNT])
    is_all = at + len(rest) == len(data)
    return is_all and re.fullmatch(rb"[1-9][0-9]{0,8}( <?)?", rest) is not None
