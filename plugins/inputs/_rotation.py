"""Noticing what happens to the names of files: growth, rotation by renaming, rotation by copying
and truncating, deletion.

A file whose name was taken away is read on under its descriptor, for its writer may not have
noticed yet. Where it was closed, it is looked for in its directory by its identity. A file that no
longer has the bytes that were read of it was truncated: it begins anew, and what was not read of it
is looked for in the copy.
"""

from __future__ import annotations

import os

from ._files import Files
from ._finder import Copy, copied, regular, renamed
from ._load import Load
from ._log_file import LogFile


class Rotation:
    """Keeps the files of an input up with the names in the file system."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._expected: dict[str, float] = {}

    def poll(self, load: Load[LogFile]) -> None:
        """Look at every file once. What files hold that end in the middle goes into ``load``."""
        now = self._files.clock.monotonic()
        for path, file in list(self._files.by_path.items()):
            self._check(path, file, now, load)
        self._poll_detached(now, load)
        self._poll_expected(now)

    def glance(self, path: str, load: Load[LogFile]) -> bool:
        """Look at a path of which something was heard; False where it is not followed."""
        file = self._files.by_path.get(path)
        if file is not None:
            self._check(path, file, self._files.clock.monotonic(), load)
        elif path in self._expected:
            self._meet(path)
        return path in self._files.by_path or path in self._expected

    def _check(self, path: str, file: LogFile, now: float, load: Load[LogFile]) -> None:
        try:
            seen = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            self._leave(file, load)
            self._expected[path] = now + self._files.options.discover_interval
            return
        except OSError:
            return
        if seen.st_ino != file.identity.inode or seen.st_dev != file.identity.device:
            self._leave(file, load)
            self._expected[path] = now + self._files.options.discover_interval
            self._meet(path)
        elif seen.st_size != file.size or seen.st_mtime_ns != file.modified:
            self._grown(file, seen, now)

    def _grown(self, file: LogFile, seen: os.stat_result, now: float) -> None:
        file.see(seen)
        file.quiet_since, file.ignored = now, False
        self._files.dirty[file] = None
        self._files.waiting.pop(file, None)

    def _meet(self, path: str) -> None:
        seen = regular(path)
        if seen is not None:
            self._files.meet(path, seen)
        if path in self._files.by_path:
            self._expected.pop(path, None)

    def _poll_detached(self, now: float, load: Load[LogFile]) -> None:
        for file in list(self._files.detached):
            assert file.descriptor is not None
            try:
                seen = os.fstat(file.descriptor)
            except OSError:  # its server has no more of it
                self._give_up(file, load)
                continue
            if seen.st_size != file.size or seen.st_mtime_ns != file.modified:
                self._grown(file, seen, now)

    def _poll_expected(self, now: float) -> None:
        """Between a name's loss and its return there may be a moment; the next discovery may be
        far.
        """
        for path, until in list(self._expected.items()):
            self._meet(path)
            if now > until:
                self._expected.pop(path, None)

    def _leave(self, file: LogFile, load: Load[LogFile]) -> None:
        """A file's path leads to it no more."""
        if file.finished:
            self._give_up(file, load)
        elif file.descriptor is not None or self._is_found(file):
            self._files.detach(file)
        else:
            self._files.drop(file)
            self._go_on_in_copy(file, load)

    def _is_found(self, file: LogFile) -> bool:
        path = renamed(file.path, file.identity)
        try:
            return path is not None and self._files.descriptors.want(file, path)
        except OSError:
            return False

    def _give_up(self, file: LogFile, load: Load[LogFile]) -> None:
        file.flush(load)
        self._files.drop(file)

    def ready(self, file: LogFile, load: Load[LogFile]) -> bool:
        """Open a file to be read, and see that it is still what it was; raises OSError."""
        if not file.take_partition() or not self._files.descriptors.want(file):
            return False
        file.rewind()
        if file.look():
            return True
        self._replace(file, load)
        return False

    def _replace(self, file: LogFile, load: Load[LogFile]) -> None:
        """A file no longer has what was read of it: begin anew."""
        files = self._files
        attached = files.by_path.get(file.path) is file
        assert file.descriptor is not None
        fresh = LogFile(file.path, os.fstat(file.descriptor), files.clock.monotonic())
        files.descriptors.pass_on(file, fresh)
        files.drop(file)
        self._go_on_in_copy(file, load)
        try:
            if attached:
                files.take_place(fresh)
        finally:
            if fresh.path not in files.by_path:
                files.descriptors.close(fresh)

    def _go_on_in_copy(self, file: LogFile, load: Load[LogFile]) -> None:
        """Read what was not read of a file in the copy that was made of it, where there is one."""
        files, copy = self._files, None
        if not files.options.read:
            copy = copied(file.path, file.print, file.changed, files.is_known)
        if copy is not None and self._move(file, copy):
            return
        if file.unread:
            files.log.warning(
                "`%s` was cut short: %d bytes were not read yet, and no copy is beside it",
                file.path,
                file.unread,
                about=file.path,
            )
        file.flush(load)

    def _move(self, file: LogFile, copy: Copy) -> bool:
        try:
            if not file.move(copy.path, copy.is_packed):
                return False
        except OSError:
            return False
        self._files.descriptors.open[file] = None
        self._files.by_identity[file.identity] = file
        self._files.detach(file)
        self._files.unsaved = file.unsaved = True
        return True
