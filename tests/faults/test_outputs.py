"""Outputs that fail, hang, or take half: every event arrives, in order, the other outputs are not held up, and nothing is acknowledged
before. Whole pipelines, and with ``kill -9`` whole processes."""
from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from servers.process import free_ports

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import Environment, assemble
from penstock.pipeline.runtime.pipeline import Pipeline
from penstock.pipeline.storage.survey import queue_state
from penstock.plugins.batch import Batch, Payload
from penstock.plugins.declaration import option
from penstock.plugins.errors import EndOfInput, Retry, Undelivered
from penstock.plugins.input import Input, Outcome
from penstock.plugins.output import Output


class Flaky(Output, name="flaky"):
    """Fails so often for each delivery, takes half so often, and hangs while ``gate`` is closed."""

    fails: int = option("How often.", default=0)
    halves: int = option("How often.", default=0)
    hangs: bool = option("Whether.", default=False)

    def prepare(self) -> None:
        self.gate, self.numbers = threading.Event(), list[int]()
        self._fails, self._halves = self.fails, self.halves
        if not self.hangs:
            self.gate.set()

    def deliver(self, payload: Payload) -> None:
        self.gate.wait(60)
        if self._fails:
            self._fails -= 1
            raise ConnectionRefusedError("refused")
        if self._halves and payload.count > 1:
            self._halves -= 1
            half = payload.count // 2
            self.numbers += [event["number"] for event in payload.data[:half]]
            raise Retry("half of it", range(half, payload.count))
        self.numbers += [event["number"] for event in payload.data]
        self._fails, self._halves = self.fails, self.halves


class Numbers(Input, name="numbers"):
    """Batches of ten, of numbers that go on; how each was settled."""

    local = True

    def prepare(self) -> None:
        self.handed, self.answers, self.count = 0, dict[int, Exception | None](), 10
        self.answered_twice = False

    def read(self, timeout: float) -> Batch | None:
        if self.handed == self.count:
            raise EndOfInput
        number, self.handed = self.handed, self.handed + 1
        return Batch([{"number": number * 10 + one} for one in range(10)], token=number)

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Any]) -> None:
        for number, error in outcomes:
            self.answered_twice |= number in self.answers
            self.answers[number] = error


class Impatient(threading.Event):
    """An event for which nobody waits longer than a moment."""

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(0 if timeout is None else min(timeout, 0.001))


class Run:
    """A pipeline of ``Numbers`` to outputs, in a thread."""

    def __init__(self, *outputs: str, **settings: Any) -> None:
        text = f"input {{ generator {{ }} }} output {{ {' '.join('null { ' + options + ' }' for options in outputs)} }}"
        kinds: dict[str, type[Output] | type[Input]] = {"null": Flaky, "generator": Numbers}
        assembly = assemble([Source("test.conf", text)], settled(settings), Environment(override=lambda use, context: self._made(kinds[use.name], use, context)))
        self.pipeline = Pipeline(assembly)
        self.pipeline._stopping = Impatient()
        self.outputs = [target for target in self.pipeline.targets if isinstance(target, Flaky)]
        (self.input,) = [source for source in self.pipeline.inputs if isinstance(source, Numbers)]
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _made(self, kind: type[Output] | type[Input], use: Any, context: Any) -> Output | Input:
        plugin = kind({name: setting.value for name, setting in use.settings.items()}, context)
        plugin.prepare()
        return plugin

    def _run(self) -> None:
        try:
            self.pipeline.run()
        except BaseException as error:
            self.error = error

    def configured(self, *options: dict[str, Any]) -> Run:
        """Options that the output null does not have."""
        for output, values in zip(self.outputs, options, strict=True):
            for name, value in values.items():
                setattr(output, name, value)
            output.prepare()
        return self

    def start(self) -> Run:
        self.thread.start()
        return self

    def end(self) -> None:
        self.thread.join(60)
        assert not self.thread.is_alive()


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


ALL = list(range(100))
WELL = dict.fromkeys(range(10))


