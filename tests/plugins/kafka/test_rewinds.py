"""Where a member of transactions reads on after batches have failed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from servers.kafka_topics import Topic

from penstock.dsl.settings import settled
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.compile.sources import text_source
from penstock.plugins.errors import Undelivered
from penstock.plugins.input import Outcome

LONGEST = 120.0
CONFIG = """
input {{ kafka {{ bootstrap_servers => "{address}" topics => ["{topic}"] group_id => "{topic}"
    auto_offset_reset => "earliest" exactly_once => true codec => plain }} }}
output {{ kafka {{ bootstrap_servers => "{address}" topic_id => "{topic}" exactly_once => true }} }}
"""
FAILED = Undelivered("the batch failed")


@pytest.fixture
def topic(make_topic: Callable[..., Topic]) -> Topic:
    return make_topic(1)


@pytest.fixture
def member(topic: Topic) -> Iterator[Any]:
    text = CONFIG.format(address=topic.address, topic=topic.name)
    made = assemble([text_source(text, "pipeline.conf")], settled({})).made.values()
    (member,) = (plugin for plugin in made if hasattr(plugin, "read"))
    member.open()
    yield member
    member.close()


def read_up_to(member: Any, offset: int) -> list[Any]:
    """The batches up to an offset."""
    batches: list[Any] = []
    end = time.monotonic() + LONGEST
    while not batches or batches[-1].parts[-1].position.offset < offset:
        assert time.monotonic() < end, "it does not come"
        batch = member.read(0.2)
        batches += [] if batch is None else [batch]
    return batches


def bytes_of(batches: list[Any]) -> bytes:
    return b"".join(chunk.data for batch in batches for chunk in batch.chunks)


def commit(topic: Topic, offset: int) -> None:
    """Commit an offset for the group of the member."""
    consumer = Consumer({"bootstrap.servers": topic.address, "group.id": topic.name})
    consumer.commit(offsets=[TopicPartition(topic.name, 0, offset)], asynchronous=False)
    consumer.close()


def test_what_failed_comes_again_and_not_what_is_in_the_open_transaction_before_it(
    topic: Topic, member: Any
) -> None:
    topic.put(["a"] * 3)
    commit(topic, 1)
    member.connect()
    before = read_up_to(member, 3)
    topic.put(["b"] * 2)
    failed = read_up_to(member, 5)
    member.settle([Outcome(batch.token, FAILED) for batch in failed], {})
    again = read_up_to(member, 5)
    assert bytes_of(again) == b"bb"
    member.settle([Outcome(batch.token, FAILED) for batch in [*before, *again]], {})
    assert bytes_of(read_up_to(member, 5)) == b"aabb"
