"""What a queue's directory holds, without touching it; and putting a damaged one in order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ...plugins.records.disk import Disk
from ...plugins.records.lock import owner_of
from ...plugins.records.log import RecordLog
from ...plugins.records.reader import Record, Skipped
from ...plugins.records.segments import DAMAGED, Segment, survey
from .checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from .gaps import note_gaps, without_gaps


@dataclass(frozen=True, slots=True)
class QueueState:
    """``waiting`` and ``events``: records and events that are not acknowledged, by segment;
    ``aside``: damaged segments that were replaced.
    """

    directory: Path
    owner: int | None
    checkpoint: Checkpoint
    segments: list[Segment]
    skipped: list[Skipped]
    waiting: Counter[Path]
    events: Counter[Path]
    aside: list[Path]

    @property
    def damage(self) -> list[Skipped]:
        """What was left out, but for what a crash leaves at the end of a segment and files that are
        not ours.
        """
        return [
            skipped
            for skipped in self.skipped
            if (skipped.size or skipped.offset) and not skipped.torn
        ]


def queue_state(directory: Path, disk: Disk | None = None) -> QueueState:
    """The state of a queue, which may be in use; raises OSError where the directory cannot be
    listed.
    """
    disk = disk or Disk()
    checkpoint, wrong = read_checkpoint(disk, directory)
    acknowledged = checkpoint.sequences()
    waiting, events = Counter[Path](), Counter[Path]()

    def visit(segment: Segment, record: Record, out_of_turn: bool) -> None:
        if record.sequence >= checkpoint.low and record.sequence not in acknowledged:
            waiting[segment.path] += 1
            events[segment.path] += record.count

    found = survey(disk, directory, visit)
    note_gaps(found.segments, found.skipped, checkpoint)
    skipped = [
        *([wrong] if wrong is not None and (found.segments or wrong.size) else []),
        *found.skipped,
    ]
    aside = [directory / name for name in disk.names(directory) if name.endswith(DAMAGED)]
    return QueueState(
        directory, owner_of(directory), checkpoint, found.segments, skipped, waiting, events, aside
    )


def repair_queue(directory: Path, disk: Disk | None = None) -> QueueState:
    """Write the intact records of damaged segments to new ones, put the damaged ones aside and
    write a fresh checkpoint; the state before. Raises InUse, or OSError, and all is as intact as
    before then.
    """
    disk = disk or Disk()
    lock = disk.lock(directory)
    try:
        before = queue_state(directory, disk)
        acknowledged = before.checkpoint.sequences()
        log = RecordLog(directory, 64 << 20, disk)
        note_gaps(log.segments, [], before.checkpoint)
        log.go_on_after(before.checkpoint.highest)
        try:
            for segment in [segment for segment in log.segments if segment.readable]:
                if segment.damaged:
                    log.rewrite(
                        segment,
                        lambda r: (
                            r.sequence >= before.checkpoint.low and r.sequence not in acknowledged
                        ),
                    )
                elif not before.waiting[segment.path]:
                    log.remove(segment)
        finally:
            log.close()
        write_checkpoint(disk, directory, without_gaps(before.checkpoint, log.segments))
        return before
    finally:
        lock.release()
