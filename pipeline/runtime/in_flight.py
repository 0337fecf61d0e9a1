"""The batches of one input that are under way, and how far each partition of it is settled.

Batches end in any order, in any thread. A partition's position moves only when everything before it
has been delivered. What a batch failed with goes back to the input, and with it everything that was
read behind it in its partitions: the input reads that again, so what those batches still bring does
not move the position any more. This is the one place where positions are kept, whatever the source.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from ...plugins.batch import Batch, Part, Position
from ...plugins.input import Outcome


class _Mark:
    """Where one batch ends in one partition."""

    __slots__ = ("is_done", "position")

    def __init__(self, position: Position) -> None:
        self.position, self.is_done = position, False


class Delivery:
    """A batch under way. ``done`` is called when it was delivered or failed; the first call
    counts.
    """

    __slots__ = ("_marks", "_owner", "_token", "parts")

    def __init__(self, owner: InFlight, token: object, parts: Sequence[Part]) -> None:
        self._owner: InFlight | None = owner
        self._token, self.parts = token, parts
        self._marks: dict[str, _Mark] = {
            part.partition: _Mark(part.position) for part in parts if part.position is not None
        }

    def done(self, error: Exception | None) -> None:
        """It was delivered, or failed; from any thread."""
        owner, self._owner = self._owner, None
        if owner is not None:
            owner._end(self, error)


class InFlight:
    """``most``: how many batches may be under way. ``ended`` is called, in the thread where a batch
    ended, when there is something to settle.
    """

    def __init__(self, most: int, ended: Callable[[], None]) -> None:
        self._most, self._ended = most, ended
        self._open: dict[Delivery, None] = {}
        self._outcomes: deque[tuple[Delivery, Exception | None]] = deque()
        self._partitions: dict[str, deque[_Mark]] = {}
        self._change = threading.Condition()
        self._poked = False

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
        delivery = Delivery(self, batch.token, batch.parts)
        for partition, mark in delivery._marks.items():
            self._partitions.setdefault(partition, deque()).append(mark)
        with self._change:
            self._open[delivery] = None
        return delivery

    def _end(self, delivery: Delivery, error: Exception | None) -> None:
        with self._change:
            self._open.pop(delivery, None)
            self._outcomes.append((delivery, error))
            self._change.notify_all()
        self._ended()

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
        while self._outcomes:
            delivery, error = self._outcomes.popleft()
            outcomes.append(Outcome(delivery._token, error))
            if error is None:
                for mark in delivery._marks.values():
                    mark.is_done = True
                moved.update(delivery._marks)
            else:
                self._rewind(delivery._marks)
        return outcomes, self._behind(moved)

    def _rewind(self, failed: Mapping[str, _Mark]) -> None:
        """Forget a mark and all behind it: the input reads from there again."""
        for partition, mark in failed.items():
            marks = self._partitions.get(partition, deque())
            while mark in marks:
                marks.pop()

    def _behind(self, partitions: Iterable[str]) -> dict[str, Position]:
        behind: dict[str, Position] = {}
        for partition in partitions:
            marks = self._partitions.get(partition)
            while marks and marks[0].is_done:
                behind[partition] = marks.popleft().position
            if not marks:
                self._partitions.pop(partition, None)
        return behind

    def drain(self, partitions: Iterable[str] | None, timeout: float) -> bool:
        """Wait until nothing of these partitions (of all, for None) is under way; False where that
        took too long.
        """
        wanted = None if partitions is None else set(partitions)

        def is_through() -> bool:
            return not any(
                wanted is None or any(part.partition in wanted for part in delivery.parts)
                for delivery in self._open
            )

        with self._change:
            return self._change.wait_for(is_through, timeout)

    def forget(self, partitions: Iterable[str]) -> None:
        """What is still under way of these partitions no longer counts: they belong to another."""
        for partition in partitions:
            self._partitions.pop(partition, None)

    def forget_all(self) -> None:
        """What is under way no longer moves a position: it is read again."""
        self._partitions.clear()
