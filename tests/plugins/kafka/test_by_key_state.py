"""aggregate, elapsed and throttle in a group: their state goes along with a partition, so that processes that are killed give what one would give."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from servers.kafka_topics import Topic
from servers.kafka_windows import Windows

import penstock
from penstock.dsl.timestamp import Timestamp

START = 1_756_972_800  # 2025-09-04T08:00:00Z
KEYS, PARTITIONS = 10, 2
FILTERS = """
aggregate { id => "a" task_id => "%{k}" code => "map['n'] ||= 0; map['n'] += 1; event.set('nth', map['n'])" }
throttle { id => "t" key => "%{k}" after_count => 3 period => 60 add_tag => ["often"] }
elapsed { id => "e" start_tag => "begin" end_tag => "finish" unique_id_field => "k" }
"""


def event(number: int) -> dict[str, Any]:
    tag = ["begin", "on", "finish"][number // KEYS % 3]
    return {
        "@timestamp": str(Timestamp.of_millis((START + number) * 1000)),
        "k": number % KEYS,
        "n": number,
        "tags": [tag],
    }


def told(events: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted((e["n"], e["nth"], e["tags"], e.get("elapsed_time")) for e in events)


def test_processes_that_are_killed_give_what_one_gives(
    tmp_path: Path, make_topic: Callable[..., Topic]
) -> None:
    source, target = make_topic(PARTITIONS), make_topic(1)
    group = Windows(tmp_path, source, target, filters=FILTERS)
    life, count = 500, 0
    for name in ("first", "second", "last"):
        for partition in range(PARTITIONS):
            numbers = [n for n in range(count, count + life) if n % PARTITIONS == partition]
            source.put([json.dumps(event(n)) for n in numbers], partition=partition)
        count += life
        before = len(target.values())
        with group.process(name) as run:
            if name == "last":
                run.until(lambda count=count: len(target.values()) >= count, "all events have come")
                run.stop()
            else:
                run.until(lambda before=before: len(target.values()) > before, "it writes")
                run.kill()
    wanted = penstock.compile(f"filter {{ {FILTERS} }}")([event(n) for n in range(count)])
    assert told([json.loads(value) for value in target.values()]) == told(wanted)
