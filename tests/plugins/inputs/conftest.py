"""Inputs for the tests: made of a configuration as a run makes them, read by the runtime's reader a step at a time, by a clock that
does not wait."""
from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from penstock.dsl.reference import Event
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.dsl.timestamp import Timestamp
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.runtime.decoding import Decoder
from penstock.pipeline.runtime.in_flight import Delivery
from penstock.pipeline.runtime.reader import Reader
from penstock.pipeline.runtime.sources import ThreadedSource
from penstock.plugins.batch import Batch
from penstock.plugins.errors import EndOfInput
from penstock.plugins.input import Input, Listener
from penstock.plugins.inputs._file_options import Clock
from penstock.plugins.plugin import Plugin
from penstock.plugins.wake_pipe import WakePipe


class FakeClock(Clock):
    """Time passes only where someone waits for it, a quarter of a second at most; but the time of day, if ``is_real``, as the file
    system's does."""

    def __init__(self, is_real: bool = False) -> None:
        self.passed = 0.0
        self._is_real = is_real
        self._start = time.time()

    def monotonic(self) -> float:
        return 1000.0 + self.passed

    def time(self) -> float:
        return time.time() if self._is_real else self._start + self.passed

    def wait(self, seconds: float, pipe: WakePipe, descriptors: Sequence[int] = ()) -> Sequence[int]:
        self.passed += min(max(seconds, 0.001), 0.25)
        return super().wait(0, pipe, descriptors)


class Read:
    """A batch that was read: its events, and its delivery, which is to be answered."""

    def __init__(self, batch: Batch, decoder: Decoder, delivery: Delivery) -> None:
        self.events: list[Event] = [event for events in decoder.batches(batch) for event in events]
        self.batch = batch
        self._delivery = delivery

    def done(self, error: Exception | None) -> None:
        self._delivery.done(error)


class InputRun:
    """An input as the runtime reads it, without its threads."""

    def __init__(self, plugin: Input) -> None:
        self.plugin = plugin
        self.stopping = threading.Event()
        self.reader = Reader(plugin, self.stopping)
        self.decoder = Decoder(plugin)
        self.ended = False

    def next(self) -> Read | None:
        """What one turn of the reader gives; after a stop, what the input still holds. None when there was nothing."""
        if self.ended:
            return None
        got = None
        try:
            if self.stopping.is_set():
                self.ended = True
                got = self.reader.flush()
            else:
                got = self.reader.step()
        except EndOfInput:
            self.ended = True
        return None if got is None else Read(got[0], self.decoder, got[1])

    def finish(self) -> None:
        """End as a run does when all is answered."""
        self.stopping.set()
        self.reader.finish(lambda: True)
        self.plugin.close()


class FileRun:
    """A run of the input file. ``events`` are all that came, ``delivered`` those acknowledged; ``held``: batches not answered.

    ``cuts``: streams are cut by the input and decoded here, where they can be, as in a run; otherwise the input decodes them.
    """

    def __init__(self, options: str, settings: dict[str, Any], clock: FakeClock | None = None, cuts: bool = True) -> None:
        assembly = assemble([Source("(test)", f"input {{ file {{ {options} }} }}")], settled(settings))
        (self.plugin,) = assembly.plugins(assembly.program.inputs)
        self.clock = clock or FakeClock()
        self.plugin.clock = self.clock
        if not cuts:
            self.plugin._streams._boundary = None
        self.plugin.open()
        self.run = InputRun(self.plugin)
        self.holding = False
        self.events: list[dict[str, Any]] = []
        self.delivered: list[dict[str, Any]] = []
        self.held: list[Read] = []

    @property
    def ended(self) -> bool:
        return self.run.ended

    def step(self) -> bool:
        """Take what comes next; False when nothing did."""
        got = self.run.next()
        if got is None:
            return False
        self.events += got.events
        if self.holding:
            self.held.append(got)
        else:
            self._answer(got, None)
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

    def _answer(self, got: Read, error: Exception | None) -> None:
        if error is None:
            self.delivered += got.events
        got.done(error)

    def end(self) -> list[str]:
        """Read no more; the messages that the input still held."""
        self.run.stopping.set()
        return self.read()

    def stop(self) -> list[str]:
        """Stop in good order; the messages that still came."""
        messages = self.end()
        self.run.finish()
        return messages

    def crash(self) -> None:
        """Stop as a process does that is killed: what is open is closed, nothing is written."""
        self.plugin._tailer._files.descriptors.close_all()


