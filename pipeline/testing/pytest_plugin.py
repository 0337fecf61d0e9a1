"""The pytest plugin: test files are collected, each case is an item; expected events explain
themselves; a fixture.

pytest loads it whenever Penstock is installed, so it imports nothing of Penstock before it has
something to do.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest._code.code import ReprFileLocation, TerminalRepr

from ...dsl.diagnostics import PenstockError

if TYPE_CHECKING:
    from _pytest._io import TerminalWriter

    from .cases import Case, Suite
    from .embedded import Pipeline
    from .results import Result
    from .runner import Runner

_SUFFIXES = (".test.yml", ".test.yaml", ".test.json")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect test files of pipelines."""
    if not file_path.name.endswith(_SUFFIXES):
        return None
    file: pytest.Collector = PipelineTests.from_parent(parent, path=file_path)
    return file


class PipelineTests(pytest.File):
    """A test file."""

    def collect(self) -> Iterator[pytest.Item]:
        """An item for each case."""
        from ...dsl.diagnostics import ConfigError
        from .suite import read_suite

        try:
            suite = read_suite(_near(self.path))
        except ConfigError as error:
            raise self.CollectError(str(error)) from None
        of_file = _OfFile(self.config, suite)
        for case in suite.cases:
            yield PipelineCase.from_parent(self, name=case.name, of_file=of_file, case=case)


def _near(path: Path) -> Path:
    """A path as it is best shown: from here, where that is shorter."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else Path(relative)


_RUNNER = pytest.StashKey[Any]()


class _OfFile:
    """What the cases of a file share: a runner, whose compiled pipelines are those of the
    session.
    """

    def __init__(self, config: pytest.Config, suite: Suite) -> None:
        from .runner import Runner

        if _RUNNER not in config.stash:
            config.stash[_RUNNER] = Runner()
        self.runner: Runner = config.stash[_RUNNER]
        self.suite = suite
        self._results: dict[int, Result] = {}

    def result(self, case: Case) -> Result:
        """The result of a case; a file that is one run is run at the first."""
        if self.suite.verifier is None:
            return self.runner.case(self.suite, case)
        if not self._results:
            results = self.runner.run(self.suite)
            self._results = {
                id(one): result for one, result in zip(self.suite.cases, results, strict=True)
            }
        return self._results[id(case)]


class _Failure(PenstockError):
    """A case that did not pass."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.name)
        self.result = result


class _Shown(TerminalRepr):
    """A failure as text; pytest's summary takes its reason from ``reprcrash``."""

    def __init__(self, text: str, path: Path, line: int, reason: str) -> None:
        self.text = text
        self.reprcrash = ReprFileLocation(str(path), line, reason)

    def toterminal(self, tw: TerminalWriter) -> None:
        """Write the text."""
        tw.write(self.text)

    def __str__(self) -> str:
        return self.text


class PipelineCase(pytest.Item):
    """A case of a test file."""

    def __init__(self, *, of_file: _OfFile, case: Case, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.of_file, self.case = of_file, case

    def runtest(self) -> None:
        """Run the case."""
        if self.case.skip:
            pytest.skip(self.case.skip)
        result = self.of_file.result(self.case)
        if result.bad:
            raise _Failure(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What differs, instead of a traceback."""
        if not isinstance(excinfo.value, _Failure):
            return super().repr_failure(excinfo)
        from .report import brief, drawn

        color = self.config.get_terminal_writer().hasmarkup
        result = excinfo.value.result
        return _Shown(drawn(result, color), self.path, self.case.span.line, brief(result))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the case is written."""
        return self.path, self.case.span.line - 1, self.name


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Say what differs where expected events are compared."""
    import sys

    embedded = sys.modules.get(f"{__package__}.embedded")
    return embedded.explained(left, right) if embedded is not None and op == "==" else None


@pytest.fixture
def penstock_pipeline(request: pytest.FixtureRequest) -> Callable[..., Pipeline]:
    """``penstock_pipeline("apache.conf", now=…)``: a compiled pipeline, its path seen from the
    test's directory.
    """
    from .embedded import pipeline

    directory = request.path.parent

    def made(config: str, **keywords: Any) -> Pipeline:
        __tracebackhide__ = True
        beside = directory / config
        return pipeline(str(beside) if "{" not in config else config, **keywords)

    return made
