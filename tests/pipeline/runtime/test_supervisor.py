"""Several pipelines in one process, and pipelines that are exchanged while they run."""
from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from servers.process import free_ports

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import Assembly, assemble
from penstock.pipeline.runtime.pipeline import Pipeline
from penstock.pipeline.runtime.supervisor import ManagedPipeline, Supervisor

COMMAND = [sys.executable, "-m", "penstock", "run"]
BEAT = 'input {{ heartbeat {{ interval => 0.05 }} }} output {{ stdout {{ codec => line {{ format => "{word}" }} }} }}'


def start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def read_until(process: subprocess.Popen[bytes], wanted: bytes) -> None:
    assert process.stdout is not None
    while process.stdout.readline() != wanted:
        assert process.poll() is None, process.stderr and process.stderr.read()


def wait_for(process: subprocess.Popen[bytes], said: bytes) -> None:
    assert process.stderr is not None
    while said not in process.stderr.readline():
        assert process.poll() is None


def ended(process: subprocess.Popen[bytes]) -> bytes:
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=90)
    assert process.returncode == 0
    return err


def test_a_changed_configuration_takes_over_and_a_wrong_one_does_not(tmp_path: Path) -> None:
    path = tmp_path / "beat.conf"
    path.write_text(BEAT.format(word="one"))
    process = start("-r", "--config.reload.interval", "100 ms", "-f", str(path))
    read_until(process, b"one\n")
    path.write_text("output { this is wrong")
    wait_for(process, b"new configuration refused, the old one keeps running")
    read_until(process, b"one\n")
    path.write_text("filter { }")
    wait_for(process, b"has no input")
    read_until(process, b"one\n")
    path.write_text(BEAT.format(word="two"))
    read_until(process, b"two\n")
    assert b"pipeline main: reloaded" in ended(process)


def test_hangup_looks_for_changes_at_once(tmp_path: Path) -> None:
    path = tmp_path / "beat.conf"
    path.write_text(BEAT.format(word="one"))
    process = start("-f", str(path))
    read_until(process, b"one\n")
    path.write_text(BEAT.format(word="two"))
    process.send_signal(signal.SIGHUP)
    read_until(process, b"two\n")
    ended(process)


def test_an_output_that_is_failing_can_be_exchanged_and_what_it_did_not_get_is_read_again(tmp_path: Path) -> None:
    (port,) = free_ports()
    path, data = tmp_path / "one.conf", tmp_path / "in.log"
    data.write_text("hello\n")
    source = f'input {{ file {{ path => "{data}" start_position => "beginning" }} }}'
    path.write_text(f'{source} output {{ http {{ url => "http://127.0.0.1:{port}/" http_method => "post" }} }}')
    process = start("--path.data", str(tmp_path / "data"), "-f", str(path))
    wait_for(process, b"output http failed, retrying with back-off")
    path.write_text(f'{source} output {{ stdout {{ codec => line {{ format => "%{{message}}" }} }} }}')
    process.send_signal(signal.SIGHUP)
    read_until(process, b"hello\n")
    said = ended(process)
    assert b"pipeline main: stopped for its reload with events that were not delivered" in said
    assert b"pipeline main: reloaded" in said


def test_pipelines_hand_events_to_each_other(tmp_path: Path) -> None:
    (tmp_path / "pipelines.yml").write_text(
        f"""
- pipeline.id: intake
  config.string: |
    input {{ generator {{ lines => ["a", "b"] count => 50 }} }}
    output {{
      if [message] == "a" {{ pipeline {{ send_to => ["only_a"] }} }}
      pipeline {{ send_to => ["everything"] }}
    }}
- pipeline.id: only_a
  config.string: |
    input {{ pipeline {{ address => "only_a" }} }}
    filter {{ mutate {{ add_tag => ["a"] }} }}
    output {{ file {{ path => "{tmp_path}/a.log" }} }}
- pipeline:
    id: everything
  config.string: 'input {{ pipeline {{ address => everything }} }} output {{ file {{ path => "{tmp_path}/all.log" }} }}'
"""
    )
    process = start("--path.settings", str(tmp_path))
    deadline = time.monotonic() + 90
    while lines(tmp_path / "all.log") < 100 or lines(tmp_path / "a.log") < 50:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    ended(process)
    assert {tuple(json.loads(line)["tags"]) for line in (tmp_path / "a.log").open()} == {("a",)}
    assert not any("tags" in json.loads(line) for line in (tmp_path / "all.log").open())  # each has its own copy


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


SETTINGS = settled({})
ENDLESS = "input { heartbeat { interval => 60 } } output { null { } }"
PATIENCE = 120.0


def once(path: Path) -> str:
    """A pipeline that writes one line and ends."""
    output = f'file {{ path => "{path}" codec => line {{ format => "%{{message}}" }} }}'
    return f'input {{ generator {{ message => "new" count => 1 }} }} output {{ {output} }}'


def managed(name: str, load: Callable[[], list[Source]]) -> ManagedPipeline:
    return ManagedPipeline(name, {**SETTINGS, "pipeline.id": name}, load)


def run_to_its_end(supervisor: Supervisor) -> None:
    thread = threading.Thread(target=supervisor.run, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_all_pipelines_of_a_list_may_be_exchanged_at_once(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def when_the_old_one_has_ended() -> list[Source]:
        for thread in threading.enumerate():
            if thread.name == "old":
                thread.join(PATIENCE)
        return [Source("new.conf", once(out))]

    new = managed("new", when_the_old_one_has_ended)
    old = managed("old", lambda: [Source("old.conf", ENDLESS)])
    assert not old.inspect()
    supervisor = Supervisor([old], Pipeline, reread=lambda: [new])
    supervisor.reload()
    run_to_its_end(supervisor)
    assert out.read_text() == "new\n"


def test_a_change_that_comes_while_the_pipeline_before_ends_is_taken_up(tmp_path: Path) -> None:
    out = tmp_path / "out"
    member = managed("main", lambda: [Source("a.conf", ENDLESS)])
    assert not member.inspect()
    changed = [Source("b.conf", once(out))]
    following = [(changed, assemble(changed, member.settings))]

    def make(assembly: Assembly) -> Pipeline:
        member.pending = following.pop() if following else None
        return Pipeline(assembly)

    run_to_its_end(Supervisor([member], make))
    assert out.read_text() == "new\n"
    assert member.reloads.successes == 1


def test_a_pipeline_that_leaves_the_list_before_it_has_started_does_not_start() -> None:
    made: list[Assembly] = []

    def make(assembly: Assembly) -> Pipeline:
        made.append(assembly)
        return Pipeline(assembly)

    member = managed("main", lambda: [Source("a.conf", ENDLESS)])
    assert not member.inspect()
    member.is_removed = True
    run_to_its_end(Supervisor([member], make))
    assert made == []
