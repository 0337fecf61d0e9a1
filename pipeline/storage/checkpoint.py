"""The checkpoint of a queue: which records need not be handed out again.

One line of JSON and its CRC-32, written beside and renamed, so that there is the old one or the new
one. It may be lost: then what was acknowledged, and is still in a segment, is handed out once more.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from ...plugins.errors import NewerFormat
from ...plugins.records.disk import Disk
from ...plugins.records.reader import Skipped
from ...plugins.records.segments import CHECKPOINT

_VERSION = 1
_LARGEST = 1 << 20
_MOST_RANGES = 10_000


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """``low``: all records with lower sequences were acknowledged; ``ranges``: these above it too,
    first and last included.
    """

    low: int = 0
    ranges: tuple[tuple[int, int], ...] = ()

    @property
    def highest(self) -> int:
        """The highest sequence that it speaks of."""
        return max(self.low - 1, self.ranges[-1][1] if self.ranges else 0)

    def sequences(self) -> set[int]:
        """The acknowledged sequences above ``low``."""
        return {sequence for first, last in self.ranges for sequence in range(first, last + 1)}


def ranges_of(sequences: set[int]) -> tuple[tuple[int, int], ...]:
    """Sequences as ranges; those beyond the ten-thousandth range are left out, which only means
    that they are handed out again.
    """
    ranges: list[tuple[int, int]] = []
    for sequence in sorted(sequences):
        if ranges and ranges[-1][1] == sequence - 1:
            ranges[-1] = (ranges[-1][0], sequence)
        else:
            ranges.append((sequence, sequence))
    return tuple(ranges[:_MOST_RANGES])


def write_checkpoint(disk: Disk, directory: Path, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint, and have it on the disk; raises OSError, and the old one stands
    then.
    """
    line = json.dumps(
        {"version": _VERSION, "low": checkpoint.low, "acknowledged": checkpoint.ranges}
    ).encode()
    beside = directory / f"{CHECKPOINT}.new"
    disk.remove(beside)
    descriptor = disk.create(beside)
    try:
        disk.write(descriptor, [line, b" %08x\n" % crc32(line)])
        disk.sync(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            disk.remove(beside)
        raise
    finally:
        disk.close(descriptor)
    disk.replace(beside, directory / CHECKPOINT)
    disk.sync_directory(directory)


def read_checkpoint(disk: Disk, directory: Path) -> tuple[Checkpoint, Skipped | None]:
    """The checkpoint, an empty one where it is missing or damaged, and what is wrong with it.
    Raises NewerFormat.
    """
    path = directory / CHECKPOINT
    try:
        data = _content(disk, path)
    except FileNotFoundError:
        return Checkpoint(), Skipped(str(path), 0, 0, "no checkpoint: all records are redelivered")
    except OSError as error:
        return Checkpoint(), Skipped(
            str(path), 0, 0, f"cannot be read: {error.strerror}; all records are redelivered"
        )
    found = _parsed(path, data)
    if found is None:
        return Checkpoint(), Skipped(
            str(path), 0, len(data), "the checkpoint is damaged: all records are redelivered"
        )
    return found, None


def _content(disk: Disk, path: Path) -> bytes:
    descriptor = disk.open(path)
    try:
        return disk.read(descriptor, min(disk.size(descriptor), _LARGEST), 0)
    finally:
        disk.close(descriptor)


def _parsed(path: Path, data: bytes) -> Checkpoint | None:
    line, _, check = data.rpartition(b" ")
    if check != b"%08x\n" % crc32(line):
        return None
    found: dict[str, Any] = json.loads(line)
    version = found.get("version")
    if isinstance(version, int) and version > _VERSION:
        raise NewerFormat(path, version, _VERSION)
    if version != _VERSION:
        return None
    return Checkpoint(found["low"], tuple((first, last) for first, last in found["acknowledged"]))
