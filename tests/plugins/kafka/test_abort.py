"""A transaction that cannot be aborted, since no broker can be reached just then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from servers.kafka_topics import Topic
from servers.proxy import Proxy

from penstock.dsl.settings import settled
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.compile.sources import text_source
from penstock.plugins.errors import Disconnected

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
    with pytest.raises(Disconnected, match="cannot be made anew"):
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
