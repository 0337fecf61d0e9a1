"""Records that are missing between two segments, which tells a segment that was cut off later from
one that a crash left torn.

A process that is killed may leave a record half written, and who goes on gives its number again; a
machine that dies may lose what was not synced, and numbers go on behind what the checkpoint speaks
of. In both cases no number lies between the segments that was not acknowledged. Where one does, its
record was there, and something else than Penstock has shortened the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from ...plugins.records.layout import HEADER
from ...plugins.records.reader import Skipped
from ...plugins.records.segments import Segment
from .checkpoint import Checkpoint

_WIDEST = 1 << 20

Numbers = tuple[int, int]
"""The first and the last of some records that follow each other."""


def note_gaps(segments: Sequence[Segment], skipped: list[Skipped], checkpoint: Checkpoint) -> None:
    """Mark the segments behind which records are missing as damaged, and say so in ``skipped``, in
    place of a torn end. Of a segment that is damaged already it is known what is missing.
    """
    for segment, gap in _gaps(segments, checkpoint):
        if not segment.damaged:
            segment.damaged = True
            _note(segment, skipped, gap)


def without_gaps(checkpoint: Checkpoint, segments: Sequence[Segment]) -> Checkpoint:
    """A checkpoint that no longer waits for records that are missing. A gap that is too wide to
    count stays: there a segment of another queue was put.
    """
    missing = [
        numbers
        for _, gap in _gaps(segments, checkpoint)
        for numbers in gap
        if numbers[1] - numbers[0] < _WIDEST
    ]
    return Checkpoint(checkpoint.low, tuple(sorted([*checkpoint.ranges, *missing])))


def _gaps(
    segments: Sequence[Segment], checkpoint: Checkpoint
) -> Iterator[tuple[Segment, list[Numbers]]]:
    """Segments behind which records are missing that were not acknowledged, with these."""
    holding = [each for each in segments if each.readable and each.size > HEADER]
    highest = 0
    for segment, following in pairwise(sorted(holding, key=lambda each: each.first)):
        highest = max(highest, segment.last, segment.first - 1)
        gap = _unacknowledged(checkpoint, highest + 1, following.first - 1)
        if gap:
            yield segment, gap


def _unacknowledged(checkpoint: Checkpoint, first: int, last: int) -> list[Numbers]:
    """The parts of some numbers that the checkpoint does not know as acknowledged."""
    parts, first = [], max(first, checkpoint.low)
    for begin, end in checkpoint.ranges:
        if first < begin <= last:
            parts.append((first, begin - 1))
        if begin <= last:
            first = max(first, end + 1)
    return [*parts, (first, last)] if first <= last else parts


def _note(segment: Segment, skipped: list[Skipped], gap: list[Numbers]) -> None:
    numbers = ", ".join(f"{first} to {last}" if last > first else f"{first}" for first, last in gap)
    reason = f"cut off; missing records: {numbers}"
    for at, each in enumerate(skipped):
        if each.torn and each.file == str(segment.path):
            skipped[at] = replace(each, reason=reason, torn=False)
            return
    skipped.append(Skipped(str(segment.path), segment.size, 0, reason))
