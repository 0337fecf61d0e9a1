"""Reading one input: connected with back-off, bounded, settled between reads, tended while full.

``step`` is one turn of the loop. An input that is ``local`` and alone is stepped in the thread that
filters; others have a thread each (see ``sources``). An error while reading is an outage like any
other: said once, and the input is connected again, whether it is alone or one of many.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from ...plugins.batch import Batch, Position
from ...plugins.errors import Disconnected, EndOfInput, Misconfigured
from ...plugins.input import Input, Outcome
from ..delivery.circuit_breaker import Circuit
from .in_flight import Delivery, InFlight

log = logging.getLogger("penstock")

_LONGEST_WAIT = 1.0
"""Seconds that a read waits at most, so that an idle process wakes up once a second."""

_SHORTEST_TEND = 0.05


class Reader:
    """One input as the runtime reads it. ``restored`` are positions that the runtime knows better
    than the source; ``is_connected``: it is, from the pipeline before a reload.
    """

    def __init__(
        self,
        source: Input,
        stopping: threading.Event,
        restored: dict[str, Position] | None = None,
        *,
        is_connected: bool = False,
    ) -> None:
        self.source = source
        self.in_flight = InFlight(source.max_in_flight, self._ended)
        self._stopping = stopping
        self._restored = restored or {}
        self._circuit = Circuit(f"{source.context.where}: input {source.name}", lambda: 0)
        self._connected = self.has_worked = is_connected
        self._reads = False
        self._unsettled: tuple[list[Outcome], dict[str, Position]] = [], {}
        self.full: Callable[[], None] = lambda: None
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
            batch = None if self._is_held() else self._read()
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
            self.source.context.log.error("what it holds cannot be given: %s", error)
            return None
        return None if batch is None else (batch, self.in_flight.add(batch))

    def _connect(self) -> None:
        if self._connected:
            return
        self._circuit.trying()
        self.source.connect()
        if self._restored:
            self.source.resume(self._restored)
        self._connected = True

    def _read(self) -> Batch | None:
        self._reads = True
        try:
            if self.in_flight.has_outcomes:
                return self.source.read(0)
            return self.source.read(_LONGEST_WAIT)
        finally:
            self._reads = False

    def _is_held(self) -> bool:
        """Whether too much is under way to read; then it was tended, until a batch ended."""
        if not self.in_flight.is_full:
            return False
        self.full()
        if not self.in_flight.has_outcomes:
            self.source.tend(0)
            self.in_flight.wait(_LONGEST_WAIT)
        return True

    def _lost(self, error: Exception) -> None:
        """The connection is gone: wait, and connect again with the next step. The input then gives
        again what was not settled, so what is under way moves no position any more.
        """
        self._connected = False
        self._unsettled = [], {}
        self.in_flight.forget_all()
        said = getattr(error, "after", None)
        wait = self._circuit.failed(error)
        self._stopping.wait(wait if said is None else said)

    def settle(self) -> None:
        """Tell the input what has ended. What it raises is its own failure: it is logged, and fails
        neither an output nor the run.
        """
        if not self.in_flight.has_outcomes:
            return
        outcomes, behind = self.in_flight.take_outcomes()
        outcomes, behind = self._unsettled[0] + outcomes, self._unsettled[1] | behind
        self._unsettled = [], {}
        try:
            self.source.settle(outcomes, behind)
        except Exception as error:
            self._not_settled(outcomes, behind, error)

    def _not_settled(
        self, outcomes: list[Outcome], behind: dict[str, Position], error: Exception
    ) -> None:
        """Keep what could not be settled for the next time, unless the connection that it belongs
        to is gone.
        """
        self.source.context.log.error(
            "cannot acknowledge: %s; it may be delivered twice", error or type(error).__name__
        )
        if isinstance(error, Disconnected):
            self._connected = False
            self.in_flight.forget_all()
        else:
            self._unsettled = outcomes, behind

    def finish(self, has_ended: Callable[[], bool]) -> None:
        """Tend the input until everything is delivered, then settle the last: a drained stop."""
        while not has_ended():
            self._tend_quietly()
            self.settle()
        self.settle()

    def _tend_quietly(self) -> None:
        try:
            if self._connected:
                self.source.tend(0)
        except Exception as error:
            self.source.context.log.warning("cannot be tended while it stops: %s", error)
            self._connected = False
        self.in_flight.wait(_LONGEST_WAIT)

    def _revoke(self, partitions: Sequence[str], timeout: float) -> None:
        """Partitions go to another process: wait for what is under way of them, and settle it."""
        if not self.in_flight.drain(partitions, timeout):
            self.source.context.log.warning(
                "%d partitions go while events of them are under way; those may come twice",
                len(partitions),
            )
        self.settle()
        self.in_flight.forget(partitions)
