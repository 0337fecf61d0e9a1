"""Files that tasks write, and their commit: each line once, whatever is killed.

A task writes into ``_temporary`` beside the files that will be, under a name that only this attempt
has. The driver is told the names alone. When all tasks have ended it notes in the checkpoint what
belongs to the batch, and then renames: a batch that is noted is never worked on again, and a rename
that was done is not done twice. A ``file { path => "out.jsonl" }`` so becomes a directory
``out.jsonl`` of parts, since many machines cannot write one file.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from ....plugins.errors import Misconfigured
from ....plugins.output import Output
from ....plugins.outputs.file import File
from ....plugins.records.disk import Disk

TEMPORARY = "_temporary"
_MOST_OPEN = 128
_DISK = Disk()


class StagedFile(msgspec.Struct, frozen=True):
    """A file (of dead letters a directory) that an attempt has written, and its name to be."""

    temporary: str
    target: str


class Attempt(msgspec.Struct, frozen=True):
    """One try of one task: ``run`` names the batch, and is the same when that is worked again.
    ``token`` is random: where a driver was killed its executors may write for a while longer, under
    numbers that the next driver gives anew.
    """

    run: str
    stage: int
    partition: int
    number: int
    token: str = ""

    @property
    def part(self) -> str:
        """The name of what the task writes, whichever attempt comes through."""
        return f"part-{self.run}-{self.stage}-{self.partition:05}"

    @property
    def own(self) -> str:
        """The name of what this attempt alone writes."""
        return f"{self.number}{self.token}-{self.part}"


class StagedFiles:
    """The files of one attempt. What was begun is left where it is when the task fails."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._open: dict[str, int] = {}
        self._staged: dict[str, StagedFile] = {}
        self._syncs: set[str] = set()

    def write(self, output: File, path: str, data: bytes) -> None:
        """Append to the attempt's part of a file; raises OSError."""
        descriptor = self._open.pop(path, None)
        if descriptor is None:
            descriptor = self._opened(output, path)
        self._open[path] = descriptor  # the last used is the last closed
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]

    def _opened(self, output: File, path: str) -> int:
        if len(self._open) >= _MOST_OPEN:
            self._close(next(iter(self._open)))
        staged, flags = self._staged.get(path), os.O_WRONLY | os.O_CREAT | os.O_APPEND
        if staged is None:
            staged = self._staged[path] = self._named(output, path)
            flags |= os.O_TRUNC
        if output.fsync:
            self._syncs.add(path)
        return os.open(staged.temporary, flags, 0o666 if output.file_mode < 0 else output.file_mode)

    def _named(self, output: File, path: str) -> StagedFile:
        suffixes = "".join(Path(path).suffixes)
        directory = Path(path) / TEMPORARY
        mode = 0o777 if output.dir_mode < 0 else output.dir_mode
        try:
            directory.mkdir(mode=mode, parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise Misconfigured("path", *_taken(path)) from None
        temporary, target = f"{self._attempt.own}{suffixes}", f"{self._attempt.part}{suffixes}"
        return StagedFile(str(directory / temporary), str(Path(path) / target))

    def _close(self, path: str) -> None:
        descriptor = self._open.pop(path)
        if path in self._syncs:
            _DISK.sync(descriptor)
        os.close(descriptor)

    def close(self) -> list[StagedFile]:
        """End the files; what there is to be renamed."""
        for path in list(self._open):
            self._close(path)
        return list(self._staged.values())


def _taken(path: str) -> tuple[str, str]:
    return (
        f"`{path}` is a file; an engine writes a directory of parts of this name",
        "move it, or change the path",
    )


def check_paths(outputs: Iterable[File]) -> None:
    """Raise Misconfigured where a file stands in the place of a directory of parts; begin anew
    where an output overwrites.
    """
    for output in outputs:
        path = Path(output.path.text)
        if output.path.is_constant and path.exists() and not path.is_dir():
            error = Misconfigured("path", *_taken(str(path)))
            error.plugin = output
            raise error
        if output.path.is_constant and output.write_behavior == "overwrite" and path.is_dir():
            for part in path.glob("part-*"):
                part.unlink()


def files_of(outputs: Iterable[Output]) -> list[File]:
    """The outputs that write files."""
    return [output for output in outputs if isinstance(output, File)]


def publish(staged: Sequence[StagedFile], run: str, is_again: bool = False) -> None:
    """Give the files of a batch their names. Where it ``is_again`` done, since the driver may have
    been killed in the middle of it, what has its name, or had it, is left. Raises OSError.
    """
    for file in staged:
        try:
            Path(file.temporary).replace(file.target)
        except FileNotFoundError:
            if not is_again:
                raise
    for directory in {str(Path(file.temporary).parent) for file in staged}:
        _tidy(Path(directory), run)


def _tidy(directory: Path, run: str) -> None:
    """Remove what attempts left that came to nothing."""
    for left in directory.glob(f"*-part-{run}-*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
    try:
        directory.rmdir()
    except OSError:
        return  # an attempt that nobody waits for still writes
