"""Signals while lines are written: an ordered stop and a reload lose nothing and repeat nothing; a stop that cannot be ended in order
acknowledges nothing that was not delivered."""
from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

LONGEST = 60.0

CONFIG = """
input {{ file {{ path => "{directory}/in.log" start_position => "beginning" sincedb_path => "{directory}/sincedb" stat_interval => 0.05 {input} }} }}
filter {{ mutate {{ add_field => {{ "version" => "{version}" }} }} {filter} }}
output {{ {output} }}
"""
OUT = 'file {{ path => "{directory}/out.jsonl" }}'

FAILING = '''
from pathlib import Path
from penstock.plugins.contract import Batch, Input, Output
from penstock.plugins.declaration import option

class CannotOpenInput(Input, name="cannot_open"):
    """An input that cannot open."""
    def open(self):
        raise OSError("the door is locked")
    def batches(self, stopping):
        yield None

class CannotOpenOutput(Output, name="cannot_open"):
    """An output that cannot open."""
    def open(self):
        raise OSError("the door is locked")

class Stuck(Output, name="stuck"):
    """An output that takes nothing, and says once that it was asked to."""
    path: str = option("The file that tells of it.")
    def deliver(self, packed):
        Path(self.path).touch()
        raise OSError("the door is locked")

class Hung(Stuck, name="hung"):
    """An output that does not come back."""
    def deliver(self, packed):
        Path(self.path).touch()
        import time
        time.sleep(1000)
'''
ENTRIES = """
[penstock.inputs]
cannot_open = failing:CannotOpenInput
[penstock.outputs]
cannot_open = failing:CannotOpenOutput
stuck = failing:Stuck
hung = failing:Hung
"""


