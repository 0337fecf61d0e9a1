"""A thread that does a piece of work some time after something was done that asks for it, or at
once when it is poked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class Background:
    """Calls ``work`` ``interval`` seconds after ``stir`` and soon after ``poke``, until ``stop``;
    where it ``repeats``, every ``interval`` seconds. ``work`` must not raise.
    """

    def __init__(
        self, name: str, interval: float, work: Callable[[], None], repeats: bool = False
    ) -> None:
        self._interval, self._work, self._repeats = interval, work, repeats
        self._poked, self._stirred = threading.Event(), threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def poke(self) -> None:
        """Have the work done soon."""
        self._poked.set()
        self._stirred.set()

    def stir(self) -> None:
        """Have the work done after the interval; cheap where that is so already."""
        if not self._stirred.is_set():
            self._stirred.set()

    def stop(self) -> None:
        """End the thread; returns when it has ended."""
        self._stopping = True
        self.poke()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping:
            if not self._repeats:
                self._stirred.wait()
            self._poked.wait(self._interval)
            self._poked.clear()
            self._stirred.clear()  # before the work: what is done meanwhile asks for it anew
            if not self._stopping:
                self._work()
