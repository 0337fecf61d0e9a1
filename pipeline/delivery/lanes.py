"""The units that wait for one output, by lane, and what of them becomes the next request.

Units of one lane are delivered in order, one request at a time; several of them are joined up to
the limits of the output. The lane None asks for no order: its requests may overlap. Not thread-safe
by itself.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Hashable

from ...plugins.output import Batching, Output
from .pending import DeliveryUnit


class Lanes:
    """What waits. ``single``: one lane for all, whatever the payloads say, which keeps the order of
    everything; units of different lanes are not joined even then.
    """

    def __init__(self, output: Output, limits: Batching, single: bool) -> None:
        self._output, self._limits, self._single = output, limits, single
        self._lanes: dict[Hashable, deque[DeliveryUnit]] = {}
        self._ready: deque[Hashable] = deque()
        self._busy: set[Hashable] = set()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, unit: DeliveryUnit) -> None:
        """Put a unit behind the others of its lane."""
        lane = None if self._single else unit.payload.lane
        waiting = self._lanes.get(lane)
        if waiting is None:
            waiting = self._lanes[lane] = deque()
            if lane not in self._busy:
                self._ready.append(lane)
        if self._limits.age:
            unit.arrived = time.monotonic()
        waiting.append(unit)
        self._count += 1

    def due(self, ends: bool) -> float | None:
        """In how many seconds a request can be taken: 0 for now, None where nothing can. ``ends``:
        nothing is waited for any more.
        """
        if not self._ready:
            return None
        waiting = self._lanes[self._ready[0]]
        age = self._limits.age
        if ends or not age or self._is_full(waiting):
            return 0
        return max(0.0, waiting[0].arrived + age - time.monotonic())

    def _is_full(self, waiting: deque[DeliveryUnit]) -> bool:
        events = size = 0
        for unit in waiting:
            events += unit.events
            size += unit.size
            if events >= self._limits.events or size >= self._limits.bytes:
                return True
        return False

    def take(self) -> list[DeliveryUnit]:
        """The units of the next request; their lane is busy until ``release``."""
        lane = self._ready.popleft()
        waiting = self._lanes[lane]
        taken = [waiting.popleft()]
        if waiting and self._limits.events > 1 and self._output.joins(taken[0].payload):
            self._add_more(taken, waiting)
        self._count -= len(taken)
        self._leave(lane, waiting)
        return taken

    def _add_more(self, taken: list[DeliveryUnit], waiting: deque[DeliveryUnit]) -> None:
        limits, payload_lane = self._limits, taken[0].payload.lane
        events, size = taken[0].events, taken[0].size
        while waiting:
            unit = waiting[0]
            events += unit.events
            size += unit.size
            if events > limits.events or size > limits.bytes:
                return
            if unit.payload.lane != payload_lane or not self._output.joins(unit.payload):
                return
            taken.append(waiting.popleft())

    def _leave(self, lane: Hashable, waiting: deque[DeliveryUnit]) -> None:
        """A request was taken from a lane: it is busy, unless it asks for no order."""
        overlaps = lane is None and not self._single
        if not overlaps:
            self._busy.add(lane)
        if not waiting:
            del self._lanes[lane]
        elif overlaps:
            self._ready.append(lane)

    def release(self, unit: DeliveryUnit) -> None:
        """The request that this unit was a part of is through."""
        lane = None if self._single else unit.payload.lane
        if lane in self._busy:
            self._busy.discard(lane)
            if lane in self._lanes:
                self._ready.append(lane)

    def oldest(self) -> DeliveryUnit | None:
        """The unit that waits first; None where none does."""
        return next((waiting[0] for waiting in self._lanes.values()), None)

    def take_oldest(self) -> DeliveryUnit | None:
        """Take out the unit that waits first; None where none does."""
        for lane, waiting in self._lanes.items():
            unit = waiting.popleft()
            self._count -= 1
            if not waiting:
                del self._lanes[lane]
                if lane not in self._busy:
                    self._ready.remove(lane)
            return unit
        return None

    def take_all(self) -> list[DeliveryUnit]:
        """Take out all that waits."""
        left = [unit for waiting in self._lanes.values() for unit in waiting]
        self._lanes.clear()
        self._ready.clear()
        self._count = 0
        return left
