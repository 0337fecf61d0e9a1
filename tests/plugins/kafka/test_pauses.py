"""An input that may not read for a while, since too much is under way, while its group goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from servers import kafka as kafka_server
from servers.kafka_flow import Flow
from servers.kafka_topics import Topic
from servers.packages import require

from penstock.dsl.settings import settled
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.compile.sources import text_source
from penstock.plugins.inputs import kafka

LONGEST = 120.0
CONFIG = """input {{ kafka {{ bootstrap_servers => "{address}" topics => ["{topic}"]
    group_id => "{topic}" auto_offset_reset => "earliest" session_timeout_ms => 6000
    heartbeat_interval_ms => 500 {more} }} }}"""
STRATEGIES = {"cooperative": "", "eager": 'partition_assignment_strategy => "range"'}


class Noted(Consumer):
    """A consumer that tells how often partitions were paused."""

    pauses = 0

    def pause(self, partitions: list[TopicPartition]) -> None:
        Noted.pauses += 1
        super().pause(partitions)


class Member:
    """An input that is driven by hand. ``came``: how many messages of each partition."""

    def __init__(self, topic: Topic, more: str) -> None:
        text = CONFIG.format(address=topic.address, topic=topic.name, more=more)
        source = text_source(text, "pipeline.conf")
        (self.input,) = assemble([source], settled({})).made.values()
        self.came: dict[str, int] = {}
        self.input.open()
        self.input.connect()

    def read(self) -> None:
        batch = self.input.read(0.2)
        for part in batch.parts if batch is not None else ():
            self.came[part.partition] = part.position.offset


def until(holds: Callable[[], object], step: Callable[[], object]) -> None:
    end = time.monotonic() + LONGEST
    while not holds():
        assert time.monotonic() < end, "it does not come"
        step()


@pytest.fixture
def topic(make_topic: Callable[..., Topic]) -> Topic:
    return make_topic(2)


@pytest.fixture(params=STRATEGIES.values(), ids=STRATEGIES)
def member(
    request: pytest.FixtureRequest, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Member]:
    monkeypatch.setattr(kafka, "Consumer", Noted)
    monkeypatch.setattr(Noted, "pauses", 0)
    made = Member(topic, request.param)
    yield made
    made.input.close()


@pytest.fixture
def other(topic: Topic, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Another member of the group, that polls only when it is told to."""
    strategy = "range" if "eager" in request.node.callspec.id else "cooperative-sticky"
    consumer = Consumer(
        {
            "bootstrap.servers": topic.address,
            "group.id": topic.name,
            "partition.assignment.strategy": strategy,
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 500,
            "enable.auto.commit": False,
        }
    )
    yield consumer
    consumer.close()


def test_a_partition_that_went_during_a_pause_and_comes_back_after_it_is_read(
    topic: Topic, member: Member, other: Any
) -> None:
    topic.put(["a"] * 4)
    until(lambda: sum(member.came.values()) == 4, member.read)
    topic.put(["b"] * 4)
    until(
        lambda: Noted.pauses, lambda: member.input.tend(0)
    )  # a message is kept back, and all wait
    other.subscribe([topic.name])

    def share() -> None:
        other.poll(0.1)
        member.input.tend(0)

    until(other.assignment, share)
    member.read()  # it may read again, and the other one goes
    other.close()
    topic.put(["c"] * 4)
    until(lambda: sum(member.came.values()) == 12, member.read)


@pytest.mark.servers
def test_a_broker_that_hangs_for_longer_than_a_session_while_much_waits(tmp_path: Path) -> None:
    """Nothing can be committed, so the member may not read, and it loses its partitions."""
    require("kafka")
    with kafka_server.started(kafka_server.nodes(tmp_path, 1)) as (node,):
        flow = Flow(tmp_path, Topic(node.address, 2), Topic(node.address, 1))
        with flow.process() as run:
            flow.put(3000)
            run.until(lambda: flow.count("read_uncommitted") > 0, "it writes")
            node.pause()
            run.until(lambda: "were lost" in run.said(), "it hears nothing of its group")
            node.go_on()
            run.until(flow.has_all, "all is written")
            run.stop()
        flow.check()
