"""The output file: events into files whose names may come from the events.

Files stay open between batches and are closed when nothing was written to them for a while. Every
batch reaches the operating system before ``deliver`` returns, and with ``fsync`` the disk. What a
failed sync leaves in doubt is written again: the system may have dropped it, and say of the next
sync that all is well.
"""

from __future__ import annotations

import errno
import gzip
import os
import stat
import time
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

from ...dsl.reference import Event
from ...dsl.template import Template
from ..batch import Payload
from ..codec import Codec
from ..declaration import Mode, option
from ..errors import Disconnected, Misconfigured
from ..former import renamed
from ..output import Output
from ..records.disk import Disk
from ._writing import PartlyWritten, Rests, forget, target_of

_LEVEL = 6
_DISK = Disk()
_NEVER_A_PATH = (
    errno.ENAMETOOLONG,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EINVAL,
    errno.ELOOP,
    errno.EEXIST,  # a link that leads nowhere is where a directory must be made
)
_LONGEST_SHOWN = 100


class _Open:
    """An open file. ``taken``: what it took of a batch that is not written, or not synced, yet.
    ``directories``: those in which names are not synced yet; None where nothing is synced.
    ``cut_off``: a kill has left the file in the middle of a line.
    """

    def __init__(
        self, path: Path, descriptor: int, directories: list[Path] | None, cut_off: bool
    ) -> None:
        self.path, self._descriptor, self._target = path, descriptor, target_of(descriptor, cut_off)
        self.written = time.monotonic()
        self.taken: list[Any] = []
        self._identity = _identity(descriptor)
        self._directories = directories

    @property
    def is_gone(self) -> bool:
        """Whether its path leads elsewhere; a line that was begun is ended where it was, as long as
        someone can read it there.
        """
        if _identity(self.path) == self._identity:
            return False
        return self._target.midway is not self or not os.fstat(self._descriptor).st_nlink

    def write(self, data: Any) -> None:
        """Write, and sync where that is asked for; raises OSError, or PartlyWritten with what is
        still to be written.
        """
        self.written = time.monotonic()
        try:
            self._target.write(self._descriptor, data, self)
        except PartlyWritten as error:
            self.taken.append(memoryview(data)[: len(data) - len(error.rest)])
            raise
        if self._directories is not None:
            self.taken.append(data)
            self._sync(self._directories)
        self.taken.clear()

    def _sync(self, directories: list[Path]) -> None:
        try:
            _DISK.sync(self._descriptor)
            while directories:
                _DISK.sync_directory(directories[-1])
                directories.pop()
        except OSError as error:
            rest = b"".join(self.taken)
            self.taken.clear()
            raise PartlyWritten(error.strerror or str(error), rest) from error

    def close(self) -> None:
        self._target.leave(self)
        if not os.fstat(self._descriptor).st_nlink:
            forget(self._descriptor)
        os.close(self._descriptor)


def _identity(place: Path | int) -> tuple[int, int] | None:
    try:
        found = place.stat() if isinstance(place, Path) else os.fstat(place)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _can_be_encoded(path: str) -> bool:
    """Whether a path is bytes for the file system; a lone surrogate is not."""
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


