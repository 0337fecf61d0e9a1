"""The sample mqtt-sensors, run by its one command."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from servers.packages import require
from servers.process import free_ports

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "samples" / "mqtt-sensors"


def test_the_command_shows_the_averages_and_what_the_broker_has_kept() -> None:
    require("mosquitto")
    environment = {**os.environ, "PENSTOCK": f"{sys.executable} -m penstock", "MQTT_PORT": str(free_ports()[0])}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(["sh", SAMPLE / "run.sh"], capture_output=True, text=True, cwd=ROOT, env=environment, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    shown, kept = [json.loads(line) for line in lines[:4]], lines[4:]
    expected = SAMPLE / "expected.jsonl"
    if os.environ.get("PENSTOCK_UPDATE_SAMPLES"):
        expected.write_text("".join(f"{line}\n" for line in lines[:4]))
    wanted = [json.loads(line) for line in expected.read_text().splitlines()]
    for message in (shown[0], wanted[0]):
        del message["@timestamp"]  # it is not of a sensor, and has the time of its arrival
    assert shown == wanted
    pairs = (line.split(" ", 1) for line in kept)
    topics = {topic: json.loads(text) for topic, text in pairs}
    assert list(topics) == ["averages/cellar/humidity", "averages/cellar/temperature", "averages/kitchen/temperature"]
    assert list(topics.values()) == wanted[1:]
