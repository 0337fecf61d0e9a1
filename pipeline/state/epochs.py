"""Acknowledging many batches at once, after one commit that holds for all of them.

An epoch takes batches until it is closed: after an interval, in an idle moment, at a stop, when as
many batches are under way as may be, or when partitions go to another process. Closing it takes the
participant's snapshot. When every delivery of a closed epoch has ended, and the epochs before it
are committed, positions and snapshot are committed in one step, and only then its batches are
acknowledged. If one delivery failed, nothing of this epoch or of a later one is committed: all of
them fail, the participant goes back to the last commit, and the inputs give the batches again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from ...plugins.batch import Part, Position
from ...plugins.epoch import Participant

log = logging.getLogger("penstock")

Done = Callable[[Exception | None], None]


class _Held:
    """A batch of an epoch: its acknowledgement waits for the commit."""

    __slots__ = ("done", "error", "has_ended")

    def __init__(self, done: Done | None) -> None:
        self.done, self.has_ended = done, False
        self.error: Exception | None = None


class _Epoch:
    def __init__(self) -> None:
        self.batches: list[_Held] = []
        self.offsets: dict[int, dict[str, Position]] = {}
        self.state: object = None

    @property
    def has_ended(self) -> bool:
        return all(held.has_ended for held in self.batches)

    @property
    def error(self) -> Exception | None:
        return next((held.error for held in self.batches if held.error is not None), None)


class Epochs:
    """The epochs of a pipeline. ``take``, ``tick`` and ``finish`` belong to the thread that
    filters; ``interval`` is in seconds; ``news`` is called, from any thread, when there may be
    something to commit.
    """

    def __init__(
        self,
        participant: Participant,
        interval: float,
        news: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._participant, self._interval, self._news, self._clock = (
            participant,
            interval,
            news,
            clock,
        )
        self._change = threading.Condition()
        self._closed: deque[_Epoch] = deque()
        self._open = _Epoch()
        self._since = clock()
        self._is_forced = False
        self.commits = self.aborts = 0
        participant.begin()

    def take(self, source: int, parts: Iterable[Part], done: Done | None) -> Done:
        """A batch belongs to the open epoch; what is to be called when its deliveries have
        ended.
        """
        held = _Held(done)
        epoch = self._open
        epoch.batches.append(held)
        offsets = epoch.offsets.setdefault(source, {})
        offsets.update({p.partition: p.position for p in parts if p.position is not None})

        def ended(error: Exception | None) -> None:
            with self._change:
                held.error, held.has_ended = error, True
                self._change.notify_all()
            if error is not None or epoch is not self._open:
                self._news()

        return ended

    def force(self) -> None:
        """Close the open epoch at the next tick: something waits for it. From any thread."""
        self._is_forced = True
        self._news()

    def tick(self, idle: bool) -> None:
        """Close the open epoch if it is time, and commit what can be. Between two batches."""
        error = self._open.error
        if error is not None:
            self._abort(error)
            return
        if self._open.batches and (idle or self._is_forced or self._is_due()):
            self._close()
        self._is_forced = False
        while self._closed and self._closed[0].has_ended:
            self._commit(self._closed.popleft())
        if self._closed and not self._participant.overlaps:
            self._wait_for(self._closed[0])
            self._commit(self._closed.popleft())

    def _is_due(self) -> bool:
        return self._clock() - self._since >= self._interval

    def _close(self) -> None:
        """End the open epoch. Where epochs may not overlap, its deliveries are waited for."""
        epoch = self._open
        epoch.state = self._participant.snapshot()
        self._closed.append(epoch)
        self._open, self._since = _Epoch(), self._clock()

    def _wait_for(self, epoch: _Epoch) -> None:
        with self._change:
            self._change.wait_for(lambda: epoch.has_ended)

    def _commit(self, epoch: _Epoch) -> None:
        error = epoch.error
        if error is None:
            try:
                self._participant.commit(epoch.offsets, epoch.state)
            except Exception as failure:
                log.error("the epoch could not be committed: %s", failure)
                error = failure
        if error is not None:
            self._closed.appendleft(epoch)
            self._abort(error)
            return
        self.commits += 1
        _settle(epoch, None)
        if not self._participant.overlaps:
            self._participant.begin()

    def _abort(self, error: Exception) -> None:
        """Nothing behind the last commit counts: all its batches fail."""
        self.aborts += 1
        failed, self._open = [*self._closed, self._open], _Epoch()
        self._closed.clear()
        self._since = self._clock()
        self._participant.abort()
        self._participant.begin()
        for epoch in failed:
            _settle(epoch, error)

    def forget(self, source: int, partitions: Iterable[str]) -> None:
        """Partitions belong to another process now: their positions are not committed here."""
        gone = set(partitions)
        for epoch in (*self._closed, self._open):
            offsets = epoch.offsets.get(source, {})
            for partition in gone & offsets.keys():
                del offsets[partition]

    def finish(self) -> None:
        """All inputs have stopped and all outputs have delivered: commit the rest."""
        self.tick(idle=True)
        while self._closed:
            self._wait_for(self._closed[0])
            self._commit(self._closed.popleft())


def _settle(epoch: _Epoch, error: Exception | None) -> None:
    for held in epoch.batches:
        if held.done is not None:
            held.done(error)
