"""Reading one input: connected with back-off, bounded, settled between reads, tended while full.

``step`` is one turn of the loop. An input that is ``local`` and alone is stepped in the thread that
filters; others have a thread each (see ``sources``). An error while reading is an outage like any
other: said once, and the input is connected again, whether it is alone or one of many.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from ...plugins.batch import Batch, Position
from ...plugins.errors import Disconnected, EndOfInput, Misconfigured
from ...plugins.input import Input, Outcome
from ..delivery.circuit_breaker import Circuit
from .in_flight import Delivery, InFlight

log = logging.getLogger("penstock")

_LONGEST_WAIT = 1.0
"""Seconds that a read waits at most, so that an idle process wakes up once a second."""

REST = 60.0
"""Seconds that a wait lasts at most where nothing can become due meanwhile."""


class SharedCommits(NamedTuple):
    """What an input has to do with commits that many batches share (see ``state.epochs``).

    ``restored``: the committed positions at the start; ``force`` commits as soon as that can be;
    ``revoke``: partitions have gone before all of them was committed; gives what is committed.
    """

    restored: Mapping[str, Position]
    force: Callable[[], None]
    revoke: Callable[[Sequence[str]], Mapping[str, Position]]


class Reader:
    """One input as the runtime reads it. ``is_connected``: it is, from the pipeline before a
    reload. ``longest_wait``: seconds that a read may wait. ``held``: a batch that was read, and
    that the reading thread has not handed on yet.
    """

    def __init__(
        self,
        source: Input,
        stopping: threading.Event,
        commits: SharedCommits | None = None,
        *,
        is_connected: bool = False,
    ) -> None:
        self.source = source
        self.in_flight = InFlight(source.max_in_flight, self._ended)
        self._stopping = stopping
        self._commits = commits
        self._restored = None if commits is None else dict(commits.restored)
        self._settling = threading.RLock()  # taken before the locks of `in_flight` and of epochs
        self._unsettled: list[Outcome] = []
        self._behind: dict[str, Position] = {}
        self._circuit = Circuit(f"{source.context.where}: input {source.name}", lambda: 0)
        self._connected = self.has_worked = is_connected
        self.held: Delivery | None = None
        self._reads = False
        self.longest_wait = _LONGEST_WAIT
        source.context.revoked = self._revoke

    def _ended(self) -> None:
        """A batch has ended: end a read that waits, so that it is settled soon."""
        if self.source.settles_anywhere:
            self.settle()
        elif self._reads:
            self.source.wake()

    def step(self) -> tuple[Batch, Delivery] | None:
        """One turn: settle, then read, or tend where too much is under way. None where nothing
        came. Raises EndOfInput, and Misconfigured where it never worked.
        """
        try:
            self._connect()
            self.settle()
            if not self._connected:  # settling found it gone: what is read now would come again
                return None
            batch = None if self._tend_if_full() else self._read()
        except EndOfInput:
            raise
        except Misconfigured as error:
            error.plugin = self.source
            if not self.has_worked:
                raise
            self._lost(error)
        except (Disconnected, OSError) as error:
            self._lost(error)
        except Exception as error:
            log.debug("%s raised", self._circuit.what, exc_info=True)
            self._lost(error)
        else:
            self._circuit.works()
            self.has_worked = True
            return None if batch is None else (batch, self.in_flight.add(batch))
        return None

    def flush(self) -> tuple[Batch, Delivery] | None:
        """What the input still holds when the run stops."""
        if not self._connected:
            return None
        try:
            self.settle()
            batch = self.source.flush()
        except Exception as error:
            self.source.context.log.error("buffered events cannot be handed out: %s", error)
            return None
        return None if batch is None else (batch, self.in_flight.add(batch))

    def _connect(self) -> None:
        if self._connected:
            return
        self._circuit.trying()
        self.source.connect()
        self.source.context.connected()
        if self._restored:
            self.source.resume(self._restored)
        self._connected = True

    def _read(self) -> Batch | None:
        if self._commits is not None and self.source.runs_dry():
            self._commits.force()
        self._reads = True
        try:
            batch = self.source.read(self._longest_read())
        finally:
            self._reads = False
        if batch is not None and type(batch) is not Batch:
            raise TypeError(f"`read` gave a {type(batch).__name__}, not a Batch")
        return batch

    def _longest_read(self) -> float:
        if self.in_flight.has_outcomes:
            return 0.0
        return min(_LONGEST_WAIT, self.longest_wait) if self._unsettled else self.longest_wait

    def _tend_if_full(self) -> bool:
        """Tend the input until a batch ends where too much is under way to read; whether it is."""
        if not self.in_flight.is_full and len(self._unsettled) < self.source.max_in_flight:
            return False
        if self._commits is not None:
            self._commits.force()
        if not self.in_flight.has_outcomes:
            self.source.tend(0)
            self.in_flight.wait(_LONGEST_WAIT)
        return True

    def _lost(self, error: Exception) -> None:
        """The connection is gone: wait, and connect again with the next step. The input then gives
        again what was not settled, so what is under way moves no position any more.
        """
        self._forget_connection()
        self._stopping.wait(self._circuit.failed(error))

    def _forget_connection(self) -> None:
        with self._settling:  # another thread may be settling, where the input allows that
            self._connected = False
            gone = self.in_flight.forget_all()
            if self._commits is not None and self._restored is not None and gone:
                # It comes again from there, and must not be counted twice.
                self._restored |= self._commits.revoke(gone)
            self._unsettled, self._behind = [], {}

    def settle(self) -> None:
        """Tell the input what has ended. What it raises is its own failure: it is logged and tried
        again with the next step, whether something more has ended or not, and fails neither an
        output nor the run.
        """
        if not self.in_flight.has_outcomes and not self._unsettled:
            return
        with self._settling:
            outcomes, behind = self.in_flight.take_outcomes()
            self._unsettled += outcomes
            self._behind |= behind
            if self._restored is not None:
                self._restored |= behind
            self._settle_again()

    def _settle_again(self) -> None:
        """Tell the input what it has not been told, or has not taken; with the lock held."""
        if not self._unsettled:
            return
        outcomes, behind = self._unsettled, self._behind
        try:
            self.source.settle(list(outcomes), dict(behind))
        except (Disconnected, OSError) as error:
            self._cannot_settle(error)
            self._forget_connection()
        except Exception as error:
            self._cannot_settle(error)
        else:
            self._unsettled, self._behind = [], {}
            self.in_flight.told()

    def _cannot_settle(self, error: Exception) -> None:
        said = str(error) or type(error).__name__
        text = "cannot acknowledge: %s; retrying, events may be delivered twice"
        self.source.context.log.error(text, said)

    def finish(self, has_ended: Callable[[], bool]) -> None:
        """Tend the input until everything is delivered, then settle the last: a drained stop."""
        while not has_ended():
            self.tend()
            self.in_flight.wait(_LONGEST_WAIT)
            self.settle()
        self.settle()
        with self._settling:
            self._settle_again()

    def tend(self) -> None:
        """Do what the source expects while nothing may be read. What that raises is an outage,
        which the next step mends.
        """
        try:
            if self._connected:
                self.source.tend(0)
        except Exception as error:
            self.source.context.log.warning("cannot be kept alive, connecting again: %s", error)
            self._forget_connection()

    def _revoke(self, partitions: Sequence[str], timeout: float) -> None:
        """Partitions go to another process: wait for what is under way of them, and settle it."""
        if self._commits is not None:
            self._commits.force()
        is_through = self.in_flight.drain(partitions, timeout, but=self.held)
        self.settle()
        # First of all: a batch that is taken after its epoch has heard would be in the next one.
        self.in_flight.forget(partitions)
        if not is_through:
            if self._commits is not None:
                self._commits.revoke(partitions)
            self.source.context.log.warning(
                "%d partitions revoked with events in flight; those may be delivered twice",
                len(partitions),
            )
        for partition in partitions:
            if self._restored is not None:
                self._restored.pop(partition, None)
