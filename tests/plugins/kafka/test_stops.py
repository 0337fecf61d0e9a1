"""Stops and reloads in the middle: of an exactly once pipeline, and while no broker can be reached."""
from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from servers.kafka_flow import Flow
from servers.kafka_topics import Topic
from servers.penstock_process import Penstock
from servers.proxy import Proxy

pytestmark = pytest.mark.soak("Kafka, one node", "kafka")  # members that join and leave wait for time-outs of the group


def test_a_reload_of_a_pipeline_that_is_exactly_once_repeats_nothing(tmp_path: Path, make_topic: Callable[..., Topic]) -> None:
    """Its input and output end their transaction, and others go on behind it."""
    flow = Flow(tmp_path, make_topic(), make_topic(1))
    with flow.process() as run:
        flow.put(300)
        run.until(lambda: flow.count("read_uncommitted") > 0, "it writes")
        path = tmp_path / "run.conf"
        path.write_text(path.read_text() + 'filter { mutate { add_field => { "b" => "c" } } }')
        run.signal(signal.SIGHUP)
        flow.put(300)
        run.until(lambda: ": reloaded" in run.said(), "it reloads")
        flow.put(100)
        run.until(flow.has_all, "all is written")
        run.stop()
    flow.check()


def test_a_stop_does_not_wait_for_brokers_that_are_away(front: Proxy, tmp_path: Path, make_topic: Callable[..., Topic]) -> None:
    """What they have not confirmed is not acknowledged: the next run delivers it."""
    topic, log = make_topic(1), tmp_path / "log"
    front.refuse(False)
    log.write_text("one\n")
    config = f"""input {{ file {{ path => "{log}" start_position => "beginning" stat_interval => 0.05 }} }}
        output {{ kafka {{ bootstrap_servers => "127.0.0.1:{front.port}" topic_id => "{topic.name}"
            codec => plain {{ format => "%{{message}}" }} }} }}"""
    with Penstock(tmp_path, config) as run:
        run.until(lambda: topic.values() == ["one"], "it writes")
        front.refuse()
        with log.open("a") as file:
            file.write("two\n")
        run.until(lambda: "no broker can be reached" in run.said(), "it notices")
        run.signal(signal.SIGTERM)
        assert run.wait() != 0
    front.refuse(False)
    with Penstock(tmp_path, config) as run:
        run.until(lambda: topic.values() == ["one", "two"], "the next run delivers it")
        run.stop()
