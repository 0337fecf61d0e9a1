"""Writing a small file so that a crash leaves the old one or the new one, never a part."""

from __future__ import annotations

import contextlib
import errno
import os

_IN_PLACE = (errno.EACCES, errno.EPERM, errno.EBUSY, errno.EXDEV, errno.EROFS)


def write_atomically(path: str, data: bytes) -> None:
    """Write a file whole and have it on disk when this returns; raises OSError.

    A file that cannot be replaced (mounted by itself into a container, or in a directory that is
    closed to us) is written in place: whoever reads it must take a part of it.
    """
    path = os.path.realpath(path)
    fresh = f"{path}.tmp"
    try:
        _write(fresh, data, _mode(path))
        os.replace(fresh, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(fresh)
        if error.errno not in _IN_PLACE or not os.path.exists(path):
            raise
        _write(path, data, None)
        return
    _sync_directory(os.path.dirname(path))


def _mode(path: str) -> int | None:
    try:
        return os.stat(path).st_mode & 0o7777
    except OSError:
        return None


def _write(path: str, data: bytes, mode: int | None) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o666)
    try:
        if mode is not None:
            os.fchmod(descriptor, mode)
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_directory(directory: str) -> None:
    """Some file systems know no sync of directories: there the rename is all that can be done."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
