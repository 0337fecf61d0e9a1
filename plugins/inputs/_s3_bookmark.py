"""What is known of objects across runs: those that are done, and how far others are delivered.

A file of lines of JSON that is appended to, so that a kill loses no more than the line it cuts; it
is written anew when most of it is of no use any more. Objects that are done are remembered by key
and content for a day beyond the newest of them, since an object that is uploaded in parts appears
with the time at which that began. What is older counts as done, up to the oldest object of which a
listing has shown that it is not. A file that holds a time alone is Logstash's: what was modified up
to then is done.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import math
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import NewerFormat
from ..rate_limit import PluginLog
from ..records.disk import Disk
from ._sincedb import is_disabled

FORMAT = 1
REMEMBERED = dt.timedelta(days=1)
_SYNC_EVERY = 1.0
_TICK = 1.0
"""Seconds of which S3 tells the time of an object."""

_FEWEST_LINES = 1000


class Progress(NamedTuple):
    """How far the content of an object is delivered, in bytes; unpacked, where it ``is_packed``."""

    etag: str
    offset: int
    is_packed: bool


class Bookmark:
    """``path``: None keeps it in memory. Raises OSError, NewerFormat."""

    def __init__(self, path: str | None, log: PluginLog) -> None:
        self._path = None if path is None or is_disabled(path) else path
        self._log = log
        self.through: dt.datetime | None = None
        self._done: dict[str, tuple[str, float]] = {}
        self._progress: dict[str, Progress] = {}
        self._lines = 0
        self._file: Any = None
        self._synced = time.monotonic()
        self._is_dirty = False
        self._newest = 0.0
        self._oldest_left: float | None = None  # nothing is forgotten before the first listing

    def open(self) -> None:
        """Read what is there, and begin to append."""
        if self._path is None:
            return
        os.makedirs(os.path.dirname(os.path.abspath(self._path)), exist_ok=True)
        damaged = 0
        with contextlib.suppress(FileNotFoundError), open(self._path, encoding="utf-8") as file:
            for line in file:
                damaged += not self._take(line.strip())
        if damaged:
            text = "the sincedb `%s` has %d damaged lines; what is intact is used"
            self._log.warning(text, self._path, damaged)
        self._rewrite()

    def _take(self, line: str) -> bool:
        """Read a line; whether it could be."""
        self._lines += 1
        try:
            if not line.startswith("{"):
                self.through = _time(line) if line else self.through
                return True
            row = json.loads(line)
            if "format" in row:
                if row["format"] > FORMAT:
                    raise NewerFormat(self._path, row["format"], FORMAT)
                self.through = _time(row["through"]) if row.get("through") else None
            elif "done" in row:
                self._note_done(row["done"], str(row["etag"]), float(row["at"]))
            else:
                name = row["open"]
                self._progress[name] = Progress(row["etag"], int(row["offset"]), bool(row["gzip"]))
        except (ValueError, KeyError, TypeError):
            return False
        return True

    def _note_done(self, name: str, etag: str, at: float) -> None:
        self._done[name] = (etag, at)
        self._progress.pop(name, None)
        self._newest = max(self._newest, at)

    def is_done(self, name: str, etag: str, modified: dt.datetime | None) -> bool:
        """Whether an object is done."""
        if self.through is not None and modified is not None and modified <= self.through:
            return True
        return self._done.get(name, ("", 0.0))[0] == etag

    def listed(self, oldest: dt.datetime | None) -> None:
        """All objects were looked at. ``oldest``: when the oldest that is not done was modified."""
        self._oldest_left = math.inf if oldest is None else oldest.timestamp()

    def remembers(self, name: str, etag: str) -> bool:
        """Whether that very content of an object is known to be done."""
        return self._done.get(name, ("", 0.0))[0] == etag

    def progress(self, name: str, etag: str) -> Progress:
        """How far an object is delivered."""
        found = self._progress.get(name)
        return found if found is not None and found.etag == etag else Progress(etag, 0, False)

    def move(self, name: str, progress: Progress) -> None:
        """An object is delivered up to there."""
        self._progress[name] = progress
        etag, offset, is_packed = progress
        self._append({"open": name, "etag": etag, "offset": offset, "gzip": is_packed})

    def finish(self, name: str, etag: str, modified: dt.datetime | None) -> None:
        """An object is done. Without a time it is forgotten: nobody will ask for it again."""
        if modified is None:
            self._progress.pop(name, None)
            self._append({"open": name, "etag": "", "offset": 0, "gzip": False})
            return
        at = modified.timestamp()
        self._note_done(name, etag, at)
        self._append({"done": name, "etag": etag, "at": at})

    def _append(self, row: dict[str, Any]) -> None:
        if self._file is None:
            return
        self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
        self._file.flush()
        self._lines += 1
        self._is_dirty = True
        useful = len(self._done) + len(self._progress)
        if self._lines > max(_FEWEST_LINES, 3 * useful):
            self._rewrite()

    def sync(self, now: bool = False) -> None:
        """Have it on the disk, once a second at most."""
        moment = time.monotonic()
        if self._is_dirty and (now or moment - self._synced >= _SYNC_EVERY):
            os.fsync(self._file.fileno())
            self._is_dirty, self._synced = False, moment

    def _rewrite(self) -> None:
        """Write it anew, without what is of no use any more."""
        assert self._path is not None
        self._forget()
        self._progress = {name: each for name, each in self._progress.items() if each.etag}
        through = None if self.through is None else self.through.isoformat()
        rows: list[dict[str, Any]] = [{"format": FORMAT, "through": through}]
        rows += [{"done": n, "etag": etag, "at": at} for n, (etag, at) in self._done.items()]
        rows += [
            {"open": name, "etag": each.etag, "offset": each.offset, "gzip": each.is_packed}
            for name, each in self._progress.items()
        ]
        part = f"{self._path}.new"
        file = open(part, "w", encoding="utf-8")  # noqa: SIM115 - it is appended to from then on
        try:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            file.flush()
            os.fsync(file.fileno())
            os.replace(part, self._path)
        except BaseException:
            file.close()  # the old one goes on
            raise
        old, self._file = self._file, file
        self._lines, self._is_dirty = len(rows), False
        Disk().sync_directory(Path(self._path).resolve().parent)
        if old is not None:
            old.close()

    def _forget(self) -> None:
        """What is done and old counts as done by its time."""
        if not self._newest or self._oldest_left is None:
            return
        limit = min(self._newest - REMEMBERED.total_seconds(), self._oldest_left - _TICK)
        old = [name for name, (_, at) in self._done.items() if at < limit]
        for name in old:
            del self._done[name]
        if old:
            until = dt.datetime.fromtimestamp(limit, dt.UTC)
            self.through = until if self.through is None else max(self.through, until)

    def close(self) -> None:
        """Let go of the file."""
        file, self._file = self._file, None
        if file is not None:
            self._is_dirty = False
            os.fsync(file.fileno())
            file.close()


def _time(text: str) -> dt.datetime:
    """A time, also as Ruby writes it: ``2024-01-31 10:00:00 UTC``, ``… +0100``."""
    text = text.strip().removesuffix(" UTC").replace(" +", "+").replace(" -", "-")
    found = dt.datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=dt.UTC)
