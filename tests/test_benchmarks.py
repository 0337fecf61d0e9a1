"""The jobs of the benchmarks: what Penstock makes of generated lines is what the program by hand makes of them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
DATELESS = ("kv",)


def output(command: list[str], given: bytes) -> bytes:
    return subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True).stdout


def events(command: list[str], given: bytes, ignored: tuple[str, ...]) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in output(command, given).splitlines()]
    return [{key: value for key, value in event.items() if key not in ignored} for event in found]


@pytest.mark.parametrize("job", ["kv", "syslog3164", "syslog5424", "firewall"])
def test_penstock_and_the_program_by_hand_make_the_same_events(job: str) -> None:
    lines = output([sys.executable, str(BENCHMARKS / "baseline/make_lines.py"), job, "600"], b"")
    ignored = ("@timestamp",) if job in DATELESS else ()
    ours = events(
        [sys.executable, "-m", "penstock", "run", "-f", str(BENCHMARKS / f"{job}.conf")],
        lines,
        ignored,
    )
    by_hand = events([sys.executable, str(BENCHMARKS / f"baseline/{job}.py")], lines, ignored)
    assert len(ours) == 600
    assert ours == by_hand
