"""The watermark: how far event time has come, over all partitions of an input.

A partition (a file, a partition of a topic, a side of a join) has a ``top``, the latest time taken
in, and one of four states. *Pending*: it is known, and has not begun: it holds the watermark back.
*Active*. *Idle*: nothing came for so long of the clock: it is left out until it speaks again.
*Finished*: left out for good. The watermark is the least top of those that count, less the
lateness, and never falls. When all are idle, it goes on with the clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from . import FOREVER, NEVER
from .plain import plain, revive

PENDING, ACTIVE, IDLE, FINISHED = "pending", "active", "idle", "finished"

Partition = Any
"""What names a partition: any hashable plain value."""


class Progress(msgspec.Struct):
    """How far one partition has come: its latest event time, and when the clock last saw it."""

    top: int = NEVER
    seen: int = 0
    state: str = ACTIVE


class Watermarks:
    """The partitions of one filter and its watermark, all in milliseconds. ``idle`` 0: partitions
    are never idle, and the clock moves nothing.
    """

    is_given = False
    reason = "idle"
    """What results have become due by, where no event made them due."""

    def __init__(self, lateness: int, idle: int) -> None:
        self.lateness, self.idle = lateness, idle
        self.partitions: dict[Partition, Progress] = {}
        self.watermark = NEVER

    def begin(self, names: Iterable[Partition], clock: int) -> None:
        """Make partitions known before their first event: until then they hold the watermark
        back.
        """
        for name in names:
            if name not in self.partitions:
                self.partitions[name] = Progress(NEVER, clock, PENDING)

    def enter(self, name: Partition, clock: int) -> tuple[Progress, int]:
        """A partition that speaks, and the least top of the others that count (FOREVER if none
        does).
        """
        progress = self.partitions.get(name)
        if progress is None:
            progress = self.partitions[name] = Progress()
        progress.seen, progress.state = clock, ACTIVE
        if len(self.partitions) == 1:
            return progress, FOREVER
        return progress, self.least_but([progress])

    def least_but(self, left_out: Iterable[Progress]) -> int:
        """The least top of those that count, without some; FOREVER if there is none."""
        out = {id(progress) for progress in left_out}
        counting = [p for p in self.partitions.values() if p.state in (PENDING, ACTIVE)]
        return min((p.top for p in counting if id(p) not in out), default=FOREVER)

    def is_behind(self, top: int, others: int) -> bool:
        """Whether a partition that speaks moves the watermark by that alone: it was idle, and those
        that it waited for have ended meanwhile.
        """
        return min(top, others) - self.lateness > self.watermark

    def move(self) -> int:
        """The watermark after partitions have come further or have ended."""
        least = self.least_but(())
        if least not in (FOREVER, NEVER):
            self.watermark = max(self.watermark, least - self.lateness)
        return self.watermark

    def tick(self, clock: int) -> int:
        """The watermark after time has passed without events."""
        if not self.idle:
            return self.watermark
        open_ones = [p for p in self.partitions.values() if p.state != FINISHED]
        for progress in open_ones:
            if clock - progress.seen >= self.idle:
                progress.state = IDLE
        tops = [p.top for p in open_ones if p.top != NEVER]
        if not tops or any(progress.state != IDLE for progress in open_ones):
            return self.move()
        silent = clock - max(progress.seen for progress in open_ones) - self.idle
        self.watermark = max(self.watermark, max(tops) - self.lateness + silent)
        return self.watermark

    def idle_now(self, name: Partition) -> int:
        """Leave a partition out until it speaks again."""
        if name in self.partitions:
            self.partitions[name].state = IDLE
        return self.move()

    def finish(self, name: Partition) -> int:
        """Leave a partition out for good. The end of the last one moves nothing: that is the end of
        the input, and said by the runtime.
        """
        progress = self.partitions.setdefault(name, Progress())
        progress.state = FINISHED
        return self.move()

    def dump(self) -> Any:
        """All that is known, as plain data."""
        rows = [[plain(name), plain(p.top), p.state] for name, p in self.partitions.items()]
        return [plain(self.watermark), rows]

    def load(self, data: Any, clock: int) -> None:
        """Go on from what ``dump`` gave; the clock counts anew."""
        watermark, rows = data
        self.watermark = revive(watermark)
        self.partitions = {
            revive(name): Progress(revive(top), clock, state) for name, top, state in rows
        }


class GivenWatermark(Watermarks):
    """A watermark that an engine gives: neither events nor the clock move it, and partitions are
    the engine's business.
    """

    is_given = True
    reason = "watermark"

    def __init__(self, lateness: int) -> None:
        super().__init__(lateness, 0)

    def begin(self, names: Iterable[Partition], clock: int) -> None:
        """The engine waits for partitions."""

    def enter(self, name: Partition, clock: int) -> tuple[Progress, int]:
        """A partition whose events move nothing."""
        top = self.least_but(())
        return Progress(top, clock), top

    def least_but(self, left_out: Iterable[Progress]) -> int:
        """The top that the watermark stands for."""
        return NEVER if self.watermark == NEVER else self.watermark + self.lateness

    def move(self) -> int:
        return self.watermark

    def tick(self, clock: int) -> int:
        return self.watermark

    def idle_now(self, name: Partition) -> int:
        return self.watermark

    def finish(self, name: Partition) -> int:
        return self.watermark
