"""The files of an input, by path and by identity, and where each of them begins.

``dirty``: files in which there may be something to read. ``waiting``: files read to their end that
will not be followed (in read mode, or because their name was taken away), until it is sure that
nothing comes any more. ``ending``: those of which the last events are on their way. ``left_out``: a
file could not be opened yet. ``unsaved``: there are files that the sincedb does not know: after a
crash, a file that is new now would be taken for an old one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from ..batch import Position
from ..rate_limit import PluginLog
from ._descriptors import Descriptors, most_open
from ._file_options import Clock, FileOptions
from ._finder import Copy, Finder, copied, first_bytes, has_same, renamed, stem
from ._fingerprint import Fingerprint
from ._log_file import LogFile
from ._sincedb import Identity, Key, Record, Sincedb, key_of

_COPYING = 5.0


class Files:
    """What is followed."""

    def __init__(
        self, options: FileOptions, clock: Clock, finder: Finder, sincedb: Sincedb, log: PluginLog
    ) -> None:
        self.options, self.clock, self.finder, self.sincedb = options, clock, finder, sincedb
        self.log = log
        self.restored: dict[str, Position] = {}
        self.descriptors = Descriptors(most_open(options.max_open))
        self.by_path: dict[str, LogFile] = {}
        self.by_identity: dict[Identity, LogFile] = {}
        self.detached: dict[LogFile, None] = {}
        self.dirty: dict[LogFile, None] = {}
        self.waiting: dict[LogFile, None] = {}
        self.ending: dict[LogFile, None] = {}
        self.left_out = False
        self.unsaved = False
        self._doubtful: dict[Identity, float] = {}
        self._stems: dict[tuple[str, str], dict[LogFile, None]] = {}
        self._known: dict[str, list[Key]] = {}
        self._first = True

    def in_order(self) -> list[LogFile]:
        """The files that there may be something to read in, in the order in which that is to be
        done.
        """
        if len(self.dirty) < 2:
            return list(self.dirty)
        place = self.finder.place
        return sorted(
            self.dirty,
            key=lambda file: place(file.path, file.modified),
            reverse=self.options.descending,
        )

    def discover(self) -> None:
        """Look for new files; and, the first time, for those that were rotated while no one
        looked.
        """
        self.left_out = False
        if self._first:
            for key, record in self.sincedb.records.items():
                if record.path is not None:
                    self._known.setdefault(record.path, []).append(key)
        found = self.finder.find()
        # Known paths first: the rest of a file that was rotated is then found before its copy
        # counts as new.
        self._meet_new(one for one in found if one[0] in self._known)
        if self._first and not self.options.read:
            self._find_rotated()
        self._meet_new(found)
        self._first = False

    def _meet_new(self, found: Iterable[tuple[str, os.stat_result]]) -> None:
        for path, seen in found:
            if path not in self.by_path:
                self.meet(path, seen)

    def tell_unreadable(self, file: LogFile, error: OSError) -> None:
        """Say that a file cannot be read."""
        self.log.warning(
            "the file `%s` cannot be read: %s",
            file.path,
            error.strerror or error,
            about=file.path,
        )

    def meet(self, path: str, seen: os.stat_result) -> None:
        """A path leads to a file that it did not lead to before: a new one, or one under a new
        name.
        """
        file = self.by_identity.get(Identity(seen.st_dev, seen.st_ino))
        if file is None:
            if self._may_be_copy(path, seen):
                self.left_out = True
            else:
                self._begin(LogFile(path, seen, self.clock.monotonic()))
        elif file.detached or not _leads_to(file.path, file.identity):
            self._rename(file, path)

    def _may_be_copy(self, path: str, seen: os.stat_result) -> bool:
        """Whether a new file looks like a copy of one that may be truncated in a moment. The next
        look will tell: a copy is then known as such, and what is none begins.
        """
        if self._first or self.options.read or not seen.st_size:
            return False
        identity, now = Identity(seen.st_dev, seen.st_ino), self.clock.monotonic()
        waited = now - self._doubtful.setdefault(identity, now)
        for file in self._originals(path):
            patience = _COPYING if seen.st_size < file.position else 2 * self.options.stat_interval
            if waited < patience and has_same(path, seen.st_size, file.print):
                return True
        del self._doubtful[identity]
        return False

    def _originals(self, path: str) -> list[LogFile]:
        """Followed files that a file beside them, which starts with the same bytes, may be a copy
        of.
        """
        directory, name = os.path.split(path)
        heads = [(directory, name[:end]) for end in range(1, len(name) + 1)]
        beside = [file for head in heads if head in self._stems for file in self._stems[head]]
        head = first_bytes(path) if beside else b""
        return [file for file in beside if file.starts(head)]

    def _name(self, file: LogFile) -> None:
        self.by_path[file.path] = file
        self._stems.setdefault(stem(file.path), {})[file] = None

    def _unname(self, file: LogFile) -> None:
        if self.by_path.get(file.path) is file:
            del self.by_path[file.path]
            self._stems[stem(file.path)].pop(file, None)

    def _rename(self, file: LogFile, path: str) -> None:
        self._unname(file)
        file.path, file.detached, file.ending = path, False, False
        file.unsaved = True
        if file.stream is not None and not file.stream.holds:
            file.stream = None  # the next one's events tell the new path
        for table in (self.detached, self.waiting, self.ending):
            table.pop(file, None)
        self._name(file)
        self.dirty[file] = None

    def _begin(self, file: LogFile) -> None:
        try:
            if not self.descriptors.want(file):
                self.left_out = True
                return
            if self.options.read or self._was_unpacked(file):
                file.unpack()
            self._start(file)
        except OSError as error:
            self.tell_unreadable(file, error)
            self.descriptors.close(file)
            return
        self.by_identity[file.identity] = file
        self._name(file)
        self.unsaved = True
        if not file.ignored and not file.finished:
            self.dirty[file] = None

    def _was_unpacked(self, file: LogFile) -> bool:
        record = self.sincedb.find(file.identity)
        return record is not None and record.unpacked > 0

    def _start(self, file: LogFile) -> None:
        record = self._record(file)
        if record is None:
            file.start(self._first_position(file))
        elif not _fits(record, file):
            self._start_over(file, record)
        else:
            file.start(self._position(file, record), record.incarnation)
            file.finished = self.options.read and record.done and record.position >= file.size
            file.changed = record.changed
            # What grew while no one looked is to be known too: a copy is found by it.
            is_known = record.print is not None and record.print.length == file.print.length
            is_as_saved = is_known and file.path == record.path
            file.unsaved = not (is_as_saved and record.incarnation)
            return
        file.changed, file.unsaved = self.clock.time(), not file.ignored

    def _position(self, file: LogFile, record: Record) -> int:
        """Where to go on in a file that is remembered; the runtime may know better."""
        restored = self.restored.pop(str(file.identity), None)
        is_packed = file.unpacker is not None
        if (
            restored is not None
            and restored.incarnation == record.incarnation
            and (is_packed or restored.offset <= file.size)
        ):
            return restored.offset
        return record.unpacked if is_packed else record.position

    def _record(self, file: LogFile) -> Record | None:
        """What is remembered of a file; also where its device has another number now, as network
        file systems may have.
        """
        found = self.sincedb.find(file.identity)
        if found is not None:
            return found
        for key in self._known.get(file.path, ()):
            record = self.sincedb.records.get(key)
            if record is not None and key.inode == file.identity.inode and _fits(record, file):
                return self.sincedb.records.pop(key)
        return None

    def _first_position(self, file: LogFile) -> int:
        """Where a file begins of which nothing is remembered. One at a path that was followed took
        another's place.
        """
        options = self.options
        if file.path in self._known:
            return 0
        if (
            options.ignore_older is not None
            and self.clock.time() - file.modified / 1e9 > options.ignore_older
        ):
            file.ignored = True
            return 0 if file.unpacker else file.size
        return file.size if self._first and options.from_end and not options.read else 0

    def _start_over(self, file: LogFile, record: Record) -> None:
        """Begin a file anew that is not what it was; if it was copied before, go on in the copy."""
        file.start(0)
        if record.print is None or self.options.read or record.path != file.path:
            return
        copy = copied(file.path, record.print, record.changed, self.is_known)
        if copy is not None:
            self._adopt(file.path, copy, record.position)

    def is_known(self, identity: Identity) -> bool:
        """Whether a file is followed, or was."""
        return identity in self.by_identity or self.sincedb.find(identity) is not None

    def _find_rotated(self) -> None:
        """Find what became of remembered files to which no path leads any more: renamed, or copied,
        perhaps packed, and removed.
        """
        watched = {key_of(identity) for identity in self.by_identity}
        for key, record in list(self.sincedb.records.items()):
            if key in watched or record.path is None or record.print is None:
                continue
            if self.finder.matches(record.path) and not (record.unpacked and record.done):
                self._find_one(key, record, record.path, record.print)

    def _find_one(self, key: Key, record: Record, path: str, print_: Fingerprint) -> None:
        renamed_to = self._renamed(key, record)
        is_packed = record.unpacked > 0
        if renamed_to is not None and self._adopt(
            path, Copy(renamed_to, is_packed), record.position
        ):
            return
        if not is_packed:  # under its inode there is nothing, or another file by now
            copy = copied(path, print_, record.changed, self.is_known)
            if copy is not None and self._adopt(path, copy, record.position):
                # What is read now is remembered as the copy's, in the same write.
                self.sincedb.records.pop(key, None)

    def _renamed(self, key: Key, record: Record) -> str | None:
        assert record.path is not None
        try:
            device = os.stat(os.path.dirname(record.path)).st_dev
        except OSError:
            return None
        identity = Identity(device, key.inode)
        return renamed(record.path, identity) if key_of(identity) == key else None

    def _adopt(self, path: str, copy: Copy, position: int) -> bool:
        """Read the rest of a file that was called ``path`` and is found under another name."""
        try:
            file = LogFile(path, os.stat(copy.path), self.clock.monotonic())
            if file.identity in self.by_identity or not self.descriptors.want(file, copy.path):
                return False
            if not self._start_rest(file, copy.is_packed, position):
                self.descriptors.close(file)
                return False
        except OSError:
            return False
        self.by_identity[file.identity] = file
        self.detach(file)
        file.changed, file.unsaved = self.clock.time(), True
        self.unsaved = True
        return True

    def _start_rest(self, file: LogFile, is_packed: bool, position: int) -> bool:
        record = self.sincedb.find(file.identity)
        if is_packed:
            file.unpack()
        elif file.size < position:
            return False
        if record is None:
            file.start(position)
            return True
        if _fits(record, file):
            file.start(self._position(file, record), record.incarnation)
            return True
        return False

    def take_place(self, file: LogFile) -> None:
        """A file begins anew under its path and with its identity, which were another's; raises
        OSError.
        """
        if self.options.read:
            file.unpack()
        file.start(0)
        file.changed, file.unsaved = self.clock.time(), True
        self.by_identity[file.identity] = file
        self._name(file)
        self.dirty[file] = None
        self.unsaved = True

    def detach(self, file: LogFile) -> None:
        """A file's path leads to it no more: it is read on as long as something comes."""
        self._unname(file)
        file.detached = True
        file.quiet_since = self.clock.monotonic()
        self.detached[file] = self.dirty[file] = None

    def drop(self, file: LogFile) -> None:
        """Let go of a file."""
        self.descriptors.close(file)
        for table in (self.detached, self.dirty, self.waiting, self.ending):
            table.pop(file, None)
        self._unname(file)
        if self.by_identity.get(file.identity) is file:
            del self.by_identity[file.identity]


def _leads_to(path: str, identity: Identity) -> bool:
    try:
        seen = os.stat(path)
    except OSError:
        return False
    return (seen.st_dev, seen.st_ino) == identity


def _fits(record: Record, file: LogFile) -> bool:
    """Whether a record was made of what an open file holds. One that Logstash made is believed if
    its path is the same.
    """
    if record.print is not None:
        return record.print.fits(file.bytes_at) and (
            file.unpacker is not None or record.position <= file.size
        )
    return record.path in (None, file.path) and record.position <= file.size
