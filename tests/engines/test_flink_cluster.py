"""Flink on a cluster of two task managers, of which one is killed, and jobs that go on from a checkpoint."""
from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from engines.named_files import ADDRESS, FIRST, LATER, named_files, was_made
from servers import flink, kafka
from servers.job_api import JobApi
from servers.kafka_topics import Topic
from servers.packages import require
from servers.shared import shared
from servers.soak import Figures, Found

pytestmark = pytest.mark.servers

FILES = """
input {{ file {{ path => "{directory}/in.log" mode => "read" exit_after_read => true sincedb_path => "/dev/null"
  file_completed_action => "log" file_completed_log_path => "{directory}/done" }} }}
filter {{
  dissect {{ mapping => {{ "message" => "%{{at}} %{{key}} %{{value}} %{{}}" }} convert_datatype => {{ "value" => "int" }} }}
  date {{ match => ["at", "UNIX"] }}
  window {{ id => "w" size => "1m" by => ["key"] keep => false sum => {{ "sum" => "value" }} percentiles => {{ "p" => "value" }} percents => [95] }}
}}
output {{ file {{ path => "{directory}/{name}" codec => json_lines }} }}
"""
TOPICS = """
input {{ kafka {{ bootstrap_servers => "{brokers}" topics => ["{source}"] group_id => "{source}" auto_offset_reset => "earliest" }} }}
filter {{ mutate {{ add_field => {{ "seen" => "yes" }} }} }}
output {{ kafka {{ bootstrap_servers => "{brokers}" topic_id => "{target}" codec => json message_key => "%{{message}}" }} }}
"""
CHECKPOINTS = ("--engine-option", "execution.checkpointing.interval=1s")
PATIENCE = 300


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[flink.Cluster]:
    require("flink")
    home = tmp_path / "cluster"
    home.mkdir()
    with flink.Cluster(home) as made:
        wait_until(lambda: made.has_slots(4))
        yield made


def wait_until(holds: Callable[[], bool], process: subprocess.Popen[bytes] | None = None, log: Path | None = None) -> None:
    """Wait until it holds; a process that ends meanwhile is a failure."""
    end = time.monotonic() + PATIENCE
    while not holds():
        ended = process is not None and process.poll() is not None
        told = log.read_text()[-4000:] if log else ""
        assert not ended, f"the run has ended: {told}"
        assert time.monotonic() < end, f"waited in vain: {told}"
        time.sleep(0.2)


def start(
    cluster: flink.Cluster, directory: Path, *flags: str, **environment: object
) -> tuple[subprocess.Popen[bytes], Path]:
    """A run on the cluster, and what it says."""
    place = ("--engine-option", f"cluster={cluster.address}", "--engine-option", "parallelism=2")
    command = flink.penstock("-f", directory / "pipeline.conf", *place, *CHECKPOINTS, *flags, directory=directory)
    log = directory / "run.log"
    with log.open("ab") as said:
        return subprocess.Popen(command, env=flink.environment(**environment), stdout=said, stderr=said), log


@pytest.mark.soak("Flink, two task managers", "flink")
def test_a_killed_task_manager_costs_no_window_and_repeats_none(
    cluster: flink.Cluster, tmp_path: Path, found: Found
) -> None:
    lines = (f"{1757000000 + n // 50} key-{n % 37} {n % 1009} {'x' * 60}\n" for n in range(200_000))
    (tmp_path / "in.log").write_text("".join(lines))
    (tmp_path / "plain.conf").write_text(FILES.format(directory=tmp_path, name="plain"))
    subprocess.run([sys.executable, "-m", "penstock", "run", "-f", tmp_path / "plain.conf", "--path.data", tmp_path / "plain-data"], check=True)
    (tmp_path / "pipeline.conf").write_text(FILES.format(directory=tmp_path, name="flink"))
    run, log = start(cluster, tmp_path, "--engine-option", "range_bytes=65536", "--checkpoint", str(tmp_path / "checkpoint"))
    try:
        wait_until(lambda: cluster.completed_checkpoints() >= 2, run, log)
        busy = next(each for each in cluster.task_managers if flink.workers_of(each))
        flink.kill_alone(busy)
        assert run.wait(PATIENCE) == 0, log.read_text()[-4000:]
    finally:
        run.kill()
    wait_until(lambda: not flink.left_of(busy))
    told, wanted = flink.lines_of(tmp_path / "flink"), (tmp_path / "plain").read_text().splitlines()
    assert Counter(told) == Counter(wanted)
    found(Figures(kills=1, events=200_000))


