"""Results that filters make in parts are gathered over the chunks of a range, and none is lost or counted twice."""
from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.engines.keyed import Keyed
from penstock.pipeline.engines.packed import Packed
from penstock.pipeline.engines.plan import plan_of
from penstock.pipeline.engines.shipping import Shipment, assembled
from penstock.pipeline.engines.work import Work

INPUT = 'input { file { path => "/dev/null" mode => "read" exit_after_read => true file_completed_action => "log" file_completed_log_path => "/dev/null" codec => json } }'
WINDOW = 'date { match => ["at", "UNIX"] } window { id => "w" size => "1m" by => ["key"] keep => false sum => { "sum" => "n" } %s }'


def shipment(more: str = "") -> Shipment:
    text = f"{INPUT} filter {{ {WINDOW % more} }} output {{ stdout {{ codec => json_lines }} }}"
    return plan_of([Source("p.conf", text)], settled({"penstock.now": "2026-01-01T00:00:00Z"}), "local").shipment


def chunks(count: int, keys: int) -> list[bytes]:
    events = [{"at": 1757000000 + n, "key": f"k{n % keys}", "n": n} for n in range(count)]
    return ["".join(json.dumps(event) + "\n" for event in events[at : at + 10]).encode() for at in range(0, count, 10)]


def rows(packed: Iterable[Packed]) -> list[int]:
    """How many rows came of each call."""
    return [len(one.keyed) for one in packed]


def sums(shipment: Shipment, packed: Iterable[Packed]) -> Counter[str]:
    """What is summed up behind the exchange, by key."""
    keyed, states = Keyed(assembled(shipment), 1), dict[int, bytes]()
    for one in packed:
        for row in one.keyed:
            states[row.shard] = keyed.take(states.get(row.shard), [row.blob]).state
    found: Counter[str] = Counter()
    for state in states.values():
        for payload in keyed.end(state).packed.payloads:
            for line in payload.payload.splitlines():
                event = json.loads(line)
                found[event["key"]] += event["sum"]
    return found


def wanted(count: int, keys: int) -> Counter[str]:
    found: Counter[str] = Counter()
    for n in range(count):
        found[f"k{n % keys}"] += n
    return found


def test_a_range_gives_its_rows_at_its_end() -> None:
    sent = shipment()
    packed = list(Work(assembled(sent)).range(chunks(100, 3), {}))
    assert rows(packed) == [0] * 10 + [3]
    assert sums(sent, packed) == wanted(100, 3)


def test_with_as_many_keys_as_may_be_held_rows_come_with_each_chunk() -> None:
    sent = shipment("max_keys => 2")
    packed = list(Work(assembled(sent)).range(chunks(100, 2), {}))
    assert rows(packed) == [2] * 10 + [0]
    assert sums(sent, packed) == wanted(100, 2)


def test_what_a_call_that_failed_has_left_can_be_put_away() -> None:
    sent = shipment()
    work = Work(assembled(sent))
    given = work.range(chunks(100, 3), {})
    next(given)  # and here its task fails
    work.rest()
    assert sums(sent, work.range(chunks(100, 3), {})) == wanted(100, 3)
