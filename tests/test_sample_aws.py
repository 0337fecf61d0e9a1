"""The samples sqs-jobs and s3-archive, each run by its one command."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from servers.packages import python, require
from servers.process import free_ports

ROOT = Path(__file__).parents[1]


def run(name: str) -> list[str]:
    """The lines that the command of a sample prints."""
    require("moto")
    moto = python("moto").with_name("moto_server")
    environment = {**os.environ, "PENSTOCK": f"{sys.executable} -m penstock", "PYTHON": sys.executable, "MOTO": str(moto), "AWS_PORT": str(free_ports()[0])}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(["sh", ROOT / "samples" / name / "run.sh"], capture_output=True, text=True, cwd=ROOT, env=environment, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def without_time(line: str) -> Any:
    return {name: value for name, value in json.loads(line).items() if name != "@timestamp"}


def test_jobs_are_shown_and_the_slow_ones_are_in_another_queue() -> None:
    *lines, first, second = run("sqs-jobs")
    expected = ROOT / "samples" / "sqs-jobs" / "expected.jsonl"
    if os.environ.get("PENSTOCK_UPDATE_SAMPLES"):
        expected.write_text("".join(f"{line}\n" for line in lines))
    wanted = [without_time(line) for line in expected.read_text().splitlines()]
    assert sorted(map(without_time, lines), key=str) == sorted(wanted, key=str)
    assert {first, second} == {"slow: resize, of the group images", "slow: newsletter, of the group mail"}


def test_logs_are_sorted_by_service_and_day() -> None:
    lines = run("s3-archive")
    events = [line for line in lines if line.startswith("{")]
    expected = ROOT / "samples" / "s3-archive" / "expected.jsonl"
    if os.environ.get("PENSTOCK_UPDATE_SAMPLES"):
        expected.write_text("".join(f"{line}\n" for line in events))
    assert events == expected.read_text().splitlines()
    said = [line for line in lines if not line.startswith("{")]
    assert said == ["search/2025/09/11: 2", "shop/2025/09/10: 1", "shop/2025/09/11: 1", "left in incoming: 0"]
