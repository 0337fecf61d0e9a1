"""Transactions that can be neither committed nor aborted just then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition
from servers.kafka_flow import Flow
from servers.kafka_topics import Topic
from servers.proxy import Proxy

from penstock.dsl.settings import settled
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.compile.sources import text_source
from penstock.pipeline.runtime.pipeline import Pipeline
from penstock.plugins.batch import Position
from penstock.plugins.clients.kafka_link import link_of
from penstock.plugins.errors import Disconnected
from penstock.plugins.outputs import kafka

LONGEST = 120.0
CONFIG = """
input {{ kafka {{ bootstrap_servers => "{address}" topics => ["{topic}"] group_id => "{topic}"
    exactly_once => true }} }}
output {{ kafka {{ bootstrap_servers => "{address}" topic_id => "{topic}" exactly_once => true
    transaction_timeout_ms => 800000 codec => plain {{ format => "%{{message}}" }} }} }}
"""


@pytest.fixture
def topic(make_topic: Callable[..., Topic]) -> Topic:
    return make_topic(1)


@pytest.fixture
def output(topic: Topic, front: Proxy) -> Iterator[Any]:
    front.refuse(False)
    text = CONFIG.format(address=f"127.0.0.1:{front.port}", topic=topic.name)
    made = assemble([text_source(text, "pipeline.conf")], settled({})).made.values()
    (output,) = (plugin for plugin in made if hasattr(plugin, "deliver"))
    output.open()
    output.connect()
    yield output
    front.refuse(False)
    output.close()


def deliver(output: Any, message: str) -> None:
    for payload in output.pack([{"message": message}]):
        reported = output.deliver(payload)
        if reported is not None:
            reported.result(LONGEST)


def write(output: Any, message: str) -> None:
    """Deliver a message in a transaction, and commit it."""
    output.participant.begin()
    deliver(output, message)
    output.participant.commit({}, None)


@pytest.mark.servers
def test_what_is_left_open_ends_when_brokers_are_there_again_though_nothing_is_delivered(
    topic: Topic, front: Proxy, output: Any
) -> None:
    write(output, "one")
    output.participant.begin()
    deliver(output, "two")
    front.refuse()
    output.participant.abort()
    with pytest.raises(Disconnected, match="cannot be replaced"):
        write(output, "three")
    front.refuse(False)
    # An open transaction holds back what comes behind it, for who reads what is committed.
    topic.put(["four"])
    end = time.monotonic() + LONGEST
    while topic.values() != ["one", "four"]:
        assert time.monotonic() < end, "the transaction is open still"
        output.tend(0)
    write(output, "five")
    assert topic.values() == ["one", "four", "five"]


class Member:
    """A member of the group whose partition goes and comes back between two instructions, which no
    server can be told to do.
    """

    def __init__(self, name: str) -> None:
        self.held = {name: 1}

    def group_metadata(self) -> Any:
        return None

    def assignments(self) -> dict[str, int]:
        return dict(self.held)

    def place(self, name: str, position: Position) -> TopicPartition | None:
        topic, _, number = name.rpartition("-")
        return TopicPartition(topic, int(number), position.offset) if name in self.held else None


@pytest.mark.parametrize("is_held", [True, False], ids=["it was there", "it was away"])
def test_a_partition_that_comes_back_during_a_commit_is_not_committed(
    topic: Topic, output: Any, is_held: bool
) -> None:
    """It has begun behind what was committed before, and what is in the transaction comes again."""
    name = f"{topic.name}-0"
    member = link_of(output.context).member = Member(name)
    if not is_held:
        member.held = {}
    output.participant.begin()
    deliver(output, "one")
    state = output.participant.snapshot()
    member.held = {name: 2}
    with pytest.raises(Disconnected, match="has been assigned again"):
        output.participant.commit({0: {name: Position("", 1)}}, state)
    output.participant.abort()
    assert topic.values() == []


class Forgetful(Producer):
    """Never comes back from adding offsets, the first time."""

    is_first = True
    lets_go = threading.Event()

    def send_offsets_to_transaction(self, *arguments: Any) -> None:
        is_first, Forgetful.is_first = Forgetful.is_first, False
        if is_first:
            self.lets_go.wait()
        super().send_offsets_to_transaction(*arguments)


@pytest.mark.servers
def test_a_client_library_that_waits_for_ever_is_given_up(
    tmp_path: Path, make_topic: Callable[..., Topic], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka, "Producer", Forgetful)
    flow = Flow(tmp_path, make_topic(), make_topic(1))
    flow.put(500)
    sources = [text_source(flow.config(), "pipeline.conf")]
    pipeline = Pipeline(assemble(sources, settled({"path.data": str(tmp_path)})))
    thread = threading.Thread(target=pipeline.run)
    thread.start()
    try:
        end = time.monotonic() + LONGEST
        while not flow.has_all():
            assert time.monotonic() < end, "it waits for ever"
    finally:
        pipeline.stop()
        thread.join(LONGEST)
        Forgetful.lets_go.set()
    flow.check()
