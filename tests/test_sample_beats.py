"""The sample beats-to-file runs with its one command, and gives the events that stand beside it."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from servers.process import free_ports

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "samples" / "beats-to-file"


def test_the_sample_shows_what_events_became() -> None:
    environment = {**os.environ, "PORT": str(free_ports()[0]), "PENSTOCK": f"{sys.executable} -m penstock"}
    done = subprocess.run(["sh", SAMPLE / "run.sh"], capture_output=True, text=True, cwd=ROOT, env=environment, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    if os.environ.get("PENSTOCK_UPDATE_SAMPLES"):
        (SAMPLE / "expected.jsonl").write_text(done.stdout, encoding="utf-8")
    wanted = (SAMPLE / "expected.jsonl").read_text(encoding="utf-8")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [json.loads(line) for line in wanted.splitlines()]
