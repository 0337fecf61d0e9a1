"""The rounds of an input of files: look, read a batch from what has grown, take note of what was
delivered, remember it.

Everything happens in the thread that asks for batches; only answers come from elsewhere, through a
queue.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from ..contract import Batch, Codec, complain
from ..streams import CHUNK
from ._completion import Completion, Endings
from ._file_options import Clock, Manner
from ._files import Files
from ._finder import Finder
from ._gunzip import flaw
from ._in_flight import Answer, Ledger, Load
from ._log_file import LogFile
from ._rotation import Rotation
from ._sincedb import Sincedb
from ._stream import Streams
from ._watcher import Notices

log = logging.getLogger("penstock")

_EVENTS = 4096
_LEAST = 1 << 14
_STREAMS = 128
_IDLE = 0.25
_SETTLED = 1.0
_LONGEST_DELAY = 30.0


class Work:
    """What goes on in one input."""

    def __init__(
        self,
        manner: Manner,
        clock: Clock,
        finder: Finder,
        sincedb: Sincedb,
        streams: Streams,
        completion: Completion,
        notices: Notices,
    ) -> None:
        self._manner, self._clock, self._sincedb, self._notices = manner, clock, sincedb, notices
        self._streams = streams
        self._files = Files(manner, clock, finder, sincedb)
        self._rotation = Rotation(self._files)
        self._endings = Endings(self._files, completion)
        self._answers: deque[Answer] = deque()
        self._load = Load(self._answers)
        self._next_discovery = self._next_poll = clock.monotonic()
        self._next_save = clock.monotonic() + manner.write_interval
        self._discovered: float | None = None
        self._delay = 1.0
        self._most, self._largest = _LEAST * 4, CHUNK
        self._streaming: dict[LogFile, None] = {}

    def give_pieces(self, size: int) -> Codec | None:
        """From now on batches hold pieces of about a size, not events; the codec that decodes them,
        None if there can be none.
        """
        codec = self._streams.give_pieces()
        if codec is not None:
            self._most = self._largest = size
        return codec

    @property
    def is_over(self) -> bool:
        """Whether all files that were there at the start have been read and delivered, and that was
        all to do.
        """
        files = self._files
        busy = files.dirty or files.waiting or files.ending or files.left_out or self._load.spans
        return self._manner.exit_after_read and self._discovered is not None and not busy

    def look(self) -> None:
        """See what there is, as often as the options say, and what has been delivered."""
        self.settle()
        now = self._clock.monotonic()
        if now >= self._next_discovery:
            self._discover(now)
        if now >= self._next_poll:
            self._next_poll = now + self._manner.stat_interval
            self._rotation.poll(self._load)
            self._tend(now)
        self._endings.see_to(self._load)
        if self._files.unsaved or now >= self._next_save:
            self.save()

    def _discover(self, now: float) -> None:
        self._discovered = now
        self._files.discover()
        again = (
            self._manner.stat_interval if self._files.left_out else self._manner.discover_interval
        )
        self._next_discovery = (
            now + again
            if not self._manner.exit_after_read or self._files.left_out
            else float("inf")
        )
        self._notices.watch(self._files.finder.folders)

    def rounds(self, stopping: Callable[[], bool]) -> Iterator[Batch]:
        """A batch at a time, what there is to read, every file once."""
        for file in self._files.in_order():
            yield from self._turn(file, stopping)
            if stopping():
                return
        if self._load.spans:
            yield self._batch()

    def _batch(self) -> Batch:
        """What was read, as a batch; the next one is to have a few thousand events too, however
        long their lines are.
        """
        load, self._load = self._load, Load(self._answers)
        if load.size:
            self._most = min(
                self._largest, max(_LEAST, load.size * _EVENTS // (len(load.events) + 1))
            )
        return load.batch()

    def _turn(self, file: LogFile, stopping: Callable[[], bool]) -> Iterator[Batch]:
        if file.not_before > self._clock.monotonic() or not self._is_ready(file):
            return
        left, goal = self._manner.turn, file.size
        while left > 0 and not file.read_up and (file.unpacker is not None or file.position < goal):
            taken = self._take(file, min(left, self._most - self._load.size))
            if not taken:
                break
            left -= taken
            if self._load.size * 2 >= self._most:
                yield self._batch()
                if stopping():
                    return
                self.look()
                if file.descriptor is None or file.not_before > self._clock.monotonic():
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
        if file.unpacker is None or not self._manner.check_archives or file.position:
            return True
        problem = flaw(file.bytes_at)
        if problem:
            log.error("the archive `%s` is left out: %s", file.path, problem)
            file.ignored = True
            file.ledger.changed = False
            del self._files.dirty[file]
        return not problem

    def _take(self, file: LogFile, limit: int) -> int:
        try:
            taken = file.take(self._load, limit, self._streams)
        except OSError as error:
            self._unreadable(file, error)
            return 0
        file.read_at = self._clock.monotonic()
        file.finished = file.finished and not taken
        return taken

    def _unreadable(self, file: LogFile, error: OSError) -> bool:
        complain(file.path, "the file `%s` cannot be read: %s", file.path, error.strerror or error)
        if self._manner.read:
            self._files.drop(file)
        else:
            file.not_before = self._clock.monotonic() + self._manner.stat_interval
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
            if now - file.read_at >= self._manner.close_older and self._is_at_rest(file):
                if file.stream is not None and not file.stream.holds_part:
                    file.flush(self._load)
                if not file.ledger.open:
                    files.descriptors.close(file)

    def _is_at_rest(self, file: LogFile) -> bool:
        return not (
            file.detached
            or file in self._files.dirty
            or file in self._files.ending
            or file.ledger.open
        )

    def settle(self) -> None:
        """Take note of what was delivered, and of what was given back."""
        failed: list[Ledger] = []
        while self._answers:
            spans, error = self._answers.popleft()
            self._delay = 1.0 if error is None else self._delay
            for span in spans:
                if error is None:
                    span.ledger.settle(span)
                else:
                    span.ledger.give_back(span)
                    failed.append(span.ledger)
        if failed:
            self._tell_lost(failed)
            self._read_again()

    def _read_again(self) -> None:
        for file in [file for file in self._files.by_identity.values() if file.ledger.failed]:
            self._files.ending.pop(file, None)
            self._files.waiting.pop(file, None)
            self._files.dirty[file] = None
            file.ending = False
            file.not_before = self._clock.monotonic() + self._delay
        self._delay = min(self._delay * 2, _LONGEST_DELAY)

    def _tell_lost(self, failed: Sequence[Ledger]) -> None:
        """What was given back of a file whose content is gone cannot be read again."""
        known = {id(file.ledger) for file in self._files.by_identity.values()}
        if any(id(ledger) not in known for ledger in failed):
            log.error(
                "events were not delivered and cannot be read again: their file was truncated or"
                " deleted meanwhile"
            )

    def wait(self) -> None:
        """Wait for a moment, or until something is heard."""
        seconds = max(0.0, min(_IDLE, self._next_poll - self._clock.monotonic()))
        for path in self._notices.wait(seconds):
            if not self._rotation.glance(path, self._load):
                assert self._discovered is not None
                self._next_discovery = min(
                    self._next_discovery, self._discovered + self._manner.stat_interval
                )

    def last_events(self) -> Iterator[Batch]:
        """What is held and can be given without cutting a line or an event that is still being
        written.
        """
        for file in list(self._files.by_identity.values()):
            if file.stream is not None and file.read_up and self._is_complete(file):
                file.flush(self._load)
        if self._load.spans:
            yield self._batch()

    def _is_complete(self, file: LogFile) -> bool:
        """Whether what a stream holds will not be read again, or will not become more."""
        assert file.stream is not None
        if self._sincedb.path is None:
            return True
        return not file.stream.holds_part and self._clock.time() - file.modified / 1e9 >= _SETTLED

    def save(self) -> None:
        """Write down up to where files were delivered."""
        self._next_save = self._clock.monotonic() + self._manner.write_interval
        self._files.unsaved = False
        now = self._clock.time()
        for file in self._files.by_identity.values():
            if file.ledger.changed and not file.ignored:
                file.ledger.changed = False
                file.changed = now
                self._sincedb.put(file.identity, file.record())
        self._sincedb.expire(now - self._manner.clean_after, self._files.by_identity)
        self._sincedb.save()

    def close(self) -> None:
        """Take note of the last answers, write them down, close all files."""
        self.settle()
        if self._discovered is not None:
            self._endings.see_to(self._load)
            self.save()
        self._files.descriptors.close_all()
        self._notices.close()
