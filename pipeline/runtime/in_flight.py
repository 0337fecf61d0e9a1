"""The batches of one input that are under way, and how far each partition of it is settled.

Batches end in any order, in any thread. A partition's position moves only when everything before it
has been delivered. A batch that failed goes back to the input, and with it everything that was read
behind it in its partitions, and behind that in theirs: those batches are *superseded*. The input is
told of all of them at once and reads them again, so what becomes of them meanwhile does not count.
This is the one place where positions are kept, whatever the source.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence

from ...plugins.batch import Batch, Part, Position
from ...plugins.input import Outcome


class _Mark:
    """Where one batch ends in one partition."""

    __slots__ = ("is_done", "is_superseded", "position")

    def __init__(self, position: Position) -> None:
        self.position, self.is_done, self.is_superseded = position, False, False


class Delivery:
    """A batch under way. ``done`` is called when it was delivered or failed; the first call
    counts. ``is_superseded``: the input gives it again, since something before it has failed, or
    the connection was lost.
    """

    __slots__ = ("_marks", "_owner", "_token", "is_superseded", "number", "parts")

    def __init__(self, owner: InFlight, number: int, token: object, parts: Sequence[Part]) -> None:
        self._owner: InFlight | None = owner
        self.number, self._token, self.parts = number, token, parts
        self.is_superseded = False
        self._marks: dict[str, _Mark] = {
            part.partition: _Mark(part.position) for part in parts if part.position is not None
        }

    def done(self, error: Exception | None) -> None:
        """It was delivered, or failed; from any thread."""
        owner, self._owner = self._owner, None
        if owner is not None:
            owner._end(self, error)

    def forget_token(self) -> None:
        """Nobody is to be told how it ended."""
        self._token = None

    def supersede(self) -> None:
        """How it ends is of no account any more."""
        self._owner, self.is_superseded = None, True

    def leave_out(self, partitions: Collection[str]) -> None:
        """How it ends is of no account any more for these partitions; it is not to be worked."""
        for partition in self._marks.keys() & set(partitions):
            del self._marks[partition]
            self.is_superseded = True


class InFlight:
    """``most``: how many batches may be under way. ``ended`` is called, in the thread where a batch
    ended, when there is something to settle.
    """

    def __init__(self, most: int, ended: Callable[[], None]) -> None:
        self._most, self._ended = most, ended
        self._count = 0
        self._open: dict[Delivery, None] = {}
        self._outcomes: deque[tuple[Delivery, Exception | None]] = deque()
        self._partitions: dict[str, deque[_Mark]] = {}
        self._failed: dict[str, Exception] = {}  # partitions that the input has to read again
        self._change = threading.Condition()
        self._poked = False

    @property
    def count(self) -> int:
        """Batches that are under way."""
        return len(self._open)

    @property
    def is_full(self) -> bool:
        """Whether nothing more may be read for now."""
        return len(self._open) >= self._most

    @property
    def is_empty(self) -> bool:
        """Whether nothing is under way; outcomes may still wait to be settled."""
        return not self._open

    @property
    def has_outcomes(self) -> bool:
        """Whether there is something to settle."""
        return bool(self._outcomes)

    def add(self, batch: Batch) -> Delivery:
        """A batch that was read; in the reading thread."""
        with self._change:
            self._count += 1
            delivery = Delivery(self, self._count, batch.token, batch.parts)
            for partition, mark in delivery._marks.items():
                self._partitions.setdefault(partition, deque()).append(mark)
            failed = self._failed.keys() & delivery._marks.keys()
            if failed:  # it was read before the input was told
                self._supersede(delivery, self._failed[min(failed)])
            else:
                self._open[delivery] = None
        return delivery

    def _end(self, delivery: Delivery, error: Exception | None) -> None:
        with self._change:
            if delivery not in self._open:
                return  # it was superseded at this very moment
            del self._open[delivery]
            if error is None:
                self._outcomes.append((delivery, None))
            else:
                self._fail(delivery, error)
            self._change.notify_all()
        self._ended()

    def _fail(self, delivery: Delivery, error: Exception) -> None:
        """A batch goes back, and with it all that is behind it in its partitions."""
        self._supersede(delivery, error)
        gone = set(delivery._marks)
        for behind in list(self._open):
            if behind.number > delivery.number and gone & behind._marks.keys():
                gone |= behind._marks.keys()
                del self._open[behind]
                self._supersede(behind, error)

    def _supersede(self, delivery: Delivery, error: Exception) -> None:
        delivery.supersede()
        self._outcomes.append((delivery, error))
        for partition, mark in delivery._marks.items():
            self._failed[partition] = error
            for behind in reversed(self._partitions.get(partition, ())):
                behind.is_superseded = True
                if behind is mark:
                    break

    def wait(self, timeout: float) -> None:
        """Wait until a batch ends, up to so many seconds."""
        with self._change:
            if not self._outcomes and not self._poked:
                self._change.wait(timeout)
            self._poked = False

    def poke(self) -> None:
        """End a ``wait``."""
        with self._change:
            self._poked = True
            self._change.notify_all()

    def take_outcomes(self) -> tuple[list[Outcome], dict[str, Position]]:
        """What is to be settled: the batches that have ended, and the positions that moved; in the
        reading thread.
        """
        outcomes: list[Outcome] = []
        moved: set[str] = set()
        with self._change:
            while self._outcomes:
                delivery, error = self._outcomes.popleft()
                outcomes.append(Outcome(delivery._token, error))
                if error is None:
                    for mark in delivery._marks.values():
                        mark.is_done = True
                    moved.update(delivery._marks)
            return outcomes, self._behind(moved)

    def told(self) -> None:
        """The input knows all outcomes that were taken: from now on it reads again what failed, and
        all that was read behind it is forgotten.
        """
        with self._change:
            untold = {p for d, error in self._outcomes if error is not None for p in d._marks}
            for partition in self._failed.keys() - untold:
                del self._failed[partition]
                marks = self._partitions.get(partition)
                while marks and marks[-1].is_superseded:
                    marks.pop()
                if not marks:
                    self._partitions.pop(partition, None)

    def _behind(self, partitions: Iterable[str]) -> dict[str, Position]:
        behind: dict[str, Position] = {}
        for partition in partitions:
            marks = self._partitions.get(partition)
            while marks and marks[0].is_done:
                behind[partition] = marks.popleft().position
            if not marks:
                self._partitions.pop(partition, None)
        return behind

    def drain(
        self,
        partitions: Iterable[str] | None,
        timeout: float,
        but: Delivery | None = None,
    ) -> bool:
        """Wait until nothing of these partitions (of all, for None) is under way, ``but`` for one
        batch; False where that took too long.
        """
        wanted = None if partitions is None else set(partitions)

        def is_through() -> bool:
            return not any(
                wanted is None or any(part.partition in wanted for part in delivery.parts)
                for delivery in self._open
                if delivery is not but
            )

        with self._change:
            return self._change.wait_for(is_through, timeout)

    def forget(self, partitions: Iterable[str]) -> None:
        """What is still under way of these partitions no longer counts: they belong to another. A
        batch that has others, too, counts for those: it comes again with what was read behind it.
        """
        with self._change:
            gone = set(partitions)
            for delivery in self._open:
                delivery.leave_out(gone)
            for partition in gone:
                self._partitions.pop(partition, None)
                self._failed.pop(partition, None)

    def forget_all(self) -> list[str]:
        """What is under way no longer moves a position: it is read again. The partitions of it."""
        with self._change:
            gone = [partition for delivery in self._open for partition in delivery._marks]
            for delivery in self._open:
                delivery.leave_out(delivery._marks.keys())
                delivery.is_superseded = True
            self._partitions.clear()
            self._failed.clear()
            return gone
