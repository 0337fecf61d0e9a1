"""What of a queue was not handed out yet, in order: from memory where the reader keeps up, from the
segments where it does not.

The next records are kept in memory, up to a number of bytes, with the object that they were made
from: a reader that keeps up decodes nothing. What comes while memory is full is read from the
segments when its turn comes, and so is all after it until the reader has caught up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from ...plugins.records.log import RecordLog
from ...plugins.records.reader import Reader, Record, Skipped
from ...plugins.records.segments import Segment

_IN_MEMORY = 4 << 20


@dataclass(eq=False, slots=True)
class Item:
    """A payload with its note. ``count``: its events; ``live``: what was given with it to ``put``,
    if it did not leave memory.
    """

    sequence: int
    payload: bytes
    note: dict[str, Any]
    count: int
    live: Any = None
    segment: Segment | None = None
    end: int = 0


def item_of(record: Record) -> Item:
    """An item as it is read from a segment."""
    note = msgspec.msgpack.decode(record.note) if record.note else {}
    return Item(record.sequence, record.payload, note, record.count)


class Backlog:
    """The unread items of a log. ``next_unread``: no unread item has a lower sequence. ``wanted``
    says of a sequence whether it was acknowledged already; ``lost`` is told of damage that was not
    there when the log was opened.
    """

    def __init__(
        self,
        log: RecordLog,
        next_unread: int,
        wanted: Callable[[int], bool],
        lost: Callable[[Skipped], None],
    ) -> None:
        self.next_unread = next_unread
        self._log, self._wanted, self._lost = log, wanted, lost
        self._recent: deque[Item] = deque()
        self.in_memory, self._bytes = _IN_MEMORY, 0
        self._segment: Segment | None = None
        self._offset = 0
        self._reader: Reader | None = None
        self._known = {(skipped.file, skipped.offset) for skipped in log.skipped}

    def add(self, item: Item) -> None:
        """An item that was just written."""
        follows = self._recent[-1].sequence + 1 if self._recent else self.next_unread
        if item.sequence == follows and self._bytes < self.in_memory:
            self._recent.append(item)
            self._bytes += len(item.payload)

    def take(self) -> Item | None:
        """The next item; None if all were handed out."""
        if self._recent:
            return self._from_memory()
        return None if self.next_unread >= self._log.next else self._taken(self._from_segments())

    def _from_memory(self) -> Item:
        item = self._recent.popleft()
        self._bytes -= len(item.payload)
        if item.segment is not self._segment:
            self._turn_to(item.segment)
        self._offset = item.end
        self.next_unread = item.sequence + 1
        return item

    def _taken(self, item: Item | None) -> Item | None:
        if item is None:
            if not self._log.in_doubt:  # then they will be written again
                self.next_unread = self._log.next
            return None
        self.next_unread = item.sequence + 1
        return item

    def _from_segments(self) -> Item | None:
        while True:
            found = self._found()
            if found is None:
                return None
            if isinstance(found, Skipped):
                if (found.file, found.offset) not in self._known:
                    self._lost(found)
            elif found.sequence >= self.next_unread and self._wanted(found.sequence):
                return item_of(found)

    def _found(self) -> Record | Skipped | None:
        """What comes next in the segments."""
        while True:
            if self._segment is not None and self._offset < self._segment.limit:
                found = self._read(self._segment)
                if found is not None:
                    return found
            following = self._following()
            if following is None:
                return None
            self._turn_to(following)

    def _read(self, segment: Segment) -> Record | Skipped | None:
        try:
            self._reader = self._reader or Reader(
                self._log.disk, segment.path, segment.seal, self._offset
            )
        except OSError as error:
            offset, self._offset = self._offset, segment.limit
            return Skipped(
                str(segment.path),
                offset,
                segment.limit - offset,
                f"cannot be read: {error.strerror}",
            )
        self._reader.offset = self._offset
        found = self._reader.next(segment.limit)
        self._offset = self._reader.offset
        return found

    def _following(self) -> Segment | None:
        """The next segment in which something may be unread."""
        segments = self._log.segments
        at = segments.index(self._segment) + 1 if self._segment in segments else 0
        return next(
            (
                segment
                for segment in segments[at:]
                if segment.last >= self.next_unread and segment.readable
            ),
            None,
        )

    def _turn_to(self, segment: Segment | None) -> None:
        self.close()
        self._segment, self._offset = segment, segment.start if segment is not None else 0

    def close(self) -> None:
        """Let go of the file that is read."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
