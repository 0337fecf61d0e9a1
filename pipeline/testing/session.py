"""A run of ``penstock test``: which files, in which order, in how many processes, and what they add
up to.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from ...dsl.diagnostics import ConfigError, Diagnostic
from .cases import Case, Extra, Given, Suite
from .coverage import Coverage, Observed
from .discovery import choice
from .results import Result
from .runner import Runner
from .snapshots import Fresh, Snapshots, path_of
from .suite import read_suite

_PAYS_AFTER = 0.5
"""Seconds after which the files that are left are shared out: starting processes takes about as
long as this saves.
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of a run. ``jobs`` 0 lets the clock decide; ``failed`` are the ids to run
    first.
    """

    files: tuple[Path, ...]
    extra: Extra = field(default_factory=Extra)
    expression: str | None = None
    exit_first: bool = False
    failed: frozenset[str] = frozenset()
    jobs: int = 0
    coverage: bool = False
    update: bool = False


@dataclass(slots=True)
class FileRun:
    """What became of a file; ``watched`` are the files that it depends on. One that cannot be read
    is an error itself.
    """

    path: Path
    results: list[Result] = field(default_factory=list)
    warnings: tuple[Diagnostic, ...] = ()
    coverage: Coverage = field(default_factory=Coverage)
    fresh: list[Fresh] = field(default_factory=list)
    watched: tuple[Path, ...] = ()
    cases: int = 0

    @property
    def bad(self) -> bool:
        """Whether anything did not pass."""
        return any(result.bad for result in self.results)


def run(plan: Plan) -> Iterator[FileRun]:
    """Run the files, those with failures first where that is asked; ends after the first failure
    with ``exit_first``.
    """
    files = sorted(
        plan.files, key=lambda path: not any(name.startswith(f"{path}::") for name in plan.failed)
    )
    started = time.perf_counter()
    for number, path in enumerate(files):
        if _pays(plan, len(files) - number, time.perf_counter() - started):
            yield from _shared_out(plan, files[number:])
            return
        done = run_file(plan, path)
        yield done
        if plan.exit_first and done.bad:
            return


def _pays(plan: Plan, left: int, spent: float) -> bool:
    if plan.exit_first or left < 2 or plan.jobs == 1:
        return False
    if plan.jobs > 1:
        return True
    return (os.cpu_count() or 1) > 1 and left >= 4 and spent > _PAYS_AFTER


def _shared_out(plan: Plan, files: Sequence[Path]) -> Iterator[FileRun]:
    jobs = min(plan.jobs or os.cpu_count() or 1, len(files))
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(
            run_file, [plan] * len(files), files, chunksize=max(1, len(files) // (jobs * 4))
        )


def run_file(plan: Plan, path: Path) -> FileRun:
    """Run one file."""
    try:
        suite = _suite(path, plan.extra)
    except ConfigError as error:
        unread = Result("the test file", path, None, "error", problems=error.diagnostics)
        return FileRun(path, [unread], watched=(path,))
    observed = Observed() if plan.coverage else None
    runner = Runner(observed=observed, snapshots=Snapshots(update=plan.update))
    done = FileRun(path, warnings=suite.warnings, cases=len(suite.cases))
    for result in runner.run(ordered(suite, plan), choice(plan.expression)):
        done.results.append(result)
        if plan.exit_first and result.bad:
            break
    if observed is not None:
        done.coverage = observed.coverage
    done.fresh = runner.snapshots.fresh
    done.watched = _dependencies(suite, runner)
    return done


_READ: dict[Path, tuple[tuple[int, int], Extra, Suite]] = {}


def _suite(path: Path, extra: Extra) -> Suite:
    """The suite of a file, kept until the file changes: a watch reads large files once."""
    found = path.stat() if path.exists() else None
    state = (found.st_mtime_ns, found.st_size) if found else (0, 0)
    kept = _READ.get(path)
    if kept is None or kept[0] != state or kept[1] != extra:
        kept = _READ[path] = state, extra, read_suite(path, extra)
    return kept[2]


def _dependencies(suite: Suite, runner: Runner) -> tuple[Path, ...]:
    """The files on which the results of a file depend, as far as they are known."""
    found = [
        suite.path,
        path_of(suite.path),
        *(Path(given.file) for case in suite.cases for given in _given(case) if given.file),
    ]
    return tuple(
        dict.fromkeys(
            [*found, *(path for harness in runner.harnesses.compiled() for path in harness.files())]
        )
    )


def _given(case: Case) -> list[Given]:
    """All that a case is given."""
    return [case.given, *(step.given for step in case.steps if step.given is not None)]


def ordered(suite: Suite, plan: Plan) -> Suite:
    """A suite with the cases first that failed last time; one whose cases build on each other stays
    as it is.
    """
    if suite.verifier is not None or not plan.failed:
        return suite

    def passed(case: Case) -> bool:
        return f"{suite.path}::{case.name}" not in plan.failed

    return Suite(suite.path, tuple(sorted(suite.cases, key=passed)), suite.warnings)


def _memory() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    here = hashlib.sha256(str(Path.cwd()).encode()).hexdigest()[:16]
    return Path(home, "penstock", f"failed-{here}.json")


def failed_before() -> frozenset[str]:
    """The ids of the cases that failed in the last run in this directory."""
    try:
        return frozenset(json.loads(_memory().read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return frozenset()


def remember_failed(results: Sequence[Result], before: frozenset[str]) -> None:
    """Keep which cases failed; those that were not run stay as they were."""
    run = {result.id for result in results}
    failed = {result.id for result in results if result.bad} | (before - run)
    try:
        _memory().parent.mkdir(parents=True, exist_ok=True)
        _memory().write_text(json.dumps(sorted(failed)), encoding="utf-8")
    except OSError:
        return  # a convenience: without a place to keep it there is no order next time
