"""Members of a group that must be alone in it, and that begin at one moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from servers.kafka_topics import Topic

from penstock.dsl.settings import settled
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.compile.sources import text_source
from penstock.plugins.errors import Misconfigured
from penstock.plugins.inputs import _kafka_alone

LONGEST = 120.0
CONFIG = """input {{ kafka {{ bootstrap_servers => "{address}" topics => ["{topic}"]
    group_id => "{topic}" auto_offset_reset => "earliest" {more} }} }}"""
PROTOCOLS = {
    "classic": "session_timeout_ms => 6000 heartbeat_interval_ms => 500",
    "of Kafka 4": 'group_protocol => "consumer"',
}


@pytest.fixture(params=PROTOCOLS)
def make_input(
    request: pytest.FixtureRequest, make_topic: Callable[..., Topic]
) -> Iterator[Callable[[], Any]]:
    topic, made = make_topic(2), []
    topic.put(["a"] * 10)
    more = PROTOCOLS[request.param]
    text = CONFIG.format(address=topic.address, topic=topic.name, more=more)

    def make() -> Any:
        (plugin,) = assemble([text_source(text, "pipeline.conf")], settled({})).made.values()
        plugin.alone = True
        plugin.open()
        made.append(plugin)
        return plugin

    yield make
    for plugin in made:
        plugin.close()


def began(plugin: Any, count: int) -> str:
    """Connect, and read so many messages: what became of that."""
    try:
        plugin.connect()
        while count > 0:
            batch = plugin.read(1.0)
            count -= sum(len(chunks) for chunks in batch.chunks) if batch is not None else 0
    except Misconfigured as error:
        return str(error)
    return "reads"


def test_of_two_that_begin_at_one_moment_one_reads(
    make_input: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(2, timeout=LONGEST)
    look = _kafka_alone.others_in_group

    def look_together(*arguments: Any) -> bool:
        found = look(*arguments)
        together.wait()
        return found

    monkeypatch.setattr(_kafka_alone, "others_in_group", look_together)
    with ThreadPoolExecutor(2) as threads:
        ended = [threads.submit(began, make_input(), 10) for _ in range(2)]
        said = sorted(each.result(LONGEST) for each in ended)
    assert said[1] == "reads"
    assert "another process of the group" in said[0]


@pytest.mark.servers
def test_one_that_reads_does_not_leave_for_one_that_had_not_seen_it(
    make_input: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_kafka_alone, "others_in_group", lambda *arguments: False)
    first, second = make_input(), make_input()
    assert began(first, 1) == "reads"
    with ThreadPoolExecutor(1) as thread:
        later = thread.submit(began, second, 1)
        while not later.done():
            first.read(0.2)
        assert "another process of the group" in later.result()
