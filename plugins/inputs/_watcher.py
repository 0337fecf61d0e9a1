"""Hearing of changes in directories as they happen, from Linux through ``inotify``.

This only makes things faster: files are looked at every ``stat_interval`` all the same, because
network file systems tell nothing of what other machines do, because there may be more directories
than the system lets us watch, and because other systems have no inotify. Where watching fails,
waiting is all that is left, and nothing else changes.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Set
from typing import Any

from ..wake_pipe import WakePipe
from ._file_options import Clock

log = logging.getLogger("penstock")

_SHORTEST = 0.01
_GROUP = 0.05
"""Seconds for which changes are gathered: each of them wakes us up once."""


class Notices:
    """Waits for changes. This one hears nothing: it is what polling alone needs."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._pipe = clock, WakePipe()

    def watch(self, directories: Set[str]) -> None:
        """Listen to these directories, and no others."""

    def wait(self, seconds: float) -> Set[str]:
        """The paths of which something was heard, after at most ``seconds``."""
        self._clock.wait(max(seconds, _SHORTEST), self._pipe)
        return frozenset()

    def wake(self) -> None:
        """End a wait, from any thread."""
        self._pipe.wake()

    def close(self) -> None:
        """Stop listening."""


class SystemNotices(Notices):
    """Waits for what the operating system tells."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._directories: Set[str] = frozenset()
        self._watched: dict[int, str] = {}
        self._inotify: Any = None

    def watch(self, directories: Set[str]) -> None:
        there = frozenset(filter(os.path.isdir, directories))
        if there == self._directories:
            return
        self.close()
        self._directories = there
        if there:
            self._listen()

    def _listen(self) -> None:
        try:
            from inotify_simple import INotify, flags

            changes = flags.CREATE | flags.MODIFY | flags.MOVED_FROM | flags.MOVED_TO | flags.DELETE
            self._inotify = INotify()
            for directory in self._directories:
                self._watched[self._inotify.add_watch(directory, changes | flags.ONLYDIR)] = (
                    directory
                )
        except Exception as error:  # a system without it, or with too few watches
            log.debug("files are polled only: %s", error)
            self._stop()

    def wait(self, seconds: float) -> Set[str]:
        if self._inotify is None:
            return super().wait(seconds)
        if not self._clock.wait(max(seconds, 0.0), self._pipe, [self._inotify.fileno()]):
            return frozenset()
        self._clock.wait(_GROUP, self._pipe)
        try:
            heard = self._inotify.read(timeout=0)
        except OSError as error:
            log.debug("the directories cannot be watched, files are polled only: %s", error)
            self._stop()
            return frozenset()
        if any(not event.name for event in heard):  # a directory is gone, or too much happened
            self._directories = frozenset()
        paths = ((self._watched.get(event.wd), event.name) for event in heard)
        return {os.path.join(directory, name) for directory, name in paths if directory and name}

    def close(self) -> None:
        self._stop()
        self._directories = frozenset()

    def _stop(self) -> None:
        if self._inotify is not None:
            self._inotify.close()
            self._inotify = None
        self._watched.clear()
