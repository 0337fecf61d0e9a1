"""The slow-filter log, and what every line about a plugin names."""
from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.settings import settled

SLOW = 'input { generator { count => 3 } } filter { sleep { id => "nap" time => "0.02" } mutate { } } output { null { } }'
FAILS = 'input { generator { count => 1 } } filter { mutate { add_field => { "a" => "b" } } grok { match => { "message" => "%{WORD:[a][b]}" } } } output { null { } }'
PLACE = f"(-e):1:{FAILS.index('grok') + 1}"


def run(config: str, *settings: str, form: str = "plain") -> str:
    flags = [word for setting in settings for word in ("-S", setting)]
    command = [sys.executable, "-m", "penstock", "run", "--log.format", form, *flags, "-e", config]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stderr


def slow(said: str) -> list[str]:
    return [line.partition(" ")[2] for line in said.splitlines() if " is slow: " in line]


def start(text: str) -> str:
    return text.partition(" events took ")[0]


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(
    ("settings", "levels"),
    [
        ([], []),
        (["slowlog.threshold.warn=1h"], []),
        (["slowlog.threshold.warn=-1"], []),
        (["slowlog.threshold.warn=10ms"], ["[WARNING]"]),
        (["slowlog.threshold.warn=1h", "slowlog.threshold.info=10ms"], ["[INFO]"]),
        (["slowlog.threshold.debug=10ms"], []),
        (["slowlog.threshold.trace=10ms", "log.level=debug"], ["[DEBUG]"]),
    ],
)
def test_a_filter_that_takes_longer_than_a_threshold_is_logged(settings: list[str], levels: list[str], workers: str) -> None:
    found = slow(run(SLOW, f"pipeline.workers={workers}", *settings))
    place = f"(-e):1:{SLOW.index('sleep') + 1}"
    assert [start(line) for line in found] == [f"{level} [main] [nap] {place}: filter sleep is slow: 3" for level in levels]


def test_the_threshold_that_is_highest_gives_the_level() -> None:
    (line,) = slow(run(SLOW, "slowlog.threshold.warn=10ms", "slowlog.threshold.info=1ms"))
    assert line.startswith("[WARNING] ")


def test_a_threshold_that_is_not_a_duration_is_refused() -> None:
    with pytest.raises(ConfigError, match="a duration is expected"):
        settled({"slowlog.threshold.warn": "soon"})


def about(said: str, words: str) -> Any:
    (found,) = [told for told in map(json.loads, said.splitlines()) if words in told["message"]]
    return found


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_warning_names_pipeline_plugin_id_and_place(workers: str) -> None:
    flags = ["pipeline.id=shop", f"pipeline.workers={workers}"]
    told = about(run(FAILS.replace("match", 'id => "parts" match'), *flags, form="json"), "raised")
    assert [told[key] for key in ("pipeline.id", "plugin.name", "plugin.id", "plugin.place")] == ["shop", "grok", "parts", PLACE]


def test_where_no_id_was_given_the_place_tells_the_plugin() -> None:
    (line,) = [line for line in run(FAILS).splitlines() if "raised" in line]
    assert line.partition(" ")[2].startswith(f"[WARNING] [main] {PLACE}: the filter grok raised")
    assert "plugin.id" not in about(run(FAILS, form="json"), "raised")


def test_a_circuit_names_pipeline_and_id() -> None:
    """It opens at the third failure; the run is then ended."""
    text = 'input { generator { count => 9 } } output { tcp { id => "far" host => "127.0.0.1" port => 9 } }'
    command = [sys.executable, "-m", "penstock", "run", "--log.format", "json", "-e", text]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            told = next(line for line in map(json.loads, process.stderr) if "failed, retrying" in line["message"] or "is failing" in line["message"])
        finally:
            process.kill()
    assert (told["pipeline.id"], told["plugin.name"], told["plugin.id"]) == ("main", "tcp", "far")
