"""The input file: lines of files, as they are written or once and for all. How it works is told in
the modules beside it.
"""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from ...dsl.options import Misfit, read
from ...dsl.spec import Kind
from ..batch import Batch, Position
from ..codec import Codec
from ..contract import Ecs, EndOfInput, Input, Misconfigured, Outcome
from ..declaration import Duration, option
from ..errors import NewerFormat
from ._completion import Completion
from ._file_options import Clock, FileOptions
from ._finder import Finder
from ._sincedb import Sincedb, is_disabled
from ._stream import Streams
from ._tailer import Tailer
from ._watcher import Notices, SystemNotices

_DAY = 86_400.0
_SHORTEST = 0.01
_CHUNK, _CHUNKS = 32_768, 140_737_488_355_327


class File(Ecs, Input, name="file"):
    """Read lines from files: follow them as they grow, or read them to their end.

    With `mode => "tail"` files are followed for as long as the pipeline runs, through rotation by
    renaming and by copying and truncating. What stands in a file when it is found for the first
    time is left out unless `start_position => "beginning"`; files that appear later are read from
    their start. With `mode => "read"` each file is read to its end, packed ones (gzip) too, and
    then **deleted**, unless `file_completed_action => "log"`; `exit_after_read` ends the pipeline
    when all files are read.

    Events get the path as `[log][file][path]` and this machine's name as `[host][name]` (`path` and
    `host` without ECS), and both in `[@metadata]`. Every file has a codec of its own, so that
    `multiline` joins lines of one file. A last line without its end waits for it in tail mode and
    is given as it is in read mode. Bytes that are not valid in the codec's `charset` are kept, in
    UTF-8 as `\\xE9`, in other sets as `U+FFFD`; as in Logstash the event is not tagged for them.

    `path` takes `*`, `?`, `[a-z]`, `{one,two}` and `**/` for directories of any depth. Each file's
    position is kept in the sincedb, in Logstash's format, once the outputs have what was read;
    after a crash, what was on its way is read again. `sincedb_path => "/dev/null"` keeps nothing.

    Differs from Logstash: a path may be relative. A file whose inode is reused or whose content was
    replaced is recognized by its first and last bytes (kept in `<sincedb>.fingerprints`) and read
    anew. What was not read of a file that was renamed, copied or packed with gzip while the
    pipeline was down is looked for in its directory and read, in tail mode too; packed by another
    program (bzip2, xz, zstd) it is not found. Otherwise tail mode reads packed files as they are,
    and in read mode a packed file is known by its content, not its name; one that is damaged is
    kept. In read mode a file whose size has not stood still for `stat_interval` is not at its end
    yet. In tail mode, where the system tells of changes (Linux, with `penstock[watch]`), files are
    found and read without waiting for the intervals. A renamed file is not read again under its new
    name. Lines that `multiline` joins are those of one file, not of one path: an event that a
    rotation cuts comes as two. A stop leaves an event of several lines that was written within the
    last second to the next start, which reads it whole.
    """

    streams = True
    reads_lines = True
    finite = True
    completes = True
    replays = True
    local = True

    path: list[str] = option("The files, or patterns of them.")
    exclude: list[str] = option(
        "Patterns of file names (without directories) to exclude.", default=[]
    )
    mode: str = option(
        "Whether to follow files or to read them once.", default="tail", choices=("tail", "read")
    )
    start_position: str = option(
        "Where reading of a file begins that is found at the first start.",
        default="end",
        choices=("beginning", "end"),
    )
    delimiter: str = option(
        ("The string that ends a line; the `delimiter` of the codec takes precedence."),
        default="\n",
        literal=True,
    )
    stat_interval: Duration = option(
        "Seconds between two looks at a file.", default=1.0, at_least=0
    )
    discover_interval: float = option(
        "The number of `stat_interval`s between two searches for new files.", default=15, at_least=0
    )
    close_older: Duration = option(
        "Seconds after which a file is closed that nothing came from.", default=3600.0, at_least=0
    )
    ignore_older: Duration | None = option(
        ("Skip files that were last changed more than this many seconds ago."),
        default=None,
        at_least=0,
    )
    max_open_files: int = option("How many files may be open.", default=4095, at_least=1)
    file_sort_by: str = option(
        "Which files are read first.", default="last_modified", choices=("last_modified", "path")
    )
    file_sort_direction: str = option(
        "The direction of that order.", default="asc", choices=("asc", "desc")
    )
    file_chunk_size: int = option("A chunk, in bytes.", default=_CHUNK, at_least=1)
    file_chunk_count: int = option(
        "How many chunks of a file are read before the next one's turn.",
        default=_CHUNKS,
        at_least=1,
    )
    file_completed_action: str = option(
        "What is done with a file in read mode when it was read.",
        default="delete",
        choices=("delete", "log", "log_and_delete"),
    )
    file_completed_log_path: str | None = option(
        "The file to which the action `log` writes paths.", default=None
    )
    exit_after_read: bool = option(
        "In read mode, end when the files that existed at the start have been read.", default=False
    )
    check_archive_validity: bool = option(
        "Whether a gzip file is checked before it is read.", default=False
    )
    sincedb_path: str | None = option(
        "The file for positions. Default: a file in `path.data` named after `path`.", default=None
    )
    sincedb_write_interval: Duration = option(
        "Seconds between two writes of the sincedb.", default=15.0, at_least=0
    )
    sincedb_clean_after: str = option(
        "Forget the positions of files that are gone after this many days without change"
        ' (or "36 hours").',
        default="14 days",
    )

    clock: Clock = Clock()
    _tailer: Tailer | None = None

    def prepare(self) -> None:
        self._check_paths()
        self._check_read_mode()
        self._clean_after = self._days(self.sincedb_clean_after)
        if not self.delimiter:
            self.problem(
                "delimiter", "the delimiter is empty", "remove the option, or give a character"
            )
        self._options = self._file_options()
        self._finder = Finder(self.path, self.exclude, self._options)
        self._lock = threading.Lock()
        self._is_loaded = False

    @property
    def bounded(self) -> bool:
        return self._options.exit_after_read

    @cached_property
    def _streams(self) -> Streams:
        delimiter = self.delimiter if "delimiter" in self.given else None
        return Streams(self.new_codec(), delimiter, socket.gethostname(), self.ecs)

    def decoder(self) -> Codec | None:
        return self._streams.decoder

    def _check_paths(self) -> None:
        if not self.path:
            self.problem("path", "`path` is empty", 'write path => "/var/log/*.log"')
        for place, path in enumerate(self.path):
            if not path.strip() or "\0" in path:
                self.problem(
                    "path",
                    "`path` must be a non-empty path without NUL",
                    "write a path or a pattern",
                    (place,),
                )
        if self.sincedb_path is not None and Path(self.sincedb_path).is_dir():
            self.problem(
                "sincedb_path", f"`{self.sincedb_path}` is a directory", "name a file in it"
            )

    def _check_read_mode(self) -> None:
        if self.mode == "tail":
            if self.exit_after_read:
                self.problem(
                    "exit_after_read",
                    "this has no effect in tail mode",
                    'add mode => "read"',
                    code="W305",
                )
            return
        if "file_completed_action" not in self.given:
            message = "in read mode, files are deleted when they have been read"
            help = 'to keep them, add file_completed_action => "log" and file_completed_log_path; '
            self.problem(
                "mode",
                message,
                help + 'if that is wanted, add file_completed_action => "delete"',
                code="W305",
            )
        if "log" in self.file_completed_action and not self.file_completed_log_path:
            message = f"`{self.file_completed_action}` needs a file for the paths"
            self.problem(
                "file_completed_action", message, "add file_completed_log_path", code="E214"
            )

    def _days(self, text: str) -> float:
        """Seconds of an option that counts days, or names its unit."""
        try:
            number = float(text)
        except ValueError:
            try:
                return float(read(Kind("duration"), text))
            except Misfit as misfit:
                self.problem(
                    "sincedb_clean_after", misfit.message, 'write days, or "36 hours"', code="E204"
                )
                return 14 * _DAY
        return number * _DAY

    def _file_options(self) -> FileOptions:
        return FileOptions(
            read=self.mode == "read",
            from_end=self.start_position == "end",
            exit_after_read=self.exit_after_read and self.mode == "read",
            check_archives=self.check_archive_validity,
            stat_interval=max(self.stat_interval, _SHORTEST),
            discover_interval=max(self.stat_interval, _SHORTEST) * max(self.discover_interval, 1),
            close_older=self.close_older,
            ignore_older=self.ignore_older,
            max_open=self.max_open_files,
            turn=self.file_chunk_size * self.file_chunk_count,
            by_path=self.file_sort_by == "path",
            descending=self.file_sort_direction == "desc",
            write_interval=self.sincedb_write_interval,
            clean_after=self._clean_after,
        )

    def open(self) -> None:
        log = self.context.log
        self._is_loaded = False
        self._tailer = Tailer(
            self._options,
            self.clock,
            self._finder,
            self._sincedb(),
            self._streams,
            Completion(self.file_completed_action, self.file_completed_log_path, log),
            self._make_notices(),
            self.chunk_bytes,
            log,
        )

    def _make_notices(self) -> Notices:
        hears = self.mode == "tail" and type(self.clock) is Clock
        return SystemNotices(self.clock) if hears else Notices(self.clock)

    def _sincedb(self) -> Sincedb:
        path, log = self.sincedb_path or self._default_sincedb(), self.context.log
        if is_disabled(path):
            return Sincedb(None, log)
        path = os.path.abspath(path)
        self._make_directory(os.path.dirname(path))
        own = self._own(path)
        return Sincedb(own, log, None if own == path else path)

    def _make_directory(self, directory: str) -> None:
        """Have the directory for positions; without one, each start would read everything again.
        Raises Misconfigured, or OSError where it is in ``path.data``.
        """
        try:
            os.makedirs(directory, exist_ok=True)
            if not os.access(directory, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), directory)
        except OSError as error:
            if self.sincedb_path is None:
                raise
            reason = f"positions cannot be kept in `{directory}`: {error.strerror or error}"
            help = "name a file in a directory that can be written to"
            raise Misconfigured("sincedb_path", reason, help) from error

    @property
    def _owners(self) -> dict[str, File]:
        """Which input of the pipeline keeps its positions where."""
        owners: dict[str, File] = self.context.shared("positions of file inputs", dict)
        return owners

    def _own(self, wanted: str) -> str:
        """A sincedb for this input alone: where another input of the pipeline has the same, its
        name with a number.
        """
        path, number = wanted, 1
        while self._owners.setdefault(path, self) is not self:
            number += 1
            path = f"{wanted}_{number}"
        if number > 1:
            self.context.log.warning(
                "another input keeps its positions in `%s`; this one's go to `%s`", wanted, path
            )
        return path

    def _default_sincedb(self) -> str:
        """Logstash's name, in the data directory or in the one that desktops have for such."""
        from hashlib import md5

        name = ".sincedb_" + md5(",".join(self.path).encode(), usedforsecurity=False).hexdigest()
        data = self.context.settings.get("path.data")
        if not data:
            state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
            data = os.path.join(state, "penstock")
        return os.path.join(data, "plugins", "inputs", "file", name)

    def connect(self) -> None:
        assert self._tailer is not None
        if self._is_loaded:
            self._tailer.begin_again()
            return
        try:
            self._tailer.load()
        except NewerFormat as error:
            help = "name another file in its place"
            raise Misconfigured("sincedb_path", str(error), help) from None
        self._is_loaded = True

    def resume(self, positions: Mapping[str, Position]) -> None:
        assert self._tailer is not None
        self._tailer.restore(positions)

    def read(self, timeout: float) -> Batch | None:
        with self._lock:  # `close` may come from another thread
            if self._tailer is None:
                raise EndOfInput
            return self._tailer.read(timeout)

    def wake(self) -> None:
        tailer = self._tailer
        if tailer is not None:
            tailer.wake()

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Position]) -> None:
        if self._tailer is not None:
            self._tailer.settle(outcomes, behind)

    def flush(self) -> Batch | None:
        return None if self._tailer is None else self._tailer.last_events()

    def found(self) -> list[tuple[str, int]]:
        return [(path, seen.st_size) for path, seen in self._finder.find()]

    def codec_of(self, path: str) -> Codec:
        return self._streams.codec_of(path)

    def total_bytes(self) -> int | None:
        """How much there is to read, in read mode."""
        if self.mode == "tail":
            return None
        return sum(seen.st_size for _, seen in self._finder.find())

    def stats(self) -> dict[str, int | float]:
        """Bytes of its files that are not delivered yet, from any thread."""
        tailer = self._tailer
        return {} if tailer is None else {"lag_bytes": tailer.behind()}

    def close(self) -> None:
        self.wake()
        with getattr(self, "_lock", threading.Lock()):
            if self._tailer is not None:
                self._tailer.close()
                self._tailer = None
                for path in [path for path, owner in self._owners.items() if owner is self]:
                    del self._owners[path]
