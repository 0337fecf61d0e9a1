"""The sample zeromq-requests, run by its one command."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from servers.process import free_ports

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "samples" / "zeromq-requests"


def lasting(text: str) -> dict[str, Any]:
    """An event without the name of the machine it was read on."""
    event: dict[str, Any] = json.loads(text)
    del event["host"]
    return event


def test_the_command_shows_an_answer_to_each_line_and_the_events() -> None:
    port = str(free_ports()[0])
    environment = {**os.environ, "PENSTOCK": f"{sys.executable} -m penstock", "PYTHON": sys.executable, "ZEROMQ_PORT": port}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(["sh", SAMPLE / "run.sh"], capture_output=True, text=True, cwd=ROOT, env=environment, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:4] == ["ok"] * 4
    expected = SAMPLE / "expected.jsonl"
    if os.environ.get("PENSTOCK_UPDATE_SAMPLES"):
        expected.write_text("".join(f"{line}\n" for line in lines[4:]).replace(os.uname().nodename, "vm"))
    assert [lasting(line) for line in lines[4:]] == [lasting(line) for line in expected.read_text().splitlines()]
