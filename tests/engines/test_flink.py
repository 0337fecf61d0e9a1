"""On Flink a configuration gives the events of a plain run.

One JVM runs them one after the other, each in a cluster inside it.
"""
from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence

import pytest
from engines.configurations import (
    CONFIGURATIONS,
    Configuration,
    assert_same,
    expected,
    prepared,
    settings_flags,
)
from servers import flink
from servers.packages import python, require

SOME = ("access log", "tumbling window", "sessions", "window of windows", "aggregate in several filters")
"""Those that are run at each change; the others take a few seconds each."""


def on_flink(configurations: Sequence[Configuration]) -> dict[str, list[str]]:
    """What Flink writes, by the name of the configuration."""
    require("flink")
    directories = {each.name: prepared(each) for each in configurations}
    for directory in directories.values():
        shutil.rmtree(directory / "flink", ignore_errors=True)
    command = [python("flink"), flink.ROOT / "tests" / "engines" / "flink_runs.py", *directories.values(), "--", *settings_flags()]
    done = subprocess.run(command, env=flink.environment(), capture_output=True, text=True, timeout=flink.PATIENCE, check=False)
    assert done.returncode == 0, done.stderr[-6000:]
    return {name: flink.lines_of(directory / "flink") for name, directory in directories.items()}


def differing(configurations: Sequence[Configuration]) -> list[str]:
    """The configurations of which Flink makes something else. A test for each would start a JVM in each worker of the test run."""
    written, names = on_flink(configurations), []
    for each in configurations:
        try:
            assert_same(each, written[each.name], expected(each))
        except AssertionError as error:
            names.append(f"{each.name}: {error}")
    return names


def test_flink_gives_the_events_of_a_plain_run() -> None:
    some = [each for each in CONFIGURATIONS if each.name in SOME]
    assert len(some) == len(SOME)
    assert differing(some) == []


@pytest.mark.servers
def test_flink_gives_the_events_of_a_plain_run_whatever_the_filters() -> None:
    assert differing([each for each in CONFIGURATIONS if each.name not in SOME]) == []
