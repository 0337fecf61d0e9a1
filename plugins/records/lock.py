"""One process at a time: a lock on a file in the directory.

A POSIX record lock, since it goes with its process: a child that outlives a killed parent does not
keep it. It does not keep a process from itself, so a list here does that. Closing any descriptor of
the file would let go of the lock: nothing else may open it in a process that holds it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path

from ...dsl.diagnostics import PenstockError

LOCK = "lock"

_TRIES, _PAUSE = 10, 0.02

_held: set[str] = set()


class InUse(PenstockError, OSError):
    """The directory is in use by another process, or elsewhere in this one."""

    def __init__(self, directory: Path, owner: str) -> None:
        super().__init__(
            f"`{directory}` is in use by {owner}: stop that process first, or use another directory"
        )


class Lock:
    """Holds a directory from the moment it is made; raises InUse, or OSError where the lock file
    cannot be opened.
    """

    def __init__(self, directory: Path) -> None:
        self._key = os.path.realpath(directory)
        if self._key in _held:
            raise InUse(directory, "this process")
        self._descriptor = os.open(
            directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        if not _locked(self._descriptor):
            owner = os.pread(self._descriptor, 40, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise InUse(directory, f"process {owner}" if owner.isdigit() else "another process")
        _held.add(self._key)
        with contextlib.suppress(OSError):  # a full disk must not keep a queue from being opened
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let go; the file stays, since another process may be about to lock it."""
        if self._key in _held:
            _held.discard(self._key)
            os.close(self._descriptor)


def _locked(descriptor: int) -> bool:
    """Take the lock; who only looks whether someone has it, has it for a moment, and is waited
    for.
    """
    for _ in range(_TRIES):
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(_PAUSE)
        else:
            return True
    return False


def owner_of(directory: Path) -> int | None:
    """The process that has a directory; None if nobody has."""
    if os.path.realpath(directory) in _held:
        return os.getpid()
    try:
        descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = os.pread(descriptor, 40, 0).strip()
        return int(owner) if owner.isdigit() else -1
    finally:
        os.close(descriptor)
    return None
