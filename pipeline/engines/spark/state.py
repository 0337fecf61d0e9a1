"""The checkpoint: which batches are done, and the state of each shard of keys behind the last one.

One small file a batch, written whole and then renamed, says all of it: the files that belong to the
batch, where the state of each shard stands, the time up to which events are complete. So a batch is
either done, with its state and its files, or it is not. Spark's own state store commits a task at a
time and tells the driver nothing, and its watermark is the latest time of all partitions, which
makes late what a slower partition brings; here it is the earliest.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import msgspec

from ....plugins.records.disk import Disk
from ..engine_options import refuse
from .pieces import Positions
from .write import Attempt, StagedFile

VERSION = 1
_DISK = Disk()
_NAME = "penstock.json"


class StateSlice(msgspec.Struct, frozen=True):
    """Where the state of a shard stands: a file, and the bytes of it."""

    path: str
    start: int
    length: int

    def read(self) -> bytes:
        """The state; raises OSError."""
        with Path(self.path).open("rb") as file:
            file.seek(self.start)
            return file.read(self.length)


class Shard(msgspec.Struct, frozen=True):
    """The state of a shard behind a batch, and when it is due next, in milliseconds since 1970."""

    state: StateSlice
    timer: int | None = None


class Manifest(msgspec.Struct):
    """What belongs to a batch, and what is known behind it. ``shards``: by the number of the
    exchange and of the shard. ``tops``: by exchange, the latest time of each partition of a source;
    ``seen``: when it last gave something, in seconds since 1970; ``positions``: of a stream, how
    far its inputs were read.
    """

    batch: int = -1
    staged: list[StagedFile] = []
    shards: dict[int, dict[int, Shard]] = {}
    tops: dict[int, dict[str, int]] = {}
    seen: dict[str, float] = {}
    events_in: int = 0
    events_out: int = 0
    bytes_out: int = 0
    dead_letters: int = 0
    positions: Positions = {}


class Head(msgspec.Struct):
    """What a checkpoint is of."""

    version: int
    id: str


class Checkpoint:
    """A directory that driver and tasks see. Raises ConfigError where it is of a newer version."""

    def __init__(self, directory: str) -> None:
        self.directory = Path(directory).absolute()
        self._commits = self.directory / "commits"
        self.states = self.directory / "state"
        for each in (self._commits, self.states):
            each.mkdir(parents=True, exist_ok=True)
        self.id = self._head().id
        self.last = self._last()

    def _head(self) -> Head:
        path = self.directory / _NAME
        if not path.exists():
            head = Head(VERSION, uuid.uuid4().hex[:8])
            _write(path, msgspec.json.encode(head))
            return head
        try:
            head = msgspec.json.decode(path.read_bytes(), type=Head)
        except msgspec.MsgspecError as error:
            message = f"`{path}` is not a valid note of a checkpoint: {error}"
            refuse(message, "start with an empty checkpoint directory", "E265")
        if head.version > VERSION:
            message = f"`{self.directory}` is a checkpoint of version {head.version}"
            help = f"this Penstock knows version {VERSION}: use a newer one, or another directory"
            refuse(message, help, "E265")
        return head

    def _last(self) -> Manifest:
        names = sorted(self._commits.glob("*.msgpack"))
        if not names:
            return Manifest()
        return msgspec.msgpack.decode(names[-1].read_bytes(), type=Manifest)

    def is_done(self, batch: int) -> bool:
        """Whether a batch was committed."""
        return batch <= self.last.batch

    def commit(self, manifest: Manifest) -> None:
        """Note that a batch is done; it is on the disk when this returns. Raises OSError."""
        _write(self._commits / f"{manifest.batch:010}.msgpack", msgspec.msgpack.encode(manifest))
        self.last = manifest
        self._forget()

    def _forget(self) -> None:
        """Remove what no batch will ask for: older notes, and states that newer ones replace."""
        for name in sorted(self._commits.glob("*.msgpack"))[:-2]:
            name.unlink()
        shards = [shard for each in self.last.shards.values() for shard in each.values()]
        used = {Path(shard.state.path).name for shard in shards}
        for path in self.states.iterdir():
            if path.name not in used:
                path.unlink(missing_ok=True)


class StateWriter:
    """The states that one attempt of a task writes, in one file that is begun with the first."""

    def __init__(self, directory: str, attempt: Attempt) -> None:
        self._path = Path(directory) / attempt.own
        self._file = -1
        self._at = 0

    def add(self, state: bytes, timer: int | None) -> Shard:
        """Write the state of a shard; raises OSError."""
        if self._file < 0:
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        view = memoryview(state)
        while view:
            view = view[os.write(self._file, view) :]
        start, self._at = self._at, self._at + len(state)
        return Shard(StateSlice(str(self._path), start, len(state)), timer)

    def close(self) -> None:
        """Have it on the disk."""
        if self._file >= 0:
            _DISK.sync(self._file)
            os.close(self._file)


def _write(path: Path, data: bytes) -> None:
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, data)
        _DISK.sync(descriptor)
    finally:
        os.close(descriptor)
    fresh.replace(path)
    _DISK.sync_directory(path.parent)
