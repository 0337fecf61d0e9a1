"""A plan worked by hand: rows go from place to place pickled, and two places take turns with the shards of each segment."""
import pickle

from penstock.pipeline.engines.keyed import Keyed, Taken
from penstock.pipeline.engines.packed import Packed
from penstock.pipeline.engines.plan import Plan
from penstock.pipeline.engines.shipping import assembled
from penstock.pipeline.engines.work import Work

READ = 'file { path => "/nothing" mode => "read" exit_after_read => true file_completed_action => "log" file_completed_log_path => "/dev/null" codec => %s }'
LATENESS = 10_000


class Machine:
    """A plan at work, by hand: two places take turns with the shards of each segment."""

    def __init__(self, plan: Plan, streaming: bool = False) -> None:
        self.work = Work(assembled(plan.shipment))
        self.places = [[Keyed(assembled(plan.shipment), each.number) for _ in range(2)] for each in plan.keyed]
        self.states: list[dict[int, Taken]] = [{} for _ in plan.keyed]
        self.streaming = streaming
        self.latest: list[int | None] = [None] * len(plan.keyed)
        self.marks: list[int | None] = [None] * len(plan.keyed)
        self.lines: list[str] = []

    def take(self, chunk: bytes, place: int) -> None:
        packed = self.work.lines(chunk, {"host": "h"})
        self.on(0, packed, place)
        if self.streaming:
            self.move(place)

    def on(self, number: int, packed: Packed, place: int) -> None:
        """What came goes on: to the outputs, or to the shards of a segment."""
        for payload in packed.payloads:
            self.lines += payload.payload.decode().splitlines()
        shards: dict[int, list[bytes]] = {}
        for row in pickle.loads(pickle.dumps(packed.keyed)):
            shards.setdefault(row.shard, []).append(row.blob)
            self.latest[number] = max(row.time_ms, self.latest[number] or row.time_ms)
        for shard, blobs in shards.items():
            held = self.states[number].get(shard)
            taken = self.places[number][place].take(held.state if held else None, blobs, self.marks[number])
            self.states[number][shard] = taken
            self.on(number + 1, taken.packed, place)

    def move(self, place: int) -> None:
        """Time has come as far as the latest event; results of the first segment only begin a second one's time, so that one stands still."""
        latest = self.latest[0]
        if latest is None:
            return
        self.marks[0] = mark = latest - LATENESS
        for shard, held in list(self.states[0].items()):
            if held.timer_ms is not None and held.timer_ms <= mark:
                self.states[0][shard] = taken = self.places[0][place].due(held.state, mark)
                assert taken.timer_ms is None or taken.timer_ms > mark
                self.on(1, taken.packed, place)

    def end(self) -> list[str]:
        for number, states in enumerate(self.states):
            for shard in sorted(states):
                self.on(number + 1, self.places[number][shard % 2].end(states[shard].state, self.latest[number]).packed, 0)
        return self.lines
