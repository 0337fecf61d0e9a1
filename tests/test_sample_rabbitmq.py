"""The sample rabbitmq-work-queue, run by its one command."""
from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from servers.packages import require
from servers.process import LOOPBACK, free_ports

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "samples" / "rabbitmq-work-queue"


def port_with_two_behind() -> int:
    """A free port whose next two are most likely free as well: the sample's server takes all three."""
    while True:
        (port,) = free_ports()
        try:
            for number in (port + 1, port + 2):
                with socket.socket() as made:
                    made.bind((LOOPBACK, number))
        except OSError:
            continue
        return port


@pytest.mark.servers
def test_the_command_shows_the_jobs_and_what_a_queue_got_of_the_slow_ones() -> None:
    require("rabbitmq")
    environment = {**os.environ, "PENSTOCK": f"{sys.executable} -m penstock", "RABBITMQ_PORT": str(port_with_two_behind())}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(["sh", SAMPLE / "run.sh"], capture_output=True, text=True, cwd=ROOT, env=environment, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    *lines, first, second = done.stdout.splitlines()
    events = [{name: value for name, value in json.loads(line).items() if name != "@timestamp"} for line in lines]
    expected = SAMPLE / "expected.jsonl"
    if os.environ.get("PENSTOCK_UPDATE_SAMPLES"):
        expected.write_text("".join(f"{line}\n" for line in lines))
    wanted = [json.loads(line) for line in expected.read_text().splitlines()]
    assert events == [{name: value for name, value in event.items() if name != "@timestamp"} for event in wanted]
    assert (first, second) == ("resize took 2400 ms", "newsletter took 61000 ms")