class Run:
    """A pipeline in a process, and a thread that writes lines meanwhile."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.directory, self.arguments = directory, arguments
        self.config = directory / "a.conf"
        self.written = 0
        self._writing = False
        self._plugins()
        self.configure("one")

    def _plugins(self) -> None:
        info = self.directory / "plugins" / "failing-1.dist-info"
        info.mkdir(parents=True)
        (info.parent / "failing.py").write_text(FAILING)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: failing\nVersion: 1\n")
        (info / "entry_points.txt").write_text(ENTRIES)

    def configure(self, version: str, **parts: str) -> None:
        given: dict[str, Any] = {"input": "", "filter": "", "output": OUT} | parts
        given["output"] = given["output"].format(directory=self.directory)
        self.config.write_text(CONFIG.format(directory=self.directory, version=version, **given))

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "penstock", "run", "-f", str(self.config), "--path.data", str(self.directory / "data")]
        environment = os.environ | {"PYTHONPATH": str(self.directory / "plugins")}
        return subprocess.Popen(
            [*command, *self.arguments], stdin=subprocess.DEVNULL, stderr=(self.directory / "said").open("ab"), env=environment
        )

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Lines are written all the while."""
        self._writing = True
        thread = threading.Thread(target=self._write)
        thread.start()
        try:
            yield
        finally:
            self._writing = False
            thread.join()

    def _write(self) -> None:
        with (self.directory / "in.log").open("a", buffering=1) as file:
            while self._writing:
                for _ in range(20):
                    file.write(f"{self.written}\n")
                    self.written += 1
                time.sleep(0.01)

    def arrived(self) -> list[tuple[int, str]]:
        """Numbers, each with the version of the configuration through which it came."""
        path = self.directory / "out.jsonl"
        if not path.exists():
            return []
        events = [json.loads(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
        return [(int(event["message"]), event["version"]) for event in events]

    def numbers(self) -> list[int]:
        return [number for number, _ in self.arrived()]

    def said(self) -> str:
        return (self.directory / "said").read_text()

    def wait(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + LONGEST
        while not holds():
            assert time.monotonic() < end, self.said()
            time.sleep(0.05)

    def wait_for_more(self, version: str) -> None:
        """Wait until a line arrives through a version of the configuration, after now."""
        before = len(self.arrived())
        self.wait(lambda: any(one == version for _, one in self.arrived()[before:]))

    def all_came(self) -> None:
        """A last run that is stopped in order; then each line has come, and in order where it came first."""
        process = self.start()
        self.wait(lambda: len(set(self.numbers())) >= self.written)
        stop(process)
        assert list(dict.fromkeys(self.numbers())) == list(range(self.written))
        assert "Traceback" not in self.said()

    def all_came_once(self) -> None:
        """As ``all_came``, and none has come twice."""
        self.all_came()
        assert len(self.numbers()) == self.written


def stop(process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGTERM) -> None:
    process.send_signal(number)
    assert process.wait(LONGEST) == 0


ALONE, PARALLEL, QUEUED, ALL = (), ("-w", "2"), ("-S", "queue.type=persisted"), ("-w", "2", "-S", "queue.type=persisted")
ARRANGEMENTS = pytest.mark.parametrize("arguments", [ALONE, PARALLEL, QUEUED, ALL], ids=["memory", "memory-2", "persisted", "persisted-2"])
ONE = pytest.mark.parametrize("arguments", [PARALLEL], ids=["memory-2"])


@ARRANGEMENTS
def test_a_stop_in_the_middle_delivers_what_was_read_once(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    run = Run(tmp_path, *arguments)
    with run.writing():
        for number in (signal.SIGTERM, signal.SIGINT):
            process = run.start()
            run.wait_for_more("one")
            stop(process, number)
    run.all_came_once()


@ONE
def test_a_second_signal_leaves_at_once_and_acknowledges_nothing(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """The output takes nothing; the first signal waits for it, the second does not."""
    run = Run(tmp_path, *arguments)
    run.configure("one", output='hung {{ path => "{directory}/asked" }}')
    with run.writing():
        process = run.start()
        run.wait((tmp_path / "asked").exists)
    process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(LONGEST) == 128 + signal.SIGTERM
    run.configure("one")
    run.all_came()


@ONE
def test_a_stop_that_takes_too_long_acknowledges_nothing(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    run = Run(tmp_path, "-S", "penstock.shutdown_timeout=1", *arguments)
    run.configure("one", output='hung {{ path => "{directory}/asked" }}')
    with run.writing():
        process = run.start()
        run.wait((tmp_path / "asked").exists)
    process.send_signal(signal.SIGTERM)
    assert process.wait(LONGEST) == 128 + signal.SIGTERM
    assert re.search(r"penstock.shutdown_timeout.*left undelivered: \d+ events for output hung", run.said())
    run.configure("one")
    run.all_came()


@ONE
def test_a_stop_while_an_output_fails_acknowledges_nothing(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    run = Run(tmp_path, "-S", "penstock.shutdown_timeout=20", *arguments)
    run.configure("one", output='stuck {{ path => "{directory}/asked" }}')
    with run.writing():
        process = run.start()
        run.wait((tmp_path / "asked").exists)
    process.send_signal(signal.SIGTERM)
    assert process.wait(LONGEST) != 0
    run.configure("one")
    run.all_came_once()


@ARRANGEMENTS
def test_a_reload_loses_and_repeats_nothing(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """The first is asked for with a signal; the second is seen by itself."""
    run = Run(tmp_path, "-r", "--config.reload.interval", "2 s", *arguments)
    with run.writing():
        process = run.start()
        run.wait_for_more("one")
        run.configure("two")
        process.send_signal(signal.SIGHUP)
        run.wait_for_more("two")
        run.configure("three")
        run.wait_for_more("three")
        stop(process)
    run.all_came_once()
    assert list(dict.fromkeys(version for _, version in run.arrived())) == ["one", "two", "three"]


BROKEN = {
    "no language": {"filter": "} this is wrong"},
    "no such plugin": {"filter": "mutat { }"},
    "an input that cannot open": {"input": "} cannot_open { "},
    "an output that cannot open": {"output": OUT + " cannot_open {{ }}"},
}  # fmt: skip


@ONE
@pytest.mark.parametrize("broken", BROKEN)
def test_a_reload_that_fails_goes_on_as_before(tmp_path: Path, arguments: tuple[str, ...], broken: str) -> None:
    run = Run(tmp_path, *arguments)
    with run.writing():
        process = run.start()
        run.wait_for_more("one")
        run.configure("two", **BROKEN[broken])
        process.send_signal(signal.SIGHUP)
        run.wait(lambda: "keeps running" in run.said() or "rolled back" in run.said())
        run.wait_for_more("one")
        run.configure("three")
        process.send_signal(signal.SIGHUP)
        run.wait_for_more("three")
        stop(process)
    run.all_came_once()
    assert "two" not in {version for _, version in run.arrived()}


MOMENTS = Path(__file__).with_name("signal_moments.py")


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGVTALRM], ids=lambda number: number.name)
def test_a_signal_at_any_moment_of_a_short_run_neither_hangs_nor_fails_it(tmp_path: Path, number: signal.Signals, workers: int) -> None:
    """A hundred runs, a signal each: the first comes at the start, the last when the run has ended."""
    said = tmp_path / "said"
    command = [sys.executable, str(MOMENTS), str(int(number)), "100", str(workers), str(said)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ends = [tuple(line.split()) for line in done.stdout.splitlines()]
    assert len(ends) == 100
    before_it_listens = {str(-number), str(128 + number)}
    if number == signal.SIGINT:
        before_it_listens.add("1")  # Python itself was interrupted, before any line of ours
    assert {end for _, end in ends} <= {"0"} | before_it_listens
    assert "0" in {end for _, end in ends}, "no signal met a run that listens"
    assert "Traceback" not in said.read_text() or ("1" in {end for _, end in ends})


def test_a_run_ends_in_order_when_its_terminal_goes(tmp_path: Path) -> None:
    """The input never ends; the terminal hangs up."""
    ours, theirs = os.openpty()
    config = f'input {{ heartbeat {{ interval => 0.05 }} }} output {{ file {{ path => "{tmp_path}/out" flush_interval => 0 }} }}'
    command = [sys.executable, "-m", "penstock", "run", "-e", config]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    end = time.monotonic() + LONGEST
    while not (tmp_path / "out").exists():
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.01)
    os.close(ours)
    process.send_signal(signal.SIGHUP)
    assert process.wait(LONGEST) == 0