def _is_cut_off(path: Path) -> bool:
    """Whether a file ends in the middle of a line."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode) or not found.st_size:
            return False
        with path.open("rb", buffering=0) as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except OSError:
        return False


class File(Output, name="file"):
    """Write events to files, as JSON lines unless a codec says otherwise.

    `path` may hold fields and dates of the event: `/var/log/%{[host][name]}/%{+yyyy-MM-dd}.log`;
    directories are made. A path that would leave the part before its first field (`..` in a field)
    is refused: such events go into the file that `filename_failure` names, beneath that part.

    Differs from Logstash: a mode with a leading zero is octal (there, decimal), as in the shell:
    0640 is `rw-r-----`; without it a mode is decimal. A batch is handed to the operating system
    before it counts as delivered, packed ones as a whole gzip member each, so `flush_interval` has
    no effect. With `fsync` it is on the disk, too. Lines do not go on where a crash left a file in
    the middle of one: they begin on a new line.
    """

    former = renamed(unused=("max_size",))

    default_codec = "json_lines"
    immediate = True

    path: Template = option("The path, with fields and dates.")
    create_if_deleted: bool = option(
        "Make a file again that was deleted while it was open.", default=True
    )
    dir_mode: Mode = option(
        "The mode of new directories, such as 0750; -1 for the process's.", default=Mode(-1)
    )
    file_mode: Mode = option(
        "The mode of new files, such as 0640; -1 for the process's.", default=Mode(-1)
    )
    filename_failure: str = option(
        "The file for events whose path is refused.", default="_filepath_failures"
    )
    flush_interval: float = option(
        "Has no effect: every batch is written at once.", default=2, at_least=0
    )
    fsync: bool = option(
        "Whether a batch counts as delivered only when it is synced to the disk.", default=False
    )
    gzip: bool = option("Pack with gzip.", default=False)
    stale_cleanup_interval: float = option(
        "Seconds without an event after which a file is closed.", default=10, at_least=0
    )
    write_behavior: str = option(
        "Whether an existing file is appended to or overwritten.",
        default="append",
        choices=("append", "overwrite"),
    )

    def prepare(self) -> None:
        self._codec = self.new_codec()
        self._encode = self._codec.encode
        self._files: dict[str, _Open] = {}
        self._rests = Rests()
        self._reroute: tuple[Payload | None, Payload] = (None, Payload(b""))
        self._started: set[str] = set()
        self._cleaned = time.monotonic()
        self._root = self._fixed_part()
        if self._root is None and not self.path.is_constant:
            self.problem(
                "path",
                "the path must not start with a field",
                "start it with a directory: /var/log/%{…}",
            )

    def _fixed_part(self) -> Path | None:
        """The directory above the first field of the path."""
        head = self.path.text.partition("%{")[0]
        directory = head[: head.rfind("/") + 1]
        return Path(os.path.normpath(directory)) if directory else None

    def plain_encoding(self) -> tuple[Codec, Hashable] | None:
        is_plain = self.path.is_constant and not self.gzip
        return (self._codec, self.path.text) if is_plain else None

    def pack(self, events: list[Event]) -> list[Payload]:
        """A payload for each path, which is its lane."""
        encode = self._packed if self.gzip else self._encode
        return [Payload(encode(group), group, path) for path, group in self._grouped(events)]

    def _packed(self, events: list[Event]) -> bytes:
        return gzip.compress(self._encode(events), _LEVEL, mtime=0)

    def connect(self) -> None:
        """Refuse a fixed path that can never be written, before anything is read."""
        if self.path.is_constant and Path(self.path.text).is_dir():
            raise Misconfigured("path", f"`{self.path.text}` is a directory", "name a file in it")

    def deliver(self, payload: Payload) -> None:
        path = str(payload.lane)
        data = self._rests.get(payload)
        try:
            file, data = self._file(path, data)
            file.write(data)
        except PartlyWritten as error:
            self._rests.keep(payload, error.rest)
            raise
        except OSError as error:
            if data is not payload.data:
                self._rests.keep(payload, data)
            if not self._is_refused(path, error):
                reason = f"{path}: {error.strerror or error}"
                raise Disconnected(reason) from error
            self.context.log.warning(
                "`%s` cannot be a path (%s); written to `%s`",
                path[:_LONGEST_SHOWN],
                error.strerror,
                self._failure_path,
            )
            self.deliver(self._rerouted(payload))
            return
        self._rests.forget(payload)
        self._tidy()

    def _rerouted(self, payload: Payload) -> Payload:
        """A payload as one for the failure path: the same one at each try, so that what is known of
        a part that was written there holds.
        """
        whose, instead = self._reroute
        if whose is not payload:
            instead = Payload(payload.data, payload.events, self._failure_path, payload.count)
            self._reroute = payload, instead
        return instead

    def tend(self, timeout: float) -> None:
        self._tidy()

    @property
    def tending_is_due(self) -> bool:
        return bool(self._files)

    def _is_refused(self, path: str, error: OSError) -> bool:
        """Whether the system will never take a path that events made: waiting would stop all that
        stands behind it.
        """
        if self.path.is_constant or path == self._failure_path:
            return False
        return error.errno in _NEVER_A_PATH

    @property
    def _failure_path(self) -> str:
        assert self._root is not None
        return str(self._root / self.filename_failure)

    def _grouped(self, events: list[Event]) -> Iterable[tuple[str, list[Event]]]:
        if self.path.is_constant:
            return [(self.path.text, events)]
        groups: dict[str, list[Event]] = {}
        render = self.path.render
        for event in events:
            groups.setdefault(self._safe(render(event)), []).append(event)
        return groups.items()

    def _safe(self, path: str) -> str:
        assert self._root is not None
        whole = os.path.normpath(path)
        if not whole.isascii() and not _can_be_encoded(whole):
            return self._failure_path
        if "\0" in whole or not Path(whole).is_relative_to(self._root) or Path(whole) == self._root:
            return self._failure_path
        return whole

    def _file(self, path: str, data: Any) -> tuple[_Open, Any]:
        """The open file of a path, and what is to be written there; what one that was deleted has
        taken of a payload is put before what is left of it.
        """
        file = self._files.get(path)
        if file is not None and self.create_if_deleted and file.is_gone:
            data = b"".join([*file.taken, data])
            del self._files[path]
            file.close()
            file = None
        if file is None:
            file = self._files[path] = self._opened(Path(path))
        return file, data

    def _opened(self, path: Path) -> _Open:
        directories = self._make_directory(path.parent)
        fresh = self.write_behavior == "overwrite" and str(path) not in self._started
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | (os.O_TRUNC if fresh else 0)
        cut_off = not fresh and not self.gzip and _is_cut_off(path)
        descriptor = os.open(path, flags, 0o666 if self.file_mode < 0 else self.file_mode)
        self._started.add(str(path))
        return _Open(path, descriptor, directories if self.fsync else None, cut_off)

    def _make_directory(self, directory: Path) -> list[Path]:
        """Make a directory and those above it, unless they are there; the directories in which
        there are new names then.
        """
        if directory.exists():
            return [directory]
        made = [one for one in (directory, *directory.parents) if not one.exists()]
        directory.mkdir(
            mode=0o777 if self.dir_mode < 0 else self.dir_mode, parents=True, exist_ok=True
        )
        return [directory, *(one.parent for one in made)]

    def _tidy(self) -> None:
        now = time.monotonic()
        if now - self._cleaned >= max(self.stale_cleanup_interval, 1):
            self._cleaned = now
            for path in [
                p
                for p, file in self._files.items()
                if now - file.written >= self.stale_cleanup_interval
            ]:
                self._files.pop(path).close()

    def close(self) -> None:
        for file in getattr(self, "_files", {}).values():
            file.close()
        self._files = {}
