"""Files that grow, and directories that get new ones: how far each was read, by its inode.

A file is known by device and inode, so that it goes on being read under the name that a rotation
gives it: the rest of it, between where it was read to and where it ends now, comes with the next
batch. In tail mode a line counts when it has its end.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ....plugins.inputs.file import File
from .pieces import Piece

_BACK = 1 << 16
Known = dict[str, list[Any]]
"""By device and inode: the path, and the byte up to which the file was read."""


class FileEnds:
    """What there is of the files of one input."""

    def __init__(self, number: int, source: File) -> None:
        self._number, self._source = number, source
        codec = source.decoder()
        self._boundary = None if codec is None else codec.boundary()

    def starts(self) -> Known:
        """Where to begin without a checkpoint: behind what there is, where a file is followed from
        its end.
        """
        is_from_end = self._source.mode == "tail" and self._source.start_position == "end"
        return self._found({}) if is_from_end else {}

    def ends(self, before: Known) -> Known:
        """Where files end now. One that is gone is forgotten when it has no other name."""
        return self._found(before)

    def _found(self, before: Known) -> Known:
        found: Known = {}
        for path, size in self._source.found():
            seen = Path(path).stat()
            found[f"{seen.st_dev}:{seen.st_ino}"] = [path, self._end(path, size)]
        for key, (path, read) in before.items():
            renamed = None if key in found else _renamed(path, key)
            if renamed is not None:
                found[key] = [renamed, max(read, self._end(renamed, Path(renamed).stat().st_size))]
        return found

    def _end(self, path: str, size: int) -> int:
        """The end of the last line that has one; in read mode the end of the file."""
        if self._source.mode == "read" or self._boundary is None:
            return size
        with Path(path).open("rb") as file:
            at = size
            while at > 0:
                start = max(0, at - _BACK)
                file.seek(start)
                found = file.read(at - start).rfind(self._boundary)
                if found >= 0:
                    return start + found + len(self._boundary)
                at = start
        return 0

    def pieces(self, start: Known, end: Known) -> list[Piece]:
        """What was written between two looks. A file that is shorter than before is a new one."""
        found = []
        for key, (path, size) in end.items():
            read = start.get(key, [path, 0])[1]
            read = read if read <= size else 0
            if read < size:
                found.append(Piece(self._number, path, start=read, end=size))
        return found

    def close(self) -> None:
        """Nothing is held."""


def _renamed(path: str, key: str) -> str | None:
    """The present path of a file with this identity, in the same directory."""
    try:
        entries = list(os.scandir(Path(path).parent))
    except OSError:
        return None
    inode = int(key.partition(":")[2])
    for entry in entries:
        if entry.inode() == inode and entry.is_file():
            seen = entry.stat()
            if f"{seen.st_dev}:{seen.st_ino}" == key:
                return entry.path
    return None
