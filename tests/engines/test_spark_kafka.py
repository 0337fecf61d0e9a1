"""The engine spark between topics of a real Kafka: what is read once arrives, whatever is stopped or killed."""
from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from servers import kafka
from servers import spark as spark_server
from servers.job_api import JobApi
from servers.kafka_topics import Topic
from servers.packages import require
from servers.shared import shared
from servers.spark import PATIENCE, Ended, lines_of, run, said, start_alone, until

CONFIG = """
input {{ kafka {{ bootstrap_servers => "{brokers}" topics => ["{source}"] group_id => "{source}" auto_offset_reset => "earliest"
  decorate_events => "basic" codec => json }} }}
filter {{ {filters} }}
output {{
  kafka {{ bootstrap_servers => "{brokers}" topic_id => "{target}" codec => json message_key => "%{{n}}" }}
  file {{ path => "{directory}/out.jsonl" codec => json_lines }}
}}
"""
PLACE = 'mutate { add_field => { "partition" => "%{[@metadata][kafka][partition]}" } }'
WINDOW = 'date { match => ["at", "UNIX_MS"] } window { id => "w" size => "10s" by => ["key"] lateness => "5s" keep => false sum => { "sum" => "n" } }'


@pytest.fixture
def broker() -> Any:
    require("kafka")
    return shared("kafka", kafka.server)


@pytest.fixture
def spark() -> Any:
    require("spark")
    return shared("spark", spark_server.server)


class Flow:
    """A topic of three partitions that Spark reads, and a topic and a file that it writes."""

    def __init__(self, broker: Any, directory: Path, filters: str) -> None:
        self.source, self.target = Topic(broker.address, partitions=3), Topic(broker.address)
        self.directory, self.config = directory, directory / "pipeline.conf"
        names = {"source": self.source.name, "target": self.target.name, "directory": directory}
        self.config.write_text(CONFIG.format(brokers=broker.address, filters=filters, **names))

    def put(self, numbers: Iterable[int]) -> None:
        self.source.put([json.dumps({"n": n, "at": 1000 * n, "key": "ab"[n % 2]}) for n in numbers])

    def in_topic(self) -> Counter[int]:
        return Counter(json.loads(value)["n"] for value in self.target.values())

    def in_files(self) -> list[Any]:
        return [json.loads(line) for line in lines_of(self.directory / "out.jsonl")]

    def checkpoint(self) -> tuple[str, str]:
        return "--checkpoint", str(self.directory / "checkpoint")


def worked_off(spark: Any, flow: Flow, *flags: str) -> Ended:
    """A run that ends when it has read what there was at its start."""
    options = "--engine-option", "until_idle=true", "--engine-option", "batch_records=300"
    ended = run(spark, {}, "run", "-f", str(flow.config), "--engine", "spark", *options, *flags)
    assert ended.status == 0, ended.err
    return ended


def test_what_is_in_a_topic_is_read_once_over_several_starts(spark: Any, broker: Any, tmp_path: Path) -> None:
    flow = Flow(broker, tmp_path, PLACE)
    flow.put(range(1000))
    worked_off(spark, flow, *flow.checkpoint())  # in batches of 300 messages a partition
    assert flow.in_topic() == Counter(range(1000))
    assert flow.source.committed(flow.source.name) == [334, 333, 333]
    flow.put(range(1000, 1200))
    worked_off(spark, flow, *flow.checkpoint())
    assert flow.in_topic() == Counter(range(1200))
    assert Counter(event["n"] for event in flow.in_files()) == Counter(range(1200))
    assert {event["partition"] for event in flow.in_files()} == {"0", "1", "2"}


@pytest.mark.servers
def test_without_a_checkpoint_a_stream_begins_behind_what_its_group_has_committed(spark: Any, broker: Any, tmp_path: Path) -> None:
    flow = Flow(broker, tmp_path, PLACE)
    for begin, end in ((0, 1000), (1000, 1100)):
        flow.put(range(begin, end))
        worked_off(spark, flow)
    assert flow.in_topic() == Counter(range(1100))


@pytest.mark.servers
@pytest.mark.parametrize("filters", [PLACE, WINDOW], ids=["no state", "window"])
def test_a_driver_that_is_stopped_or_killed_loses_nothing_and_writes_files_once(broker: Any, tmp_path: Path, filters: str) -> None:
    require("spark")
    flow, api, count = Flow(broker, tmp_path, filters), JobApi(), 0
    job = None
    try:
        for number in (signal.SIGKILL, signal.SIGTERM):
            flow.put(range(count, count + 3000))
            count += 3000
            before = newest(tmp_path)
            job = start_alone(flow.config, "--engine-option", "batch_records=200", *flow.checkpoint(), *api.flags)
            until(lambda more=before: api.reaches(batches=more + 1, **{"in": 600 * more}), job, tmp_path)
            assert filters == PLACE or api.reaches(watermark_ms=1, state_shards=1, state_bytes=1)
            until(lambda more=before: newest(tmp_path) >= more + 2, job, tmp_path)
            job.send_signal(number)
            assert job.wait(PATIENCE) == (-number if number == signal.SIGKILL else 0), said(tmp_path)
        assert "Undelivered" not in said(tmp_path), "a stop is no failure"
    finally:
        if job is not None:
            job.kill()
            job.wait()
    flow.put(range(count, count + 100))
    job = start_alone(flow.config, "--engine-option", "until_idle=true", *flow.checkpoint())
    assert job.wait(PATIENCE) == 0, said(tmp_path)
    check(flow, count + 100, filters)


def check(flow: Flow, count: int, filters: str) -> None:
    """Each message, or each window that is over, at least once in the topic and once in the files."""
    if filters == PLACE:
        assert set(flow.in_topic()) == set(range(count))
        assert Counter(event["n"] for event in flow.in_files()) == Counter(range(count))
        return
    found = [(event["key"], event["event"]["start"], event["sum"]) for event in flow.in_files()]
    assert len({window[:2] for window in found}) == len(found)
    assert sorted(each[2] for each in found) == sorted(sums(count))


def sums(count: int) -> list[int]:
    """The sums of the windows that are over, less than five seconds of lateness."""
    last = (count - 3 - 5) // 10  # the slowest partition ends two seconds before the last event
    return [sum(n for n in range(10 * at, 10 * at + 10) if n % 2 == key) for at in range(last) for key in (0, 1)]


def newest(directory: Path) -> int:
    """How many batches are done, by the notes in the checkpoint."""
    found = sorted((directory / "checkpoint" / "commits").glob("*.msgpack"))
    return int(found[-1].stem) + 1 if found else 0
