"""The sample kafka-groups, run by its one command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from servers import kafka
from servers.packages import require
from servers.shared import shared

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "samples" / "kafka-groups"


def place(event: dict[str, Any]) -> tuple[str, str]:
    return event["@timestamp"], event["user"]


def test_the_command_counts_in_three_processes_of_which_one_is_killed() -> None:
    require("kafka")
    broker = shared("kafka", kafka.server)
    environment = {
        **os.environ,
        "PENSTOCK": f"{sys.executable} -m penstock",
        "KAFKA": broker.address,
    }
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    command = ["sh", str(SAMPLE / "run.sh")]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    shown = [json.loads(line) for line in done.stdout.splitlines()]
    wanted = [json.loads(line) for line in (SAMPLE / "expected.jsonl").read_text().splitlines()]
    assert sorted(shown, key=place) == wanted
