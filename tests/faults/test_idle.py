"""A process that waits for input sleeps: all its threads together wake up at most once a second."""
from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="counts context switches in /proc")

SECONDS = 10
LONGEST = 60.0
STDIN = "input { stdin { } }"
FILE = 'input { file { path => "DIRECTORY/in.log" start_position => "beginning" } }'
OUT = 'file { path => "DIRECTORY/out" flush_interval => 0 }'
CONFIGS = {
    "stdin": f"{STDIN} output {{ {OUT} }}",
    "file": f"{FILE} output {{ {OUT} }}",
    "stdin, two outputs": f"{STDIN} output {{ null {{ }} {OUT} }}",
    "stdin with a disk queue": f"{STDIN} output {{ {OUT} }}",
    "file with a disk queue": f"{FILE} output {{ {OUT} }}",
    "stdin, two workers": f"{STDIN} output {{ {OUT} }}",
}


def wake_ups(process: int) -> dict[str, int]:
    """How often each thread gave the processor away by itself."""
    lines = {task.name: task.joinpath("status").read_text().splitlines() for task in Path(f"/proc/{process}/task").iterdir()}
    return {task: int(line.split()[1]) for task, text in lines.items() for line in text if line.startswith("voluntary_ctxt_switches")}


@pytest.mark.parametrize("name", CONFIGS)
def test_an_idle_process_wakes_up_at_most_once_a_second(tmp_path: Path, name: str) -> None:
    (tmp_path / "in.log").write_text("a line\n")
    config = CONFIGS[name].replace("DIRECTORY", str(tmp_path))
    command = [sys.executable, "-m", "penstock", "run", "--path.data", str(tmp_path / "data"), "-e", config]
    command += ["-S", "queue.type=persisted"] if "queue" in name else []
    command += ["-w", "2"] if "workers" in name else []
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdin is not None
        process.stdin.write(b"a line\n")
        process.stdin.flush()
        end = time.monotonic() + LONGEST
        while not (tmp_path / "out").exists():
            assert time.monotonic() < end
            time.sleep(0.05)
        time.sleep(2)  # what the first event set off has ended
        before, begin = wake_ups(process.pid), time.monotonic()
        time.sleep(SECONDS)
        after, seconds = wake_ups(process.pid), time.monotonic() - begin
    finally:
        process.kill()
        process.communicate()
    woken = {task: count - before.get(task, 0) for task, count in after.items()}
    assert sum(woken.values()) <= seconds + 2, woken
