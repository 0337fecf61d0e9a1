"""Workers are children of a clean parent: no threads, no descriptors of the main process, and it ends with it."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.runtime.worker_parent import WorkerParent, WorkerParentError

needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks into /proc")
CONFIG = 'input { heartbeat { interval => 0.05 } } filter { mutate { add_tag => ["a"] } } output { stdout { codec => line { format => "beat" } } }'
LONGEST = 60.0


def children(process: int) -> list[int]:
    return [int(child) for task in Path(f"/proc/{process}/task").iterdir() for child in (task / "children").read_text().split()]


def status(process: int, name: str) -> str:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(line.split(":")[1].strip() for line in lines if line.startswith(f"{name}:"))


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + LONGEST
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


class Run:
    """A run that goes on until it is stopped; it has begun."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "penstock", "run", *arguments, "-e", CONFIG]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.beat()

    def beat(self) -> None:
        """An event comes out."""
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"beat\n"

    @property
    def parent(self) -> int:
        (parent,) = children(self.process.pid)
        return parent


@pytest.fixture
def start() -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def started(*arguments: str) -> Run:
        runs.append(Run(*arguments))
        return runs[-1]

    yield started
    for run in runs:
        run.process.kill()
        run.process.communicate()


@needs_proc
def test_one_worker_has_no_parent(start: Callable[..., Run]) -> None:
    assert children(start("-w", "1").process.pid) == []


@needs_proc
def test_workers_are_children_of_a_parent_without_threads(start: Callable[..., Run]) -> None:
    run = start("-w", "2")
    assert len(children(run.parent)) == 2
    assert status(run.parent, "Threads") == "1"
    assert status(run.process.pid, "Threads") != "1"


@needs_proc
def test_neither_the_parent_nor_workers_hold_what_the_main_process_has_open(start: Callable[..., Run], tmp_path: Path) -> None:
    run = start("-w", "2", "--path.data", str(tmp_path), "-S", "queue.type=persisted")
    own = opened(run.process.pid)
    assert any(str(tmp_path) in target for target in own), "the queue is open in the main process"
    for process in (run.parent, *children(run.parent)):
        assert [target for target in opened(process) if str(tmp_path) in target] == []
        assert {target for target in opened(process) if target.startswith("pipe:")} <= standard_streams(run.process.pid)


def opened(process: int) -> list[str]:
    return [str(link.readlink()) for link in Path(f"/proc/{process}/fd").iterdir()]


def standard_streams(process: int) -> set[str]:
    return {str(Path(f"/proc/{process}/fd/{number}").readlink()) for number in (0, 1, 2)}


@needs_proc
def test_a_worker_that_was_killed_is_replaced(start: Callable[..., Run]) -> None:
    run = start("-w", "2")
    before = children(run.parent)
    os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: before[0] not in children(run.parent) and len(children(run.parent)) == 2)
    run.beat()
    run.process.terminate()
    assert run.process.wait(LONGEST) == 0


@needs_proc
def test_a_run_whose_parent_was_killed_says_so_when_it_needs_another_worker(start: Callable[..., Run]) -> None:
    run = start("-w", "2")
    worker = children(run.parent)[0]
    os.kill(run.parent, signal.SIGKILL)
    os.kill(worker, signal.SIGKILL)
    _, said = run.process.communicate(timeout=LONGEST)
    assert run.process.returncode == 1
    assert b"stopped: the process that starts workers has died" in said
    assert b"Traceback" not in said


@needs_proc
def test_parent_and_workers_end_with_the_main_process(start: Callable[..., Run]) -> None:
    run = start("-w", "2")
    family = [run.parent, *children(run.parent)]
    run.process.kill()
    run.process.wait()
    wait_until(lambda: not any(is_running(process) for process in family))


def is_running(process: int) -> bool:
    try:
        return status(process, "State")[0] not in "ZX"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("has_threads", [False, True])
def test_it_compiles_what_it_is_sent_whether_threads_run_already_or_not(has_threads: bool) -> None:
    """Where threads run, it is a new interpreter instead of a fork."""
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    if has_threads:
        thread.start()
    parent = WorkerParent()
    try:
        parent.compile("good", [Source("a.conf", "filter { drop { } }")], settled({}))
        with pytest.raises(WorkerParentError, match=r"a\.conf:1:10"):
            parent.compile("bad", [Source("a.conf", "filter { drp { } }")], settled({}))
    finally:
        parent.close()
        end.set()
        if has_threads:
            thread.join()
    with pytest.raises(WorkerParentError, match="has died"):
        parent.compile("late", [], settled({}))
