"""Several workers: the same events in the same order as with one, even when workers die."""
from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.filters.uuid import Uuid
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.runtime.worker_parent import WorkerParent
from penstock.pipeline.runtime.worker_pool import ParallelPipeline, stateful_filter, useful_workers

COMMAND = [sys.executable, "-m", "penstock", "run"]
CONFIG = """
input {{ {source} }}
filter {{
  grok {{ match => {{ "message" => "^line %{{INT:number:int}}" }} }}
  if [number] and [number] < 10 {{ mutate {{ add_tag => ["low"] }} }}
}}
output {{ stdout {{ codec => json_lines }} }}
"""
LINES = "".join(f"line {n} {'x' * (n % 300)}\n" for n in range(20_000)).encode()


@pytest.mark.parametrize("flag", ["stateful", "flushes"])
def test_a_filter_that_holds_or_flushes_events_gets_them_all(monkeypatch: pytest.MonkeyPatch, flag: str) -> None:
    assembly = assemble([Source("t.conf", "filter { mutate { } uuid { target => 'u' } }")], settled(None))
    assert stateful_filter(assembly) is None
    monkeypatch.setattr(Uuid, flag, True)
    found = stateful_filter(assembly)
    assert found is not None
    assert found.name == "uuid"


def numbers(out: bytes) -> list[int]:
    return [json.loads(line)["number"] for line in out.splitlines()]


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize(
    "source", ["stdin { }", "stdin { codec => json_lines }", "stdin { codec => multiline { pattern => '^ ' what => previous } }"]
)
def test_order_is_kept_and_nothing_is_lost(workers: int, source: str) -> None:
    lines = LINES if "json" not in source else b"".join(b'{"message":"%s"}\n' % line.strip() for line in LINES.splitlines())
    done = subprocess.run(
        [*COMMAND, "-w", str(workers), "-e", CONFIG.format(source=source)], input=lines, capture_output=True, timeout=120, check=True
    )
    assert done.stderr == b""
    assert numbers(done.stdout) == list(range(20_000))


@pytest.mark.parametrize(
    ("filters", "processors", "asked", "started"),
    [("mutate { }", 4, 8, 4), ("mutate { }", 4, 3, 3), ("mutate { }", 1, 8, 2), ("dns { resolve => ['a'] }", 2, 8, 8)],
)
def test_workers_that_would_only_take_turns_are_not_started(
    monkeypatch: pytest.MonkeyPatch, filters: str, processors: int, asked: int, started: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(processors)), raising=False)
    assert useful_workers(assemble([Source("test.conf", f"filter {{ {filters} }}")], settled({})), asked) == started


def test_order_may_be_given_up_and_nothing_is_lost() -> None:
    flags = ["-w", "3", "-S", "pipeline.ordered=false"]
    done = subprocess.run([*COMMAND, *flags, "-e", CONFIG.format(source="stdin { }")], input=LINES, capture_output=True, timeout=120, check=True)
    assert sorted(numbers(done.stdout)) == list(range(20_000))


def test_a_file_is_shipped_as_bytes_and_remembered_when_it_is_delivered(tmp_path: Path) -> None:
    """Its events know the file that they come from; a second run finds nothing new."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.log").write_bytes(LINES)
    options = f'path => "{tmp_path}/*.log" start_position => "beginning" mode => read file_completed_action => log'
    source = f'file {{ {options} file_completed_log_path => "{tmp_path}/done" exit_after_read => true sincedb_path => "{tmp_path}/db" }}'
    for expected in (20_000, 0):
        done = subprocess.run([*COMMAND, "-w", "2", "-e", CONFIG.format(source=source)], capture_output=True, timeout=120, check=True)
        events = [json.loads(line) for line in done.stdout.splitlines()]
        for name in ("a", "b"):
            of_file = [event["number"] for event in events if event["log"]["file"]["path"] == f"{tmp_path}/{name}.log"]
            assert of_file == list(range(expected))


def test_several_inputs_and_outputs_work_too(tmp_path: Path) -> None:
    text = f"""
      input {{ generator {{ lines => ["a", "b"] count => 500 }} generator {{ message => "c" count => 500 }} }}
      output {{
        if [message] == "a" {{ file {{ path => "{tmp_path}/a" codec => line {{ format => "%{{message}}" }} }} }}
        else {{ file {{ path => "{tmp_path}/%{{message}}" codec => line {{ format => "%{{message}}" }} }} }}
      }}"""
    subprocess.run([*COMMAND, "-w", "2", "-e", text], capture_output=True, timeout=120, check=True)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: f"{name}\n" * 500 for name in "abc"}


def children(parent: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]


def is_alive(process: int) -> bool:
    """Whether it runs still: unlike the `ps` that has listed the children."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def workers_of(process: int) -> list[int]:
    """The workers of a run: they are forked by a process that the main one started before all else."""
    return [worker for parent in children(process) for worker in children(parent)]