NAMED = """
input {{ file {{
  path => "{directory}/in.log" mode => "read" exit_after_read => true codec => json
  sincedb_path => "/dev/null"
  file_completed_action => "log" file_completed_log_path => "{directory}/done"
}} }}
filter {{ {first} dedupe {{ id => "once" by => ["n"] within => "1d" }} {later} }}
output {{ file {{ path => "{directory}/flink" codec => json_lines }} }}
"""


def test_files_that_options_name_are_sent_to_task_managers(
    cluster: flink.Cluster, tmp_path: Path
) -> None:
    files, sent = tmp_path / "driver", tmp_path / "sent"
    named_files(files)
    sent.mkdir()
    padded = {"pad": "x" * 60, "address": ADDRESS}
    lines = (json.dumps({"n": n, "key": f"k{n % 7}", **padded}) for n in range(2000))
    (tmp_path / "in.log").write_text("".join(f"{line}\n" for line in lines))
    filters = {"first": FIRST.format(files=files), "later": LATER.format(files=files)}
    (tmp_path / "pipeline.conf").write_text(NAMED.format(directory=tmp_path, **filters))
    run, log = start(cluster, tmp_path, "--engine-option", "range_bytes=65536", TMPDIR=sent)
    try:
        wait_until(lambda: any(map(zipfile.is_zipfile, sent.glob("*/*.zip"))), run, log)
        shutil.rmtree(files)  # what task managers read now came with the job
        assert run.wait(PATIENCE) == 0, log.read_text()[-4000:]
    finally:
        run.kill()
    found = [json.loads(line) for line in flink.lines_of(tmp_path / "flink")]
    assert sorted(event["n"] for event in found) == list(range(2000))
    assert all(map(was_made, found))


@pytest.fixture
def broker() -> Any:
    require("kafka")
    return shared("kafka", kafka.server)


@pytest.mark.soak("Flink, two task managers", "flink", "kafka")
def test_from_topic_to_topic_each_message_once_whatever_is_killed(
    cluster: flink.Cluster, broker: Any, tmp_path: Path, found: Found
) -> None:
    source, target = Topic(broker.address), Topic(broker.address)
    (tmp_path / "pipeline.conf").write_text(TOPICS.format(brokers=broker.address, source=source.name, target=target.name))
    api = JobApi()
    flags = "--checkpoint", str(tmp_path / "checkpoint"), "--engine-option", f"pipeline.jars={flink.connector()}", *api.flags
    source.put([f"{n}" for n in range(40_000)])
    run, log = start(cluster, tmp_path, *flags)
    try:
        wait_until(lambda: cluster.completed_checkpoints() >= 1, run, log)
        workers = [worker for each in cluster.task_managers for worker in flink.workers_of(each)]
        os.kill(workers[0], signal.SIGKILL)
        source.put([f"{n}" for n in range(40_000, 60_000)])
        wait_until(lambda: len(target.values()) >= 60_000, run, log)
        wait_until(lambda: api.reaches(restarts=1, checkpoints=1, filtered=20_000, bytes_out=1), run, log)
        run.send_signal(signal.SIGINT)
        assert run.wait(PATIENCE) == 0, log.read_text()[-4000:]
        source.put([f"{n}" for n in range(60_000, 70_000)])
        run, log = start(cluster, tmp_path, *flags)
        wait_until(lambda: len(target.values()) >= 70_000, run, log)
        run.send_signal(signal.SIGINT)
        assert run.wait(PATIENCE) == 0, log.read_text()[-4000:]
    finally:
        run.kill()
    numbers = [json.loads(value)["message"] for value in target.values()]
    assert sorted(numbers, key=int) == [f"{n}" for n in range(70_000)]
    found(Figures(kills=1, events=70_000, repeated=0))
