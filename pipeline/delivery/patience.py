"""Saying that a server does not answer.

One that refuses a connection is an outage, which the circuit says at once. One that takes it and
then says nothing, since it hangs or another program listens on that port, is noticed by nobody
until a time-out of the plugin or of the protocol, which may be minutes. So whoever waits for an
answer notes it here, and one thread of the process looks after all of them: it says what is waited
for after half a minute, once a minute from then on, and when it is over.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakSet

log = logging.getLogger("penstock")

PATIENCE = 30.0
"""Seconds that an answer may take before it is said that there is none."""

_REMINDER = 60.0
_LOOKS = 5.0


class Patience:
    """What is waited for of one plugin. ``what`` names it in the log; ``waiting`` says how many
    events wait for it. Called from all threads.
    """

    def __init__(self, what: str, waiting: Callable[[], int]) -> None:
        self._what, self._waiting = what, waiting
        self._begun: dict[object, float] = {}
        self._said = 0.0
        _keeper.watch(self)

    def begin(self, key: object) -> None:
        """An answer is waited for."""
        self._begun[key] = time.monotonic()

    def end(self, key: object, has_answered: bool = True) -> None:
        """It has come, or something else has ended the wait, which is said elsewhere."""
        begun = self._begun.pop(key, None)
        if begun is None or not self._said:
            return
        seconds = time.monotonic() - begun
        if not has_answered:
            self._said = 0.0
        elif seconds >= PATIENCE:
            self._said = 0.0
            log.warning("%s has answered, after %.0f s", self._what, seconds)

    @contextmanager
    def awaiting(self) -> Iterator[None]:
        """Wait for an answer in the block."""
        key, has_answered = object(), False
        self.begin(key)
        try:
            yield
            has_answered = True
        finally:
            self.end(key, has_answered)

    def look(self, now: float) -> None:
        """Say what has been waited for too long."""
        oldest = min(list(self._begun.values()), default=now)
        if now - oldest < PATIENCE or (self._said and now - self._said < _REMINDER):
            return
        self._said = now
        waiting = self._waiting()
        events = f"; {waiting} events wait" if waiting else ""
        log.warning("%s has not answered for %.0f s%s", self._what, now - oldest, events)


class _Keeper:
    """Looks after all that is waited for, in a thread that lives as long as there is any."""

    def __init__(self) -> None:
        self._watched: WeakSet[Patience] = WeakSet()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def watch(self, patience: Patience) -> None:
        with self._lock:
            self._watched.add(patience)
            if self._thread is None or not self._thread.is_alive():  # also behind a fork
                self._thread = threading.Thread(target=self._run, name="patience", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            time.sleep(_LOOKS)
            with self._lock:
                watched = list(self._watched)
                if not watched:
                    self._thread = None
                    return
            now = time.monotonic()
            for patience in watched:
                patience.look(now)
            del watched, patience  # or the last ones would be kept


_keeper = _Keeper()
