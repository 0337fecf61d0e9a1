"""The segments of a directory, and what is found when they are read through: how much is intact,
and what is not.

Reading never fails for what files hold, unless a newer Penstock wrote one of them: then what is
there must not be taken for all. A file that cannot be opened, is empty, has no header or is
no segment at all is named among what was skipped, and left where it is.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import NewerFormat
from .disk import Disk
from .layout import HEADER, VERSION, Header, Seal, parse_header, parse_name
from .lock import LOCK
from .reader import Reader, Record, Skipped

CHECKPOINT = "checkpoint"
DAMAGED = ".damaged"
INCARNATION = "incarnation"
"""The name of the file that tells a queue from one that was deleted and made anew."""

_OURS = frozenset({LOCK, CHECKPOINT, CHECKPOINT + ".new", INCARNATION})


@dataclass(eq=False, slots=True)
class Segment:
    """A segment file. ``start``: where the first record is that a reader may still want; ``cut``:
    where the records end that stand here alone, those after it having been written again;
    ``newest``: what its user notes of the latest record.
    """

    path: Path
    seal: Seal
    first: int
    size: int = HEADER
    records: int = 0
    events: int = 0
    last: int = 0
    damaged: bool = False
    readable: bool = True
    start: int = HEADER
    cut: int | None = None
    newest: str = ""

    @property
    def limit(self) -> int:
        """Where reading ends."""
        return self.size if self.cut is None else self.cut

    def add(self, record: Record) -> None:
        """Count a record."""
        self.records += 1
        self.events += record.count
        self.last = max(self.last, record.sequence)


Visit = Callable[[Segment, Record, bool], None]
"""Called with every intact record but for repeated ones; true: it is out of turn, records after it
were given before.
"""


@dataclass(slots=True)
class Survey:
    """What a directory holds: segments by their first sequences, and what was skipped, with files
    that are not ours.
    """

    segments: list[Segment] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def highest(self) -> int:
        """The highest sequence that any segment speaks of."""
        return max((max(segment.last, segment.first - 1) for segment in self.segments), default=0)


def survey(disk: Disk, directory: Path, visit: Visit | None = None) -> Survey:
    """Read all segments of a directory; raises OSError only where the directory cannot be listed,
    and NewerFormat.
    """
    found = survey_headers(disk, directory)
    _read_all(disk, found, visit)
    return found


def survey_headers(disk: Disk, directory: Path) -> Survey:
    """What can be said without reading the records; raises as ``survey``."""
    found = Survey()
    for name in disk.names(directory):
        known = parse_name(name)
        if known is not None:
            _open(
                disk, directory / name, Segment(directory / name, Seal(known[1]), known[0]), found
            )
        elif name not in _OURS and not name.endswith(DAMAGED):
            found.skipped.append(
                Skipped(str(directory / name), 0, 0, "not a file of Penstock; left unchanged")
            )
    found.segments.sort(key=lambda segment: segment.first)
    return found


def _open(disk: Disk, path: Path, segment: Segment, found: Survey) -> None:
    """Look at the size and the header of a segment."""
    try:
        descriptor = disk.open(path)
        try:
            segment.size, data = disk.size(descriptor), disk.read(descriptor, HEADER, 0)
        finally:
            disk.close(descriptor)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return
        segment.readable, data = False, b""
        found.skipped.append(
            Skipped(str(path), 0, segment.size, f"cannot be read: {os.strerror(error.errno or 0)}")
        )
    if segment.readable:
        _check_header(segment, data, parse_header(data), found)
    found.segments.append(segment)


def _check_header(segment: Segment, data: bytes, header: Header | None, found: Survey) -> None:
    if header is not None and header.version == VERSION:
        segment.seal, segment.first = Seal(header.salt), header.first
        return
    if header is not None:
        if header.version > VERSION:
            raise NewerFormat(segment.path, header.version, VERSION)
        segment.readable, segment.damaged = False, True
        reason = f"written in format {header.version} by another version of Penstock"
        found.skipped.append(Skipped(str(segment.path), 0, segment.size, reason))
    elif len(data) < HEADER:
        reason = "the header was not written whole" if data else "the file is empty"
        found.skipped.append(Skipped(str(segment.path), 0, segment.size, reason, torn=True))
    else:
        segment.damaged = True
        found.skipped.append(
            Skipped(
                str(segment.path), 0, HEADER, "the header is damaged; the file name is used instead"
            )
        )


def _read_all(disk: Disk, found: Survey, visit: Visit | None) -> None:
    """Read the segments in order. After a failed sync records are written again, to the next
    segment, so that segments may overlap: what was seen in the overlap is remembered, and taken
    once.
    """
    last, seen = 0, set[int]()
    firsts = [segment.first for segment in found.segments]
    for number, segment in enumerate(found.segments):
        overlap_from = firsts[number + 1] if number + 1 < len(firsts) else None
        for record in records(disk, segment, found.skipped):
            fresh = record.sequence > last
            if fresh or record.sequence not in seen:
                segment.add(record)
                if visit is not None:
                    visit(segment, record, not fresh)
            if overlap_from is not None and record.sequence >= overlap_from:
                seen.add(record.sequence)
            last = max(last, record.sequence)


def records(disk: Disk, segment: Segment, skipped: list[Skipped]) -> Iterator[Record]:
    """The intact records of a segment; what is damaged is added to a list."""
    if not segment.readable or segment.size <= HEADER:
        return
    reader = Reader(disk, segment.path, segment.seal, HEADER)
    try:
        while (found := reader.next(segment.size)) is not None:
            if isinstance(found, Record):
                yield found
            else:
                skipped.append(found)
                segment.damaged |= not found.torn
    finally:
        reader.close()
