"""The sample redis-queue, run by its one command."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from servers.packages import require
from servers.process import free_ports

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "samples" / "redis-queue"


def test_the_command_shows_the_jobs_and_counts_the_slow_ones() -> None:
    require("redis")
    environment = {**os.environ, "PENSTOCK": f"{sys.executable} -m penstock", "REDIS_PORT": str(free_ports()[0])}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(["sh", SAMPLE / "run.sh"], capture_output=True, text=True, cwd=ROOT, env=environment, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    *lines, images, mail = done.stdout.splitlines()
    events = [{name: value for name, value in json.loads(line).items() if name != "@timestamp"} for line in lines]
    expected = SAMPLE / "expected.jsonl"
    if os.environ.get("PENSTOCK_UPDATE_SAMPLES"):
        expected.write_text("".join(f"{line}\n" for line in lines))
    wanted = [json.loads(line) for line in expected.read_text().splitlines()]
    assert events == [{name: value for name, value in event.items() if name != "@timestamp"} for event in wanted]
    assert (images, mail) == ("1", "1")
