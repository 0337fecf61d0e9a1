"""Hearing of changes in folders as they happen, from the operating system through ``watchfiles``.

This only makes things faster: files are looked at every ``stat_interval`` all the same, because
network file systems tell nothing of what other machines do, and because there may be more folders
than the system lets us watch. Where watching fails, waiting is all that is left, and nothing else
changes.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Set

from ._file_options import Clock

log = logging.getLogger("penstock")

_SHORTEST, _LONGEST = 0.01, 0.25
_GROUP_MS = 100
_STEP_MS = 25


class Notices:
    """Waits for changes. This one hears nothing: it is what polling alone needs."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def watch(self, folders: Set[str]) -> None:
        """Listen to these folders, and no others."""

    def wait(self, seconds: float) -> Set[str]:
        """The paths of which something was heard, after at most ``seconds`` or a quarter of a
        second.
        """
        self._clock.sleep(min(max(seconds, _SHORTEST), _LONGEST))
        return frozenset()

    def close(self) -> None:
        """Stop listening."""


class SystemNotices(Notices):
    """Waits for what the operating system tells."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._folders: Set[str] = frozenset()
        self._changes: Iterator[Set[tuple[object, str]]] | None = None

    def watch(self, folders: Set[str]) -> None:
        there = frozenset(filter(os.path.isdir, folders))
        if there == self._folders:
            return
        self.close()
        self._folders = there
        self._changes = self._listen() if there else None

    def _listen(self) -> Iterator[Set[tuple[object, str]]] | None:
        try:
            from watchfiles import watch
        except ImportError as error:
            log.debug("files are polled only: %s", error)
            return None
        milliseconds = int(_LONGEST * 1000)
        return watch(
            *sorted(self._folders),
            watch_filter=None,
            debounce=_GROUP_MS,
            step=_STEP_MS,
            rust_timeout=milliseconds,
            yield_on_timeout=True,
            recursive=False,
            raise_interrupt=False,
            ignore_permission_denied=True,
        )

    def wait(self, seconds: float) -> Set[str]:
        if self._changes is None:
            return super().wait(seconds)
        try:
            return {path for _, path in next(self._changes, ())}
        except Exception as error:  # whatever a watch fails of, polling goes on
            log.debug("the folders cannot be watched, files are polled only: %s", error)
            self._changes = None
            return frozenset()

    def close(self) -> None:
        if self._changes is not None:
            self._changes.close()  # type: ignore[attr-defined]
            self._changes = None
