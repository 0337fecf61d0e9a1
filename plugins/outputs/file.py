"""The output file: events into files whose names may come from the events.

Files stay open between batches and are closed when nothing was written to them for a while. Every batch reaches the operating
system before ``write`` returns; what is still in a gzip stream does so at ``flush``.
"""
from __future__ import annotations

import gzip
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from ...dsl.reference import Event
from ...dsl.template import Template
from ..contract import Codec, Output
from ..declaration import option


class _Open:
    """An open file, its path's identity, and when it was last written."""

    def __init__(self, path: Path, raw: IO[bytes], packed: Any) -> None:
        self.path, self.raw, self.packed = path, raw, packed
        self.written = time.monotonic()
        self.identity = _identity(path)

    def write(self, data: bytes) -> None:
        self.written = time.monotonic()
        (self.packed or self.raw).write(data)

    def flush(self) -> None:
        if self.packed is not None:
            self.packed.flush()
        self.raw.flush()

    def close(self) -> None:
        if self.packed is not None:
            self.packed.close()
        self.raw.close()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


class File(Output, name="file"):
    """Write events to files, as JSON lines unless a codec says otherwise.

    `path` may hold fields and dates of the event: `/var/log/%{[host][name]}/%{+yyyy-MM-dd}.log`; folders are made. A path that
    would leave the part before its first field (`..` in a field) is refused: such events go into the file that `filename_failure`
    names, beneath that part.

    Differs from Logstash: a batch is handed to the operating system before it counts as delivered, so `flush_interval`
    matters for gzip alone.
    """

    default_codec = "json_lines"

    path: Template = option("The path, with fields and dates.")
    create_if_deleted: bool = option("Make a file again that was deleted while it was open.", default=True)
    dir_mode: int = option("The mode of new folders, such as 0750 written as 488; -1 for the process's.", default=-1)
    file_mode: int = option("The mode of new files; -1 for the process's.", default=-1)
    filename_failure: str = option("The file for events whose path is refused.", default="_filepath_failures")
    flush_interval: float = option("Seconds between flushes of gzip streams; 0 flushes every batch.", default=2, at_least=0)
    gzip: bool = option("Pack the stream with gzip.", default=False)
    stale_cleanup_interval: float = option("Seconds without an event after which a file is closed.", default=10, at_least=0)
    write_behavior: str = option("What happens to what a file holds.", default="append", choices=("append", "overwrite"))

    def prepare(self) -> None:
        self._codec = self.new_codec()
        self._encode = self._codec.encode
        self._files: dict[str, _Open] = {}
        self._started: set[str] = set()
        self._flushed = self._cleaned = time.monotonic()
        self._root = self._fixed_part()
        if self._root is None and not self.path.is_constant:
            self.problem("path", "the path may not start with a field", "start it with a folder: /var/log/%{…}")

    def _fixed_part(self) -> Path | None:
        """The folder above the first field of the path."""
        head = self.path.text.partition("%{")[0]
        folder = head[: head.rfind("/") + 1]
        return Path(os.path.normpath(folder)) if folder else None

    def encoding(self) -> tuple[Codec, Callable[[Any], Any]] | None:
        path = self.path.text
        return (self._codec, lambda data: {path: data}) if self.path.is_constant else None

    def pack(self, events: list[Event]) -> dict[str, bytes]:
        """Paths, each with its bytes."""
        return {path: self._encode(group) for path, group in self._grouped(events).items()}

    def deliver(self, packed: dict[str, bytes]) -> None:
        for path, data in packed.items():
            file = self._file(path)
            file.write(data)
            if not self.gzip or self.flush_interval == 0:
                file.flush()
        self._tidy()

    def _grouped(self, events: list[Event]) -> dict[str, list[Event]]:
        if self.path.is_constant:
            return {self.path.text: events}
        groups: dict[str, list[Event]] = {}
        render = self.path.render
        for event in events:
            groups.setdefault(self._safe(render(event)), []).append(event)
        return groups

    def _safe(self, path: str) -> str:
        assert self._root is not None
        whole = os.path.normpath(path)
        if "\0" in whole or not Path(whole).is_relative_to(self._root) or Path(whole) == self._root:
            return str(self._root / self.filename_failure)
        return whole

    def _file(self, path: str) -> _Open:
        file = self._files.get(path)
        if file is not None and self.create_if_deleted and _identity(file.path) != file.identity:
            file.close()
            file = None
        if file is None:
            file = self._files[path] = self._opened(Path(path))
        return file

    def _opened(self, path: Path) -> _Open:
        if not path.parent.exists():
            path.parent.mkdir(mode=0o777 if self.dir_mode < 0 else self.dir_mode, parents=True, exist_ok=True)
        fresh = self.write_behavior == "overwrite" and str(path) not in self._started
        self._started.add(str(path))
        flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if fresh else os.O_APPEND)
        descriptor = os.open(path, flags, 0o666 if self.file_mode < 0 else self.file_mode)
        raw = os.fdopen(descriptor, "wb")
        return _Open(path, raw, gzip.GzipFile(fileobj=raw, mode="ab") if self.gzip else None)

    def _tidy(self) -> None:
        now = time.monotonic()
        if self.gzip and now - self._flushed >= self.flush_interval:
            self.flush()
        if now - self._cleaned >= max(self.stale_cleanup_interval, 1):
            self._cleaned = now
            for path in [p for p, file in self._files.items() if now - file.written >= self.stale_cleanup_interval]:
                self._files.pop(path).close()

    def flush(self) -> None:
        self._flushed = time.monotonic()
        for file in self._files.values():
            file.flush()

    def close(self) -> None:
        for file in getattr(self, "_files", {}).values():
            file.close()
        self._files = {}
