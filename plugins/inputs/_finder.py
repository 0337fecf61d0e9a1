"""Which files there are under the patterns, and what a file that was rotated is called now."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ._file_options import FileOptions
from ._fingerprint import HEAD, Fingerprint, Mark
from ._globs import Glob, name_matcher
from ._gunzip import MAGIC, unpacked_fits
from ._sincedb import Identity

_SLACK = 60.0


class Finder:
    """Finds the files of an input. ``directories``: where it looked the last time."""

    def __init__(self, paths: Sequence[str], exclude: Sequence[str], options: FileOptions) -> None:
        self.patterns = [f"`{path}`" for path in paths]
        self._globs = [Glob(path) for path in paths]
        self._excluded = name_matcher(exclude)
        self._options = options
        self.directories: set[str] = set()

    def find(self) -> list[tuple[str, os.stat_result]]:
        """The regular files, each path once, in the order in which they are to be read."""
        self.directories = set()
        found = {path: seen for path in self._paths() if (seen := regular(path)) is not None}
        return sorted(
            found.items(),
            key=lambda item: self.place(item[0], item[1].st_mtime_ns),
            reverse=self._options.descending,
        )

    def matches(self, path: str) -> bool:
        """Whether a file of this path would be found."""
        return any(glob.matches(path) for glob in self._globs) and not self._excluded(
            os.path.basename(path)
        )

    def place(self, path: str, modified: int) -> tuple[int, str]:
        """What files are sorted by."""
        return (0, path) if self._options.by_path else (modified, path)

    def _paths(self) -> Iterator[str]:
        for glob in self._globs:
            for path in glob.paths(self.directories):
                if not self._excluded(os.path.basename(path)):
                    yield path


def regular(path: str) -> os.stat_result | None:
    """What there is to know of a regular file; None for anything else."""
    try:
        seen = os.stat(path)
    except (OSError, ValueError):
        return None
    return seen if stat.S_ISREG(seen.st_mode) else None


def renamed(path: str, identity: Identity) -> str | None:
    """The present path of a file that was called ``path``, in the same directory."""
    directory = os.path.dirname(path)
    for entry in _entries(directory):
        if (
            entry.inode() == identity.inode
            and (seen := regular(entry.path)) is not None
            and seen.st_dev == identity.device
        ):
            return entry.path
    return None


class Copy(NamedTuple):
    """A copy of a file, perhaps packed with gzip."""

    path: str
    is_packed: bool


def copied(
    path: str, print_: Fingerprint, since: float, is_known: Callable[[Identity], bool]
) -> Copy | None:
    """A copy that was made of the file ``path`` after ``since``, before it was truncated or
    removed: beside it, its name longer or with something in it, and with the same bytes at both
    ends of what was read. The latest, where several have them.
    """
    found: list[tuple[int, Copy]] = []
    directory, start = stem(path)
    for entry in _entries(directory):
        if entry.path == path or not entry.name.startswith(start):
            continue
        seen = regular(entry.path)
        if seen is None or seen.st_ctime < since - _SLACK:
            continue
        if is_known(Identity(seen.st_dev, seen.st_ino)):
            continue
        if seen.st_size >= print_.mark.position and has_same(entry.path, seen.st_size, print_):
            found.append((seen.st_mtime_ns, Copy(entry.path, False)))
        elif _has_same_packed(entry.path, print_):
            found.append((seen.st_mtime_ns, Copy(entry.path, True)))
    return max(found)[1] if found else None


def _has_same_packed(path: str, print_: Fingerprint) -> bool:
    """Whether a file is packed, and its content has the bytes of a fingerprint."""
    if not print_.length:
        return False
    try:
        with open(path, "rb", buffering=0) as file:
            if file.read(len(MAGIC)) != MAGIC:
                return False
            descriptor = file.fileno()
            return unpacked_fits(
                print_, lambda length, offset: os.pread(descriptor, length, offset)
            )
    except OSError:
        return False


def stem(path: str) -> tuple[str, str]:
    """The directory of a path, and its name up to the first dot: with that, the names of its copies
    begin.
    """
    directory, name = os.path.split(path)
    return directory, name.partition(".")[0] or name


def first_bytes(path: str) -> bytes:
    """The first bytes of a file, as many as a fingerprint has; none where it cannot be read."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(HEAD)
    except OSError:
        return b""


def has_same(path: str, size: int, print_: Fingerprint) -> bool:
    """Whether a file has the bytes of a fingerprint; the first ones, while it is shorter than what
    that was made of.
    """
    if not print_.length:
        return False
    try:
        with open(path, "rb", buffering=0) as file:
            descriptor = file.fileno()
            if size < print_.mark.position:
                print_ = Fingerprint(print_.length, print_.sum, Mark(0, 0, 0))
            return print_.fits(lambda length, offset: os.pread(descriptor, length, offset))
    except OSError:
        return False


def _entries(directory: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except OSError:
        return []
