"""A log of checksummed records in segment files: append, group commit, remove.

A segment is written by the process that made it and by no other: opening the log never continues a
file, so nothing depends on how a file ends. ``append`` hands a record to the operating system,
where it survives the death of the process; ``commit`` has all that was appended on the disk.
Records are kept in memory until then, for one reason: after a failed sync the kernel may have
dropped what it could not write and say of the next sync that all is well. The only safe answer is
to write those records again, to another file.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .disk import Disk
from .layout import HEAD, HEADER, Seal, file_header, record_parts, segment_name
from .reader import Record
from .segments import DAMAGED, Segment, Visit, records, survey


class Placed(NamedTuple):
    """Where a record was written."""

    sequence: int
    segment: Segment
    end: int


class _Pending(NamedTuple):
    """A record that may not be on the disk yet."""

    sequence: int
    note: bytes
    payload: bytes
    events: int
    segment: Segment
    offset: int

    @property
    def size(self) -> int:
        return HEAD + len(self.note) + len(self.payload)


@dataclass(eq=False, slots=True)
class _Open:
    """A segment that is written, or was and is not synced yet."""

    segment: Segment
    descriptor: int
    removed: bool = False


class RecordLog:
    """The log in a directory, which its user has locked. ``page``: bytes after which a new segment
    is begun.

    ``visit`` is called with every intact record that is found; what was damaged is in ``skipped``.
    ``next`` is the sequence of the record that will be appended next. Raises OSError where the
    directory cannot be listed.
    """

    def __init__(
        self, directory: Path, page: int, disk: Disk | None = None, visit: Visit | None = None
    ) -> None:
        self.directory, self.page, self.disk = directory, page, disk or Disk()
        found = survey(self.disk, directory, visit)
        self.segments, self.skipped = found.segments, found.skipped
        # Numbers begin at the clock: a log that was lost and begun again does not use numbers that
        # someone remembers.
        self.next = found.highest + 1 if found.highest else time.time_ns() // 1000
        self._lock, self._sync_lock = threading.Lock(), threading.Lock()
        self._active: _Open | None = None
        self._written: list[_Open] = []
        self._pending: deque[_Pending] = deque()
        self._new_names = self.in_doubt = False
        self.pending_bytes = self.pending_events = 0
        self._sync_found()

    def _sync_found(self) -> None:
        """Have on the disk what was found: who wrote it may have been killed before its commit."""
        with contextlib.suppress(OSError):
            self.disk.sync_directory(self.directory)
        for segment in self.segments:
            if segment.records:
                with contextlib.suppress(OSError):
                    self._sync_file(segment.path)

    def _sync_file(self, path: Path) -> None:
        descriptor = self.disk.open(path)
        try:
            self.disk.sync(descriptor)
        finally:
            self.disk.close(descriptor)

    @property
    def active(self) -> Segment | None:
        """The segment that is appended to."""
        return self._active.segment if self._active else None

    @property
    def size(self) -> int:
        """Bytes of all segments that can be read."""
        return sum(segment.size for segment in self.segments if segment.readable)

    def go_on_after(self, sequence: int) -> None:
        """Give no sequence up to this one; to be called before the first ``append``."""
        self.next = max(self.next, sequence + 1)

    def append(self, note: bytes, payload: bytes, count: int = 1) -> Placed:
        """Write a record; raises OSError, and nothing was written then, or ValueError where it is
        too large.
        """
        with self._lock:
            if self.in_doubt:
                self._write_again()
            placed = self._append(self.next, note, payload, count)
            self.next += 1
            return placed

    def _append(self, sequence: int, note: bytes, payload: bytes, count: int) -> Placed:
        need = HEAD + len(note) + len(payload)
        if (
            self._active is not None
            and self._active.segment.size > HEADER
            and self._active.segment.size + need > self.page
        ):
            self._roll()
        writer = self._active or self._begin(sequence)
        segment, offset = writer.segment, writer.segment.size
        try:
            self.disk.write(
                writer.descriptor, record_parts(segment.seal, sequence, note, payload, count)
            )
        except OSError:
            self._take_back(writer)
            raise
        segment.size, segment.last = offset + need, sequence
        segment.records, segment.events = segment.records + 1, segment.events + count
        self._pending.append(_Pending(sequence, note, payload, count, segment, offset))
        self.pending_bytes += need
        self.pending_events += count
        return Placed(sequence, segment, segment.size)

    def _begin(self, first: int) -> _Open:
        seal = Seal()
        path = self.directory / segment_name(first, seal)
        descriptor = self.disk.create(path)
        try:
            self.disk.write(descriptor, [file_header(first, seal)])
        except OSError:
            self.disk.close(descriptor)
            with contextlib.suppress(OSError):
                self.disk.remove(path)
            raise
        self._active = _Open(Segment(path, seal, first, start=HEADER, last=first - 1), descriptor)
        self.segments.append(self._active.segment)
        self._new_names = True
        return self._active

    def _take_back(self, writer: _Open) -> None:
        """Cut off a part of a record; where that fails nothing may follow it, so that the segment
        ends there.
        """
        try:
            self.disk.truncate(writer.descriptor, writer.segment.size)
        except OSError:
            self._roll()

    def roll(self) -> None:
        """End the active segment: the next record begins another."""
        with self._lock:
            self._roll()

    def _roll(self) -> None:
        if self._active is not None:
            self._written.append(self._active)
            self._active = None

    def commit(self) -> int:
        """Have on the disk what was appended before; the sequence up to which all is. Raises
        OSError: then call it again.
        """
        with self._sync_lock:
            with self._lock:
                if self.in_doubt:
                    self._write_again()
                upto, names, self._new_names = self.next - 1, self._new_names, False
                writers = [
                    *self._written,
                    *([self._active] if self._active and self._pending else []),
                ]
            self._sync(writers, names)
            with self._lock:
                self._let_go(writers)
                while self._pending and self._pending[0].sequence <= upto:
                    self._settle(self._pending.popleft())
            return upto

    def _sync(self, writers: list[_Open], names: bool) -> None:
        try:
            for writer in writers:
                if not writer.removed:
                    self.disk.sync(writer.descriptor)
            if names:
                self.disk.sync_directory(self.directory)
        except OSError:
            with self._lock:
                self._new_names = True
                self._doubt()
            raise

    def _let_go(self, writers: list[_Open]) -> None:
        for writer in [writer for writer in writers if writer in self._written]:
            self._written.remove(writer)
            self.disk.close(writer.descriptor)

    def _settle(self, pending: _Pending) -> None:
        self.pending_bytes -= pending.size
        self.pending_events -= pending.events

    def _doubt(self) -> None:
        """A sync failed: what was not synced before counts no more where it stands."""
        self._roll()
        self.in_doubt = True
        for record in self._pending:
            record.segment.cut = min(record.segment.limit, record.offset)

    def _write_again(self) -> None:
        """Write what is in doubt to a new segment; nothing is appended before that."""
        failed, doubtful = list(self._written), list(self._pending)
        self._pending.clear()
        try:
            for record in doubtful:
                self._append(record.sequence, record.note, record.payload, record.events)
        except OSError:
            again = {record.sequence for record in self._pending}
            self._pending += [record for record in doubtful if record.sequence not in again]
            self._doubt()
            raise
        finally:
            self.pending_bytes = sum(record.size for record in self._pending)
            self.pending_events = sum(record.events for record in self._pending)
        self._let_go(failed)
        self.in_doubt = False

    def remove(self, segment: Segment) -> None:
        """Take away a segment that nobody needs. A damaged one is put aside under another name, one
        that cannot be read stays.
        """
        with self._lock:
            if self._active is not None and self._active.segment is segment:
                self._roll()
            for writer in self._written:  # it may be in a sync: the next commit closes it
                writer.removed |= writer.segment is segment
            while self._pending and self._pending[0].segment is segment:
                self._settle(self._pending.popleft())
            self.segments.remove(segment)
        with contextlib.suppress(OSError):
            if segment.damaged:
                self.disk.replace(segment.path, segment.path.with_name(segment.path.name + DAMAGED))
            elif segment.readable:
                self.disk.remove(segment.path)

    def rewrite(self, segment: Segment, wanted: Callable[[Record], bool]) -> int:
        """Write the wanted records of a segment to a new one, under their sequences, and remove it;
        how many were not wanted.

        A crash leaves both, and opening the log then takes what stands in both once. Raises
        OSError.
        """
        self.roll()
        left_out = 0
        for record in records(self.disk, segment, []):
            if wanted(record):
                with self._lock:
                    self._append(record.sequence, record.note, record.payload, record.count)
            else:
                left_out += 1
        self.roll()
        self.commit()
        self.remove(segment)
        return left_out

    def forget_vanished(self) -> list[Segment]:
        """Leave out the segments whose files someone else took away; they are given."""
        names = set(self.disk.names(self.directory))
        with self._lock:
            active = self._active.segment if self._active else None
            gone = [
                segment
                for segment in self.segments
                if segment.path.name not in names and segment is not active
            ]
            for segment in gone:
                self.segments.remove(segment)
        return gone

    @property
    def has_work(self) -> bool:
        """Whether ``commit`` has anything to do."""
        return bool(self._pending or self._written)

    def close(self) -> None:
        """Let go of the files, synced or not; call ``commit`` before."""
        with self._sync_lock, self._lock:
            self._roll()
            for writer in self._written:
                self.disk.close(writer.descriptor)
            self._written.clear()
