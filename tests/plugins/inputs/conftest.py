"""Inputs for the tests: made of a configuration as a run makes them, driven a step at a time by a clock that does not wait."""
from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.plugins.contract import Batch
from penstock.plugins.inputs._file_options import Clock
from penstock.plugins.passthrough import RawStream


class FakeClock(Clock):
    """Time passes only where someone waits for it; but the time of day, if ``is_real``, as the file system's does."""

    def __init__(self, is_real: bool = False) -> None:
        self.passed = 0.0
        self._is_real = is_real
        self._start = time.time()

    def monotonic(self) -> float:
        return 1000.0 + self.passed

    def time(self) -> float:
        return time.time() if self._is_real else self._start + self.passed

    def sleep(self, seconds: float) -> None:
        self.passed += max(seconds, 0.001)


def decoded(raw: RawStream) -> Iterator[Batch | None]:
    """The batches of an input that gives bytes."""
    for batch in raw.batches:
        if batch is None:
            yield None
            continue
        events = []
        for data, origin in batch.pieces:
            codec = raw.codec.stream(origin)
            events += codec.complete([*codec.decode(data), *codec.flush()])
        yield Batch(events, batch.done, batch.bytes)


class FileRun:
    """A run of the input file. ``events`` are all that came, ``delivered`` those acknowledged; ``held``: batches not answered.

    ``raw``: the input gives its bytes, where they can be cut, and they are decoded here, as workers do it.
    """

    def __init__(self, options: str, settings: dict[str, Any], clock: FakeClock | None = None, raw: bool = False) -> None:
        assembly = assemble([Source("(test)", f"input {{ file {{ {options} }} }}")], settled(settings))
        (self.plugin,) = assembly.plugins(assembly.program.inputs)
        self.clock = clock or FakeClock()
        self.plugin.clock = self.clock
        self.plugin.open()
        self.stopping = self.ended = self.holding = False
        self.events: list[dict[str, Any]] = []
        self.delivered: list[dict[str, Any]] = []
        self.held: list[Batch] = []
        found = self.plugin.raw(lambda: self.stopping, 1 << 18) if raw else None
        self._batches: Iterator[Batch | None] = self.plugin.batches(lambda: self.stopping) if found is None else decoded(found)

    def step(self) -> bool:
        """Take what comes next; False when nothing did."""
        batch = next(self._batches, self)
        if batch is self:
            self.ended = True
            return False
        if batch is None:
            return False
        assert isinstance(batch, Batch)
        self.events += batch.events
        if self.holding:
            self.held.append(batch)
        else:
            self._answer(batch, None)
        return True

    def read(self, seconds: float = 2.5) -> list[str]:
        """Let time pass until nothing came for so long; the messages that came meanwhile."""
        before = len(self.events)
        quiet = self.clock.passed
        while not self.ended and self.clock.passed - quiet < seconds:
            if self.step():
                quiet = self.clock.passed
        return [event["message"] for event in self.events[before:]]

    def answer(self, error: Exception | None = None) -> None:
        """Answer all batches that are held, the latest first: any order must do."""
        while self.held:
            self._answer(self.held.pop(), error)

    def _answer(self, batch: Batch, error: Exception | None) -> None:
        assert batch.done is not None
        if error is None:
            self.delivered += batch.events
        batch.done(error)

    def stop(self) -> list[str]:
        """Stop in good order; the messages that still came."""
        self.stopping = True
        messages = self.read()
        self.plugin.close()
        return messages

    def crash(self) -> None:
        """Stop as a process does that is killed: what is open is closed, nothing is written."""
        self.plugin._work._files.descriptors.close_all()


RunFile = Callable[..., FileRun]


@pytest.fixture(params=[False, True], ids=["events", "bytes"])
def run_file(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunFile]:
    """``run_file('path => "*.log"')``: a run on ``tmp_path/logs``, its positions in ``tmp_path/data``; once as one that gives events,
    once as one that gives bytes."""
    (tmp_path / "logs").mkdir()
    runs: list[FileRun] = []

    def start(options: str = "", name: str = "*.log", **settings: Any) -> FileRun:
        path = "" if "path =>" in options.replace("_path", "") else f'path => "{tmp_path}/logs/{name}"'
        given = {"path.data": str(tmp_path / "data")} | {key.replace("__", "."): value for key, value in settings.items()}
        runs.append(FileRun(f"{path} {options}", given, raw=request.param))
        return runs[-1]

    yield start
    for run in runs:
        if run.plugin._work is not None:
            run.crash()


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """The folder that the runs look into."""
    return tmp_path / "logs"


@pytest.fixture(scope="session")
def start_run() -> Callable[[Path, str], FileRun]:
    """``start_run(folder, "*.log")``: a run from the start on ``folder/logs``, its positions in ``folder/data``."""

    def start(folder: Path, name: str) -> FileRun:
        options = f'path => "{folder}/logs/{name}" start_position => "beginning"'
        return FileRun(options, {"path.data": str(folder / "data")}, FakeClock(is_real=True))

    return start
