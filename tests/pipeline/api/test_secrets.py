"""No secret is told by anything that watches a run: paths of the API, metrics, traces, the log at its most talkative, `penstock top`."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from servers import otelcol
from servers.packages import require
from servers.process import free_ports

from .conftest import Start

SECRET = "correct-horse-battery"
PATHS = (
    "/", "/_node", "/_node/pipelines", "/_node/stats", "/_node/stats/process", "/_node/logging",
    "/_node/hot_threads", "/_node/hot_threads?human", "/health/live", "/health/ready", "/metrics", "/nope",
)


@pytest.mark.parametrize("written", [SECRET, "${TOKEN}"])
def test_no_secret_is_told(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    require("otelcol")
    monkeypatch.setenv("TOKEN", SECRET)
    (port,) = free_ports()
    far = f'http {{ id => "far" url => "http://127.0.0.1:{port}/" http_method => "post" user => "ann" password => "{written}" }}'
    settings = {"log.level": "debug", "penstock.otlp.traces": "1", "penstock.otlp.interval": "0.2s"}
    home = tmp_path / "otelcol"
    home.mkdir()
    with otelcol.server(home) as collector:
        running = start(f"input {{ stdin {{ }} }} output {{ {far} }}", {**settings, "penstock.otlp.endpoint": collector.url})
        running.send("one")
        running.until("/health/ready", lambda answer: answer.status == 503 and "failing" in answer.text)
        told = {path: running.ask(path).text for path in PATHS}
        command = [sys.executable, "-m", "penstock", "top", f"http://127.0.0.1:{running.port}", "--once", "--interval", "0.1"]
        told["top"] = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        running.end()
        told["log"] = running.log.read_text()
        told["collector"] = collector.log(1_000_000)
    assert "penstock_output_failures" in told["collector"]
    assert all(told.values())
    assert [what for what, text in told.items() if SECRET in text] == []
