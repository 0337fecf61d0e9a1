"""The engine ``local``: a plan in this process, whose parts meet through pickled data alone, as
they do on a cluster. It needs nothing installed, and shows what an engine makes of a configuration.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from ...dsl.diagnostics import Diagnostic
from .abilities import ABILITIES
from .deliver import Deliveries
from .engine_options import declared, refuse, typed
from .job_thread import JobThread
from .keyed import Keyed, keyed_for
from .packed import KeyedRow, Packed
from .plan import Plan, Read
from .ranges import RANGE_BYTES, ranges_of
from .reading import Reading
from .work import Work, work_for

T = TypeVar("T")


class LocalEngine:
    """Runs bounded inputs in one process."""

    name = "local"
    abilities = ABILITIES["local"]

    def check(self, plan: Plan) -> list[Diagnostic]:
        """Nothing besides what the plan says."""
        return []

    def start(
        self, plan: Plan, options: Mapping[str, str], checkpoint: str | None = None
    ) -> LocalJob:
        """Begin to run a plan, in a thread. ``range_bytes``: how large a range of a file is."""
        if checkpoint is not None:
            message = "the engine `local` keeps no positions and no state from one run to the next"
            refuse(message, "leave out --checkpoint")
        own = typed("local", options, [declared("range_bytes", "bytes", 1)])
        return LocalJob(plan, own.get("range_bytes", RANGE_BYTES))


class LocalJob(JobThread):
    """A plan that runs in this process."""

    def __init__(self, plan: Plan, range_bytes: int) -> None:
        super().__init__("local")
        self._plan, self._range_bytes = plan, range_bytes
        self._figures = dict.fromkeys(("events_in", "events_out", "bytes_out", "dead_letters"), 0)
        self._shards: list[_Shards] = []
        self.begin()

    def stop(self) -> None:
        """End after what was read."""
        self._stopping.set()

    def figures(self) -> Mapping[str, int | float]:
        """Events that came in and went out, and what filters hold."""
        shards = self._shards
        counts, sizes = sum(one.count for one in shards), sum(one.bytes for one in shards)
        return {**self._figures, "state_shards": counts, "state_bytes": sizes}

    def _work(self) -> None:
        plan = self._plan
        work, shipment = work_for(_sent(plan.shipment)), _sent(plan.shipment)
        deliveries = Deliveries(plan.assembly)
        shards = [_Shards(keyed_for(shipment, segment.number)) for segment in plan.keyed]
        self._shards = shards
        try:
            for packed in self._packed(work):
                self._figures["events_in"] += packed.events_in
                self._pass_on(packed, shards, deliveries)
            for number, held in enumerate(shards):
                for packed in held.end():
                    self._pass_on(packed, shards[number + 1 :], deliveries)
            deliveries.end()
        finally:
            deliveries.close()

    def _packed(self, work: Work) -> Iterator[Packed]:
        """What comes of the inputs, one after the other, until the job is to stop."""
        for source in self._plan.reads:
            for packed in _read(work, source, self._range_bytes):
                yield packed
                if self._stopping.is_set():
                    yield work.rest()
                    return

    def _pass_on(self, packed: Packed, shards: list[_Shards], deliveries: Deliveries) -> None:
        """Deliver what was packed, and take rows to their shards."""
        if packed.payloads:
            deliveries.deliver(_sent(packed.payloads))
            self._figures["bytes_out"] += packed.bytes_out
            self._figures["dead_letters"] = deliveries.dead_letters
        if not shards:
            self._figures["events_out"] += packed.events_out
            return
        for more in shards[0].take(_sent(packed.keyed)):
            self._pass_on(more, shards[1:], deliveries)


class _Shards:
    """The shards of a segment: of each the state, as an engine keeps it. ``count`` and ``bytes``:
    of those that hold something.
    """

    def __init__(self, keyed: Keyed) -> None:
        self._keyed = keyed
        self._states: dict[int, bytes] = {}
        self._latest: int | None = None
        self.count = self.bytes = 0

    def take(self, rows: Sequence[KeyedRow]) -> Iterator[Packed]:
        """Take rows in, shard by shard."""
        by_shard: dict[int, list[bytes]] = {}
        for row in rows:
            by_shard.setdefault(row.shard, []).append(row.blob)
            if self._latest is None or row.time_ms > self._latest:
                self._latest = row.time_ms
        for shard, blobs in by_shard.items():
            held = self._states.get(shard, b"")
            taken = self._keyed.take(held, blobs)
            self._states[shard] = taken.state
            self.count += bool(taken.state) - bool(held)
            self.bytes += len(taken.state) - len(held)
            yield taken.packed

    def end(self) -> Iterator[Packed]:
        """What is held, since the inputs have ended."""
        states, self._states = self._states, {}
        self.count = self.bytes = 0
        for shard in sorted(states):
            yield self._keyed.end(states[shard], self._latest).packed


def _sent(value: T) -> T:
    """A value as it arrives elsewhere."""
    made: T = pickle.loads(pickle.dumps(value, 5))
    return made


def _read(work: Work, read: Read, range_bytes: int) -> Iterator[Packed]:
    if read.how == "input":
        yield from Reading(read.number)(work)
        return
    source: Any = work.inputs[read.number]
    for part in ranges_of(source.found(), read.splittable, range_bytes):
        yield from Reading(read.number, _sent(part))(work)
