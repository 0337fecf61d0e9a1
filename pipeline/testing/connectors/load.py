"""Clients that send to a listener without a pause, each message again until it is taken.

This is what a client of "at least once" does: an answer other than ``taken``, a connection that
ends without one, or no answer for a while, is not a delivery. So whatever is killed or reloaded, a
message that was taken must be at the target, and one that was not refused must be there once.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from concurrent.futures import Future
from itertools import count
from typing import NamedTuple

from .case import LONGEST, Client, Run, until

_WINDOW = 4
"""Messages under way at once: fewer than the runtime holds without saying that it is full."""

_PATIENCE = 5.0
"""Seconds without an answer after which a client sends again."""

_STALLED = 1.0
_PAUSE = 0.01


class _Sent(NamedTuple):
    number: int
    answer: Future[str]
    since: float


class Load:
    """Sends until ``end``. ``taken``: the messages that were, in the order of their answers;
    ``refused``: how often each was not; ``begun``: how many there are so far; ``offered``: their
    bytes, counted each time.
    """

    def __init__(self, client: Client, size: int = 0, patience: float = _PATIENCE) -> None:
        self._client, self._size, self._patience = client, size, patience
        self.taken: list[str] = []
        self.refused: Counter[str] = Counter()
        self.begun = self.offered = 0
        self._numbers = count()
        self._window: deque[_Sent] = deque()
        self._answered = time.monotonic()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def message(self, number: int) -> str:
        """The message of a number."""
        text = f"message {number}"
        return f"{text} ".ljust(self._size, "x") if self._size else text

    @property
    def is_stalled(self) -> bool:
        """Whether nothing was answered for a while: the client is held up."""
        return time.monotonic() - self._answered > _STALLED

    def _run(self) -> None:
        while not self._ending.is_set() or self._window:
            while len(self._window) < _WINDOW and not self._ending.is_set():
                self._send(next(self._numbers))
                self.begun += 1
            sent = self._window.popleft()
            answer = self._answer_of(sent)
            if answer is None:
                self._window.append(sent)
            elif answer == "taken":
                self.taken.append(self.message(sent.number))
            else:
                self.refused[self.message(sent.number)] += 1
                time.sleep(_PAUSE)
                self._send(sent.number)

    def _send(self, number: int) -> None:
        message = self.message(number)
        self.offered += len(message)
        self._window.append(_Sent(number, self._client.send(message), time.monotonic()))

    def _answer_of(self, sent: _Sent) -> str | None:
        """How a message was answered; None where it is still waited for."""
        try:
            answer = sent.answer.result(_PAUSE)
        except TimeoutError:
            is_late = time.monotonic() - sent.since > self._patience
            return "no answer" if is_late else None
        except Exception:  # the connection has ended, in whatever way the client tells it
            answer = "lost"
        self._answered = time.monotonic()
        return answer

    def has_taken(self, more: int, run: Run, since: int = 0) -> None:
        """Wait until so many more messages were taken, of those from a number on."""
        before = self._taken_since(since)
        demand = f"the listener takes messages ({more} more)"
        until(lambda: self._taken_since(since) >= before + more, demand, run.said)

    def _taken_since(self, number: int) -> int:
        return sum(int(message.split()[1]) >= number for message in list(self.taken))

    def refused_since(self, number: int) -> list[str]:
        """The messages, of those from a number on, that were refused."""
        return [message for message in list(self.refused) if int(message.split()[1]) >= number]

    def end(self) -> None:
        """Begin no more messages, and wait until all that were begun are taken."""
        self._ending.set()
        self._thread.join(LONGEST)
        until(lambda: not self._thread.is_alive(), "what a client sends again is taken in the end")
