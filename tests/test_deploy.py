"""The files of the page on deployment: systemd takes the unit, the image's steps work, what a service manager is told."""
from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")


def block(title: str) -> str:
    (found,) = re.findall(rf'^```\w+ title="{re.escape(title)}"\n(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed: apt install systemd")
    unit = tmp_path / "penstock.service"
    unit.write_text(block("/etc/systemd/system/penstock.service").replace("/opt/penstock/bin/penstock", sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if "penstock.service" in line]
    assert said == []


def test_the_stop_waits_longer_than_penstock_does() -> None:
    from penstock.dsl.settings_table import DEFAULTS

    seconds = int(re.findall(r"TimeoutStopSec=(\d+)", block("/etc/systemd/system/penstock.service"))[0])
    grace = yaml.safe_load(block("penstock.yaml"))["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert min(seconds, grace) > int(DEFAULTS["penstock.shutdown_timeout"])


@pytest.mark.parametrize("probe", ["livenessProbe", "readinessProbe"])
def test_probes_ask_for_paths_that_the_api_has(probe: str) -> None:
    from penstock.pipeline.api.documents import Node
    from penstock.pipeline.api.server import document

    (container,) = yaml.safe_load(block("penstock.yaml"))["spec"]["template"]["spec"]["containers"]
    path = container[probe]["httpGet"]["path"]
    assert path == "/health/ready" or document(Node([], "", ""), path) is not None


def test_the_image_installs_and_starts_what_the_project_is() -> None:
    steps = block("Dockerfile")
    assert "pip install --no-cache-dir '/src[all]'" in steps
    arguments = re.findall(r'^CMD \["run", "([^"]+)", "([^"]+)"\]', steps, re.MULTILINE)
    assert arguments == [("--path.settings", "/etc/penstock")]


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_a_service_manager_is_told_of_the_start_the_watchdog_and_the_stop(tmp_path: Path, kind: str) -> None:
    address = str(tmp_path / "notify") if kind == "path" else f"@penstock-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address if kind == "path" else "\0" + address[1:])
        manager.settimeout(60)
        config = "input { heartbeat { interval => 3600 } } output { null { } }"
        environment = {**os.environ, "NOTIFY_SOCKET": address, "WATCHDOG_USEC": "200000"}
        process = subprocess.Popen([sys.executable, "-m", "penstock", "run", "-e", config], env=environment, stdin=subprocess.DEVNULL)
        assert manager.recv(1000) == b"READY=1\nSTATUS=1 pipeline running"
        assert manager.recv(1000) == b"WATCHDOG=1"
        process.terminate()
        while manager.recv(1000) != b"STOPPING=1":
            pass
        assert process.wait(60) == 0
