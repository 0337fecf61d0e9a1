"""One run of a query: its slices, fetched ahead by a page each, in threads.

What was read and what was delivered are two places. Pages are read on from the first; when a batch
comes back, or the connection breaks, they are read again from the second: from the page behind the
last one that was delivered, where pages can be asked for again, else from the beginning.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from ._elastic_pages import Page, Pages

_PATIENCE = 0.5


class Fetched(NamedTuple):
    """A page of a slice, or why there is none. ``asked``: what tells apart when it was asked
    for.
    """

    asked: object
    slice: int
    page: Page | Exception


class Arrivals:
    """What the threads have fetched, for the one that reads."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Fetched | None] = queue.SimpleQueue()
        self._is_woken = False

    def put(self, fetched: Fetched) -> None:
        """A page has come."""
        self._queue.put(fetched)

    def wake(self) -> None:
        """End the wait that is under way, or the next one."""
        if not self._is_woken:
            self._is_woken = True
            self._queue.put(None)

    def get(self, timeout: float) -> Fetched | None:
        """What has come, waiting for it; None where nothing did, or after ``wake``."""
        try:
            got = self._queue.get(timeout=max(0.0, timeout))
        except queue.Empty:
            return None
        if got is None:
            self._is_woken = False
        return got


class Fetchers:
    """Threads that fetch. They are daemons: a server that hangs must not hold up a stop."""

    def __init__(self, count: int) -> None:
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name="elasticsearch", daemon=True)
            for _ in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, work: Callable[[], None]) -> None:
        """Do some work, which must not raise, when a thread is free."""
        self._work.put(work)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()

    def end(self) -> None:
        """End the threads behind the work that waits; what takes longer is not waited for."""
        for _ in self._threads:
            self._work.put(None)
        end = time.monotonic() + _PATIENCE
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))


@dataclass
class Slice:
    """A part of a run. ``after``: where that ends which was delivered; ``is_read``,
    ``is_delivered``: whether its last page was.
    """

    pages: Pages
    after: object = None
    is_read: bool = False
    is_delivered: bool = False


class Run:
    """A run. ``read_value`` and ``delivered_value`` are the tracking values of the last event that
    was read, and delivered. ``pages_of`` makes the pages of a slice.
    """

    def __init__(
        self,
        number: int,
        value: str,
        slices: int,
        pages_of: Callable[[int, str], Pages],
        fetchers: Fetchers,
        arrivals: Arrivals,
    ) -> None:
        self.number, self._start = number, value
        self.read_value = self.delivered_value = value
        self._pages_of, self._fetchers, self._arrivals = pages_of, fetchers, arrivals
        self._asked: object = None
        self._slices = [Slice(pages_of(part, value)) for part in range(slices)]
        self.rewind()

    @property
    def is_read(self) -> bool:
        """Whether all pages were read."""
        return all(part.is_read for part in self._slices)

    @property
    def is_delivered(self) -> bool:
        """Whether all pages were delivered."""
        return all(part.is_delivered for part in self._slices)

    def next(self, timeout: float) -> tuple[int, Page] | None:
        """The next page and its slice; None where none came in so many seconds, or a wait was
        ended. Raises what the fetch raised.
        """
        end = time.monotonic() + timeout
        while (got := self._arrivals.get(end - time.monotonic())) is not None:
            if got.asked is self._asked:
                return got.slice, self._taken(got)
        return None

    def _taken(self, got: Fetched) -> Page:
        if isinstance(got.page, Exception):
            raise got.page
        part = self._slices[got.slice]
        part.is_read = got.page.is_last
        if not part.is_read:
            self._ask(got.slice, got.page.after)
        return got.page

    def _ask(self, number: int, after: object) -> None:
        asked, pages = self._asked, self._slices[number].pages

        def fetch() -> None:
            page: Page | Exception
            try:
                page = pages.fetch(after)
            except Exception as error:
                page = error
            self._arrivals.put(Fetched(asked, number, page))

        self._fetchers.submit(fetch)

    def delivered(self, number: int, page: Page, value: str) -> None:
        """A slice is delivered up to the end of a page."""
        part = self._slices[number]
        part.after, part.is_delivered = page.after, page.is_last
        self.delivered_value = value

    def rewind(self) -> None:
        """Read what was not delivered, as if it had not been read."""
        self._asked, self.read_value = object(), self.delivered_value
        for number, part in enumerate(self._slices):
            part.is_read = part.is_delivered
            if part.is_read:
                continue
            if part.after is not None and not part.pages.can_go_back:
                self._forget(part.pages)
                part.pages, part.after = self._pages_of(number, self._start), None
                self.read_value = self.delivered_value = self._start
            self._ask(number, part.after)

    def restart(self) -> None:
        """Read all of it again: the server has lost its place."""
        self.delivered_value = self._start
        self._slices = [
            Slice(self._pages_of(number, self._start)) for number in range(len(self._slices))
        ]
        self.rewind()

    def keep(self) -> None:
        """Have the server keep its place, in the background; what fails shows with the next
        page.
        """
        for part in self._slices:
            if not part.is_read:
                self._fetchers.submit(_quietly(part.pages.keep))

    def close(self) -> None:
        """Have the server forget it; pages that are under way go nowhere."""
        self._asked = None
        for part in self._slices:
            self._forget(part.pages)

    def _forget(self, pages: Pages) -> None:
        self._fetchers.submit(_quietly(pages.close))


def _quietly(work: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        with contextlib.suppress(Exception):
            work()

    return run