@pytest.fixture(scope="session")
def run_input() -> Callable[[Input], InputRun]:
    """``run_input(plugin)``: an input that is open, as the runtime reads it."""
    return InputRun


RunFile = Callable[..., FileRun]


@pytest.fixture(params=[False, True], ids=["decoded by the input", "decoded by the runtime"])
def run_file(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunFile]:
    """``run_file('path => "*.log"')``: a run on ``tmp_path/logs``, its positions in ``tmp_path/data``; once decoded by the
    input, once by the runtime where that can be."""
    (tmp_path / "logs").mkdir()
    runs: list[FileRun] = []

    def start(options: str = "", name: str = "*.log", **settings: Any) -> FileRun:
        path = "" if "path =>" in options.replace("_path", "") else f'path => "{tmp_path}/logs/{name}"'
        given = {"path.data": str(tmp_path / "data")} | {key.replace("__", "."): value for key, value in settings.items()}
        runs.append(FileRun(f"{path} {options}", given, cuts=request.param))
        return runs[-1]

    yield start
    for run in runs:
        if run.plugin._tailer is not None:
            run.crash()


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """The directory that the runs look into."""
    return tmp_path / "logs"


@pytest.fixture(scope="session")
def start_run() -> Callable[[Path, str], FileRun]:
    """``start_run(directory, "*.log")``: a run from the start on ``directory/logs``, its positions in ``directory/data``."""

    def start(directory: Path, name: str) -> FileRun:
        options = f'path => "{directory}/logs/{name}" start_position => "beginning"'
        return FileRun(options, {"path.data": str(directory / "data")}, FakeClock(is_real=True))

    return start


class Listening:
    """A listener of a configuration, served by the runtime's threads; what it emits is decoded and delivered at once, unless
    nothing is ``taken``.
    """

    def __init__(self, config: str, settings: dict[str, Any]) -> None:
        assembly = assemble([Source("listening.conf", f"input {{ {config} }} output {{ null {{ }} }}")], settled(settings))
        (plugin,) = assembly.plugins(assembly.program.inputs)
        assert isinstance(plugin, Listener)
        self.source, self.events, self.failures = plugin, list[Event](), list[BaseException]()
        self.taken = threading.Event()
        self.taken.set()
        plugin.open()
        self._serve()

    def _serve(self, carried: frozenset[Plugin] = frozenset()) -> None:
        self._stopping = threading.Event()
        self._threads = ThreadedSource([self.source], self._stopping, self.failures.append, carried)
        self._taker = threading.Thread(target=self._take, daemon=True)
        self._taker.start()
        self.until(lambda: self.failures or self._is_served())

    def _is_served(self) -> bool:
        return bool(getattr(self.source, "addresses", None)) or getattr(self.source, "mode", "") == "client"

    def _take(self) -> None:
        decoder = Decoder(self.source)
        for incoming in self._threads:
            if incoming is None:
                continue
            self.taken.wait()
            for events in decoder.batches(incoming.batch):
                self.events += events
            assert incoming.done is not None
            incoming.done(None)
        self._threads.finish()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self.source.addresses[0][1])  # type: ignore[attr-defined]

    def dial(self) -> socket.socket:
        """A connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), 30)

    def send(self, *pieces: bytes) -> None:
        """Send pieces over a connection of their own."""
        with self.dial() as made:
            for piece in pieces:
                made.sendall(piece)

    def messages(self, count: int) -> list[Any]:
        """The messages, when so many have come."""
        self.until(lambda: len(self.events) >= count)
        return [event["message"] for event in self.events]

    def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds."""
        end = time.monotonic() + 90
        while not holds():
            assert time.monotonic() < end, (self.events[:20], self.failures)
            time.sleep(0.005)

    def reload(self) -> None:
        """What a reload does that leaves the input as it is."""
        self._end()
        self._serve(frozenset([self.source]))

    def _end(self) -> None:
        self._stopping.set()
        self._threads.wake()
        self._taker.join(90)
        assert not self._taker.is_alive()

    def stop(self) -> None:
        """Stop as a run does."""
        self._end()
        self.source.close()


Listen = Callable[..., Listening]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """``listen('tcp { … }', **settings)``: a listener that is served until the test ends."""
    made: list[Listening] = []

    def start(config: str, **settings: Any) -> Listening:
        known = {"penstock.now": Timestamp("2024-10-12T07:08:09.000Z"), "penstock.timezone": "UTC"}
        made.append(Listening(config, known | settings))
        return made[-1]

    yield start
    for listening in made:
        listening.taken.set()
        listening.stop()
