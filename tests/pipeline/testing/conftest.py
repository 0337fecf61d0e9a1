"""Test files are written into a directory of their own and run there."""
from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.pipeline.testing.cases import Extra
from penstock.pipeline.testing.results import Result
from penstock.pipeline.testing.runner import Runner
from penstock.pipeline.testing.suite import read_suite

Run = Callable[..., list[Result]]


class Directory:
    """A working directory with a pipeline and test files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, text: str) -> Path:
        """Write a file, its text with the common indentation taken off."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        return file

    def run(self, tests: str, pipeline: str = "", name: str = "p.test.yml", **extra: object) -> list[Result]:
        """The results of a test file about a pipeline."""
        if pipeline:
            self.write("pipeline.conf", pipeline)
        suite = read_suite(self.write(name, tests), Extra(**extra))  # type: ignore[arg-type]
        return list(Runner().run(suite))


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Directory:
    """A directory that is the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Directory(Path())
