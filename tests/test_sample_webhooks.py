"""The sample webhooks, run by its one command."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from servers.packages import require
from servers.process import free_ports

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "samples" / "webhooks"


def test_the_command_posts_the_input_and_shows_the_events() -> None:
    require("curl")
    environment = {**os.environ, "PENSTOCK": f"{sys.executable} -m penstock", "WEBHOOKS_PORT": str(free_ports()[0])}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(["sh", SAMPLE / "run.sh"], capture_output=True, text=True, cwd=ROOT, env=environment, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    expected = SAMPLE / "expected.jsonl"
    if os.environ.get("PENSTOCK_UPDATE_SAMPLES"):
        expected.write_text(done.stdout)
    assert [json.loads(line) for line in done.stdout.splitlines()] == [json.loads(line) for line in expected.read_text().splitlines()]
