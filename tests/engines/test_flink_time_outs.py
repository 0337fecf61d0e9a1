"""Time-outs of filters that hold by key, on inputs of Flink that do not end: they come while the job runs, once each, also over a stop."""
from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from servers import flink, kafka
from servers.kafka_topics import Topic
from servers.packages import require
from servers.shared import shared

pytestmark = pytest.mark.servers

CONFIG = """
input {{ kafka {{ bootstrap_servers => "{brokers}" topics => ["{source}"] group_id => "{source}"
  auto_offset_reset => "earliest" codec => json }} }}
filter {{
  date {{ match => ["at", "UNIX"] }}
  mutate {{ add_tag => ["%{{kind}}"] }}
  aggregate {{
    id => "tasks" task_id => "%{{key}}" code => "map['n'] ||= 0; map['n'] += 1" timeout => 30
    push_map_as_event_on_timeout => true timeout_task_id_field => "key" timeout_tags => ["over"]
  }}
  elapsed {{ id => "pairs" start_tag => "start" end_tag => "end" unique_id_field => "key" timeout => 30 }}
}}
output {{ kafka {{ bootstrap_servers => "{brokers}" topic_id => "{target}" codec => json }} }}
"""
KEYS = 20
PATIENCE = 400


class Flow:
    """A topic of two partitions that Flink reads, and one that it writes."""

    def __init__(self, brokers: str, directory: Path) -> None:
        self.source, self.target = Topic(brokers), Topic(brokers)
        self.directory = directory
        names = {"source": self.source.name, "target": self.target.name}
        (directory / "pipeline.conf").write_text(CONFIG.format(brokers=brokers, **names))

    def put(self, at: int, kind: str, prefix: str, count: int = KEYS) -> None:
        """An event of each of so many keys."""
        events = ({"at": at, "kind": kind, "key": f"{prefix}{n}"} for n in range(count))
        self.source.put([json.dumps(event) for event in events])

    def told(self, tag: str, prefix: str) -> Counter[tuple[str, Any]]:
        """Keys, and what was counted of each, of the events with a tag."""
        events = [json.loads(value) for value in self.target.values()]
        mine = [event for event in events if tag in event.get("tags", ())]
        return Counter((event["key"], event.get("n")) for event in mine if event["key"].startswith(prefix))

    @contextmanager
    def running(self) -> Iterator[Callable[[Callable[[], bool]], None]]:
        """A job, and how to wait while it runs; it stops with a savepoint."""
        flags = "--checkpoint", self.directory / "checkpoint", "--engine-option", f"pipeline.jars={flink.connector()}"
        often = "--engine-option", "execution.checkpointing.interval=1s"
        log = self.directory / "run.log"
        command = flink.penstock("-f", self.directory / "pipeline.conf", *flags, *often, directory=self.directory)
        with log.open("ab") as said:
            job = subprocess.Popen(command, env=flink.environment(), stdout=said, stderr=said)

        def until(holds: Callable[[], bool]) -> None:
            end = time.monotonic() + PATIENCE
            while not holds():
                assert job.poll() is None, log.read_text()[-4000:]
                assert time.monotonic() < end, log.read_text()[-4000:]
                time.sleep(0.5)

        try:
            yield until
            job.send_signal(signal.SIGINT)
            assert job.wait(PATIENCE) == 0, log.read_text()[-4000:]
        finally:
            job.kill()
            job.wait()


def each(prefix: str, count: int | None) -> Counter[tuple[str, Any]]:
    return Counter((f"{prefix}{n}", count) for n in range(KEYS))


def test_time_outs_come_when_events_have_gone_on_and_over_a_stop_too(tmp_path: Path) -> None:
    require("flink")
    require("kafka")
    flow = Flow(shared("kafka", kafka.server).address, tmp_path)
    flow.put(0, "start", "a")
    flow.put(10, "middle", "a")
    flow.put(1000, "middle", "time")
    with flow.running() as until:
        until(lambda: len(flow.told("over", "a")) == KEYS)
        until(lambda: len(flow.told("elapsed_expired_error", "a")) == KEYS)
        flow.put(1000, "start", "b")
        flow.put(1010, "end", "c")
        until(lambda: len(flow.told("elapsed_end_without_start", "c")) == KEYS)
    assert not flow.told("over", "b")
    flow.put(2000, "middle", "time")
    with flow.running() as until:
        until(lambda: len(flow.told("over", "b")) == KEYS)
        until(lambda: len(flow.told("elapsed_expired_error", "b")) == KEYS)
    assert flow.told("over", "a") == each("a", 2)
    assert flow.told("over", "b") == each("b", 1)
    for prefix in ("a", "b"):
        assert flow.told("elapsed_expired_error", prefix) == each(prefix, None)
