"""One file that is followed: its descriptor, where it is read, and what of it has been delivered.

A file is an identity, not a name: it may be renamed, or its name given to another, while it is
read. ``position`` counts the bytes of its content; of a packed file those that come out.
"""

from __future__ import annotations

import os

from ...dsl.reference import Event
from ._fingerprint import HEAD, TAIL, Fingerprint, Mark, fingerprint, mark
from ._gunzip import MAGIC, Unpacker
from ._in_flight import Ledger, Load
from ._sincedb import Identity, Record
from ._stream import Stream, Streams

_PACKED_NAMES = (".gz", ".gzip")


class LogFile:
    """A file under a path.

    ``size`` and ``modified`` (nanoseconds) are what was last seen of it, ``quiet_since`` and
    ``read_at`` readings of the monotonic clock. ``unread``: how much had not been read when it was
    cut short. ``detached``: its path no longer leads to it. ``ending``: all that it holds was
    handed out.
    """

    __slots__ = (
        "_checked",
        "_head",
        "_tail",
        "changed",
        "descriptor",
        "detached",
        "ending",
        "finished",
        "identity",
        "ignored",
        "ledger",
        "modified",
        "not_before",
        "path",
        "position",
        "quiet_since",
        "read_at",
        "size",
        "stream",
        "unpacker",
        "unread",
    )

    def __init__(self, path: str, seen: os.stat_result, now: float) -> None:
        self.path = path
        self.identity = Identity(seen.st_dev, seen.st_ino)
        self.size, self.modified = seen.st_size, seen.st_mtime_ns
        self.descriptor: int | None = None
        self.unpacker: Unpacker | None = None
        self.stream: Stream | None = None
        self.position = self.unread = 0
        self.ledger = Ledger(Mark(0, 0, 0))
        self.quiet_since = self.read_at = now
        self.changed = 0.0
        self.not_before = 0.0
        self.detached = self.ending = self.finished = self.ignored = False
        self._head = self._tail = b""
        self._checked: tuple[int, int] | None = None

    def open(self, path: str | None = None) -> bool:
        """Open the file; False where the path (its own, unless another is given) leads to another
        one. Raises OSError.
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

    def start(self, position: int) -> None:
        """Read on from a position; all before it counts as delivered."""
        self._head = self.bytes_at(HEAD, 0)
        self._checked = self.size, self.modified
        self._seek(position)
        self.ledger = Ledger(mark(self.position, self._tail))

    def rewind(self) -> None:
        """Read again what was given back."""
        spans = self.ledger.open
        self.ledger.failed = self.ending = False
        self._seek(spans[-1].end if spans else self.ledger.safe.position)

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
        self.ledger.changed = self.ledger.changed or len(head) > len(self._head)
        self._head = head
        self._checked = self.size, self.modified
        return True

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

    def move(self, path: str) -> bool:
        """Go on in a copy of the file that has other identity; False where it is gone. Raises
        OSError.
        """
        seen = os.stat(path)
        self.identity = Identity(seen.st_dev, seen.st_ino)
        self.close()
        return self.open(path)

    @property
    def read_up(self) -> bool:
        """Whether all that was there when last looked has been read."""
        if self.unpacker is not None:
            unpacker = self.unpacker
            return bool(unpacker.problem) or (unpacker.drained and unpacker.consumed >= self.size)
        return self.position >= self.size

    def take(self, load: Load, limit: int, streams: Streams) -> int:
        """Read up to ``limit`` bytes into a batch; gives how many were read on disk or, if more,
        came out unpacked.
        """
        data, packed = self._read(limit)
        if not data:
            return packed
        stream = self.stream or self._new_stream(streams)
        safe, tail, begin = stream.safe, self._tail, self.position
        events = stream.feed(data)
        self.position += len(data)
        if self.unpacker is None:
            self._tail = _before(data, len(data), tail)
        at = mark(stream.safe, b"" if self.unpacker else _before(data, stream.safe - begin, tail))
        self._hand_out(load, events, safe, at)
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

    def flush(self, load: Load) -> None:
        """Put what the stream holds into a batch; the file is safe up to where it was read."""
        if self.stream is not None and self.stream.holds:
            safe = self.stream.safe
            events = self.stream.flush()
            self._hand_out(load, events, safe, mark(self.position, self._tail))

    def idle(self, load: Load) -> None:
        """Put events into a batch that are due because nothing came for a while."""
        if self.stream is not None and self.stream.holds:
            safe = self.stream.safe
            if events := self.stream.idle():
                self._hand_out(load, events, safe, mark(self.stream.safe, b""))

    def _hand_out(self, load: Load, events: list[Event], start: int, at: Mark) -> None:
        if load.events:
            load.events += events
        else:
            load.events = events
        load.spans.append(self.ledger.hand_out(start, at.position, at))

    def record(self) -> Record:
        """What is to be remembered of the file."""
        safe, head = self.ledger.safe, self._head
        if self.unpacker is None:
            return Record(
                safe.position, self.changed, self.path, fingerprint(head, safe), 0, self.finished
            )
        position = self.size if self.finished else 0
        return Record(
            position,
            self.changed,
            self.path,
            fingerprint(head, Mark(0, 0, 0)),
            safe.position,
            self.finished,
        )


def _before(data: bytes, length: int, earlier: bytes) -> bytes:
    """The last bytes before a place in the data, or before it in what was read earlier."""
    if length >= TAIL:
        return data[length - TAIL : length]
    return (earlier + data[:length])[-TAIL:] if length >= 0 else earlier[:length]
