"""All that storage asks of the operating system, in one place, so that a test can put a disk there
that fails, fills or forgets.

What is written counts as kept only after ``sync`` of the file and, for a new or renamed name,
``sync_directory`` of its directory.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from .lock import Lock

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors that say that there is no space."""

_NO_SUCH_SYNC = frozenset(
    {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF, errno.EACCES, errno.EPERM, errno.EROFS}
)

_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_CREATE = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


class Disk:
    """The real one. Files are open to their owner alone. All of it raises OSError."""

    def make_directory(self, directory: Path) -> None:
        """Make a directory, and those above it, unless it is there."""
        if not directory.is_dir():
            directory.parent.mkdir(parents=True, exist_ok=True)
            directory.mkdir(mode=0o700, exist_ok=True)
            self.sync_directory(directory.parent)

    def lock(self, directory: Path) -> Lock:
        """Make a directory, unless it is there, and take it for this process; raises InUse where
        another has it.
        """
        self.make_directory(directory)
        return Lock(directory)

    def names(self, directory: Path) -> list[str]:
        """The names in a directory, sorted; those of directories end in a slash."""
        with os.scandir(directory) as found:
            return sorted(entry.name + "/" * entry.is_dir(follow_symlinks=False) for entry in found)

    def create(self, path: Path) -> int:
        """A descriptor of a new file, to append to."""
        return os.open(path, _CREATE, 0o600)

    def open(self, path: Path) -> int:
        """A descriptor to read from."""
        return os.open(path, _READ)

    def size(self, descriptor: int) -> int:
        """A file's size in bytes."""
        return os.fstat(descriptor).st_size

    def read(self, descriptor: int, size: int, offset: int) -> bytes:
        """That many bytes, or all there are."""
        data = os.pread(descriptor, size, offset)
        while len(data) < size:
            more = os.pread(descriptor, size - len(data), offset + len(data))
            if not more:
                break
            data += more
        return data

    def write(self, descriptor: int, parts: Sequence[bytes]) -> None:
        """Append the parts; where it raises, some of them may have been written."""
        total, written = sum(map(len, parts)), os.writev(descriptor, parts)
        if written < total:
            left = memoryview(b"".join(parts))[written:]
            while left:
                left = left[os.write(descriptor, left) :]

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut a file."""
        os.ftruncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        """Have a file's content on the disk when this returns."""
        if sys.platform == "darwin":
            import fcntl

            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
        else:
            os.fdatasync(descriptor)

    def sync_directory(self, directory: Path) -> None:
        """Have a directory's names on the disk; some file systems know no such thing, and need
        none.
        """
        descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in _NO_SUCH_SYNC:
                raise
        finally:
            os.close(descriptor)

    def close(self, descriptor: int) -> None:
        """Close a descriptor."""
        os.close(descriptor)

    def replace(self, old: Path, new: Path) -> None:
        """Rename, over what is there."""
        old.replace(new)

    def remove(self, path: Path) -> None:
        """Remove a file, if it is there."""
        path.unlink(missing_ok=True)
