"""Threads that poll a queue, each with one request under way, which waits for messages up to twenty
seconds.

A request that waits cannot be taken back without losing sight of messages that are just being
answered, so nobody waits for its end: what it brings after ``close`` is shown again to others at
once.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable

from ..clients.sqs import Queue
from ..contract import ConnectorError
from ._sqs_leases import Lease, Leases

_LAG_EVERY = 30.0


class Receiver:
    """``threads``: how many requests are under way; ``wait``: how long each waits for messages, and
    ``pause`` how long a thread waits behind one that brought none, both in seconds;
    ``is_stopping``: nothing more is to be asked for; ``tell``: is told how much waits, where that
    is asked. What was received waits for ``take``; no more than one answer a thread does.
    """

    def __init__(
        self,
        leases: Leases,
        threads: int,
        wait: int,
        pause: float,
        is_stopping: Callable[[], bool],
        tell: Callable[[int], None] | None = None,
    ) -> None:
        self._leases, self._threads, self._wait, self._pause = leases, threads, wait, pause
        self._is_stopping, self._tell = is_stopping, tell
        self._measured = -_LAG_EVERY
        self._answers: deque[list[Lease]] = deque()
        self._change = threading.Condition()
        self._generation = 0
        self._error: Exception | None = None
        self._is_woken = False

    def start(self, queue: Queue) -> None:
        """Poll a queue, from now on by this connection."""
        with self._change:
            self._generation += 1
            self._error = None
        for number in range(self._threads):
            arguments = queue, self._generation
            name = f"sqs {queue.name} {number}"
            threading.Thread(target=self._poll, args=arguments, name=name, daemon=True).start()

    def _poll(self, queue: Queue, generation: int) -> None:
        try:
            while self._may_ask(generation):
                asked = time.monotonic()
                messages = queue.receive(self._wait, self._leases.visibility)
                if messages:
                    self._received(queue, generation, messages, asked)
                else:
                    self._rest(generation)
                self._measure(queue)
        except Exception as error:
            with self._change:
                if generation == self._generation:
                    self._error = error
                    self._change.notify_all()

    def _rest(self, generation: int) -> None:
        """Wait behind an answer without messages, where the request itself did not."""
        end = time.monotonic() + self._pause
        with self._change:
            while generation == self._generation and not self._is_stopping():
                left = end - time.monotonic()
                if left <= 0:
                    return
                self._change.wait(min(left, 1.0))

    def _measure(self, queue: Queue) -> None:
        """Ask now and then how much waits; each such request is paid for."""
        if self._tell is None:
            return
        with self._change:
            if time.monotonic() - self._measured < _LAG_EVERY:
                return
            self._measured = time.monotonic()
        with contextlib.suppress(ConnectorError):  # the next request says what is wrong
            lag = queue.lag()
            if lag is not None:
                self._tell(lag)

    def _may_ask(self, generation: int) -> bool:
        """Wait for room; False where nothing more is to be asked for."""
        with self._change:
            while generation == self._generation and not self._is_stopping():
                if len(self._answers) < self._threads:
                    return True
                self._change.wait(1.0)
        return False

    def _received(
        self, queue: Queue, generation: int, messages: list[dict[str, object]], asked: float
    ) -> None:
        with self._change:
            if generation == self._generation and not self._is_stopping():
                self._answers.append(self._leases.add(messages, asked))
                self._change.notify_all()
                return
        with contextlib.suppress(ConnectorError):  # they come again when their time is over
            queue.hide([str(message["ReceiptHandle"]) for message in messages], 0)

    def take(self, timeout: float) -> list[Lease]:
        """All messages that have come, waiting for some up to so many seconds. Raises what a
        request raised.
        """
        with self._change:
            if not (self._answers or self._error or self._is_woken):
                self._change.wait(timeout)
            self._is_woken = False
            if self._answers:
                taken = [lease for answer in self._answers for lease in answer]
                self._answers.clear()
                self._change.notify_all()
                return taken
            if self._error is not None:
                raise self._error
        return []

    def wake(self) -> None:
        """End a ``take`` that waits."""
        with self._change:
            self._is_woken = True
            self._change.notify_all()

    def stop(self) -> None:
        """Ask for nothing more by this connection; what has come already can be taken."""
        with self._change:
            self._generation += 1
            self._change.notify_all()
