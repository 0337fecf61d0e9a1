"""The sample flume-agent, run by its one command."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from servers.packages import class_path, require
from servers.process import free_ports

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "samples" / "flume-agent"


def test_the_command_shows_the_events_and_what_came_back() -> None:
    require("flume")
    port, back = map(str, free_ports(2))
    environment = {**os.environ, "PENSTOCK": f"{sys.executable} -m penstock", "PORT": port, "BACK": back}
    environment |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "FLUME_CLASSPATH": class_path("flume")}
    done = subprocess.run(["sh", SAMPLE / "run.sh"], capture_output=True, text=True, cwd=ROOT, env=environment, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    *lines, first, second = done.stdout.splitlines()
    events = [{name: value for name, value in json.loads(line).items() if name != "@timestamp"} for line in lines]
    expected = SAMPLE / "expected.jsonl"
    if os.environ.get("PENSTOCK_UPDATE_SAMPLES"):
        expected.write_text("".join(f"{line}\n" for line in lines))
    wanted = [json.loads(line) for line in expected.read_text().splitlines()]
    assert events == [{name: value for name, value in event.items() if name != "@timestamp"} for event in wanted]
    assert returned(first) == ({"file=input.log", "topic=billing-errors"}, "card of order 4711 refused")
    assert returned(second) == ({"file=input.log", "topic=shop-errors"}, "order 4712 has no items")


def returned(line: str) -> tuple[set[str], str]:
    """The headers and the body of an event as Flume prints it."""
    headers, _, body = line.removeprefix("{").partition("} ")
    return set(headers.split(", ")), body
