"""The sample kafka-exactly-once, run by its one command."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from servers import kafka
from servers.packages import require
from servers.shared import shared

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "samples" / "kafka-exactly-once"


def run(address: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PENSTOCK": f"{sys.executable} -m penstock", "KAFKA": address, **more}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    command = ["sh", str(SAMPLE / "run.sh")]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False, timeout=600)


def test_the_command_fills_one_topic_and_shows_the_other() -> None:
    require("kafka")
    broker = shared("kafka", kafka.server)
    done = run(broker.address)
    assert done.returncode == 0, done.stderr
    shown = [line.partition(" ") for line in done.stdout.splitlines()]
    assert [value == "(deleted)" for key, _, value in shown if key == "north/1"] == [False, True]
    events = [json.loads(value) for _, _, value in sorted(shown) if value != "(deleted)"]
    lasting = [{key: value for key, value in event.items() if key != "@timestamp"} for event in events]
    topic = {event["order"].pop("from") for event in lasting}
    assert len(topic) == 1
    assert lasting == [json.loads(line) for line in (SAMPLE / "expected.jsonl").read_text().splitlines()]


def test_messages_that_do_not_come_are_a_failure_that_says_so() -> None:
    require("kafka")
    broker = shared("kafka", kafka.server)
    done = run(broker.address, WAIT="0")
    assert (done.returncode, "0 of 4 messages came to" in done.stderr) == (1, True), done.stderr
