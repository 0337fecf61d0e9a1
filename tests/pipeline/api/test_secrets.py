"""No secret is told by anything that watches a run: paths of the API, metrics, traces, the log at its most talkative, `penstock top`."""
from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from servers import otelcol
from servers.packages import require
from servers.process import free_ports

from .conftest import Running, Start

SECRET = "correct-horse-battery"
PATHS = (
    "/", "/_node", "/_node/pipelines", "/_node/stats", "/_node/stats/process", "/_node/logging",
    "/_node/hot_threads", "/_node/hot_threads?human", "/health/live", "/health/ready", "/metrics", "/nope",
)


WRITTEN = pytest.mark.parametrize("written", [SECRET, "${TOKEN}"])


@pytest.fixture
def failing(start: Start, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Running]:
    """A run whose output has a password and fails; ``written``: the password in its configuration."""

    def started(written: str, settings: dict[str, str]) -> Running:
        monkeypatch.setenv("TOKEN", SECRET)
        (port,) = free_ports()
        far = f'http {{ id => "far" url => "http://127.0.0.1:{port}/" http_method => "post" user => "ann" password => "{written}" }}'
        running = start(f"input {{ stdin {{ }} }} output {{ {far} }}", {"log.level": "debug", **settings})
        running.send("one")
        running.until("/health/ready", lambda answer: answer.status == 503 and "failing" in answer.text)
        return running

    return started


@WRITTEN
def test_no_secret_is_told_by_the_api_the_log_or_top(failing: Callable[..., Running], written: str) -> None:
    running = failing(written, {})
    told = {path: running.ask(path).text for path in PATHS}
    command = [sys.executable, "-m", "penstock", "top", f"http://127.0.0.1:{running.port}", "--once", "--interval", "0.1"]
    told["top"] = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    running.end()
    told["log"] = running.log.read_text()
    assert all(told.values())
    assert [what for what, text in told.items() if SECRET in text] == []


@WRITTEN
def test_no_secret_goes_to_a_collector(failing: Callable[..., Running], tmp_path: Path, written: str) -> None:
    require("otelcol")
    home = tmp_path / "otelcol"
    home.mkdir()
    with otelcol.server(home) as collector:
        settings = {"penstock.otlp.traces": "1", "penstock.otlp.interval": "0.2s", "penstock.otlp.endpoint": collector.url}
        failing(written, settings).end()
        told = collector.log(1_000_000)
    assert "penstock_output_failures" in told
    assert SECRET not in told


def test_a_configuration_that_was_refused_is_not_quoted_by_the_api(start: Start, tmp_path: Path) -> None:
    home = tmp_path / "settings"
    home.mkdir()
    path = home / "main.conf"
    path.write_text("input { heartbeat { } } output { null { } }")
    (home / "pipelines.yml").write_text(f"- {{ pipeline.id: main, path.config: '{path}' }}\n")
    running = start(home)
    running.until("/health/ready", lambda answer: answer.status == 200)
    path.write_text(f'input {{ heartbeat {{ }} }} output {{ http {{ password => "{SECRET}" url }} }}')
    running.process.send_signal(signal.SIGHUP)
    answer = running.until("/_node/stats/pipelines/main", lambda answer: '"failures": 1' in answer.text)
    assert f"{path}:1:" in answer.data["pipelines"]["main"]["reloads"]["last_error"]
    assert SECRET not in answer.text