@pytest.mark.parametrize("policy", ["block", "spill"])
@pytest.mark.parametrize("others", [0, 1], ids=["alone", "beside another"])
@pytest.mark.parametrize(
    "faults", [{"fails": 1}, {"fails": 7}, {"halves": 3}, {"fails": 4, "halves": 2}], ids=["fails", "fails often", "takes halves", "both"]
)
def test_every_event_arrives_once_and_in_order(tmp_path: Path, policy: str, others: int, faults: dict[str, int]) -> None:
    options = [f'id => "faulty" when_full => "{policy}" buffer_size => 1', *(["buffer_size => 1"] * others)]
    run = Run(*options, **{"path.data": str(tmp_path)}).configured(faults, *([{}] * others)).start()
    run.end()
    assert [output.numbers for output in run.outputs] == [ALL] * (1 + others)
    assert (run.input.answers, run.input.answered_twice, run.error) == (WELL, False, None)


def test_an_output_that_hangs_holds_up_no_other_until_its_buffer_is_full_and_nothing_is_acknowledged() -> None:
    run = Run("buffer_size => 60000", "").configured({"hangs": True}, {}).start()
    until(lambda: run.outputs[1].numbers[59:])
    assert run.input.answers == {}
    until(lambda: run.pipeline.sinks[0].is_full)
    assert run.input.handed < 9, "then all wait"
    run.outputs[0].gate.set()
    run.end()
    assert [output.numbers for output in run.outputs] == [ALL, ALL]
    assert run.input.answers == WELL


def test_an_output_that_spills_holds_up_nothing(tmp_path: Path) -> None:
    options = 'id => "slow" when_full => "spill" buffer_size => 1'
    run = Run(options, "", **{"path.data": str(tmp_path)}).configured({"hangs": True}, {}).start()
    until(lambda: run.outputs[1].numbers == ALL)
    until(lambda: run.input.answers == WELL)
    slow, quick = run.pipeline.stats()
    assert (slow.output, slow.spilled, slow.waiting, slow.delivered, quick.delivered) == ("slow", 100, 100, 0, 100)
    run.outputs[0].gate.set()
    run.end()
    assert run.outputs[0].numbers == ALL


@pytest.mark.parametrize("others", [0, 1], ids=["alone", "beside another"])
def test_what_was_not_delivered_when_the_pipeline_stops_is_given_back(others: int) -> None:
    run = Run("buffer_size => 30000", *([""] * others)).configured({"fails": 10**9}, *([{}] * others)).start()
    until(lambda: run.pipeline.stats() and run.pipeline.stats()[0].circuit == "open")
    run.pipeline.stop()
    run.end()
    assert isinstance(run.error, Undelivered)
    assert run.input.handed == len(run.input.answers) > 0
    assert all(isinstance(error, Undelivered) for error in run.input.answers.values())
    assert not run.input.answered_twice


AWAY = {
    "a buffer of its own": 'lumberjack {{ hosts => "127.0.0.1" port => {} }}',
    "two of them": 'lumberjack {{ hosts => "127.0.0.1" port => {0} }} tcp {{ host => "127.0.0.1" port => {0} }}',
}


@pytest.mark.parametrize("output", AWAY.values(), ids=AWAY.keys())
def test_a_stop_while_the_target_is_away_is_a_good_end_where_no_event_waits(tmp_path: Path, output: str) -> None:
    (nobody,) = free_ports()
    config = f"input {{ stdin {{ }} }} output {{ {output.format(nobody)} }}"
    command = [sys.executable, "-m", "penstock", "run", "--path.data", str(tmp_path), "-e", config]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = ""
        while "failed, retrying" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        process.terminate()
        _, rest = process.communicate(timeout=60)
    assert "not delivered" not in rest
    assert process.returncode == 0, said + rest


