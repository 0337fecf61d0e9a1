"""A thread that does a piece of work now and then, or at once when it is poked."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Background:
    """Calls ``work`` every ``interval`` seconds and soon after ``poke``, until ``stop``. ``work``
    must not raise.
    """

    def __init__(self, name: str, interval: float, work: Callable[[], None]) -> None:
        self._interval, self._work = interval, work
        self._poked = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def poke(self) -> None:
        """Have the work done soon."""
        self._poked.set()

    def stop(self) -> None:
        """End the thread; returns when it has ended."""
        self._stopping = True
        self._poked.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping:
            self._poked.wait(self._interval)
            self._poked.clear()
            if not self._stopping:
                self._work()
