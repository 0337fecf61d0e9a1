"""Acknowledging many batches at once, after one commit that holds for all of them.

An epoch takes batches until it is closed: after an interval, in an idle moment, at a stop, when as
many batches are under way as may be, or when partitions go to another process. Closing it takes the
participant's snapshot, unless epochs may not overlap: then the commit does. When every delivery of
a closed epoch has ended, and the epochs before it are committed, positions and snapshot are
committed in one step, and only then its batches are acknowledged. If one delivery failed, nothing
of this epoch or of a later one is committed: all of them fail, the participant goes back to the
last commit, and the inputs give the batches again.

Where epochs overlap, a commit waits for the disk in a thread of its own, one at a time. Whatever
follows from it happens in the thread that filters: at the next tick, or before that where it must
be known whether an epoch is committed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor

from ...plugins.batch import Part, Position
from ...plugins.epoch import Offsets, Participant
from ...plugins.errors import Disconnected

log = logging.getLogger("penstock")

Done = Callable[[Exception | None], None]

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 30.0


class _Epoch:
    """``left``: how many of its batches are still to be delivered; ``error``: the first failure."""

    def __init__(self) -> None:
        self.done: list[Done] = []
        self.sizes: dict[int, int] = {}
        self.offsets: dict[int | str, dict[str, Position]] = {}
        self.state: object = None
        self.left = 0
        self.error: Exception | None = None

    def settle(self, error: Exception | None) -> None:
        """Acknowledge its batches, or give them back."""
        for done in self.done:
            done(error)


class Epochs:
    """The epochs of a pipeline. ``take``, ``tick`` and ``finish`` belong to the thread that
    filters; ``force``, ``revoke`` and ``give_up`` may be called from any.

    ``interval`` is in seconds; ``committed``: what the last commit before has. ``limit``: how many
    batches of one input an epoch has at most; ``news`` is called, from any thread, when there may
    be something to commit; ``pause`` waits before what could not be committed is read again;
    ``executor`` runs the commits of a participant that overlaps, one at a time.
    """

    def __init__(
        self,
        participant: Participant,
        interval: float,
        news: Callable[[], None] = lambda: None,
        *,
        limit: Callable[[int], int] = lambda source: 1 << 30,
        pause: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        committed: Offsets | None = None,
        executor: Executor | None = None,
    ) -> None:
        self._participant, self._interval, self._news = participant, interval, news
        self._limit, self._pause, self._clock = limit, pause, clock
        self._change = threading.Condition()
        self._closed: deque[_Epoch] = deque()
        self._open = _Epoch()
        self._since = clock()
        self._is_forced = self._is_given_up = False
        self._revoked: list[tuple[int, frozenset[str]]] = []
        self._failures = 0
        self._executor = executor or ThreadPoolExecutor(1, "state commit")
        self._under_way: tuple[Future[None], _Epoch] | None = None  # of the oldest closed one
        self._committed = {source: dict(parts) for source, parts in (committed or {}).items()}
        self.commits = self.aborts = 0
        participant.begin()

    def take(self, source: int, parts: Iterable[Part], done: Done | None) -> Done:
        """A batch belongs to the open epoch; what is to be called when its deliveries have
        ended.
        """
        epoch = self._open
        if done is not None:
            epoch.done.append(done)
        epoch.sizes[source] = epoch.sizes.get(source, 0) + 1
        offsets = epoch.offsets.setdefault(source, {})
        offsets.update({p.partition: p.position for p in parts if p.position is not None})
        with self._change:
            epoch.left += 1

        def ended(error: Exception | None) -> None:
            with self._change:
                epoch.left -= 1
                epoch.error = epoch.error or error
                self._change.notify_all()
            if error is not None or epoch is not self._open:
                self._news()

        return ended

    def has(self, source: int, parts: Iterable[Part]) -> bool:
        """Whether all of a batch is committed: it ends where its partitions were committed, or
        before. It comes again where a connection was lost at that moment, and from an input that
        cannot begin behind a position.
        """
        parts = list(parts)
        if self._under_way is not None and _covers(self._closed[0].offsets.get(source), parts):
            self._take_up()
        return _covers(self._committed.get(source), parts)

    def force(self) -> None:
        """Close the open epoch at the next tick: something waits for it."""
        self._is_forced = True
        if self._open.sizes:
            self._news()

    def revoke(self, source: int, partitions: Collection[str]) -> Mapping[str, Position]:
        """Partitions belong to another process, or are read anew, before all of them could be
        delivered: what is not committed of them never will be, and what was worked with them is
        taken back. Their committed positions, once a commit that is under way has ended.
        """
        with self._change:
            self._revoked.append((source, frozenset(partitions)))
            self._change.notify_all()
        self._news()
        under_way = self._under_way  # before what is committed, which it is added to at its end
        committed = dict(self._committed.get(source, {}))
        if under_way is not None and _has_succeeded(under_way[0]):
            committed |= under_way[1].offsets.get(source, {})
        return {name: committed[name] for name in partitions if name in committed}

    def give_up(self) -> None:
        """The pipeline has failed: no more deliveries are waited for."""
        with self._change:
            self._is_given_up = True
            self._change.notify_all()

    def tick(self, idle: bool) -> None:
        """Close the open epoch if it is time, and commit what can be. Between two batches."""
        if self._under_way is not None and self._under_way[0].done():
            self._take_up()
        self._drop_revoked()
        if self._open.error is not None:
            self._abort(self._open.error)
            return
        if self._open.sizes and (idle or self._is_forced or self._is_due()):
            self._is_forced = False
            self._close()
        while self._closed and not self._closed[0].left and self._under_way is None:
            self._commit()
        if self._closed and not self._participant.overlaps:
            self._wait_and_commit()

    def _is_due(self) -> bool:
        is_large = any(count >= self._limit(source) for source, count in self._open.sizes.items())
        return is_large or self._clock() - self._since >= self._interval

    def _close(self) -> None:
        epoch = self._open
        if self._participant.overlaps:
            epoch.state = self._participant.snapshot()
        self._closed.append(epoch)
        self._open, self._since = _Epoch(), self._clock()
        if self._participant.overlaps:
            self._participant.begin()

    def _wait_and_commit(self) -> bool:
        """Commit the oldest closed epoch when it is delivered; False where it never will be."""
        epoch = self._closed[0]
        while epoch.left and epoch in self._closed and not self._is_given_up:
            with self._change:
                self._change.wait_for(lambda: not epoch.left or self._is_given_up or self._revoked)
            self._drop_revoked()
        if self._is_given_up:
            return False
        if epoch in self._closed and self._under_way is None:
            self._commit()
        if self._under_way is not None:
            self._take_up()
        return True

    def _commit(self) -> None:
        epoch = self._closed[0]
        if epoch.error is not None:
            self._abort(epoch.error)
            return
        if not self._participant.overlaps:
            # With workers, and with outputs that have threads, it was not delivered before.
            epoch.state = self._participant.snapshot()
            # Partitions may have gone, and come back, while this thread did not run: the snapshot
            # shows what goes from now on, but not what went before it.
            self._drop_revoked()
            if epoch not in self._closed:
                return
        begun = self._begun(epoch)
        self._under_way = begun, epoch
        if begun.done():
            self._take_up()

    def _begun(self, epoch: _Epoch) -> Future[None]:
        """The commit of an epoch: at once, or in the executor, with news when it has ended."""
        commit = self._participant.commit
        if self._participant.overlaps:
            begun = self._executor.submit(commit, epoch.offsets, epoch.state)
            begun.add_done_callback(lambda _: self._news())
            return begun
        ended: Future[None] = Future()
        try:
            ended.set_result(commit(epoch.offsets, epoch.state))
        except Exception as failure:
            ended.set_exception(failure)
        return ended

    def _take_up(self) -> None:
        """Wait for the commit that is under way, and do what follows from it."""
        failure = self._end_commit()
        if failure is not None:
            self._abort(failure)
            self._pause(min(_FIRST_PAUSE * 2**self._failures, _LONGEST_PAUSE))
            self._failures = min(self._failures + 1, 16)

    def _end_commit(self) -> Exception | None:
        """Wait for the commit that is under way, if one is: its epoch is committed then, unless
        this gives why it is not.
        """
        if self._under_way is None:
            return None
        try:
            self._under_way[0].result()
        except Exception as failure:
            log.error("the epoch could not be committed, its events are redelivered: %s", failure)
            log.debug("commit raised", exc_info=True)
            self._under_way = None
            return failure
        self._have_committed()
        return None

    def _have_committed(self) -> None:
        epoch = self._closed.popleft()
        for source, offsets in epoch.offsets.items():
            self._committed.setdefault(source, {}).update(offsets)
        self._under_way = None
        self.commits += 1
        self._failures = 0
        epoch.settle(None)
        if not self._participant.overlaps:
            self._participant.begin()

    def _abort(self, error: Exception) -> None:
        """Nothing behind the last commit counts: all its batches fail."""
        self._end_commit()
        self.aborts += 1
        failed, self._open = [*self._closed, self._open], _Epoch()
        self._closed.clear()
        self._since, self._is_forced = self._clock(), False
        self._participant.abort()
        if not self._participant.overlaps:
            self._await(failed)
        self._participant.begin()
        for epoch in failed:
            epoch.settle(error)

    def _await(self, failed: Collection[_Epoch]) -> None:
        """Wait until nothing of these epochs is on its way any more: what an output still has to
        deliver would belong to the next one.
        """
        with self._change:
            self._change.wait_for(
                lambda: self._is_given_up or not any(epoch.left for epoch in failed)
            )

    def _drop_revoked(self) -> None:
        with self._change:
            revoked, self._revoked = self._revoked, []
        if revoked and self._under_way is not None:
            self._take_up()  # what it commits was worked before
        epochs = (*self._closed, self._open)
        gone = [
            partition
            for source, partitions in revoked
            for epoch in epochs
            for partition in partitions & epoch.offsets.get(source, {}).keys()
        ]
        if gone:
            self._abort(Disconnected(f"partition {gone[0]} is assigned to another process"))

    def finish(self) -> None:
        """All inputs have stopped and all outputs have delivered: commit the rest. After
        ``give_up`` nothing is: what is open goes back.
        """
        if not self._is_given_up:
            self.tick(idle=True)
            while self._closed and self._wait_and_commit():
                pass
        if self._is_given_up:
            self._end_commit()
            self._participant.abort()
        self._executor.shutdown()


def _has_succeeded(commit: Future[None]) -> bool:
    """Wait for a commit; whether it was one."""
    try:
        commit.result()
    except Exception:
        return False
    return True


def _covers(ends: Mapping[str, Position] | None, parts: Collection[Part]) -> bool:
    """Whether all parts of a batch end where their partitions do, or before."""
    if not ends or not parts:
        return False
    return all(_is_behind(part.position, ends.get(part.partition)) for part in parts)


def _is_behind(position: Position | None, committed: Position | None) -> bool:
    """Whether a position lies at or before one that is committed, in the same incarnation."""
    if position is None or committed is None or position.incarnation != committed.incarnation:
        return False
    return position.offset <= committed.offset
