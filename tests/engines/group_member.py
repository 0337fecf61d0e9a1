"""A member of a group that keeps state with partitions, in memory: its filter, its changelog, and the participant that commits."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.dsl.timestamp import Timestamp
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.runtime.partitions import Partitions, filters_of_event_time
from penstock.pipeline.state.partition_states import PartitionStates
from penstock.plugins.batch import Part, Position
from penstock.plugins.epoch import Offsets, Row, ShardedState
from penstock.plugins.errors import Disconnected

Event = dict[str, Any]
START = 1_756_972_800  # 2025-09-04T08:00:00Z
WINDOW = 'window { id => "w" size => "1m" by => ["k"] sum => { "s" => "v" } keep => false lateness => "0s" idle => "0s" }'


class Log:
    """A changelog in memory that several members write to, each with the partitions that it has."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[bytes, bytes]] = {}
        self.offsets: dict[str, Position] = {}

    def add(self, rows: Sequence[Row]) -> None:
        for shard, key, value in rows:
            held = self.rows.setdefault(shard, {})
            if value is None:
                held.pop(key, None)
            else:
                held[key] = value


class Member:
    """A member's side of it, and the participant that commits."""

    overlaps = False

    def __init__(self, log: Log, text: str = WINDOW) -> None:
        assembly = assemble([Source("t.conf", f"input {{ generator {{ }} }} filter {{ {text} }} output {{ null {{ }} }}")], settled({}))
        self.log, self.assigned, self.fails = log, dict[str, int](), False
        timed = filters_of_event_time(assembly)
        by_key: list[Any] = [] if timed else assembly.plugins(assembly.program.filters)
        (self.filter,) = [*timed, *by_key]
        self.turns = Partitions(timed, by_key)
        self.states = PartitionStates([self.filter], self, self, lambda each: text, lambda held: self.old, lambda seconds: False)
        self.old: Any = None

    def partitions(self) -> Mapping[str, int]:
        return dict(self.assigned)

    def shard_of(self, partition: str) -> str:
        return partition.rpartition("-")[2]

    def read(self, shard: str, is_wanted: Callable[[], bool]) -> Mapping[bytes, bytes]:
        return dict(self.log.rows.get(shard, {}))

    def restored(self) -> Offsets:
        return {}

    def begin(self) -> None:
        pass

    def snapshot(self) -> None:
        pass

    def commit(self, offsets: Offsets, state: ShardedState) -> None:
        if self.fails or any(self.assigned.get(name) != number for name, number in state.assignments.items()):
            raise Disconnected("refused")
        self.log.add(state.rows)
        self.log.offsets |= state.positions

    def abort(self) -> None:
        pass

    def take(self, partition: str, *events: Event) -> list[Event]:
        """Work events of a partition; what is emitted."""
        assert self.states.open([partition])
        self.turns.turn_to(0, [Part(partition)], 0)
        return self.filter.run(list(events))  # type: ignore[attr-defined,no-any-return]

    def flush(self) -> list[Event]:
        """What is due without events, partition by partition."""
        return [event for _ in self.turns.turns() for event in self.filter.flush(False)]  # type: ignore[attr-defined]

    def done(self, **offsets: int) -> None:
        self.states.commit({"in": {name.replace("_", "-"): Position("i", at) for name, at in offsets.items()}}, None)


def at(second: int, k: str = "a", v: int = 1) -> Event:
    return {"@timestamp": Timestamp.of_millis((START + second) * 1000), "k": k, "v": v}
