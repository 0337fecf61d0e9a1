"""The engine spark in local mode: what it writes is what one process writes; some configurations in every run, all with the servers.

All tests have one session of Spark.
"""
from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from engines.configurations import (
    CONFIGURATIONS,
    Configuration,
    assert_same,
    expected,
    prepared,
    settings_flags,
    variables,
)
from servers import spark as spark_server
from servers.packages import require
from servers.shared import shared
from servers.spark import Ended, lines_of, run

WITHOUT_KEY = ("join", "join with what is alone")
"""Events that stand on neither side of a join have no key, and go to any shard: their order is not kept."""


@pytest.fixture
def spark() -> Any:
    require("spark")
    return shared("spark", spark_server.server)


def on_spark(spark: Any, config: Path, *options: str, **environment: str) -> Ended:
    """`penstock run --engine spark` of a file, which must come through."""
    flags = [flag for option in options for flag in ("--engine-option", option)]
    ended = run(spark, environment, "run", "-f", str(config), "--engine", "spark", *settings_flags(), *flags)
    assert ended.status == 0, ended.err
    return ended


NAMES = ("access log", "lines that are joined", "tumbling window", "window of windows", "aggregate in several filters", "sample access-report")
SOME = [each for each in CONFIGURATIONS if each.name in NAMES]
OTHERS = [each for each in CONFIGURATIONS if each.name not in NAMES]


@pytest.mark.parametrize("configuration", SOME, ids=lambda each: each.name)
def test_it_writes_the_events_of_a_plain_run(spark: Any, configuration: Configuration, tmp_path: Path) -> None:
    assert_the_same_as_a_plain_run(spark, configuration, tmp_path)


@pytest.mark.servers
@pytest.mark.parametrize("configuration", OTHERS, ids=lambda each: each.name)
def test_it_writes_the_events_of_a_plain_run_whatever_the_filters(spark: Any, configuration: Configuration, tmp_path: Path) -> None:
    assert_the_same_as_a_plain_run(spark, configuration, tmp_path)


def assert_the_same_as_a_plain_run(spark: Any, configuration: Configuration, tmp_path: Path) -> None:
    wanted = expected(configuration)
    directory = prepared(configuration)
    environment = {**variables(directory), "OUTPUT": str(tmp_path / "out.jsonl")}
    on_spark(spark, directory / "pipeline.conf", "split_bytes=30000", **environment)
    given = lines_of(tmp_path / "out.jsonl")
    key = "" if configuration.name in WITHOUT_KEY else configuration.key
    assert_same(replace(configuration, key=key), given, wanted)
    assert given


FILES = 'file { path => "%s/in/*.log" mode => "%s" %s file_sort_by => "path" sincedb_path => "/dev/null" codec => json }'
ONCE = 'exit_after_read => true file_completed_action => "log" file_completed_log_path => "/dev/null"'
FOLLOWED = 'start_position => "beginning"'
WINDOW = 'date { match => ["at", "UNIX_MS"] } window { id => "w" size => "10s" by => ["key"] keep => false sum => { "sum" => "n" } }'


def seconds(begin: int, end: int) -> str:
    """An event a second, of two keys."""
    return "".join(json.dumps({"at": 1000 * n, "key": "ab"[n % 2], "n": n}) + "\n" for n in range(begin, end))


def written(directory: Path, inputs: str, filters: str, outputs: str) -> Path:
    config = directory / "pipeline.conf"
    config.write_text(f"input {{ {inputs} }}\nfilter {{ {filters} }}\noutput {{ {outputs} }}\n")
    return config


def sums(directory: Path) -> dict[tuple[str, int], int]:
    """The sum of each key and window, by the second in which it begins; none comes twice."""
    found = {}
    for line in lines_of(directory):
        event = json.loads(line)
        window = (event["key"], int(event["event"]["start"][17:19]) + 60 * int(event["event"]["start"][14:16]))
        assert window not in found
        found[window] = event["sum"]
    return found


def sums_of(numbers: Sequence[int]) -> dict[tuple[str, int], int]:
    found: dict[tuple[str, int], int] = {}
    for n in numbers:
        window = ("ab"[n % 2], n - n % 10)
        found[window] = found.get(window, 0) + n
    return found