def test_a_worker_that_is_killed_is_replaced_and_its_work_done_again() -> None:
    process = subprocess.Popen(
        [*COMMAND, "-w", "2", "-e", CONFIG.format(source="stdin { }")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"line 0\n")
    process.stdin.flush()
    first = process.stdout.readline()
    victims = workers_of(process.pid)
    assert len(victims) == 2
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    process.stdin.write(b"".join(b"line %d\n" % n for n in range(1, 1000)))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert numbers(first + out) == list(range(1000))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open descriptors are looked up in /proc")
def test_a_worker_holds_its_own_pipe_and_no_other(tmp_path: Path) -> None:
    """Of several pipelines too: a pipe that somebody else held open would not tell that its worker has died."""
    config = 'input {{ heartbeat {{ interval => 60 }} }} output {{ file {{ path => "{}/{}" }} }}'
    both = "".join(f"- pipeline.id: {name}\n  config.string: '{config.format(tmp_path, name)}'\n" for name in ("a", "b"))
    (tmp_path / "pipelines.yml").write_text(both)
    with subprocess.Popen([*COMMAND, "--path.settings", str(tmp_path), "-w", "2"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        # What was inherited is let go of at the very start; from then on it stays like that.
        while [sockets_of(worker) for worker in workers_of(process.pid)] != [1, 1, 1, 1]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.terminate()


def sockets_of(process: int) -> int:
    """How many sockets a process has open; pipes of workers are sockets."""
    held = 0
    for descriptor in Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it has just been closed
            held += str(descriptor.readlink()).startswith("socket:")
    return held


def test_workers_end_with_the_main_process() -> None:
    process = subprocess.Popen(
        [*COMMAND, "-w", "2", "-e", CONFIG.format(source="stdin { }")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"line 0\n")
    process.stdin.flush()
    process.stdout.readline()
    workers = workers_of(process.pid)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline, "a worker outlived the main process"
        time.sleep(0.05)


def test_workers_end_where_the_pipeline_cannot_start(tmp_path: Path) -> None:
    """In a process that goes on, such as one whose reload is rolled back."""
    (tmp_path / "spill").write_text("in the place of the directory of spills")
    text = 'input { generator { } } output { null { when_full => "spill" } }'
    settings = {**settled({}), "path.data": str(tmp_path)}
    before = set(children(os.getpid()))
    parent = WorkerParent()
    made = set(children(os.getpid())) - before
    (parent_process,) = (child for child in made if is_alive(child))
    try:
        pipeline = ParallelPipeline(assemble([Source("a.conf", text)], settings), 2, parent=parent)
        with pytest.raises(OSError, match="spill"):
            pipeline.run()
        deadline = time.monotonic() + 120
        while children(parent_process):
            assert time.monotonic() < deadline, "a worker outlived its pipeline"
            time.sleep(0.05)
    finally:
        parent.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_events_on_which_a_filter_raised_are_in_the_dead_letters(workers: int, tmp_path: Path) -> None:
    text = """
      filter { if [message] == "bad" { uuid { target => "u" add_field => { "a[b" => "1" } } } }
      output { stdout { codec => json_lines } }"""
    settings = ["--path.data", str(tmp_path), "-S", "dead_letter_queue.enable=true", "-w", str(workers)]
    done = subprocess.run([*COMMAND, *settings, "-e", text], input=b"good\nbad\n", capture_output=True, timeout=60, check=True)
    assert [json.loads(line).get("tags") for line in done.stdout.splitlines()] == [None, ["_uuid_exception"]]
    read = 'input {{ dead_letter_queue {{ path => "{0}" commit_offsets => false }} }} output {{ stdout {{ codec => line {{ {1} }} }} }}'
    config = read.format(tmp_path / "dead_letter_queue", 'format => "%{message} %{[@metadata][dead_letter_queue][plugin_type]}"')
    process = subprocess.Popen([*COMMAND, "-e", config], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"bad uuid\n"
    process.terminate()
    process.communicate(timeout=90)
