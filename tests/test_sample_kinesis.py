"""The sample kinesis-clicks, run by its one command."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from servers.packages import npm_module, require
from servers.process import free_ports

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "samples" / "kinesis-clicks"


def lasting(event: dict[str, object]) -> dict[str, object]:
    """An event without what differs from run to run: the time, where none is in it."""
    return {name: value for name, value in event.items() if name != "@timestamp" or "message" not in event}


def test_the_command_shows_the_clicks_of_people() -> None:
    require("kinesis")
    kinesis, dynamo = map(str, free_ports(2))
    environment = {**os.environ, "PENSTOCK": f"{sys.executable} -m penstock", "KINESIS_PORT": kinesis, "DYNAMO_PORT": dynamo}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    environment["NODE_PATH"] = str(npm_module("kinesalite").parent)
    done = subprocess.run(["sh", SAMPLE / "run.sh"], capture_output=True, text=True, cwd=ROOT, env=environment, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = sorted(done.stdout.splitlines(), key=lambda line: json.loads(line).get("message", "") + line)  # shards come in any order
    expected = SAMPLE / "expected.jsonl"
    if os.environ.get("PENSTOCK_UPDATE_SAMPLES"):
        expected.write_text("".join(f"{line}\n" for line in lines))
    assert [lasting(json.loads(line)) for line in lines] == [lasting(json.loads(line)) for line in expected.read_text().splitlines()]
