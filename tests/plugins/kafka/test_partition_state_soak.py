"""State kept with partitions, at length, and on a cluster that ZooKeeper runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from servers import kafka
from servers.kafka_topics import Topic
from servers.kafka_windows import LONGEST, Windows, grow_and_shrink
from servers.packages import require
from servers.penstock_process import Penstock
from servers.soak import Figures, Found

GROUPS = pytest.mark.soak("Kafka groups", "kafka")
EVENTS = 200_000


def figures(windows: Windows) -> Figures:
    """Two processes were killed in each; what is lost or repeated is counted in results."""
    lost, repeated = windows.differences()
    return Figures(2, windows.count, repeated, lost)


@GROUPS
def test_two_hundred_thousand_events_while_processes_come_and_go(
    tmp_path: Path, make_topic: Callable[..., Topic], found: Found
) -> None:
    windows = Windows(tmp_path, make_topic(4), make_topic(2), pace=40)
    grow_and_shrink(windows, EVENTS)
    found(figures(windows))


@GROUPS
def test_workers_decode_and_the_main_process_keeps_the_state(
    tmp_path: Path, make_topic: Callable[..., Topic], found: Found
) -> None:
    windows = Windows(tmp_path, make_topic(4), make_topic(2))
    for life in ("first", "second"):
        windows.put(5000)
        before = len(windows.results())
        with windows.process(life, "-w", "2") as run:
            run.until(lambda before=before: len(windows.results()) > before, "it writes")
            run.kill()
    windows.end()
    with windows.process("last", "-w", "2") as run:
        run.until(windows.has_all, "all windows have come")
        run.stop()
    windows.check()
    found(figures(windows))


@pytest.mark.servers
def test_on_a_cluster_that_zookeeper_runs(tmp_path: Path) -> None:
    require("kafka39")
    with kafka.started(kafka.with_zookeeper(tmp_path)) as servers:
        address = servers[-1].address
        grow_and_shrink(Windows(tmp_path, Topic(address, 4), Topic(address, 2)), 20_000)


@pytest.mark.soak("Kafka groups", "kafka39")
def test_two_hundred_thousand_events_on_a_cluster_that_zookeeper_runs(
    tmp_path: Path, found: Found
) -> None:
    require("kafka39")
    with kafka.started(kafka.with_zookeeper(tmp_path)) as servers:
        address = servers[-1].address
        windows = Windows(tmp_path, Topic(address, 4), Topic(address, 2), pace=40)
        grow_and_shrink(windows, EVENTS)
        found(figures(windows))


JOIN = """
input {{ kafka {{ bootstrap_servers => "{address}" topics => ["{one}", "{two}"] group_id => "{one}" auto_offset_reset => "earliest" codec => json
    exactly_once => true session_timeout_ms => 2000 heartbeat_interval_ms => 500 partition_assignment_strategy => "range" max_poll_records => 20 }} }}
filter {{ join {{ id => "j" side => "side" left => {{ "order" => "k" }} right => {{ "paid" => "k" }} within => "1m" keep => false idle => "0s" }} }}
output {{ kafka {{ bootstrap_servers => "{address}" topic_id => "{target}" codec => plain {{ format => "%{{k}}" }} exactly_once => true }} }}
"""


@GROUPS
def test_partitions_of_two_topics_that_are_joined_go_together(
    tmp_path: Path, make_topic: Callable[..., Topic], found: Found
) -> None:
    orders, payments, target = make_topic(4), make_topic(4), make_topic(1)
    config = JOIN.format(
        address=orders.address, one=orders.name, two=payments.name, target=target.name
    )
    names = [f"key{number:04}" for number in range(2000)]
    stamps = [f"2025-09-04T08:{number // 60:02d}:{number % 60:02d}.000Z" for number in range(2000)]
    for part in range(4):
        pairs = [
            (k, at)
            for number, (k, at) in enumerate(zip(names, stamps, strict=True))
            if number % 4 == part
        ]
        for topic, side in ((orders, "order"), (payments, "paid")):
            topic.put(
                [f'{{"@timestamp": "{at}", "side": "{side}", "k": "{k}"}}' for k, at in pairs],
                partition=part,
            )

    def process(name: str) -> Penstock:
        return Penstock(tmp_path, config, "--penstock.state.interval", "200ms", name=name)

    with process("first") as first:
        with process("second") as second:
            first.until(lambda: len(target.values()) > 200, "they write")
            second.kill()
        first.until(lambda: len(target.values()) >= len(names), "all pairs have come", LONGEST)
        first.stop()
    came = target.values()
    found(Figures(1, 2 * len(names), len(came) - len(set(came)), len(set(names) - set(came))))
    assert sorted(came) == names
