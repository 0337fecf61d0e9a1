"""Objects from the moment they are found until they are done: read, delivered, completed.

An object is *open* from when its reading begins until it is completed. Batches of one object end in
any order; the runtime says behind which position all of it is delivered. When that is its end, what
was to be done with it is done, and only then it counts as done: a run that is killed in between
finds it at its end, and completes it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping

from ..batch import Position
from ..clients.aws_errors import RAISED
from ..clients.s3 import S3, Object
from ..contract import ConnectorError
from ..rate_limit import PluginLog
from ._s3_bookmark import Bookmark, Progress
from ._s3_completion import Completion
from ._s3_notices import Notice
from ._s3_sources import Found

_PAUSE = 5.0
"""Seconds before an object is tried to be completed again: the others must not wait for it."""


class Tracked:
    """An object. ``end``: how long its content is, once that is known; ``problem``: why it is
    neither copied nor deleted; ``is_waiting``: it is to be read, also once more; ``next_try``: when
    it may be completed, of ``time.monotonic``.
    """

    __slots__ = ("end", "is_packed", "is_waiting", "next_try", "notice", "object", "problem")

    def __init__(self, wanted: Object, notice: Notice | None) -> None:
        self.object, self.notice = wanted, notice
        self.end: int | None = None
        self.problem = ""
        self.is_waiting, self.is_packed = True, False
        self.next_try = 0.0


class Objects:
    """All objects that are open or wait to be read. ``done`` is called with a notice whose objects
    are all done, or, with False, one of whose objects cannot be read.
    """

    def __init__(
        self,
        bookmark: Bookmark,
        completion: Completion,
        done: Callable[[Notice, bool], None],
        log: PluginLog,
    ) -> None:
        self._bookmark, self._completion = bookmark, completion
        self._done, self._log = done, log
        self._open: dict[str, Tracked] = {}
        self._later: deque[Tracked] = deque()
        self._ready: dict[str, Tracked] = {}
        self.s3: S3

    @property
    def is_empty(self) -> bool:
        """Whether nothing is open, and nothing waits."""
        return not (self._open or self._later)

    def is_open(self, partition: str) -> bool:
        """Whether an object is under way."""
        return partition in self._open

    def add(self, found: list[Found]) -> None:
        """Objects that are to be read."""
        self._later += [Tracked(wanted, notice) for wanted, notice in found]

    def next(self) -> Tracked | None:
        """The next one to be read: one that is to be read again first. An object that is open
        already, under the same name, is waited for.
        """
        for tracked in self._open.values():
            if tracked.is_waiting:
                tracked.is_waiting = False
                return tracked
        for _ in range(len(self._later)):
            tracked = self._later.popleft()
            if tracked.object.partition not in self._open:
                self._open[tracked.object.partition] = tracked
                tracked.is_waiting = False
                return tracked
            self._later.append(tracked)
        return None

    def restart(self, partition: str) -> None:
        """Read one again from where it is delivered."""
        tracked = self._open.get(partition)
        if tracked is not None:
            tracked.is_waiting, tracked.end, tracked.problem = True, None, ""

    def restart_all(self) -> None:
        """Read all again that are not completed."""
        for partition in self._open:
            self.restart(partition)

    def progress(self, tracked: Tracked) -> Progress:
        """How far an object is delivered."""
        return self._bookmark.progress(tracked.object.partition, tracked.object.etag)

    def moved(self, behind: Mapping[str, Position]) -> None:
        """Positions behind which all is delivered."""
        for partition, position in behind.items():
            tracked = self._open.get(partition)
            if tracked is None or tracked.object.etag != position.incarnation:
                continue
            progress = Progress(position.incarnation, position.offset, tracked.is_packed)
            self._bookmark.move(partition, progress)
            self._look_at(tracked)
        self._bookmark.sync()

    def ended(self, tracked: Tracked, end: int, problem: str) -> None:
        """All of an object was read."""
        tracked.end, tracked.problem = end, problem
        if problem:
            text = "the object `%s` is damaged: %s; what could be read was, and it is kept"
            self._log.error(text, tracked.object.partition, problem)
        self._look_at(tracked)

    def left_out(self, tracked: Tracked, reason: str) -> None:
        """An object is of no interest any more."""
        self._log.warning("the object `%s` is left out: %s", tracked.object.partition, reason)
        self._close(tracked)

    def given_up(self, tracked: Tracked, error: Exception) -> None:
        """An object cannot be read: it is tried again with the next listing, or when its notice
        comes again. The others must not wait for it.
        """
        text = "the object `%s` cannot be read: %s; retrying later"
        self._log.error(text, tracked.object.partition, error, about=tracked.object.partition)
        notice, tracked.notice = tracked.notice, None
        self._close(tracked)
        if notice is not None:
            self._done(notice, False)

    def _look_at(self, tracked: Tracked) -> None:
        if tracked.end is None or tracked.is_waiting:
            return
        if self.progress(tracked).offset >= tracked.end:
            self._ready[tracked.object.partition] = tracked

    def complete(self) -> None:
        """Complete what is delivered. What cannot be is said, and is tried again."""
        now = time.monotonic()
        for partition, tracked in list(self._ready.items()):
            if tracked.next_try > now:
                continue
            try:
                if not tracked.problem:
                    self._completion.carry_out(self.s3, tracked.object)
            except (ConnectorError, *RAISED) as error:
                text = "the object `%s` was read, but cannot be copied or deleted: %s; retrying"
                self._log.error(text, partition, error, about="completion")
                tracked.next_try = now + _PAUSE
                continue
            wanted = tracked.object
            self._bookmark.finish(partition, wanted.etag, wanted.modified)
            self._close(tracked)

    def _close(self, tracked: Tracked) -> None:
        partition = tracked.object.partition
        self._ready.pop(partition, None)
        self._open.pop(partition, None)
        notice = tracked.notice
        if notice is not None:
            notice.left -= 1
            if notice.left <= 0:
                self._done(notice, True)