CONFIG = """
input {{ stdin {{ codec => line }} }}
output {{ file {{ id => "out" path => "{directory}/gate/out" codec => line {{ format => "%{{message}}" }} when_full => spill buffer_size => 100 }} }}
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_spilled_survives_a_kill_and_is_delivered_before_what_is_new(tmp_path: Path, workers: int) -> None:
    """A file stands where the directory of the output must be; it is taken away between two lives."""
    (tmp_path / "gate").write_text("in the way")
    command = [sys.executable, "-m", "penstock", "run", "--path.data", str(tmp_path / "data"), "-w", str(workers), "-e", CONFIG.format(directory=tmp_path)]
    lines = [f"line {number}" for number in range(300)]
    spill = tmp_path / "data" / "spill" / "main" / "out"
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        for some in (lines[:100], lines[100:]):
            process.stdin.write("".join(f"{line}\n" for line in some).encode())
            process.stdin.flush()
            if some[0] == lines[0]:
                while b"failed, retrying" not in process.stderr.readline():
                    assert process.poll() is None
        until(lambda: spill.exists() and queue_state(spill).events.total() == 300)
        process.kill()
    (tmp_path / "gate").unlink()
    done = subprocess.run(command, input=b"new\n", capture_output=True, timeout=60, check=True)
    assert b"300 events wait in the spill" in done.stderr
    assert (tmp_path / "gate" / "out").read_text().splitlines() == [*lines, "new"]
    assert queue_state(spill).events.total() == 0


def figures_on_signal(process: subprocess.Popen[bytes], said: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """The heads and the only row of the table of outputs; ``said`` gets the lines before it."""
    assert process.stderr is not None
    process.send_signal(signal.SIGUSR1)
    while b"outputs of pipeline main" not in (line := process.stderr.readline()):
        assert line
        said.append(line)
    return process.stderr.readline().split(b"  "), process.stderr.readline().split()


def test_a_run_says_what_it_dropped_and_shows_its_figures_on_a_signal(tmp_path: Path) -> None:
    (tmp_path / "gate").write_text("in the way")
    config = f"""
      input {{ heartbeat {{ interval => 0.01 }} }}
      output {{ file {{ id => "out" path => "{tmp_path}/gate/out" when_full => drop_newest buffer_size => 1 }} }}"""
    command = [sys.executable, "-m", "penstock", "run", "--path.data", str(tmp_path), "-e", config]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        said: list[bytes] = []
        while not any(b"failed, retrying with back-off" in line for line in said):
            said.append(process.stderr.readline())
        heads, row = figures_on_signal(process, said)
        while row[-2] == b"closed" or row[2] == b"0":  # it opens at the third failure
            heads, row = figures_on_signal(process, said)
        process.terminate()
        _, rest = process.communicate(timeout=60)
    assert [head.strip() for head in heads if head.strip()][:4] == [b"output", b"delivered", b"dropped", b"rejected"]
    assert (row[0], row[1], int(row[2]) > 0, row[-2] in (b"open", b"half-open")) == (b"out", b"0", True, True)
    assert b"[main] [out] " in rest
    assert b" events dropped (when_full)" in rest
    assert sum(b"gate" in line for line in [*said, *rest.splitlines()]) <= 4, "not a line for each trial"


PIPELINES = """
- pipeline.id: sender
  config.string: 'input {{ generator {{ lines => ["a", "b"] count => 50 }} }} output {{ pipeline {{ send_to => ["there"] }} }}'
- pipeline.id: receiver
  config.string: |
    input {{ pipeline {{ address => "there" }} }}
    filter {{ mutate {{ rename => {{ "message" => "text" }} }} }}
    output {{ file {{ path => "{directory}/gate/out" }} }}
"""


def test_a_pipeline_gives_back_to_the_one_before_it_and_both_end(tmp_path: Path) -> None:
    (tmp_path / "gate").write_text("in the way")
    (tmp_path / "pipelines.yml").write_text(PIPELINES.format(directory=tmp_path))
    command = [sys.executable, "-m", "penstock", "run", "--path.settings", str(tmp_path), "--path.data", str(tmp_path / "data")]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        while b"failed, retrying" not in process.stderr.readline():
            assert process.poll() is None
        process.terminate()
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"stopped with events that were not delivered" in said
