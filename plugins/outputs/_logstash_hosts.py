"""Which of several hosts a request goes to: one that has not failed lately, has few requests under
way, and was not the last to get one. A host that failed is the last choice for a minute, but one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

_COOL_OFF = 60.0
"""Seconds for which a host that failed is asked only where no other is left."""


class _State:
    """What is known of a host."""

    def __init__(self) -> None:
        self.failed = -_COOL_OFF
        self.under_way = 0
        self.begun = 0.0


class Hosts:
    """Hosts by their URL, shared by threads."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._states = {url: _State() for url in urls}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._states)

    @contextmanager
    def lease(self, without: Collection[str] = ()) -> Iterator[str]:
        """The host for a request, none of those that are excluded. What the block raises is noted
        as its failure.
        """
        with self._lock:
            url = self._chosen(without)
            state = self._states[url]
            state.under_way += 1
            state.begun = time.monotonic()
        try:
            yield url
        except BaseException:
            state.failed = time.monotonic()
            raise
        finally:
            with self._lock:
                state.under_way -= 1

    def _chosen(self, without: Collection[str]) -> str:
        long_ago = time.monotonic() - _COOL_OFF
        left = [url for url in self._states if url not in without]
        return min(left, key=lambda url: _rank(self._states[url], long_ago))


def _rank(state: _State, long_ago: float) -> tuple[float, int, float]:
    return max(state.failed, long_ago), state.under_way, state.begun
