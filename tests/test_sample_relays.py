"""Samples in which a second Penstock sends run with their one command, and give the events that stand beside them."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from servers.process import free_ports

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", ["beats-to-file", "logstash-relay"])
def test_the_sample_shows_what_events_became(name: str) -> None:
    sample = ROOT / "samples" / name
    environment = {**os.environ, "PORT": str(free_ports()[0]), "PENSTOCK": f"{sys.executable} -m penstock"}
    done = subprocess.run(["sh", sample / "run.sh"], capture_output=True, text=True, cwd=ROOT, env=environment, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    if os.environ.get("PENSTOCK_UPDATE_SAMPLES"):
        (sample / "expected.jsonl").write_text(done.stdout, encoding="utf-8")
    wanted = (sample / "expected.jsonl").read_text(encoding="utf-8")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [json.loads(line) for line in wanted.splitlines()]
