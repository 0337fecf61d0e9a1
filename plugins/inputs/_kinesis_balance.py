"""Which leases a process takes, and which it asks others for.

Each process decides by itself, by the table that all of them see: it takes what nobody reads until
it has its share, and where nothing is free it asks the one that has most, as long as that has at
least two more than itself. So it ends, and nobody takes a lease to and fro.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from ._kinesis_leases import Lease


class Sightings:
    """Since when each lease stands still. ``patience``: seconds after which its owner counts as
    dead; ``dead``: names whose owners are known to be.
    """

    def __init__(self, patience: float, dead: Collection[str] = ()) -> None:
        self._patience, self._dead = patience, frozenset(dead)
        self._seen: dict[str, tuple[str | None, int, float]] = {}

    def look(self, leases: Iterable[Lease], now: float) -> None:
        """These are the leases now; ``now``: seconds of a clock of this process."""
        seen = {}
        for lease in leases:
            known = self._seen.get(lease.key)
            if known is None or known[:2] != (lease.owner, lease.counter):
                known = lease.owner, lease.counter, now
            seen[lease.key] = known
        self._seen = seen

    def is_free(self, lease: Lease, now: float) -> bool:
        """Whether nobody reads it."""
        if lease.owner is None or lease.owner in self._dead:
            return True
        return now - self._seen[lease.key][2] >= self._patience


class Plan(NamedTuple):
    """What a process does: leases to take, and leases to ask for."""

    take: list[Lease]
    ask: list[Lease]


class Bounds(NamedTuple):
    """``most``: how many leases a process has at most; ``at_once``: how many it asks for in one
    go.
    """

    most: int
    at_once: int


def readable(leases: Sequence[Lease]) -> list[Lease]:
    """The leases of shards that can be read now: not ended, but their parents have."""
    unfinished = {lease.key for lease in leases if not lease.has_ended}
    return [
        lease
        for lease in leases
        if lease.key in unfinished and unfinished.isdisjoint(lease.parents)
    ]


def plan(
    leases: Sequence[Lease],
    me: str,
    sightings: Sightings,
    now: float,
    bounds: Bounds,
    chance: random.Random,
) -> Plan:
    """What to do about these leases, which have been looked at."""
    ready = readable(leases)
    free = [lease for lease in ready if lease.owner != me and sightings.is_free(lease, now)]
    taken = {lease.key for lease in free}
    others = [lease for lease in ready if lease.key not in taken]
    loads = Counter({me: 0})
    loads.update(lease.wanted_by or lease.owner or me for lease in others)
    share = min(bounds.most, -(-len(ready) // len(loads)))
    if free:
        chance.shuffle(free)
        return Plan(free[: max(0, share - loads[me])], [])
    return Plan([], _asked(others, me, loads, bounds, chance))


def _asked(
    leases: Sequence[Lease],
    me: str,
    loads: Counter[str],
    bounds: Bounds,
    chance: random.Random,
) -> list[Lease]:
    found: list[Lease] = []
    left = [lease for lease in leases if lease.owner != me and lease.wanted_by is None]
    chance.shuffle(left)
    while left and loads[me] < bounds.most and len(found) < bounds.at_once:
        busiest = max(left, key=lambda lease: loads[str(lease.owner)])
        owner = str(busiest.owner)
        if loads[owner] - loads[me] < 2:
            break
        left.remove(busiest)
        found.append(busiest)
        loads[owner] -= 1
        loads[me] += 1
    return found
