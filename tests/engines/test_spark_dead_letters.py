"""Dead letters of Spark's tasks: each is there once, also when a task was tried twice."""
from __future__ import annotations

import json
import os
import signal
from collections import Counter
from pathlib import Path

import pytest
from servers import spark as spark_server
from servers.http_server import Asked, HttpServer, Reply
from servers.packages import require
from servers.shared import shared
from servers.spark import PATIENCE, run, said, start_alone, until

from penstock.plugins.records.dead_letter import DeadLetterReader

CONFIG = """
input {{ file {{ path => "{directory}/in.log" mode => "read" exit_after_read => true sincedb_path => "/dev/null" codec => json
  file_completed_action => "log" file_completed_log_path => "/dev/null" }} }}
filter {{ if [n] == 1 {{ mutate {{ add_field => {{ "a" => "text" }} }} grok {{ match => {{ "message" => "%{{WORD:[a][b]}}" }} }} }} }}
output {{ {outputs} }}
"""
HTTP = 'http {{ url => "{url}/%{{n}}" http_method => "post" format => "json" max_in_flight => 1 }}'


def written(directory: Path, outputs: str) -> Path:
    events = [{"n": n, "message": f"event{n}"} for n in range(6)]
    (directory / "in.log").write_text("".join(json.dumps(event) + "\n" for event in events))
    config = directory / "pipeline.conf"
    config.write_text(CONFIG.format(directory=directory, outputs=outputs))
    return config


def kept(directory: Path) -> tuple[str, ...]:
    """The settings that keep dead letters."""
    return "-S", "dead_letter_queue.enable=true", "-S", f"path.dead_letter_queue={directory / 'letters'}", "--path.data", str(directory / "data")


def letters(directory: Path) -> Counter[tuple[str, int]]:
    """The dead letters that count: the plugin that refused it, and the number of the event."""
    found: Counter[tuple[str, int]] = Counter()
    for part in (directory / "letters").glob("part-*"):
        reader = DeadLetterReader(part)
        found.update((letter.plugin_type, letter.event["n"]) for letter in reader.read())
        reader.close()
    return found


def refuses_three(asked: Asked) -> Reply:
    return Reply(400 if asked.path == "/3" else 200)


REFUSED = Counter({("grok", 1): 1, ("http", 3): 1})


def test_events_that_a_filter_or_an_output_refuses_are_dead_letters(tmp_path: Path) -> None:
    require("spark")
    spark = shared("spark", spark_server.server)
    with HttpServer(refuses_three) as target:
        config = written(tmp_path, HTTP.format(url=target.url))
        ended = run(spark, {}, "run", "-f", str(config), "--engine", "spark", *kept(tmp_path))
    assert ended.status == 0, ended.err
    assert letters(tmp_path) == REFUSED


@pytest.mark.servers
def test_a_task_that_is_tried_twice_leaves_its_dead_letters_once(tmp_path: Path) -> None:
    require("spark")
    with HttpServer(refuses_three) as target, HttpServer() as slow:
        slow.hang()
        config = written(tmp_path, HTTP.format(url=target.url) + HTTP.format(url=slow.url))
        job = start_alone(config, "--engine-option", "spark.master=local[1,4]", *kept(tmp_path))
        try:
            until(lambda: "/3" in {asked.path for asked in target.asked} and bool(slow.asked), job, tmp_path)
            until(lambda: len(begun(tmp_path)) == 1, job, tmp_path)
            for pid in tasks_of(job.pid):
                os.kill(pid, signal.SIGKILL)
            until(lambda: len(begun(tmp_path)) == 2, job, tmp_path)
            slow.flow()
            assert job.wait(PATIENCE) == 0, said(tmp_path)
        finally:
            job.kill()
            job.wait()
    assert [asked.path for asked in target.asked].count("/3") >= 2
    assert letters(tmp_path) == REFUSED
    assert begun(tmp_path) == []


def begun(directory: Path) -> list[str]:
    """What attempts have begun to write, and that nobody has asked for yet."""
    return sorted(path.name for path in (directory / "letters" / "_temporary").glob("*"))


def tasks_of(driver: int) -> list[int]:
    """The Python workers of a driver: children of the daemon below its JVM."""
    return [worker for jvm in children(driver) for daemon in children(jvm) for worker in children(daemon)]


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(word) for path in tasks for word in path.read_text().split()]
