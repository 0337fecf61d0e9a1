"""Options of an engine are checked as those of plugins are, and what an engine wants is said in a line."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from penstock.dsl.diagnostics import ConfigError
from penstock.pipeline.commands.main import main
from penstock.pipeline.engines.engine_options import declared, typed

KNOWN = (declared("size", "bytes", 1), declared("tasks", "integer", 1), declared("ends", "boolean"))


def test_options_are_what_they_are_declared_to_be() -> None:
    given = {"size": "8MiB", "tasks": "2", "ends": "true"}
    assert typed("some", given, KNOWN) == {"size": 8 << 20, "tasks": 2, "ends": True}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("size", "large", "option `size` of the engine `some`: expected a size, found `large`"),
        ("tasks", "two", "option `tasks` of the engine `some`: expected a number, found `two`"),
        ("tasks", "0", "option `tasks` of the engine `some`: must be at least 1, found `0`"),
        ("task", "2", "unknown option `task` of the engine `some`"),
        ("task", "2", "did you mean `tasks`?"),
        ("other", "2", "known ones: ends, size, tasks, and its own"),
    ],
)
def test_what_is_wrong_with_an_option_is_said(name: str, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        typed("some", {name: text}, KNOWN, ", and its own")
    assert said in str(refused.value)


@pytest.mark.parametrize("setting", ["config.reload.automatic=true", "queue.type=persisted"])
def test_a_setting_that_an_engine_does_not_follow_is_told(setting: str, tmp_path: Path) -> None:
    flags = ["--engine", "local", "--path.data", str(tmp_path), "-S", setting]
    command = [sys.executable, "-m", "penstock", "run", "-e", CONFIG, *flags]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    name = setting.partition("=")[0]
    assert f"`{name}` has no effect on an engine" in ended.stderr


CONFIG = "input { generator { count => 1 } } output { null { } }"
COMMANDS = {
    "an engine that does not exist": (["--engine", "flunk"], "did you mean `flink`?"),
    "a plan alone": (["--engine", "kafka"], "plain `penstock run`: leave out --engine"),
    "an engine that is not installed": (["--engine", "spark"], "pip install 'penstock[spark]'"),
    "an option of another engine": (
        ["--engine", "local", "--engine-option", "cluster=a:1"],
        "unknown option `cluster` of the engine `local`",
    ),
    "a checkpoint that would not be kept": (
        ["--engine", "local", "--checkpoint", "there"],
        "leave out --checkpoint",
    ),
    "an option without an engine": (
        ["--engine-option", "parallelism=2"],
        "--engine-option requires --engine",
    ),
}


@pytest.mark.parametrize(("flags", "said"), COMMANDS.values(), ids=COMMANDS)
def test_a_command_that_an_engine_cannot_follow_ends_with_a_reason(
    flags: list[str], said: str, tmp_path: Path
) -> None:
    ended = CliRunner().invoke(main, ["run", "-e", CONFIG, "--path.data", str(tmp_path), *flags])
    assert ended.exit_code in (1, 2), ended.output
    assert said in ended.output
    assert "Traceback" not in ended.output
