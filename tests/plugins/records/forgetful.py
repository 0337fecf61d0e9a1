"""A disk in memory that forgets: what was not synced may be lost in a crash, in part and out of order, contents and names alike."""
from __future__ import annotations

import errno
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from penstock.plugins.records.disk import Disk
from penstock.plugins.records.lock import InUse, Lock

BLOCK = 64
"""Bytes that are written at once; small, so that records lie across blocks."""


class _File:
    """``now``: what programs read; ``kept``: what is on the platter."""

    def __init__(self) -> None:
        self.now = bytearray()
        self.kept = bytearray()
        self.flipped: set[tuple[int, int]] = set()


class _FakeLock(Lock):
    def __init__(self, disk: ForgetfulDisk) -> None:
        self._disk = disk

    def release(self) -> None:
        self._disk.locked = False


class ForgetfulDisk(Disk):
    """Directories are not modelled: one is enough. ``capacity`` bounds what ``write`` takes; ``sync_fails`` makes a sync fail and drop what
    it should have kept, as Linux does; ``directory_fails`` makes that of a directory fail.
    """

    def __init__(self) -> None:
        self.files: dict[str, _File] = {}
        self.kept_names: dict[str, _File] = {}
        self.steps: list[Callable[[dict[str, _File]], None]] = []
        self.open_files: dict[int, _File] = {}
        self.locked = False
        self.capacity: int | None = None
        self.sync_fails = self.directory_fails = 0
        self._next = 3

    def crash(self, chance: random.Random) -> None:
        """Lose power: of unsynced blocks any may have been written, of steps on names some first ones; or none, or all."""
        luck = chance.choice([0.0, 0.5, 0.5, 0.5])
        for step in self.steps[: chance.randint(0, len(self.steps)) if luck == 0.5 else int(luck) * len(self.steps)]:
            step(self.kept_names)
        self.steps = []
        self.files = dict(self.kept_names)
        for file in self.files.values():
            self._lose_blocks(file, chance, luck)
        self.kept_names = dict(self.files)
        self.open_files, self.locked = {}, False

    def _lose_blocks(self, file: _File, chance: random.Random, luck: float) -> None:
        size = chance.choice([len(file.kept), len(file.now), chance.randint(*sorted((len(file.kept), len(file.now))))])
        result = bytearray(size)
        for start in range(0, size, BLOCK):
            end = min(start + BLOCK, size)
            written = file.kept[start:end] == file.now[start:end] or chance.random() < luck
            block = (file.now if written else file.kept)[start:end]
            result[start : start + len(block)] = block
        file.now, file.kept = result, bytearray(result)

    def flip(self, chance: random.Random) -> str | None:
        """Damage a byte of a file, for good; the file's name."""
        names = sorted(name for name, file in self.files.items() if file.now)
        if not names:
            return None
        name = chance.choice(names)
        file = self.files[name]
        place, bit = chance.randrange(len(file.now)), 1 << chance.randrange(8)
        if (place, bit) in file.flipped:
            return name  # flipped again it would be well, and a number that was given anew stand there twice
        file.flipped.add((place, bit))
        file.now[place] ^= bit
        if place < len(file.kept):
            file.kept[place] ^= bit
        return name

    def make_directory(self, directory: Path) -> None:
        pass

    def lock(self, directory: Path) -> Lock:
        if self.locked:
            raise InUse(directory, "a test")
        self.locked = True
        return _FakeLock(self)

    def names(self, directory: Path) -> list[str]:
        return sorted(self.files)

    def create(self, path: Path) -> int:
        assert path.name not in self.files
        return self._opened(self._named(path.name, _File()))

    def open(self, path: Path) -> int:
        if path.name not in self.files:
            raise FileNotFoundError(errno.ENOENT, "no such file", path.name)
        return self._opened(self.files[path.name])

    def size(self, descriptor: int) -> int:
        return len(self.open_files[descriptor].now)

    def read(self, descriptor: int, size: int, offset: int) -> bytes:
        return bytes(self.open_files[descriptor].now[offset : offset + size])

    def write(self, descriptor: int, parts: Sequence[bytes]) -> None:
        data = b"".join(parts)
        room = len(data) if self.capacity is None else max(self.capacity - sum(len(f.now) for f in self.files.values()), 0)
        self.open_files[descriptor].now += data[:room]
        if room < len(data):
            raise OSError(errno.ENOSPC, "no space left")

    def truncate(self, descriptor: int, size: int) -> None:
        del self.open_files[descriptor].now[size:]

    def sync(self, descriptor: int) -> None:
        file = self.open_files[descriptor]
        if self.sync_fails:
            self.sync_fails -= 1
            file.now[:] = file.kept.ljust(len(file.now), b"\0")
            raise OSError(errno.EIO, "input/output error")
        file.kept[:] = file.now

    def sync_directory(self, directory: Path) -> None:
        if self.directory_fails:
            self.directory_fails -= 1
            raise OSError(errno.EIO, "input/output error")
        for step in self.steps:
            step(self.kept_names)
        self.steps = []

    def close(self, descriptor: int) -> None:
        del self.open_files[descriptor]

    def replace(self, old: Path, new: Path) -> None:
        file = self.files.pop(old.name)
        self._named(new.name, file, old.name)

    def remove(self, path: Path) -> None:
        if self.files.pop(path.name, None) is not None:
            self.steps.append(lambda names: (names.pop(path.name, None), None)[1])

    def _opened(self, file: _File) -> int:
        self._next += 1
        self.open_files[self._next] = file
        return self._next

    def _named(self, name: str, file: _File, before: str | None = None) -> _File:
        self.files[name] = file

        def step(names: dict[str, _File]) -> None:
            names.pop(before or "", None)
            names[name] = file

        self.steps.append(step)
        return file
