"""The promise of the input file: whatever is done to files and to the process, every line comes at least once, and in order.

Sequences of steps are made up: lines are written, whole or in part; the file is rotated by renaming or by copying and truncating;
the pipeline is stopped, killed, started; batches are acknowledged, held, given back.
"""
from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

STEPS = ["write", "part", "rename", "copy", "look", "take", "hold", "release", "refuse", "stop", "kill", "start"]


class Scene:
    """A log that is written and rotated, and what reads it. A line is ``<content>:<number>``: which of the contents that the
    file has had, and which line of it."""

    def __init__(self, directory: Path, run_file: Any, matched: bool) -> None:
        self.directory, self.matched = directory, matched
        self.path = directory / "logs" / "a.log"
        self.path.parent.mkdir()
        self.path.touch()
        self.name = "a.log*" if matched else "a.log"
        self._run_file = run_file
        self.run: Any = None
        self.content = self.number = 0
        self.started = ""
        self.written: list[tuple[int, int]] = []
        self.handed: list[tuple[int, int]] = []
        self.delivered: set[tuple[int, int]] = set()
        self.taken = 0
        self.looked = self.known = False

    def write(self, size: int) -> None:
        for _ in range(size):
            self.part(size)
            with self.path.open("a") as file:
                file.write(f"{self.started}\n")
            self.written.append((self.content, self.number))
            self.number, self.started = self.number + 1, ""

    def part(self, size: int) -> None:
        if not self.started:
            text = f"{self.content}:{self.number}:{'x' * (size * 7 % 50)}"
            with self.path.open("a") as file:
                file.write(text[:3])
            self.started = text[3:]

    def rename(self, size: int) -> None:
        self._rotate()
        self.path.rename(f"{self.path}.1")
        self.path.touch()

    def copy(self, size: int) -> None:
        if not self.matched and not self.known:
            self.look(20)  # a copy is known by what was read of the original, and written down at an interval
        self._rotate()
        shutil.copy(self.path, f"{self.path}.1")
        os.truncate(self.path, 0)

    def _rotate(self) -> None:
        """Files that were never looked at under a name that is asked for are not promised: so look."""
        if not self.matched and not self.looked:
            self.look(1)
        if self.started:
            self.write(1)
        for number in range(self.content, 0, -1):
            Path(f"{self.path}.{number}").rename(f"{self.path}.{number + 1}")
        self.content, self.number, self.looked, self.known = self.content + 1, 0, False, False

    def look(self, size: int) -> None:
        """A start, if need be, and time for the reader."""
        self.start(size)
        self.run.read(seconds=1.2 * size)
        self.looked = True
        self.known = self.known or (size > 15 and self.path.stat().st_size > 0)
        self._collect()

    def take(self, size: int) -> None:
        for _ in range(size if self.run else 0):
            self.run.step()
        self._collect()

    def hold(self, size: int) -> None:
        if self.run:
            self.run.holding = True

    def release(self, size: int) -> None:
        if self.run:
            self.run.holding = False
            self.run.answer()

    def refuse(self, size: int) -> None:
        if self.run:
            self.run.holding = False
            self.run.answer(OSError("refused"))

    def stop(self, size: int) -> None:
        if self.run:
            self.run.stop()
            self._forget()

    def kill(self, size: int) -> None:
        if self.run:
            self.run.crash()
            self._forget()

    def start(self, size: int) -> None:
        if not self.run:
            self.run = self._run_file(self.directory, self.name)

    def _forget(self) -> None:
        self._collect()
        self.run, self.taken = None, 0

    def _collect(self) -> None:
        if self.run:
            self.handed += lines(self.run.events[self.taken :])
            self.taken = len(self.run.events)
            self.delivered.update(lines(self.run.delivered))

    def end(self) -> None:
        """All is delivered in the end."""
        self.release(1)
        self.start(1)
        self.run.holding = False
        self.run.read(seconds=120)
        self._collect()
        self.run.crash()


def lines(events: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """Which lines these are; without those of which a truncation took the rest."""
    words = [event["message"].split(":") for event in events]
    return [(int(line[0]), int(line[1])) for line in words if len(line) == 3]


@pytest.fixture(autouse=True, scope="module")
def no_waiting_for_the_disk() -> Iterator[None]:
    """The tests do not cut the power."""
    sync, os.fsync = os.fsync, lambda descriptor: None
    yield
    os.fsync = sync


@pytest.mark.parametrize(
    "matched",
    [pytest.param(True, id="rotated files are matched"), pytest.param(False, id="only the name is matched")],
)
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 4)), max_size=25))
def test_every_line_comes_at_least_once_and_in_order(start_run: Any, matched: bool, steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        scene = Scene(Path(directory), start_run, matched)
        scene.look(1)
        for step, size in steps:
            getattr(scene, step)(size)
        scene.end()
        assert set(scene.written) <= scene.delivered
        first = list(dict.fromkeys(scene.handed))
        for content in range(scene.content + 1):
            numbers = [number for which, number in first if which == content]
            assert numbers == sorted(numbers)


def test_a_line_that_was_begun_while_no_one_looked_is_found_in_a_copy(start_run: Any) -> None:
    with tempfile.TemporaryDirectory() as directory:
        scene = Scene(Path(directory), start_run, matched=False)
        scene.look(1)
        scene.stop(1)
        scene.part(1)
        scene.copy(1)  # looks for long enough to write down what is there
        scene.stop(1)
        scene.end()
        assert set(scene.written) <= scene.delivered
