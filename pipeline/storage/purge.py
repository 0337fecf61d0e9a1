"""Deleting some of the dead letters of a directory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...plugins.records.dead_letter import DeadLetter, letter_of
from ...plugins.records.disk import Disk
from ...plugins.records.events import Unreadable
from ...plugins.records.log import RecordLog
from ...plugins.records.reader import Record
from ...plugins.records.segments import Segment

_PAGE = 10 << 20


def purge_letters(
    directory: Path, unwanted: Callable[[DeadLetter], bool], disk: Disk | None = None
) -> int:
    """Delete letters; how many. One that cannot be read is kept. Raises InUse while a pipeline
    writes there, or OSError.
    """
    disk = disk or Disk()
    touched: set[Segment] = set()

    def goes(record: Record) -> bool:
        try:
            return unwanted(letter_of(record))
        except Unreadable:
            return False

    def visit(segment: Segment, record: Record, out_of_turn: bool) -> None:
        if goes(record):
            touched.add(segment)

    lock = disk.lock(directory)
    try:
        log = RecordLog(directory, _PAGE, disk, visit)
        try:
            return sum(
                log.rewrite(segment, lambda r: not goes(r))
                for segment in [*log.segments]
                if segment in touched
            )
        finally:
            log.close()
    finally:
        lock.release()
