"""The rounds of an input of files: look, read a batch from what has grown, take note of what was
delivered, remember it.

Everything happens in the thread that asks for batches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..batch import Batch, Position
from ..errors import EndOfInput
from ..input import CHUNK_BYTES, Outcome
from ..rate_limit import PluginLog
from ._completion import Completion, Endings
from ._file_options import Clock, FileOptions
from ._files import Files
from ._finder import Finder
from ._gunzip import flaw
from ._load import Load
from ._log_file import LogFile
from ._rotation import Rotation
from ._sincedb import Identity, Sincedb
from ._stream import Streams
from ._watcher import Notices

_EVENTS = 4096
_LEAST = 1 << 14
_STREAMS = 128
_AT_REST = 1.0
_LONGEST_DELAY = 30.0


class Tailer:
    """What goes on in one input. ``chunk_bytes``: how large a chunk is to be, where streams are
    only cut here.
    """

    def __init__(
        self,
        options: FileOptions,
        clock: Clock,
        finder: Finder,
        sincedb: Sincedb,
        streams: Streams,
        completion: Completion,
        notices: Notices,
        chunk_bytes: int,
        log: PluginLog,
    ) -> None:
        self._options, self._clock, self._sincedb, self._notices = options, clock, sincedb, notices
        self._streams, self._log = streams, log
        self._files = Files(options, clock, finder, sincedb, log)
        self._rotation = Rotation(self._files)
        self._endings = Endings(self._files, completion)
        self._gives_chunks = streams.decoder is not None
        self._load = Load[LogFile](self._gives_chunks)
        self._next_discovery = self._next_poll = clock.monotonic()
        self._next_save = clock.monotonic() + options.write_interval
        self._discovered: float | None = None
        self._delay = 1.0
        self._most, self._largest = _LEAST * 4, CHUNK_BYTES
        if self._gives_chunks:
            self._most = self._largest = chunk_bytes
        self._streaming: dict[LogFile, None] = {}
        self._round: Iterator[Batch] | None = None
        self._has_read = False

    def load(self) -> None:
        """Read the sincedb. Raises NewerFormat."""
        self._sincedb.load(self._clock.time())

    def begin_again(self) -> None:
        """Forget what is under way, and read it again."""
        self._load, self._round = Load(self._gives_chunks), None
        for file in list(self._files.by_identity.values()):
            if file.forget_open():
                self._read_again(file)

    def restore(self, positions: Mapping[str, Position]) -> None:
        """Begin files behind these positions, where they are still what they were."""
        if self._discovered is None:
            self._files.restored = dict(positions)

    def read(self, timeout: float) -> Batch | None:
        """The next batch, waiting for it up to so many seconds. Raises EndOfInput."""
        self._look()
        batch = self._next()
        if batch is not None:
            return batch
        self._endings.see_to(self._load)
        if not self._load.is_empty:
            return self._batch()
        if self._is_over:
            raise EndOfInput
        if not self._has_read and not self._endings.are_due:
            self._wait(timeout)
        return None

    def _next(self) -> Batch | None:
        if self._round is None:
            self._round, self._has_read = self._rounds(), False
        batch = next(self._round, None)
        if batch is None:
            self._round = None
        return batch

    @property
    def _is_over(self) -> bool:
        """Whether all files that were there at the start have been read and delivered, and that was
        all to do.
        """
        files = self._files
        busy = files.dirty or files.waiting or files.ending or files.left_out
        return self._options.exit_after_read and self._discovered is not None and not busy

    def _look(self) -> None:
        """See what there is, as often as the options say."""
        now = self._clock.monotonic()
        if now >= self._next_discovery:
            self._discover(now)
        if now >= self._next_poll:
            self._next_poll = now + self._options.stat_interval
            self._rotation.poll(self._load)
            self._tend(now)
        self._endings.see_to(self._load)
        if self._files.unsaved or now >= self._next_save:
            self.save()

    def _discover(self, now: float) -> None:
        is_first, self._discovered = self._discovered is None, now
        self._files.discover()
        if is_first:
            self._tell_found()
        left_out, options = self._files.left_out, self._options
        again = options.stat_interval if left_out else options.discover_interval
        looks_again = left_out or not options.exit_after_read
        self._next_discovery = now + again if looks_again else float("inf")
        self._notices.watch(self._files.finder.directories)

    def _tell_found(self) -> None:
        """Say what is read and from where on; in read mode, name the files as partitions."""
        files = self._files.in_order()
        if self._options.read:
            for file in files:
                self._load.tell(file, "begun")
        found = len(self._files.by_identity)
        if not found:
            self._log.warning("no file matches %s yet", " or ".join(self._files.finder.patterns))
            return
        old = [file for file in self._files.by_identity.values() if file.was_known]
        goes_on = ""
        if old:
            verb = "goes" if len(old) == 1 else "go"
            read = sum(file.position for file in old)
            goes_on = f", {len(old)} {verb} on at {read:,} bytes"
        self._log.info("%d %s found%s", found, "file" if found == 1 else "files", goes_on)

    def _rounds(self) -> Iterator[Batch]:
        """A batch at a time, what there is to read, every file once."""
        for file in self._files.in_order():
            if file in self._files.dirty:
                yield from self._turn(file)
        if not self._load.is_empty:
            yield self._batch()

    def _batch(self) -> Batch:
        """What was read, as a batch; the next one is to have a few thousand events too, however
        long their lines are.
        """
        load, self._load = self._load, Load(self._gives_chunks)
        if load.size and not self._gives_chunks:
            events = len(load.events) + 1
            self._most = min(self._largest, max(_LEAST, load.size * _EVENTS // events))
        return load.batch()

    def _turn(self, file: LogFile) -> Iterator[Batch]:
        if file.not_before > self._clock.monotonic() or not self._is_ready(file):
            return
        left, goal = self._options.turn, file.size
        while left > 0 and not file.read_up and (file.unpacker is not None or file.position < goal):
            taken = self._take(file, min(left, self._most - self._load.size))
            if not taken:
                break
            left -= taken
            if self._load.size * 2 < self._most:
                continue
            if self._load.is_empty:  # in the middle of a long line
                self._load.size = 0
                continue
            yield self._batch()
            # Meanwhile it may have been given back, replaced or closed.
            if file not in self._files.dirty or file.descriptor is None or file.again is not None:
                return
        if file.read_up and file in self._files.dirty:
            del self._files.dirty[file]
            if not file.finished:
                self._endings.read_up(file, self._load)
            self._keep_stream(file)

    def _keep_stream(self, file: LogFile) -> None:
        """Keep the streams of the files read last, and those that hold something: in thousands of
        files they take much room.
        """
        self._streaming.pop(file, None)
        self._streaming[file] = None
        if len(self._streaming) > _STREAMS:
            oldest = next(iter(self._streaming))
            del self._streaming[oldest]
            if oldest.stream is not None and not oldest.stream.holds:
                oldest.stream = None

    def _is_ready(self, file: LogFile) -> bool:
        try:
            return self._rotation.ready(file, self._load) and self._is_valid(file)
        except OSError as error:
            return self._unreadable(file, error)

    def _is_valid(self, file: LogFile) -> bool:
        """Whether an archive is whole, where that is asked for before it is read."""
        if file.unpacker is None or not self._options.check_archives or file.position:
            return True
        problem = flaw(file.bytes_at)
        if problem:
            self._log.error("the archive `%s` is left out: %s", file.path, problem, about=file.path)
            file.ignored, file.unsaved = True, False
            del self._files.dirty[file]
        return not problem

    def _take(self, file: LogFile, limit: int) -> int:
        try:
            taken = file.take(self._load, limit, self._streams)
        except OSError as error:
            self._unreadable(file, error)
            return 0
        self._has_read = self._has_read or taken > 0
        file.read_at = self._clock.monotonic()
        file.finished = file.finished and not taken
        return taken

    def _unreadable(self, file: LogFile, error: OSError) -> bool:
        self._files.tell_unreadable(file, error)
        if self._options.read:
            self._files.drop(file)
        else:
            file.not_before = self._clock.monotonic() + self._options.stat_interval
            if not file.detached:
                self._files.descriptors.close(file)
        return False

    def _tend(self, now: float) -> None:
        """Let codecs give what is due, and close files of which nothing was read for long."""
        files = self._files
        if self._streams.joins:
            for file in files.by_identity.values():
                file.idle(self._load)
        for file in list(files.descriptors.open):
            if now - file.read_at >= self._options.close_older and self._is_at_rest(file):
                if file.stream is not None and not file.stream.holds_part:
                    file.flush(self._load)
                if not file.open:
                    files.descriptors.close(file)

    def _is_at_rest(self, file: LogFile) -> bool:
        return not (
            file.detached or file in self._files.dirty or file in self._files.ending or file.open
        )

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Position]) -> None:
        """Take note of what was delivered, and of what was given back."""
        failed: dict[LogFile, None] = {}
        for spans, error in outcomes:
            for span in spans:
                if span not in span.file.open:
                    continue  # it was given back already, with what was before it
                if error is None:
                    self._delay = 1.0
                    span.file.settle(span)
                else:
                    span.file.give_back(span.start)
                    failed[span.file] = None
        for partition, position in behind.items():
            file = self._files.by_identity.get(Identity.of(partition))
            if file is not None:
                file.settle_behind(position)
        if failed:
            self._give_back(list(failed))

    def _give_back(self, failed: Sequence[LogFile]) -> None:
        known = self._files.by_identity
        for file in failed:
            if known.get(file.identity) is file:
                self._read_again(file)
                file.not_before = self._clock.monotonic() + self._delay
            else:
                self._log.error(
                    "events of `%s` were not delivered and cannot be read again: it was truncated"
                    " or deleted meanwhile",
                    file.path,
                    about=file.path,
                )
        self._delay = min(self._delay * 2, _LONGEST_DELAY)

    def _read_again(self, file: LogFile) -> None:
        self._files.ending.pop(file, None)
        self._files.waiting.pop(file, None)
        self._files.dirty[file] = None
        file.ending = False

    def _wait(self, timeout: float) -> None:
        """Wait for a moment, or until something is heard."""
        seconds = max(0.0, min(timeout, self._next_poll - self._clock.monotonic()))
        for path in self._notices.wait(seconds):
            if not self._rotation.glance(path, self._load):
                assert self._discovered is not None
                soonest = self._discovered + self._options.stat_interval
                self._next_discovery = min(self._next_discovery, soonest)

    def behind(self) -> int:
        """Bytes of all files that are not delivered yet; from any thread."""
        return sum(file.behind() for file in list(self._files.by_identity.values()))

    def wake(self) -> None:
        """End a wait, from any thread."""
        self._notices.wake()

    def last_events(self) -> Batch | None:
        """What is held and can be given without cutting a line or an event that is still being
        written.
        """
        for file in list(self._files.by_identity.values()):
            if file.stream is not None and file.read_up and self._is_complete(file):
                file.flush(self._load)
        return None if self._load.is_empty else self._batch()

    def _is_complete(self, file: LogFile) -> bool:
        """Whether what a stream holds will not be read again, or will not become more."""
        assert file.stream is not None
        if self._sincedb.path is None:
            return True
        return not file.stream.holds_part and self._clock.time() - file.modified / 1e9 >= _AT_REST

    def save(self) -> None:
        """Write down up to where files were delivered."""
        self._next_save = self._clock.monotonic() + self._options.write_interval
        self._files.unsaved = False
        now = self._clock.time()
        for file in self._files.by_identity.values():
            if file.unsaved and not file.ignored:
                file.unsaved = False
                file.changed = now
                self._sincedb.put(file.identity, file.record())
        self._sincedb.expire(now - self._options.clean_after, self._files.by_identity)
        self._sincedb.save()

    def close(self) -> None:
        """Write down what is delivered, and close all files."""
        if self._discovered is not None:
            self._endings.see_to(self._load)
            self.save()
        self._files.descriptors.close_all()
        self._notices.close()
