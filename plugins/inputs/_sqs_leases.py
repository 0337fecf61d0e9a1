"""Messages that a queue has handed out and that are not deleted yet.

A message that was received is *invisible* for a time, and comes again when that is over. So it is
hidden once more while its events are under way, deleted when every output has them, and shown again
at once where they failed or the run ends. A receipt outlives the connection it came by: what was
asked for and failed is asked for again, until it is done or the queue knows the receipt no more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..clients.sqs import Failure, Queue, pieces
from ..contract import ConnectorError, Retry
from ..rate_limit import PluginLog

_SIGNS = 3.0
"""How often a message is hidden again within the time for which it is hidden."""


class Lease:
    """A message that was received. ``due``: when it is to be hidden again; ``is_ended``: nothing
    is under way of it any more.
    """

    __slots__ = ("due", "is_ended", "message", "receipt")

    def __init__(self, message: dict[str, Any], due: float) -> None:
        self.message, self.due, self.is_ended = message, due, False
        self.receipt: str = message["ReceiptHandle"]


class Leases:
    """``visibility``: seconds for which messages are hidden; ``threads``: how many requests may be
    under way at once. ``queue`` is replaced by whoever connects again. ``add`` may be called from
    any thread, all else one at a time.
    """

    queue: Queue

    def __init__(self, log: PluginLog, threads: int) -> None:
        self.visibility = 0.0
        self._log, self._threads = log, threads
        self._held: dict[str, Lease] = {}  # the one that is due first is first
        self._lock = threading.Lock()
        self._deletes: dict[str, Lease] = {}
        self._shows: dict[str, Lease] = {}
        self._pool: ThreadPoolExecutor | None = None

    def add(self, messages: Sequence[dict[str, Any]], asked: float) -> list[Lease]:
        """Messages that came of a request which was made at a moment (of ``time.monotonic``)."""
        due = asked + self.visibility / _SIGNS
        leases = [Lease(message, due) for message in messages]
        with self._lock:
            self._held |= {lease.receipt: lease for lease in leases}
        return leases

    def end(self, leases: Iterable[Lease], is_delivered: bool) -> None:
        """They are to be deleted, or shown again, with the next ``flush``. One that could not be
        hidden again is deleted all the same: it may not have been given to others yet.
        """
        with self._lock:
            for lease in leases:
                is_held = self._held.pop(lease.receipt, None) is not None
                if not lease.is_ended and is_delivered:
                    self._deletes[lease.receipt] = lease
                elif is_held:
                    self._shows[lease.receipt] = lease
                lease.is_ended = True

    def forget(self, leases: Iterable[Lease]) -> None:
        """They are not hidden again, and so come again when their time is over."""
        with self._lock:
            for lease in leases:
                self._held.pop(lease.receipt, None)

    def flush(self) -> None:
        """Delete and show again what is to be. Raises ConnectorError where some of it has to be
        tried again.
        """
        if self._deletes:
            self._all(self._deletes, self.queue.delete, "deleted")
        if self._shows:
            self._all(self._shows, lambda receipts: self.queue.hide(receipts, 0), "shown again")

    def renew(self) -> None:
        """Hide again what is due; what fails is said, and tried again with the next call."""
        now, due = time.monotonic(), {}
        with self._lock:
            for receipt, lease in self._held.items():
                if lease.due > now:
                    break
                due[receipt] = lease
        if not due:
            return
        left = dict(due)
        try:
            self._all(left, lambda each: self.queue.hide(each, self.visibility), "hidden again")
        except ConnectorError as error:
            text = "the visibility of messages cannot be extended: %s; they may come twice"
            self._log.warning(text, error, about="visibility")
        with self._lock:
            for receipt, lease in due.items():
                if receipt not in left and self._held.pop(receipt, None) is not None:
                    lease.due = now + self.visibility / _SIGNS
                    self._held[receipt] = lease

    def _all(
        self,
        wanted: dict[str, Lease],
        command: Callable[[Sequence[str]], dict[int, Failure]],
        what: str,
    ) -> None:
        """Do something with messages, ten at a time; what is done, or never can be, is taken out of
        ``wanted``.
        """
        errors: list[ConnectorError] = []

        def one(receipts: list[str]) -> None:
            try:
                failures = command(receipts)
            except ConnectorError as error:
                errors.append(error)
                return
            for index, receipt in enumerate(receipts):
                failure = failures.get(index)
                if failure is not None and failure.is_temporary:
                    errors.append(Retry(failure.reason))
                    continue
                del wanted[receipt]
                if failure is not None:
                    self._lost(receipt, failure, what)

        self._run(one, list(pieces(list(wanted))))
        if errors:
            raise errors[0]

    def _run(self, one: Callable[[list[str]], None], parts: Sequence[list[str]]) -> None:
        if len(parts) == 1 or self._threads == 1:
            for part in parts:
                one(part)
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, "sqs")
        list(self._pool.map(one, parts))

    def _lost(self, receipt: str, failure: Failure, what: str) -> None:
        with self._lock:
            self._held.pop(receipt, None)
        text = "a message cannot be %s: %s; it may come again"
        self._log.warning(text, what, failure.reason, about=what)

    def close(self) -> None:
        """Show again what is not deleted, as far as the queue can be reached."""
        with self._lock:
            left = list(self._held.values())
        self.end(left, is_delivered=False)
        try:
            self.flush()
        except ConnectorError as error:
            text = "%d messages are not given back: %s; they come again after visibility_timeout"
            self._log.warning(text, len(self._deletes) + len(self._shows), error)
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
