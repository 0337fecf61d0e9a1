"""The disk queue: payloads between inputs and workers that survive the process, and, once
committed, the machine.

``put`` hands a record to the operating system at once: killing the process loses nothing that was
put. A commit (fsync) follows after a number of events or a time, in the background; ``durable``
waits for it, ``on_durable`` is called after it. What is acknowledged is noted in a checkpoint, now
and then: what was not, or was not noted yet, is handed out again after a restart, in order. A
segment goes when all before its end is acknowledged.

The order of locks: the queue's, then the log's. A commit holds neither while the disk works.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from ...plugins.records.disk import Disk
from ...plugins.records.layout import HEAD, HEADER
from ...plugins.records.log import Placed, RecordLog
from ...plugins.records.reader import Record, Skipped
from ...plugins.records.segments import Segment
from .background import Background
from .backlog import Backlog, Item, item_of
from .checkpoint import Checkpoint, ranges_of, read_checkpoint, write_checkpoint
from .gaps import note_gaps
from .queue_errors import Closed, Full
from .queue_log import log, say_skipped, say_unwritable

_UNSYNCED = 16 << 20
_LEAST_PAGE = 64 << 10
_FAILING_DISK_WAIT = 0.25


class DiskQueue:
    """A bounded queue in a directory; for any number of threads, of one process: a second one gets
    InUse.

    ``max_bytes`` bounds the segment files, ``max_events`` (0: no bound) what is unacknowledged; a
    payload larger than all that is taken when the queue is empty. ``commit_events``: unsynced
    events after which a commit is due; 1: each put waits for its own. ``checkpoint_acks``:
    acknowledged items after which a checkpoint is due. ``interval``: seconds after which both are
    due anyway; None: no thread is started, and both happen in ``put`` and ``ack``.

    Opening never fails for what the files hold: ``skipped`` says what could not be used, ``report``
    is told of each.
    """

    def __init__(
        self,
        directory: Path,
        *,
        max_bytes: int = 1 << 30,
        max_events: int = 0,
        page_capacity: int = 64 << 20,
        commit_events: int = 1024,
        checkpoint_acks: int = 1024,
        interval: float | None = 1.0,
        report: Callable[[Skipped], None] | None = None,
        disk: Disk | None = None,
    ) -> None:
        self.directory, self.max_bytes, self.max_events = directory, max_bytes, max_events
        self._commit_events, self._checkpoint_acks = commit_events, checkpoint_acks
        self._report = report or say_skipped
        self._saved, self._interval = 0.0, interval or 0.0
        self._lock, self._checkpoint_lock = threading.Lock(), threading.Lock()
        self._arrived, self._room = threading.Condition(self._lock), threading.Condition(self._lock)
        self._closed = self._woken = False
        self._events = self._unsaved = 0
        self._out: dict[int, Item] = {}
        self._returned: list[tuple[int, Item]] = []
        self._unfinished: list[int] = []  # a heap: what was handed out; some of it is acknowledged
        self._callbacks: deque[tuple[int, Callable[[], None]]] = deque()
        self.skipped: list[Skipped] = []
        self._notes: list[tuple[int, bytes]] = []
        self._disk = disk or Disk()
        self._directory_lock = self._disk.lock(directory)
        try:
            self._open(min(page_capacity, max(max_bytes // 8, _LEAST_PAGE)))
        except BaseException:
            self._directory_lock.release()
            raise
        self._background = (
            Background("queue", interval, self._tidy) if interval is not None else None
        )

    def _open(self, page: int) -> None:
        saved, wrong = read_checkpoint(self._disk, self.directory)
        self._acknowledged, first = saved.sequences(), None

        def visit(segment: Segment, record: Record, out_of_turn: bool) -> None:
            nonlocal first
            if record.sequence < saved.low or record.sequence in self._acknowledged:
                if first is None:
                    segment.start = record.end
                return
            self._events += record.count
            self._notes.append((record.sequence, bytes(record.note)))
            if out_of_turn:
                heapq.heappush(self._returned, (record.sequence, item_of(record)))
                heapq.heappush(self._unfinished, record.sequence)
            else:
                first = first or record.sequence

        self._log = RecordLog(self.directory, page, self._disk, visit)
        note_gaps(self._log.segments, self._log.skipped, saved)
        self._log.go_on_after(saved.highest)
        self._backlog = Backlog(self._log, first or self._log.next, self._is_wanted, self._lose)
        saying = [wrong] if wrong is not None and (self._log.segments or wrong.size) else []
        for skipped in [*saying, *self._log.skipped]:
            self._skip(skipped)
        self._remove_finished(whole=True)
        self._saved_quietly()

    def _skip(self, skipped: Skipped) -> None:
        self.skipped.append(skipped)
        self._report(skipped)

    def _lose(self, skipped: Skipped) -> None:
        """Damage that came up while the queue was open."""
        self._events = max(self._events - (skipped.events or 0), 0)
        self._skip(skipped)

    def _is_wanted(self, sequence: int) -> bool:
        return sequence not in self._acknowledged

    @property
    def events(self) -> int:
        """Events that are not acknowledged."""
        return self._events

    @property
    def size(self) -> int:
        """Bytes of the segment files."""
        return self._log.size

    @property
    def is_empty(self) -> bool:
        """Whether all that was put is acknowledged."""
        with self._lock:
            return self._idle()

    def _idle(self) -> bool:
        return not self._unfinished and self._backlog.next_unread >= self._log.next

    def _low(self) -> int:
        """The lowest sequence that is not acknowledged, or may not be."""
        unread = self._backlog.next_unread
        return min(self._unfinished[0], unread) if self._unfinished else unread

    def put(
        self,
        payload: bytes,
        note: Mapping[str, Any] | None = None,
        count: int = 1,
        *,
        live: Any = None,
        timeout: float | None = None,
        durable: bool = False,
        on_durable: Callable[[], None] | None = None,
    ) -> int:
        """Append a payload of ``count`` events with a small header; its sequence. Waits for room,
        and where the disk fails.

        ``live`` is handed out with the payload if it did not leave memory. Raises Full after
        ``timeout`` seconds; with ``durable`` the payload may be in the queue even so. Raises
        Closed, and ValueError for a payload of more than 2 GiB.
        """
        packed = msgspec.msgpack.encode(note) if note else b""
        deadline = None if timeout is None else time.monotonic() + timeout
        if self._log.pending_bytes >= _UNSYNCED:
            self._commit_surely(deadline)
        with self._lock:
            placed = self._append(packed, payload, count, deadline)
            item = Item(
                placed.sequence, payload, dict(note or ()), count, live, placed.segment, placed.end
            )
            self._backlog.add(item)
            self._events += count
            self._arrived.notify()
            if on_durable is not None:
                self._callbacks.append((placed.sequence, on_durable))
        self._stir()
        if durable or self._commit_events == 1:
            self._commit_surely(deadline)
        elif self._log.pending_events >= self._commit_events:
            self._hurry(self._committed_quietly)
        return placed.sequence

    def _append(self, packed: bytes, payload: bytes, count: int, deadline: float | None) -> Placed:
        while not self._closed:
            wait = None
            if self._has_room(HEADER + HEAD + len(packed) + len(payload), count):
                try:
                    return self._log.append(packed, payload, count)
                except OSError as error:
                    say_unwritable(self.directory, error)
                    wait = _FAILING_DISK_WAIT
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise Full(f"the queue `{self.directory}` is full")
            self._room.wait(min((span for span in (left, wait) if span is not None), default=None))
        raise Closed(f"the queue `{self.directory}` is closed")

    def _has_room(self, need: int, count: int) -> bool:
        if self._idle():
            if self._log.size + need > self.max_bytes:
                self._remove_finished(whole=True)
            return True
        if self.max_events and self._events + count > self.max_events:
            return False
        return self._log.size + need <= self.max_bytes

    def get(self, timeout: float | None = None) -> Item | None:
        """The next item, to be acknowledged by its sequence; None if none came in time, or the
        queue was closed.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._lock:
            while not self._closed:
                item = self._next()
                if item is not None:
                    self._out[item.sequence] = item
                    return item
                left = None if deadline is None else deadline - time.monotonic()
                if self._woken or (left is not None and left <= 0):
                    self._woken = False
                    return None
                self._arrived.wait(left)
        return None

    def take_notes(self) -> list[tuple[int, bytes]]:
        """Sequences and notes of what stood in the queue when it was opened; once."""
        taken, self._notes = sorted(self._notes), []
        return taken

    def wake(self) -> None:
        """End a ``get`` that waits."""
        with self._lock:
            self._woken = True
            self._arrived.notify_all()

    def _next(self) -> Item | None:
        """The item with the lowest sequence: what was given back, or the next one; damage may have
        one stand behind later ones.
        """
        if (
            self._returned
            and self._returned[0][0] > self._backlog.next_unread
            and (item := self._taken()) is not None
        ):
            heapq.heappush(self._returned, (item.sequence, item))
        return heapq.heappop(self._returned)[1] if self._returned else self._taken()

    def _taken(self) -> Item | None:
        item = self._backlog.take()
        if item is not None:
            heapq.heappush(self._unfinished, item.sequence)
        return item

    def ack(self, sequence: int) -> None:
        """An item was delivered: it will not be handed out again, once this was noted in a
        checkpoint. In any order; after ``close`` it changes nothing.
        """
        with self._lock:
            item = None if self._closed else self._out.pop(sequence, None)
            if item is None:
                return
            self._acknowledged.add(sequence)
            while self._unfinished and self._unfinished[0] in self._acknowledged:
                self._acknowledged.discard(heapq.heappop(self._unfinished))
            self._events = 0 if self._idle() else max(self._events - item.count, 0)
            self._unsaved += 1
            self._remove_finished(whole=False)
            self._room.notify_all()
        self._stir()
        if self._unsaved >= self._checkpoint_acks:
            self._saved = 0.0
            self._hurry(self._saved_quietly)

    def give_back(self, sequence: int) -> None:
        """An item was not delivered: hand it out again, before those that were not handed out
        yet.
        """
        with self._lock:
            item = self._out.pop(sequence, None)
            if item is not None:
                heapq.heappush(self._returned, (sequence, item))
                self._arrived.notify()

    def _remove_finished(self, whole: bool) -> None:
        """Remove the segments that nobody needs; with ``whole`` the one that is written too."""
        low, active = self._low(), self._log.active
        for segment in [segment for segment in self._log.segments if segment.readable]:
            if segment.last >= low or (segment is active and not whole):
                break
            self._log.remove(segment)

    def sync_soon(self) -> None:
        """Have a commit follow at once, in the background: who gave what was put waits for it."""
        self._hurry(self._committed_quietly)

    def _hurry(self, work: Callable[[], None]) -> None:
        if self._background is not None:
            self._background.poke()
        else:
            work()

    def commit(self) -> None:
        """Have on the disk what was put before; raises OSError: then call it again."""
        upto = self._log.commit()
        with self._lock:
            self._arrived.notify_all()  # what was in doubt can be read again
            due = []
            while self._callbacks and self._callbacks[0][0] <= upto:
                due.append(self._callbacks.popleft()[1])
        for callback in due:
            try:
                callback()
            except Exception:
                log.exception("a callback of the queue `%s` failed", self.directory)

    def _commit_surely(self, deadline: float | None) -> None:
        while True:
            try:
                return self.commit()
            except OSError as error:
                say_unwritable(self.directory, error)
                if self._closed:
                    raise Closed(f"the queue `{self.directory}` is closed") from error
                if deadline is not None and time.monotonic() >= deadline:
                    raise Full(
                        f"the queue `{self.directory}` cannot be written: {error.strerror}"
                    ) from error
            time.sleep(_FAILING_DISK_WAIT)

    def checkpoint(self) -> None:
        """Note on the disk what was acknowledged before; raises OSError: then call it again."""
        with self._checkpoint_lock:
            with self._lock:
                low, unsaved = self._low(), self._unsaved
                self._acknowledged = {
                    sequence for sequence in self._acknowledged if sequence >= low
                }
                state = Checkpoint(low, ranges_of(self._acknowledged))
            write_checkpoint(self._disk, self.directory, state)
            self._saved = time.monotonic()
            with self._lock:
                self._unsaved -= unsaved

    def _committed_quietly(self) -> None:
        try:
            self.commit()
        except OSError as error:
            say_unwritable(self.directory, error)

    def _saved_quietly(self) -> None:
        try:
            self.checkpoint()
        except OSError as error:
            say_unwritable(self.directory, error)

    def _tidy(self) -> None:
        if self._log.has_work:
            self._committed_quietly()
        if self._unsaved and time.monotonic() - self._saved >= self._interval:
            self._saved_quietly()  # a checkpoint is not part of each commit that is asked for
        if self._log.has_work or self._unsaved:
            self._stir()  # the disk refused it

    def _stir(self) -> None:
        if self._background is not None:
            self._background.stir()

    def close(self) -> None:
        """Commit, save the checkpoint and let go of the directory; who waits in ``put`` or ``get``
        is woken.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._arrived.notify_all()
            self._room.notify_all()
        if self._background is not None:
            self._background.stop()
        self._committed_quietly()
        self._saved_quietly()
        with self._lock:
            self._remove_finished(whole=True)
            self._backlog.close()
            self._log.close()
            self._directory_lock.release()