def test_a_stream_goes_on_from_its_checkpoint_and_keeps_its_windows(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    log, out = tmp_path / "in" / "a.log", tmp_path / "out.jsonl"
    config = written(tmp_path, FILES % (tmp_path, "tail", FOLLOWED), WINDOW, f'file {{ path => "{out}" }}')
    flags = ("--checkpoint", str(tmp_path / "checkpoint"), "--engine-option", "until_idle=true")
    for begin, end in ((0, 25), (25, 72)):
        with log.open("a") as more:
            more.write(seconds(begin, end))
        ended = run(spark, {}, "run", "-f", str(config), "--engine", "spark", *flags)
        assert ended.status == 0, ended.err
    assert sums(out) == sums_of(range(60))  # the window waits for five seconds


TASKS = """date { match => ["at", "UNIX_MS"] } aggregate { task_id => "%{key}" code => "map['sum'] = (map['sum'] || 0) + event.get('n'); event.cancel"
    inactivity_timeout => 20 push_map_as_event_on_timeout => true timeout_task_id_field => "key" }"""


@pytest.mark.servers
def test_a_stream_keeps_its_tasks_and_ends_them_by_the_time_of_events(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    log, out = tmp_path / "in" / "a.log", tmp_path / "out.jsonl"
    config = written(tmp_path, FILES % (tmp_path, "tail", FOLLOWED), TASKS, f'file {{ path => "{out}" }}')
    flags = ("--checkpoint", str(tmp_path / "checkpoint"), "--engine-option", "until_idle=true")
    for begin, end in ((0, 7), (7, 12), (90, 91)):  # the last one is of key `a`, and moves time on
        with log.open("a") as more:
            more.write(seconds(begin, end))
        ended = run(spark, {}, "run", "-f", str(config), "--engine", "spark", *flags)
        assert ended.status == 0, ended.err
    told = [json.loads(line) for line in lines_of(out)]
    assert sorted((each["key"], each["sum"], each["@timestamp"]) for each in told) == [
        ("a", sum(range(0, 12, 2)), "1970-01-01T00:00:30.000Z"),
        ("b", sum(range(1, 12, 2)), "1970-01-01T00:00:31.000Z"),
    ]


def test_files_of_many_names_are_written_in_the_tasks_and_stdout_at_the_driver(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.log").write_text(seconds(0, 50))
    form = 'codec => line { format => "%{n}" }'
    outputs = f'if [n] < 5 {{ stdout {{ {form} }} }} else {{ file {{ path => "{tmp_path}/%{{key}}.txt" {form} }} }}'
    config = written(tmp_path, FILES % (tmp_path, "read", ONCE), "", outputs)
    ended = on_spark(spark, config, "split_bytes=300")
    assert ended.out.split() == ["0", "1", "2", "3", "4"]
    assert sorted(lines_of(tmp_path / "a.txt"), key=int) == [str(n) for n in range(6, 50, 2)]
    assert sorted(lines_of(tmp_path / "b.txt"), key=int) == [str(n) for n in range(5, 50, 2)]


def test_other_outputs_are_delivered_in_the_tasks(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.log").write_text(seconds(0, 50))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        gathered = Gathered(listener)
        config = written(tmp_path, FILES % (tmp_path, "read", ONCE), "", f'tcp {{ host => "127.0.0.1" port => {port} codec => json_lines }}')
        on_spark(spark, config, "split_bytes=300")
        gathered.until(50)
    assert sorted(json.loads(line)["n"] for line in gathered.lines()) == list(range(50))


class Gathered:
    """What comes over all connections to a port."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener, self._data = listener, list[bytearray]()
        self._more = threading.Condition()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                data = bytearray()
                self._data.append(data)
                threading.Thread(target=self._receive, args=(connection, data), daemon=True).start()

    def _receive(self, connection: socket.socket, data: bytearray) -> None:
        while piece := connection.recv(1 << 16):
            with self._more:
                data += piece
                self._more.notify_all()

    def lines(self) -> list[bytes]:
        return [line for data in self._data for line in data.split(b"\n") if line]

    def until(self, count: int) -> None:
        with self._more:
            assert self._more.wait_for(lambda: len(self.lines()) >= count, 120)


def test_what_cannot_run_is_refused_with_the_place_in_the_configuration(spark: Any, tmp_path: Path) -> None:
    config = written(tmp_path, "stdin { }", "", f'file {{ path => "{tmp_path}/out" }}')
    ended = run(spark, {}, "run", "-f", str(config), "--engine", "spark")
    assert ended.status == 1
    assert "error[E260]" in ended.err
    assert "put Kafka between" in ended.err


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("split_byte=1", "unknown option `split_byte` of the engine `spark`"),
        ("split_bytes=many", "option `split_bytes` of the engine `spark`"),
        ("environment=/nowhere.tar.gz", "`/nowhere.tar.gz` does not exist"),
    ],
)
def test_an_option_that_is_not_valid_is_named(spark: Any, tmp_path: Path, option: str, complaint: str) -> None:
    config = written(tmp_path, FILES % (tmp_path, "read", ONCE), "", "null { }")
    ended = run(spark, {}, "run", "-f", str(config), "--engine", "spark", "--engine-option", option)
    assert (ended.status, complaint in ended.err) == (1, True), ended.err


def test_a_task_that_fails_is_told_in_a_line(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.log").write_text(seconds(0, 5))
    (tmp_path / "a").write_text("a file of a plain run\n")
    config = written(tmp_path, FILES % (tmp_path, "read", ONCE), "", f'file {{ path => "{tmp_path}/%{{key}}" }}')
    ended = run(spark, {}, "run", "-f", str(config), "--engine", "spark")
    assert ended.status == 1
    assert f"`{tmp_path}/a` is a file; an engine writes a directory of parts of this name" in ended.err
    assert "Traceback" not in ended.err
