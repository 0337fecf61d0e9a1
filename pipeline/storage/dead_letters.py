"""The dead letters of one pipeline: what no filter or output could handle, kept on disk within
bounds of size and age.

A letter counts as written when it is on the disk. What is over the bounds is dropped, the newest or
the oldest as the policy says; what is too old goes segment by segment. All that is dropped is
counted.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...dsl.timestamp import Timestamp, parse_timestamp
from ...plugins.contract import complain
from ...plugins.records.dead_letter import DeadLetter, is_marked, time_of
from ...plugins.records.disk import Disk
from ...plugins.records.layout import HEAD, HEADER
from ...plugins.records.log import RecordLog
from ...plugins.records.reader import Record, Skipped
from ...plugins.records.segments import Segment
from .background import Background

log = logging.getLogger("penstock")

_PAGE = 10 << 20
_LEAST_PAGE = 64 << 10
_SOONEST, _LATEST = 0.05, 30.0


@dataclass(slots=True)
class DeadLetterCounts:
    """What became of letters since the store was opened: written; dropped because the store was
    full, because they were too old, because they had come from dead letters before.
    """

    written: int = 0
    dropped_full: int = 0
    expired: int = 0
    dropped_again: int = 0


class DeadLetters:
    """The store in a directory, for one process: a second one gets InUse.

    ``max_bytes`` bounds the files; over it the newest letters are dropped, or the oldest with
    ``drop_older``. ``retain``: seconds after which letters go, whether others come or not; None to
    keep them. ``flush_interval``: seconds after which a segment is ended, so that readers can clean
    up.
    """

    def __init__(
        self,
        directory: Path,
        *,
        max_bytes: int = 1 << 30,
        drop_older: bool = False,
        retain: float | None = None,
        flush_interval: float = 5.0,
        now: Callable[[], Timestamp] = Timestamp.now,
        disk: Disk | None = None,
    ) -> None:
        self.directory, self.max_bytes, self.drop_older, self.retain = (
            directory,
            max_bytes,
            drop_older,
            retain,
        )
        self.counts = DeadLetterCounts()
        self._flush_interval, self._now = flush_interval, now
        self._lock = threading.Lock()
        self._begun = 0.0
        disk = disk or Disk()
        self._directory_lock = disk.lock(directory)
        try:
            self._log = RecordLog(
                directory, min(_PAGE, max(max_bytes // 8, _LEAST_PAGE)), disk, _note_time
            )
        except BaseException:
            self._directory_lock.release()
            raise
        self.skipped: list[Skipped] = self._log.skipped
        for skipped in self.skipped:
            log.log(
                logging.INFO if skipped.torn else logging.WARNING,
                "dead letters: skipped: %s",
                skipped,
            )
        self.tidy()
        self._background = (
            Background("dead letters", _between_looks(retain), self.tidy, repeats=True)
            if retain is not None
            else None
        )

    @property
    def size(self) -> int:
        """Bytes of the files."""
        return self._log.size

    def add(self, letters: Sequence[DeadLetter]) -> int:
        """Write letters; how many were, the others being dropped and counted. When this returns
        they are on the disk.

        An event that was read from dead letters is not taken a second time, lest it go round for
        ever. Raises OSError, and the letters do not count as written then.
        """
        with self._lock:
            self._tidy()
            written = sum(self._add(letter) for letter in letters)
            if written:
                self._log.commit()
            self.counts.written += written
            return written

    def _add(self, letter: DeadLetter) -> bool:
        if is_marked(letter.event):
            self.counts.dropped_again += 1
            self._complain("again", letter, "it already came from the dead letters")
            return False
        note, payload = letter.packed()
        if not self._has_room(HEADER + HEAD + len(note) + len(payload)):
            self.counts.dropped_full += 1
            self._complain("full", letter, "the dead letters are full")
            return False
        placed = self._log.append(note, payload)
        if placed.segment.records == 1:
            self._begun = time.monotonic()
        placed.segment.newest = max(placed.segment.newest, letter.time)
        return True

    def _complain(self, kind: str, letter: DeadLetter, why: str) -> None:
        plugin = f"{letter.place or self.directory}: {letter.plugin_type}"
        complain(
            f"{self.directory} {kind}",
            "%s: event dropped: %s; its error was: %s",
            plugin,
            why,
            letter.reason,
        )

    def _has_room(self, need: int) -> bool:
        if need > self.max_bytes:
            return False
        if self._log.size + need > self.max_bytes:
            self._log.forget_vanished()
        while self._log.size + need > self.max_bytes:
            oldest = next((segment for segment in self._log.segments if segment.readable), None)
            if oldest is None or not self.drop_older:
                return False
            self.counts.dropped_full += oldest.records
            log.warning(
                "the dead letters `%s` are full: the oldest %d were dropped",
                self.directory,
                oldest.records,
            )
            self._log.remove(oldest)
        return True

    def tidy(self) -> None:
        """Drop what is too old and end a segment that is due."""
        with self._lock:
            self._tidy()

    def _tidy(self) -> None:
        active = self._log.active
        if (
            active is not None
            and active.records
            and time.monotonic() - self._begun >= self._flush_interval
        ):
            self._log.roll()
        if self.retain is None:
            return
        oldest = Timestamp.of_nanos(self._now().nanos() - int(self.retain * 1e9))
        for segment in list(self._log.segments):
            if (
                segment.records
                and (newest := parse_timestamp(segment.newest)) is not None
                and newest < oldest
            ):
                self.counts.expired += segment.records
                log.info(
                    (
                        "%d dead letters in `%s` are older than dead_letter_queue.retain.age"
                        " and are deleted"
                    ),
                    segment.records,
                    self.directory,
                )
                self._log.remove(segment)

    def close(self) -> None:
        """Let go of the directory."""
        if self._background is not None:
            self._background.stop()
        with self._lock:
            self._log.close()
            self._directory_lock.release()


def _between_looks(retain: float) -> float:
    """Seconds between two looks for letters that are too old."""
    return min(max(retain / 10, _SOONEST), _LATEST)


def _note_time(segment: Segment, record: Record, out_of_turn: bool) -> None:
    segment.newest = max(segment.newest, time_of(record))
