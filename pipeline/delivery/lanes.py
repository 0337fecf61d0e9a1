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

_NONE = object()  # in the place of a lane: None is one


class Lane:
    """The units that wait in one lane, and how much they are."""

    __slots__ = ("events", "size", "units")

    def __init__(self) -> None:
        self.units: deque[DeliveryUnit] = deque()
        self.events = self.size = 0

    def add(self, unit: DeliveryUnit) -> None:
        """Put a unit behind the others."""
        self.units.append(unit)
        self.events += unit.events
        self.size += unit.size

    def take(self) -> DeliveryUnit:
        """Take the first one out."""
        unit = self.units.popleft()
        self.events -= unit.events
        self.size -= unit.size
        return unit

    def fills(self, limits: Batching) -> bool:
        """Whether a request need not wait for more."""
        return self.events >= limits.events or self.size >= limits.bytes


class Lanes:
    """What waits. ``single``: one lane for all, whatever the payloads say, which keeps the order of
    everything; units of different lanes are not joined even then.
    """

    def __init__(self, output: Output, limits: Batching, single: bool) -> None:
        self._output, self._limits, self._single = output, limits, single
        self._lanes: dict[Hashable, Lane] = {}
        self._ready: deque[Hashable] = deque()
        self._busy: set[Hashable] = set()
        self._count = self._added = 0

    def __len__(self) -> int:
        return self._count

    def add(self, unit: DeliveryUnit) -> None:
        """Put a unit behind the others of its lane."""
        lane = None if self._single else unit.payload.lane
        waiting = self._lanes.get(lane)
        if waiting is None:
            waiting = self._lanes[lane] = Lane()
            if lane not in self._busy:
                self._ready.append(lane)
        if self._limits.age:
            unit.arrived = time.monotonic()
        self._added += 1
        unit.number = self._added
        waiting.add(unit)
        self._count += 1

    def due(self, ends: bool) -> float | None:
        """In how many seconds a request can be taken: 0 for now, None where nothing can. ``ends``:
        nothing is waited for any more.
        """
        if not self._ready:
            return None
        age = self._limits.age
        if ends or not age or self._has_full_first():
            return 0
        oldest = self._lanes[self._ready[0]].units[0]
        return max(0.0, oldest.arrived + age - time.monotonic())

    def _has_full_first(self) -> bool:
        """Whether a lane that is ready can fill a request; it is then taken first. Otherwise the
        one that has waited longest is first.
        """
        ready, lanes = self._ready, self._lanes
        full = next((lane for lane in ready if lanes[lane].fills(self._limits)), _NONE)
        is_full = full is not _NONE
        first = full if is_full else min(ready, key=lambda lane: lanes[lane].units[0].number)
        if first != ready[0]:
            ready.remove(first)
            ready.appendleft(first)
        return is_full

    def take(self) -> list[DeliveryUnit]:
        """The units of the next request; their lane is busy until ``release``."""
        lane = self._ready.popleft()
        waiting = self._lanes[lane]
        taken = [waiting.take()]
        if waiting.units and self._limits.events > 1 and self._output.joins(taken[0].payload):
            self._add_more(taken, waiting)
        self._count -= len(taken)
        self._leave(lane, waiting)
        return taken

    def _add_more(self, taken: list[DeliveryUnit], waiting: Lane) -> None:
        limits, payload_lane = self._limits, taken[0].payload.lane
        events, size = taken[0].events, taken[0].size
        while waiting.units:
            unit = waiting.units[0]
            events += unit.events
            size += unit.size
            if events > limits.events or size > limits.bytes:
                return
            if unit.payload.lane != payload_lane or not self._output.joins(unit.payload):
                return
            taken.append(waiting.take())

    def _leave(self, lane: Hashable, waiting: Lane) -> None:
        """A request was taken from a lane: it is busy, unless it asks for no order."""
        overlaps = lane is None and not self._single
        if not overlaps:
            self._busy.add(lane)
        if not waiting.units:
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
        """The unit that has waited longest; None where none waits."""
        lane = self._oldest_lane()
        return None if lane is _NONE else self._lanes[lane].units[0]

    def _oldest_lane(self) -> Hashable:
        lanes = self._lanes
        return min(lanes, key=lambda lane: lanes[lane].units[0].number, default=_NONE)

    def take_oldest(self) -> DeliveryUnit | None:
        """Take out the unit that has waited longest; None where none waits."""
        lane = self._oldest_lane()
        if lane is _NONE:
            return None
        waiting = self._lanes[lane]
        unit = waiting.take()
        self._count -= 1
        if not waiting.units:
            del self._lanes[lane]
            if lane not in self._busy:
                self._ready.remove(lane)
        return unit

    def take_all(self) -> list[DeliveryUnit]:
        """Take out all that waits."""
        left = [unit for waiting in self._lanes.values() for unit in waiting.units]
        left.sort(key=lambda unit: unit.number)
        self._lanes.clear()
        self._ready.clear()
        self._count = 0
        return left
