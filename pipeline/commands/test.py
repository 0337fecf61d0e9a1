"""``penstock test``: run the tests of pipelines, and say what they cover."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ...dsl.diagnostics import ConfigError
from ...dsl.settings import settled
from ..testing import coverage_reports, discovery, formats, report, session, snapshots
from ..testing.cases import Extra, Mock
from ..testing.coverage import Coverage
from ..testing.results import Result, Tally
from ..testing.session import FileRun, Plan
from .configuration import (
    PATH,
    Chosen,
    colored,
    ecs_option,
    path_settings_option,
    refuse,
    setting_option,
    settings_pairs,
    show_findings,
    width,
)
from .settings_flags import SettingsCommand

_CONFIG = "The configuration to test, instead of the one that a test file names."
_MOCK = "Mocks, as a file of logstash-filter-verifier has them: a list of id and mock."


@click.command(cls=SettingsCommand)
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH]…")
@click.option(
    "-f",
    "--path.config",
    "config",
    multiple=True,
    type=PATH,
    metavar="FILE|DIR|GLOB",
    help=_CONFIG,
)
@click.option("--mock", "mocks", multiple=True, type=PATH, metavar="FILE", help=_MOCK)
@setting_option
@ecs_option
@path_settings_option
@click.option(
    "-k",
    "expression",
    metavar="WORDS",
    help="Only tests with these words in their names; and, or, not join them.",
)
@click.option("-x", "--exitfirst", is_flag=True, help="Stop at the first failure.")
@click.option("--failed-first", "--ff", is_flag=True, help="Run what failed last time first.")
@click.option(
    "-j",
    "--jobs",
    type=int,
    default=0,
    metavar="N",
    help="How many processes (default: as many as shorten the run).",
)
@click.option("-v", "--verbose", is_flag=True, help="Name every test.")
@click.option("-q", "--quiet", is_flag=True, help="Show failures and the summary only.")
@click.option(
    "--watch",
    is_flag=True,
    help=("Watch files; rerun the affected tests on each save, until Ctrl-C."),
)
@click.option("--update", is_flag=True, help="Show snapshots that changed, ask, and write them.")
@click.option("-y", "--yes", is_flag=True, help="Write snapshots without asking.")
@click.option("--junit", type=PATH, metavar="FILE", help="Write the results as JUnit XML.")
@click.option("--json", "as_json", is_flag=True, help="Results as JSON on stdout.")
@click.option("--cov", is_flag=True, help="Show which parts of the pipelines the tests reach.")
@click.option("--cov-html", type=PATH, metavar="FILE", help="Write the coverage as an HTML page.")
@click.option("--cov-json", type=PATH, metavar="FILE", help="Write the coverage as JSON.")
@click.option("--cov-fail-under", type=float, metavar="PERCENT", help="Fail if less is covered.")
@click.option(
    "--mutate",
    is_flag=True,
    help=(
        "Mutation testing: change the pipelines one statement at a time and list the changes"
        " that no test detects."
    ),
)
@click.option("--schema", is_flag=True, help="Print the JSON schema of test files, for editors.")
def test(
    paths: tuple[str, ...], config: tuple[str, ...], mocks: tuple[str, ...], **flags: Any
) -> None:
    """Run the tests in *.test.yml and *.test.json files: those given, or all below directories
    (default: this one).

    With -f, files of logstash-filter-verifier are run as well. Exits with 1 if a test fails, with 2
    if there are none.
    """
    if flags["schema"]:
        from ..testing.test_file_schema import schema

        click.echo(json.dumps(schema(), indent=2, ensure_ascii=False))
        return
    try:
        plan = _plan(paths or (".",), config, mocks, flags)
    except ConfigError as error:
        refuse(error)
    if not plan.files:
        raise click.UsageError(
            "no tests found: a test file is called NAME.test.yml, NAME.test.yaml or NAME.test.json"
        )
    if flags["watch"]:
        _watch(plan, paths or (".",), flags)
        return
    _done(_once(plan, flags))


def _done(fine: bool | None) -> None:
    """Leave with 1 where a test failed, with 2 where none was run."""
    if fine is None:
        raise SystemExit(2)
    if not fine:
        raise SystemExit(1)


def _plan(
    paths: Sequence[str], config: tuple[str, ...], mocks: Sequence[str], flags: dict[str, Any]
) -> Plan:
    from ..testing.verifier import mocks_of

    given = settings_pairs(flags["settings"])
    if flags["ecs"]:
        given["pipeline.ecs_compatibility"] = flags["ecs"]
    chosen = Chosen((), None, given, flags["path_settings"])
    known, default = chosen.settings(), settled(None)
    settings = {key: known[key] for key in known if key in given or known[key] != default[key]}
    try:
        discovery.choice(flags["expression"])
    except discovery.BadChoice as bad:
        raise click.UsageError(f"-k: {bad}") from None
    overrides: dict[str, Mock] = {}
    for path in mocks:
        overrides |= mocks_of(Path(path))
    return Plan(
        files=tuple(discovery.find(paths, foreign=bool(config))),
        extra=Extra(config, settings, overrides),
        expression=flags["expression"],
        exit_first=flags["exitfirst"],
        failed=session.failed_before() if flags["failed_first"] else frozenset(),
        jobs=flags["jobs"],
        coverage=_wants_coverage(flags),
        update=flags["update"],
    )


def _wants_coverage(flags: dict[str, Any]) -> bool:
    return bool(
        flags["cov"]
        or flags["cov_html"]
        or flags["cov_json"]
        or flags["cov_fail_under"] is not None
    )


def _once(plan: Plan, flags: dict[str, Any]) -> bool | None:
    """Run everything once, and report; whether all is well, None where no test was run."""
    started = time.perf_counter()
    runs, covered, shown = [], Coverage(), report.Shown()
    for run in session.run(plan):
        runs.append(run)
        covered.merge(run.coverage)
        if not flags["as_json"]:
            _show(run, flags, shown)
    results = [result for run in runs for result in run.results]
    session.remember_failed(results, session.failed_before())
    left = _update(runs, flags) if flags["update"] else 0
    fine = not left and not any(run.bad for run in runs)
    if flags["junit"]:
        formats.write(flags["junit"], formats.junit(results))
    if flags["as_json"]:
        click.echo(
            formats.as_json(
                results, {"coverage": coverage_reports.as_data(covered)} if plan.coverage else None
            )
        )
    else:
        _sum_up(runs, time.perf_counter() - started, left)
    fine = _report_coverage(covered, plan, flags) and fine
    if not results:
        _nothing_run(runs, plan)
        return None
    return _mutate(plan, flags, results, left) and fine if flags["mutate"] else fine


def _nothing_run(runs: Sequence[FileRun], plan: Plan) -> None:
    total = sum(run.cases for run in runs)
    tests = f"{total} test{'' if total == 1 else 's'}"
    if plan.expression:
        click.echo(f"no test has `{plan.expression}` in its name ({tests})", err=True)
    else:
        click.echo("the test files have no tests", err=True)


def _show(run: FileRun, flags: dict[str, Any], shown: report.Shown) -> None:
    color = colored(sys.stdout)
    show_findings(run.warnings)
    if flags["verbose"]:
        for result in run.results:
            click.echo(
                f"{result.verdict:8} {run.path}: {result.name}"
                + (f" ({result.reason})" if result.reason else "")
            )
    elif not flags["quiet"] and run.results:
        click.echo(report.file_line(run.path, run.results, color))
    for result in run.results:
        if result.bad:
            click.echo("\n" + report.drawn(result, color, shown, width(sys.stdout)).rstrip())


def _sum_up(runs: Sequence[FileRun], seconds: float, left: int = 0) -> None:
    tally, color = Tally(), colored(sys.stdout)
    for run in runs:
        tally.add(run.results)
    names = report.failures([result for run in runs for result in run.results], color)
    if tally.bad:
        click.echo("\n" + names + ("\n" if names else ""), nl=False)
    if left:
        click.echo(f"{left} snapshot{'' if left == 1 else 's'} not taken")
    click.echo(report.summary(tally, len(runs), seconds, color))


def _report_coverage(covered: Coverage, plan: Plan, flags: dict[str, Any]) -> bool:
    if not plan.coverage:
        return True
    if flags["cov"] and not flags["as_json"]:
        click.echo("\n" + coverage_reports.text(covered, colored(sys.stdout), _columns()))
    if flags["cov_html"]:
        formats.write(flags["cov_html"], coverage_reports.as_html(covered))
    if flags["cov_json"]:
        formats.write(flags["cov_json"], coverage_reports.as_json(covered))
    wanted = flags["cov_fail_under"]
    if wanted is not None and covered.percent() < wanted:
        click.echo(f"{coverage_reports.total(covered)}: less than {wanted:g} %", err=True)
        return False
    return True


def _columns() -> int:
    """The width of the terminal, 0 where stdout is none."""
    return width(sys.stdout) if sys.stdout.isatty() else 0


def _update(runs: Sequence[FileRun], flags: dict[str, Any]) -> int:
    """Show, ask and write; how many snapshots were not taken."""
    fresh = [one for run in runs for one in run.fresh]
    chosen = [one for one in fresh if _confirmed(one, flags["yes"])]
    for path in snapshots.write(chosen):
        click.echo(f"wrote {path}")
    return len(fresh) - len(chosen)


def _confirmed(one: snapshots.Fresh, yes: bool) -> bool:
    click.echo(snapshots.drawn(one, colored(sys.stdout)))
    if yes:
        return True
    try:
        answer = click.confirm(f"Take this for `{one.name}`?", default=False)
    except click.Abort:
        click.echo("\nno terminal to ask on: --yes accepts snapshots without asking")
        return False
    if not sys.stdin.isatty():
        click.echo()
    return answer


def _mutate(plan: Plan, flags: dict[str, Any], results: Sequence[Result], not_taken: int) -> bool:
    """Show what no test notices; whether there is nothing such."""
    from ..testing import mutation

    bad = sum(result.bad for result in results)
    if bad or not_taken:
        failing = "1 test fails" if bad == 1 else f"{bad} tests fail"
        why = failing if bad else "snapshots are missing"
        click.echo(f"not mutated: {why}")
        return False
    holes = mutation.report(plan, colored(sys.stdout))
    click.echo(holes.text)
    return not holes.found


def _watch(plan: Plan, paths: Sequence[str], flags: dict[str, Any]) -> None:
    from ..testing.watch import watch

    def show(runs: list[FileRun]) -> None:
        shown = report.Shown()
        for run in runs:
            _show(run, flags, shown)
        _sum_up(runs, sum(result.seconds for run in runs for result in run.results))

    try:
        import watchfiles  # noqa: F401 - asked for here, where its lack can be told
    except ModuleNotFoundError:
        raise click.UsageError(
            "--watch needs the package watchfiles: pip install 'penstock[watch]'"
        ) from None
    with contextlib.suppress(KeyboardInterrupt):
        watch(
            plan,
            lambda: discovery.find(paths, bool(plan.extra.pipeline)),
            [Path(path) for path in paths],
            show,
        )
