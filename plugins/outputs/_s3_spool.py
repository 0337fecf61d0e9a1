"""Files that become objects, as they grow on the disk.

What was appended to one is delivered: its bytes are synced, and then its length is, in a *journal*
beside it. After a kill the file is cut to the last length that is known, so that it has all that
counts as delivered, and nothing of what comes again. Its key is fixed when it is made: however
often it is uploaded, it is one object.

A process has a directory of its own, with a lock. What a process that ended has left there, the
next one takes over.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from ..rate_limit import PluginLog
from ..records.disk import Disk
from ..records.lock import LOCK, InUse, Lock

_DISK = Disk()
_META, _DATA, _JOURNAL, _UPLOAD = ".json", ".data", ".length", ".upload"
_REFUSED = "refused"


class SpoolFile:
    """One file. ``base``: its path without what comes after the last dot; ``begun``: when it was
    made, of ``time.monotonic``.
    """

    def __init__(self, base: Path, key: str, size: int = 0) -> None:
        self.base, self.key, self.size = base, key, size
        self.begun = time.monotonic()

    @classmethod
    def make(cls, base: Path, key: str) -> SpoolFile:
        """A new one. Raises OSError."""
        made = cls(base, key)
        made._write(_META, json.dumps({"key": key}).encode())
        _DISK.sync_directory(base.parent)
        return made

    @classmethod
    def found(cls, base: Path) -> SpoolFile | None:
        """One that is there, cut to what counts as delivered; None where that is nothing."""
        try:
            key = json.loads(base.with_suffix(_META).read_bytes())["key"]
            size = _last_length(base.with_suffix(_JOURNAL), base.with_suffix(_DATA))
            if size:
                os.truncate(base.with_suffix(_DATA), size)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return cls(base, str(key), size) if size else None

    @property
    def data(self) -> Path:
        """The file with its bytes."""
        return self.base.with_suffix(_DATA)

    def append(self, data: bytes) -> None:
        """Append, synced. Raises OSError; then nothing of it counts."""
        self._add(self.data, data, self.size)
        size = self.size + len(data)
        # A line that was cut off before ends where this one begins.
        self._add(self.base.with_suffix(_JOURNAL), f"\n{size}\n".encode())
        self.size = size

    def _add(self, path: Path, data: bytes, at: int | None = None) -> None:
        """Write at the end, or at a place where nothing behind it counts."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (os.O_APPEND if at is None else 0)
        descriptor = os.open(path, flags, 0o600)
        try:
            is_new = os.fstat(descriptor).st_size == 0
            if at is not None:
                os.ftruncate(descriptor, at)
                os.lseek(descriptor, at, os.SEEK_SET)
            _DISK.write(descriptor, [data])
            _DISK.sync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            _DISK.sync_directory(path.parent)

    def _write(self, suffix: str, data: bytes) -> None:
        path = self.base.with_suffix(suffix)
        part = path.with_name(f"{path.name}.new")
        part.write_bytes(data)
        with part.open("rb") as file:
            _DISK.sync(file.fileno())
        part.replace(path)

    def upload_begun(self) -> dict[str, Any] | None:
        """What was noted of an upload in parts; None where none has begun."""
        try:
            noted: dict[str, Any] = json.loads(self.base.with_suffix(_UPLOAD).read_bytes())
        except (OSError, ValueError):
            return None
        return noted

    def note_upload(self, noted: dict[str, Any] | None) -> None:
        """Note an upload in parts, or that it is of no use any more."""
        if noted is None:
            self.base.with_suffix(_UPLOAD).unlink(missing_ok=True)
        else:
            self._write(_UPLOAD, json.dumps(noted).encode())

    def set_aside(self) -> Path:
        """Keep it where nobody tries to upload it any more; its bytes."""
        directory = self.base.parent.parent / _REFUSED
        directory.mkdir(exist_ok=True)
        for path in self._paths():
            with contextlib.suppress(FileNotFoundError):
                path.replace(directory / f"{self.base.parent.name}-{path.name}")
        return directory / f"{self.base.parent.name}-{self.data.name}"

    def remove(self) -> None:
        """It is uploaded. What says what it is goes first: the rest is then of no account."""
        for path in self._paths():
            path.unlink(missing_ok=True)

    def _paths(self) -> list[Path]:
        return [self.base.with_suffix(each) for each in (_META, _JOURNAL, _UPLOAD, _DATA)]


def _last_length(journal: Path, data: Path) -> int:
    """The last length that was noted whole, and that the file has."""
    there = data.stat().st_size
    for line in reversed(journal.read_bytes().split(b"\n")[:-1]):
        if line.isdigit() and int(line) <= there:
            return int(line)
    return 0


class Spool:
    """The files of one output. ``directory`` is shared with other processes that have the same
    output; ``name``: makes the key of a file of a prefix. Raises OSError.
    """

    def __init__(self, directory: Path, name: Callable[[str], str], log: PluginLog) -> None:
        self._directory, self._name, self._log = directory, name, log
        self._own = directory / uuid4().hex
        self._files: dict[str, SpoolFile] = {}
        self._locks: dict[Path, Lock] = {}
        self._count = 0
        self._lock = threading.Lock()  # requests of different prefixes may overlap

    def open(self) -> None:
        """Make a directory of this process's own."""
        _DISK.make_directory(self._directory)
        self._locks[self._own] = _DISK.lock(self._own)

    def left(self) -> Iterator[SpoolFile]:
        """The files that processes have left which ended, the oldest first."""
        found: list[tuple[float, SpoolFile]] = []
        for directory in self._directory.iterdir():
            if directory in self._locks or not directory.is_dir() or directory.name == _REFUSED:
                continue
            try:
                self._locks[directory] = Lock(directory)
            except InUse:
                continue
            for meta in directory.glob(f"*{_META}"):
                file = SpoolFile.found(meta.with_suffix(""))
                if file is not None:
                    found.append((file.data.stat().st_mtime, file))
        found.sort(key=lambda each: each[0])
        for _, file in found:
            yield file

    def append(self, prefix: str, data: bytes) -> SpoolFile:
        """Append to the file of a prefix, made where there is none."""
        with self._lock:
            file = self._files.get(prefix)
            if file is None:
                self._count += 1
                file = SpoolFile.make(self._own / f"{self._count:08}", self._name(prefix))
                self._files[prefix] = file
            file.append(data)
        return file

    def rotate(self, is_due: Callable[[SpoolFile], bool]) -> list[SpoolFile]:
        """Take out the files that are due: nothing is appended to them any more."""
        with self._lock:
            due = [prefix for prefix, file in self._files.items() if file.size and is_due(file)]
            return [self._files.pop(prefix) for prefix in due]

    @property
    def is_empty(self) -> bool:
        """Whether no file grows."""
        return not self._files

    def close(self) -> None:
        """Let go of the directories; those that are empty are removed."""
        for directory, lock in self._locks.items():
            if all(path.name == LOCK for path in directory.iterdir()):
                shutil.rmtree(directory, ignore_errors=True)
            lock.release()
        self._locks.clear()
