"""One file that is followed: its descriptor, where it is read, and what of it has been delivered.

A file is an identity, not a name: it may be renamed, or its name given to another, while it is
read. ``position`` counts the bytes of its content; of a packed file those that come out.
"""

from __future__ import annotations

import os
import time

from ..batch import Position
from ._fingerprint import HEAD, TAIL, Fingerprint, Mark, fingerprint, mark
from ._gunzip import MAGIC, Unpacker
from ._load import Content, Load, Span
from ._sincedb import Identity, Record
from ._stream import Stream, Streams

_PACKED_NAMES = (".gz", ".gzip")


class LogFile:
    """A file under a path.

    ``size`` and ``modified`` (nanoseconds) are what was last seen of it, ``quiet_since`` and
    ``read_at`` readings of the monotonic clock. ``unread``: how much had not been read when it was
    cut short. ``detached``: its path no longer leads to it. ``ending``: all that it holds was
    handed out.

    ``partition`` and ``incarnation`` are what the runtime knows it by: the same content under the
    same identity is the same incarnation, over restarts too. ``open``: the spans under way;
    ``safe``: the mark behind which all is delivered; ``unsaved``: the sincedb does not know that
    yet; ``again``: where to read again, because something was not delivered; ``was_known``: whether
    it goes on where an earlier run was.
    """

    __slots__ = (
        "_checked",
        "_head",
        "_marks",
        "_tail",
        "again",
        "changed",
        "descriptor",
        "detached",
        "ending",
        "finished",
        "identity",
        "ignored",
        "incarnation",
        "modified",
        "not_before",
        "open",
        "partition",
        "path",
        "position",
        "quiet_since",
        "read_at",
        "safe",
        "size",
        "stream",
        "unpacker",
        "unread",
        "unsaved",
        "was_known",
    )

    def __init__(self, path: str, seen: os.stat_result, now: float) -> None:
        self.path = path
        self.identity = Identity(seen.st_dev, seen.st_ino)
        self.size, self.modified = seen.st_size, seen.st_mtime_ns
        self.descriptor: int | None = None
        self.unpacker: Unpacker | None = None
        self.stream: Stream | None = None
        self.position = self.unread = 0
        self.partition, self.incarnation = str(self.identity), ""
        self.safe, self.unsaved = Mark(0, 0, 0), False
        self.again: int | None = None
        # A few at most, and in thousands of files none: a deque takes room even when it is empty.
        self.open: list[Span[LogFile]] = []
        self._marks: list[Mark] = []
        self.quiet_since = self.read_at = now
        self.changed = 0.0
        self.not_before = 0.0
        self.detached = self.ending = self.finished = False
        self.ignored = self.was_known = False
        self._head = self._tail = b""
        self._checked: tuple[int, int] | None = None

    def open_file(self, path: str | None = None) -> bool:
        """Open the file; False where the path (by default its own) leads to another one. Raises
        OSError.
        """
        if self.descriptor is not None:
            return True
        descriptor = os.open(path or self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        seen = os.fstat(descriptor)
        if (seen.st_dev, seen.st_ino) != self.identity:
            os.close(descriptor)
            return False
        self.descriptor = descriptor
        return True

    def close(self) -> None:
        """Let go of the descriptor; the file can be opened again."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def bytes_at(self, length: int, offset: int) -> bytes:
        """Bytes as they stand on disk; raises OSError."""
        assert self.descriptor is not None
        return os.pread(self.descriptor, length, offset)

    def unpack(self) -> bool:
        """Whether this is a gzip file, by its first bytes; if so, it is unpacked from here on."""
        if self.unpacker is None and self.bytes_at(len(MAGIC), 0) == MAGIC:
            self.unpacker = Unpacker(self.bytes_at)
        return self.unpacker is not None

    def start(self, position: int, incarnation: str = "") -> None:
        """Read on from a position; all before it counts as delivered. Without an incarnation this
        is a new one.
        """
        self.was_known = bool(incarnation)
        self.incarnation = incarnation or str(time.time_ns())
        self._head = self.bytes_at(HEAD, 0)
        self._checked = self.size, self.modified
        self._seek(position)
        self.safe = mark(self.position, self._tail)

    def rewind(self) -> None:
        """Read again what was given back."""
        if self.again is not None:
            position, self.again, self.ending = self.again, None, False
            self._seek(position)

    def settle(self, span: Span[LogFile]) -> None:
        """A span was delivered; others before it may not be."""
        self.open.remove(span)
        if not self.open and self._marks:
            self._move_safe(self._marks[-1].position)

    def settle_behind(self, position: Position) -> None:
        """All before a position is delivered."""
        if position.incarnation == self.incarnation:
            self._move_safe(position.offset)

    def _move_safe(self, offset: int) -> None:
        marks = self._marks
        while marks and marks[0].position <= offset:
            self.safe, self.unsaved = marks.pop(0), True

    def give_back(self, start: int) -> None:
        """Nothing that was handed out from a position on counts any more."""
        self.open = [span for span in self.open if span.start < start]
        self._marks = [at for at in self._marks if at.position <= start]
        self.again = start

    def forget_open(self) -> bool:
        """Nothing that is under way counts any more; whether there is something to read again."""
        if self.again is None and not self.open and self.position == self.safe.position:
            return False
        self.give_back(self.safe.position)
        self.open.clear()
        return True

    def _seek(self, position: int) -> None:
        self.stream = None
        self.position = position
        if self.unpacker is not None:
            self.unpacker = Unpacker(self.bytes_at, position)
        else:
            length = min(TAIL, position)
            self._tail = self.bytes_at(length, position - length)

    def see(self, seen: os.stat_result) -> None:
        """Take note of what was seen of the file."""
        if seen.st_size < self.size:
            self.unread = max(0, self.size - self.position)
        self.size, self.modified = seen.st_size, seen.st_mtime_ns

    def look(self) -> bool:
        """See how long the open file is now. False where it no longer holds what was read of it."""
        assert self.descriptor is not None
        self.see(os.fstat(self.descriptor))
        if self._checked == (self.size, self.modified):
            return True
        head, tail = self.bytes_at(HEAD, 0), self._tail
        read = self.position if self.unpacker is None else self.unpacker.consumed
        if (
            self.size < read
            or not head.startswith(self._head)
            or self.bytes_at(len(tail), read - len(tail)) != tail
        ):
            return False
        self.unsaved = self.unsaved or len(head) > len(self._head)
        self._head = head
        self._checked = self.size, self.modified
        return True

    def behind(self) -> int:
        """Bytes that are not delivered yet, as far as the system tells now; from any thread."""
        if self.ignored or self.finished:
            return 0
        unpacker = self.unpacker
        if unpacker is not None:
            return max(0, self.size - unpacker.consumed)
        return max(0, self._size_now() - self.safe.position)

    def _size_now(self) -> int:
        """While the outputs are waited for nothing is read, and ``size`` is old."""
        try:
            seen = os.stat(self.path)
        except OSError:
            return self.size
        is_same = (seen.st_dev, seen.st_ino) == self.identity
        return seen.st_size if is_same else self.size

    def is_unlinked(self) -> bool:
        """Whether the open file has no name any more."""
        assert self.descriptor is not None
        try:
            return not os.fstat(self.descriptor).st_nlink
        except OSError:
            return True

    def starts(self, head: bytes) -> bool:
        """Whether another file, which starts with ``head``, starts as this one does."""
        return bool(self._head) and head.startswith(self._head)

    @property
    def print(self) -> Fingerprint:
        """The fingerprint of what was read."""
        return fingerprint(self._head, mark(self.position, self._tail))

    def move(self, path: str, is_packed: bool) -> bool:
        """Go on in a copy of the file that has another identity; False where it is gone. Raises
        OSError.
        """
        seen = os.stat(path)
        self.identity = Identity(seen.st_dev, seen.st_ino)
        self.close()
        if not self.open_file(path):
            return False
        if is_packed:
            self._head, self._tail = self.bytes_at(HEAD, 0), b""
            self.unpacker = Unpacker(self.bytes_at, self.position)
            self._checked = None
        return True

    def take_partition(self) -> bool:
        """After a move, be a partition of its own as soon as nothing is under way in the old one;
        whether it is.
        """
        if self.partition != str(self.identity) and not self.open:
            self.partition = str(self.identity)
        return self.partition == str(self.identity)

    @property
    def read_up(self) -> bool:
        """Whether all that was there when last looked has been read."""
        if self.unpacker is not None:
            unpacker = self.unpacker
            return bool(unpacker.problem) or (unpacker.drained and unpacker.consumed >= self.size)
        return self.position >= self.size

    def take(self, load: Load[LogFile], limit: int, streams: Streams) -> int:
        """Read up to ``limit`` bytes into a batch; gives how many were read on disk or, if more,
        came out unpacked.
        """
        data, packed = self._read(limit)
        if not data:
            return packed
        stream = self.stream or self._new_stream(streams)
        safe, tail, begin = stream.safe, self._tail, self.position
        content = stream.feed(data)
        self.position += len(data)
        if self.unpacker is None:
            self._tail = _before(data, len(data), tail)
        at = mark(stream.safe, b"" if self.unpacker else _before(data, stream.safe - begin, tail))
        self._hand_out(load, content, safe, at)
        load.bytes += packed
        load.size += len(data)
        return max(len(data), packed)

    def _read(self, limit: int) -> tuple[bytes, int]:
        if self.unpacker is not None:
            consumed = self.unpacker.consumed
            return self.unpacker.read(limit), self.unpacker.consumed - consumed
        # Not beyond the size: on network file systems there may be zeros where a writer has not
        # written yet.
        data = self.bytes_at(max(min(limit, self.size - self.position), 0), self.position)
        return data, len(data)

    def _new_stream(self, streams: Streams) -> Stream:
        head = b"" if self.unpacker else self._head
        self.stream = streams.start(self.path, self.position, head)
        return self.stream

    def flush(self, load: Load[LogFile]) -> None:
        """Put what the stream holds into a batch; the file is safe up to where it was read."""
        if self.stream is not None and self.stream.holds:
            safe = self.stream.safe
            content = self.stream.flush()
            self._hand_out(load, content, safe, mark(self.position, self._tail))

    def idle(self, load: Load[LogFile]) -> None:
        """Put events into a batch that are due because nothing came for a while."""
        if self.stream is not None and self.stream.holds:
            safe = self.stream.safe
            content = self.stream.idle()
            if not content.is_empty:
                self._hand_out(load, content, safe, mark(self.stream.safe, b""))

    def _hand_out(self, load: Load[LogFile], content: Content, start: int, at: Mark) -> None:
        if content.is_empty and at.position == start:
            return
        span = Span(self, start, at)
        self.open.append(span)
        self._marks.append(at)
        load.add(span, content)

    def record(self) -> Record:
        """What is to be remembered of the file."""
        safe, packed = self.safe, self.unpacker is not None
        position = safe.position
        if packed:
            position = self.size if self.finished else 0
        return Record(
            position,
            self.changed,
            self.path,
            fingerprint(self._head, Mark(0, 0, 0) if packed else safe),
            safe.position if packed else 0,
            self.finished,
            self.incarnation,
        )


def _before(data: bytes, length: int, earlier: bytes) -> bytes:
    """The last bytes before a place in the data, or before it in what was read earlier."""
    if length >= TAIL:
        return data[length - TAIL : length]
    return (earlier + data[:length])[-TAIL:] if length >= 0 else earlier[:length]
