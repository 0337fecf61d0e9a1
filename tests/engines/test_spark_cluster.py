"""Spark on a cluster of a master and two workers, one of which is killed while it works."""
from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from engines.named_files import ADDRESS, FIRST, LATER, named_files, was_made
from servers import kafka
from servers.kafka_topics import Topic
from servers.packages import require
from servers.process import Server
from servers.shared import shared
from servers.soak import Figures, Found
from servers.spark import lines_of, master, packed_environment, start_on, worker

pytestmark = pytest.mark.servers

LINES = 60_000
PATIENCE = 900.0
CONFIG = """
input {{ file {{
  path => "{directory}/in.log" mode => "read" exit_after_read => true sincedb_path => "/dev/null" codec => json
  file_completed_action => "log" file_completed_log_path => "/dev/null"
}} }}
filter {{ {filters} }}
output {{ file {{ path => "{directory}/out.jsonl" codec => json_lines }} }}
"""
DATE = 'date { match => ["at", "UNIX_MS"] }'
WINDOW = 'window { id => "w" size => "1m" by => ["key"] keep => false sum => { "sum" => "n" } }'


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[Server]]]:
    with started(tmp_path_factory) as found:
        yield found


@contextmanager
def started(tmp_path_factory: pytest.TempPathFactory, has_penstock: bool = True) -> Iterator[tuple[str, list[Server]]]:
    require("spark")
    with master(tmp_path_factory.mktemp("master")) as lead:
        workers = [worker(tmp_path_factory.mktemp("worker"), lead.url, has_penstock) for _ in range(2)]
        try:
            for each in workers:
                each.start()
            yield lead.url, workers
        finally:
            for each in workers:
                each.kill()


def events() -> list[dict[str, object]]:
    return [{"at": 100 * n, "key": f"k{n % 7}", "n": n, "pad": "x" * 60} for n in range(LINES)]


