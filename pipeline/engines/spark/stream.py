"""Inputs that do not end, as a stream of batches: the driver looks where they end now, and has the
pieces between there and where the last batch ended worked as one batch.

Spark's own streams are not used. How far a batch reached stands in the same note as its files and
its state, so that there is one position and not two; and a source of theirs in Python runs in a
process beside the driver's JVM, which on a cluster would need the interpreter of the executors, and
on a busy machine is given ten seconds to start.
"""

from __future__ import annotations

import threading
import time

from ....plugins.errors import Disconnected
from ....plugins.rate_limit import complain
from ..parts import Plan
from .batch import Batches
from .groups import GroupOffsets
from .offsets import SourceEnds
from .pieces import Piece, Positions
from .read import inputs_of
from .session import SparkOptions

_AWAY = 2.0
"""Seconds between two looks while brokers do not answer."""


def run_stream(
    plan: Plan, options: SparkOptions, batches: Batches, stopping: threading.Event
) -> None:
    """Run until ``stopping`` is set, or, where that is asked for, until nothing is left to read.
    Raises what a task failed with.
    """
    stream = _Stream(plan, options, batches)
    try:
        while not stopping.is_set():
            begun = time.monotonic()
            try:
                has_more = stream.go_on()
            except Disconnected as error:
                complain("spark stream", "spark: where inputs end cannot be seen: %s", error)
                stopping.wait(_AWAY)
                continue
            if options.until_idle and not has_more:
                return
            if not options.until_idle:
                stopping.wait(max(0.0, begun + options.batch_seconds - time.monotonic()))
    finally:
        stream.close()


class _Stream:
    """The batches of a stream, one behind the other."""

    def __init__(self, plan: Plan, options: SparkOptions, batches: Batches) -> None:
        self._plan, self._options, self._batches = plan, options, batches
        self._ends: SourceEnds | None = None
        self._groups = GroupOffsets(inputs_of(plan.assembly))
        self._position: Positions = {}

    def go_on(self) -> bool:
        """Work the next batch; whether there was something to read. Raises Disconnected where an
        input cannot be asked, and what a task failed with.
        """
        try:
            end, pieces = self._look()
        except OSError as error:  # a file that has gone at this moment
            raise Disconnected(str(error)) from error
        if pieces:
            number = self._batches.last.batch + 1
            self._batches.work(number, _ordered(pieces), ends=False, reached=end)
            self._groups.commit(pieces)
        self._position = end
        return bool(pieces)

    def _look(self) -> tuple[Positions, list[Piece]]:
        """Where inputs end now, and what lies before that."""
        if self._ends is None:
            self._ends = SourceEnds(self._plan.assembly, self._options.batch_records)
        if not self._position:
            self._position = self._batches.last.positions
        if not self._position:
            self._position = self._ends.starts()
            self._batches.begin(self._position)
        end = self._ends.ends(self._position)
        return end, self._ends.pieces(self._position, end)

    def close(self) -> None:
        """Let go of servers."""
        if self._ends is not None:
            self._ends.close()
        self._groups.close()


def _ordered(pieces: list[Piece]) -> list[Piece]:
    return sorted(pieces, key=lambda piece: (piece.read, piece.topic, piece.path, piece.start))
