"""Whether a target works: what is known of it, how long to leave it alone, and what the log says
about it.

A circuit is *closed* while all is well. Some failures in a row *open* it: from then on a single
trial is made now and then, ever less often and never at the same moment as other pipelines make
theirs. While such a trial is under way the circuit is *half-open*; one that succeeds closes it. The
log is told of an outage once, at its first failure, once a minute that it lasts, and when it is
over: not of every trial. Of several requests that were under way when a target went away, the first
to end is the failure; the others were begun before it, and say no more than it does.
"""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections.abc import Callable

from ...dsl.timestamp import Timestamp

log = logging.getLogger("penstock")

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half-open"

_FAILURES_TO_OPEN = 3
_FIRST_WAIT = 1.0
_LONGEST_WAIT = 30.0
_REMINDER = 60.0


class Circuit:
    """The circuit of one target. ``what`` names it in the log; ``waiting`` says how many events
    wait for it. Called from all threads that deliver, without a lock: at worst a failure is not
    counted, or said twice.
    """

    def __init__(self, what: str, waiting: Callable[[], int]) -> None:
        self.what, self.state, self.failures = what, CLOSED, 0
        self._waiting, self._lock = waiting, threading.Lock()
        self._in_a_row = 0
        self._began = 0.0
        self._since = ""
        self._said = -_REMINDER
        self._failed_at = self._next = -math.inf
        self._told = False

    def trying(self) -> None:
        """A trial begins."""
        if self.state == OPEN:
            self.state = HALF_OPEN

    def failed(self, error: Exception, begun: float = math.inf) -> float:
        """A trial failed; how many seconds to wait before the next: what ``after`` of the error
        asks for, or else ever more. ``begun``, of the monotonic clock: when the trial began; where
        another has failed since then, it waits for the same moment and is not counted.
        """
        with self._lock:  # threads of one output fail at the same moment
            now = time.monotonic()
            if begun < self._failed_at:
                return max(0.0, self._next - now)
            return self._counted(now, error)

    def _counted(self, now: float, error: Exception) -> float:
        if not self._in_a_row:
            self._began, self._since = now, str(Timestamp.now())
        self.failures += 1
        self._in_a_row += 1
        if self._in_a_row >= _FAILURES_TO_OPEN:
            self.state = OPEN
        self._say(now, error)
        wait = self._wait_after(error)
        self._failed_at, self._next = now, now + wait
        return wait

    def _wait_after(self, error: Exception) -> float:
        after = getattr(error, "after", None)
        if after is not None:
            return float(after)
        backoff = min(_FIRST_WAIT * 2.0 ** min(self._in_a_row - 1, 16), _LONGEST_WAIT)
        return backoff * random.uniform(0.8, 1.2)

    def _say(self, now: float, error: Exception) -> None:
        """Tell the log of the first failure, or, where that was too soon after others, that the
        circuit is open; then once a minute.
        """
        is_news = self._in_a_row == _FAILURES_TO_OPEN and not self._told
        if not is_news and now - self._said < _REMINDER:
            return
        self._said = now
        if self._in_a_row == 1:
            log.error("%s failed, retrying with back-off: %s", self.what, error)
        else:
            still = "still " if self._told else ""
            text = f"%s is {still}failing, retrying with back-off: %s; %d failures since %s%s"
            log.error(text, self.what, error, self._in_a_row, self._since, self._waits())
        self._told = True

    def _waits(self) -> str:
        """How many events wait; nothing where none do, as behind an input."""
        waiting = self._waiting()
        return f", {waiting} events wait" if waiting else ""

    def works(self) -> None:
        """A trial succeeded."""
        if not self._in_a_row:
            return
        if self._told:
            failures = f"{self._in_a_row} failure{'s' if self._in_a_row > 1 else ''}"
            log.warning(
                "%s recovered after %s (%.0f s)",
                self.what,
                failures,
                time.monotonic() - self._began,
            )
        self.state, self._in_a_row, self._told = CLOSED, 0, False