def sums() -> Counter[tuple[str, int]]:
    found: Counter[tuple[str, int]] = Counter()
    for n in range(LINES):
        found[f"k{n % 7}", n // 600] += n
    return found


@pytest.mark.soak("Spark, two workers", "spark")
@pytest.mark.parametrize("filters", [DATE, f"{DATE} {WINDOW}"], ids=["no state", "window"])
def test_a_worker_that_is_killed_costs_nothing(
    cluster: tuple[str, list[Server]], tmp_path: Path, filters: str, found: Found
) -> None:
    url, workers = cluster
    (tmp_path / "in.log").write_text("".join(json.dumps(event) + "\n" for event in events()))
    config = tmp_path / "pipeline.conf"
    config.write_text(CONFIG.format(directory=tmp_path, filters=filters))
    job = start_on(url, config, "split_bytes=50000", "partitions=2")
    try:
        until(lambda: bool(executors(workers)), "an executor works", job.poll, tmp_path)
        until(lambda: has_worked(workers, tmp_path), "tasks have ended", job.poll, tmp_path)
        assert job.poll() is None, "the job must not be over before the kill"
        workers[0].kill()
        assert job.wait(PATIENCE) == 0, (tmp_path / "run.log").read_text()
    finally:
        job.kill()
        job.wait()
    given = [json.loads(line) for line in lines_of(tmp_path / "out.jsonl")]
    if WINDOW in filters:
        told = Counter({(event["key"], int(event["event"]["start"][11:13]) * 60 + int(event["event"]["start"][14:16])): event["sum"] for event in given})
        assert len(given) == len(told)
        assert told == sums()
    else:
        assert sorted(event["n"] for event in given) == list(range(LINES))
    found(Figures(kills=1, events=LINES))
    assert not (tmp_path / "out.jsonl" / "_temporary").exists() or list((tmp_path / "out.jsonl" / "_temporary").iterdir()) == []


def executors(workers: list[Server]) -> list[Path]:
    return [path for each in workers for path in each.home.glob("app-*/*/stderr")]


def has_worked(workers: list[Server], directory: Path) -> bool:
    """Whether the worker that is to be killed has ended some tasks."""
    said = "".join(path.read_text(errors="replace") for path in workers[0].home.glob("app-*/*/stderr"))
    return said.count("Finished task") >= 5


def until(holds: object, what: str, status: object, directory: Path) -> None:
    assert callable(holds)
    assert callable(status)
    end = time.monotonic() + PATIENCE
    while not holds():
        assert status() is None, f"it ended before {what}:\n{(directory / 'run.log').read_text()}"
        assert time.monotonic() < end, what
        time.sleep(0.05)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require("spark")
    return packed_environment(tmp_path_factory.mktemp("environment"))


def test_an_environment_and_the_files_that_options_name_are_sent_to_workers_that_have_neither(
    archive: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    files, sent, config = tmp_path / "driver", tmp_path / "sent", tmp_path / "pipeline.conf"
    named_files(files)
    sent.mkdir()
    (tmp_path / "in.log").write_text("".join(json.dumps({**event, "address": ADDRESS}) + "\n" for event in events()[:2000]))
    config.write_text(CONFIG.format(directory=tmp_path, filters=(FIRST + LATER).format(files=files)))
    with started(tmp_path_factory, has_penstock=False) as (url, _):
        options = "split_bytes=20000", f"environment={archive}"
        job = start_on(url, config, *options, has_penstock=False, TMPDIR=str(sent))
        try:
            until(lambda: copied(sent) == 4, "files are sent", job.poll, tmp_path)
            shutil.rmtree(files)  # what executors read now came with the job
            assert job.wait(PATIENCE) == 0, (tmp_path / "run.log").read_text()
        finally:
            job.kill()
            job.wait()
    found = [json.loads(line) for line in lines_of(tmp_path / "out.jsonl")]
    assert sorted(event["n"] for event in found) == list(range(2000))
    assert all(map(was_made, found))


def copied(directory: Path) -> int:
    """How many files the driver has copied to send them."""
    return sum(1 for path in directory.glob("penstock-files-*/*") if path.stat().st_size)


STREAM = """
input {{ kafka {{ bootstrap_servers => "{brokers}" topics => ["{topic}"] group_id => "{topic}" auto_offset_reset => "earliest" codec => json }} }}
filter {{
  translate {{ source => "key" target => "word" dictionary_path => "{directory}/words.csv" }}
  date {{ match => ["at", "UNIX_MS"] }}
  window {{ id => "w" size => "10s" by => ["word"] lateness => "5s" keep => false sum => {{ "sum" => "n" }} }}
}}
output {{ file {{ path => "{directory}/out.jsonl" codec => json_lines }} }}
"""


def test_a_stream_on_workers_without_penstock_goes_on_from_its_checkpoint(
    archive: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    require("kafka")
    topic, config = Topic(shared("kafka", kafka.server).address, partitions=1), tmp_path / "pipeline.conf"
    (tmp_path / "words.csv").write_text("a,one\nb,two\n")
    config.write_text(STREAM.format(brokers=topic.address, topic=topic.name, directory=tmp_path))
    options = f"environment={archive}", "until_idle=true", "batch_records=200"
    with started(tmp_path_factory, has_penstock=False) as (url, _):
        for numbers in (range(600), range(600, 1000)):
            topic.put([json.dumps({"n": n, "at": 1000 * n, "key": "ab"[n % 2]}) for n in numbers])
            job = start_on(url, config, *options, has_penstock=False, flags=("--checkpoint", str(tmp_path / "checkpoint")))
            try:
                assert job.wait(PATIENCE) == 0, (tmp_path / "run.log").read_text()
            finally:
                job.kill()
                job.wait()
    found = [json.loads(line) for line in lines_of(tmp_path / "out.jsonl")]
    told = Counter((event["word"], event["event"]["start"], event["sum"]) for event in found)
    ended = range((999 - 5) // 10)  # windows that were over, by the last event less the lateness
    wanted = [sum(n for n in range(10 * at, 10 * at + 10) if n % 2 == key) for at in ended for key in (0, 1)]
    assert sorted(each[2] for each in told) == sorted(wanted)
    assert set(told.values()) == {1}
    assert {each[0] for each in told} == {"one", "two"}
