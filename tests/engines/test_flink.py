"""On Flink a configuration gives the events of a plain run. One JVM runs all configurations, in a cluster inside it."""
from __future__ import annotations

import shutil
import subprocess

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


@pytest.fixture(scope="module")
def folders() -> dict[str, list[str]]:
    """What Flink writes, by the name of the configuration."""
    require("flink")
    folders = {each.name: prepared(each) for each in CONFIGURATIONS}
    for folder in folders.values():
        shutil.rmtree(folder / "flink", ignore_errors=True)
    command = [python("flink"), flink.ROOT / "tests" / "engines" / "flink_runs.py", *folders.values(), "--", *settings_flags()]
    done = subprocess.run(command, env=flink.environment(), capture_output=True, text=True, timeout=flink.PATIENCE, check=False)
    assert done.returncode == 0, done.stderr[-6000:]
    return {name: flink.lines_of(folder / "flink") for name, folder in folders.items()}


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=lambda each: each.name)
def test_flink_gives_the_events_of_a_plain_run(configuration: Configuration, folders: dict[str, list[str]]) -> None:
    assert_same(configuration, folders[configuration.name], expected(configuration))
