"""The engine `local` makes of a configuration what a plain run makes of it."""
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from engines.configurations import (
    CONFIGURATIONS,
    ROOT,
    Configuration,
    assert_same,
    expected,
    output_of,
    prepared,
    settings_flags,
    variables,
    written,
)

from penstock.pipeline.commands.main import main

NOW = ("-S", "penstock.now=2026-01-01T00:00:00Z")


def run(text: str, *flags: str) -> str:
    """What a configuration writes to stdout."""
    done = CliRunner().invoke(main, ["run", "-e", text, *NOW, *flags])
    assert done.exit_code == 0, done.output
    return done.stdout


def files(directory: Path) -> str:
    """An input of all files of a directory, for the text of a configuration."""
    return f'file {{ path => "{directory}/*.log" mode => "read" exit_after_read => true file_sort_by => "path" file_completed_action => "log" file_completed_log_path => "{directory}/done" sincedb_path => "/dev/null" }}'


@pytest.mark.parametrize("size", [1, 7, 100, 1 << 20])
def test_ranges_of_any_size_give_the_events_of_a_plain_run(size: int, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.log").write_text("".join(f"{name} {n} {'x' * (n % 13)}\n" for n in range(50)) + "without end")
    text = f'input {{ {files(tmp_path)} }} filter {{ dissect {{ mapping => {{ "message" => "%{{name}} %{{number}} %{{rest}}" }} }} }} output {{ stdout {{ codec => json_lines }} }}'
    assert run(text, "--engine", "local", "--engine-option", f"range_bytes={size}") == run(text)
    assert run(text).count("\n") == 102


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=lambda each: each.name)
def test_it_writes_the_events_of_a_plain_run(configuration: Configuration) -> None:
    given = output_of(configuration, "--engine", "local", "--engine-option", "range_bytes=5000")
    assert_same(configuration, given, expected(configuration))
    assert given


@pytest.mark.parametrize("name", ["sample wordcount", "sample access-report"])
def test_workers_reduce_to_the_same(name: str) -> None:
    (configuration,) = [each for each in CONFIGURATIONS if each.name == name]
    wanted = expected(configuration)
    directory = prepared(configuration)
    command = [sys.executable, "-m", "penstock", "run", "-w", "2", "-f", str(directory / "pipeline.conf"), "--path.data", str(directory / "data"), *settings_flags()]
    done = subprocess.run(command, env={**os.environ, **variables(directory), "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert written(directory) == wanted


MISTAKES = {
    "an option that is not known": (("--engine", "local", "--engine-option", "range=1"), 1, "unknown option `range`"),
    "a size that is none": (("--engine", "local", "--engine-option", "range_bytes=many"), 1, "range_bytes"),
    "a checkpoint": (("--engine", "local", "--checkpoint", "x"), 1, "leave out --checkpoint"),
    "an option without an engine": (("--engine-option", "range_bytes=1"), 2, "requires --engine"),
    "a checkpoint without an engine": (("--checkpoint", "x"), 2, "requires --engine"),
}


@pytest.mark.parametrize(("flags", "status", "said"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_on_the_command_line_are_said(flags: tuple[str, ...], status: int, said: str) -> None:
    done = CliRunner().invoke(main, ["run", "-e", "input { generator { count => 1 } }", *flags])
    assert (done.exit_code, said in done.output) == (status, True), done.output


def test_settings_that_an_engine_does_not_follow_are_named() -> None:
    settings = ("-w", "3", "--config.reload.automatic")
    done = subprocess.run([sys.executable, "-m", "penstock", "run", "-e", "input { generator { count => 1 } }", "--engine", "local", *settings], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True)
    for name in ("pipeline.workers", "config.reload.automatic"):
        assert f"`{name}` has no effect on an engine" in done.stderr


def test_a_check_runs_nothing() -> None:
    done = CliRunner().invoke(main, ["run", "-t", "-e", "input { generator { count => 1 } }", "--engine", "local"])
    assert (done.exit_code, done.output) == (0, "Configuration OK\n")
