"""The input file in real runs, which are killed in the middle: the outputs have every line at least once, each file's in order."""
from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROUNDS = 5
LONGEST = 60.0


def start(directory: Path, options: str) -> subprocess.Popen[bytes]:
    config = f"""
        input {{ file {{ {options} path => "{directory}/logs/*.log" sincedb_write_interval => 0.2 stat_interval => 0.2 }} }}
        filter {{ mutate {{ add_field => {{ "seen" => "yes" }} }} }}
        output {{ file {{ path => "{directory}/out.jsonl" }} }}
    """
    command = [sys.executable, "-m", "penstock", "run", "-e", config, "--path.data", str(directory / "data")]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)


def delivered(directory: Path) -> list[tuple[str, int]]:
    """Which lines are in the output, in its order; a line that a kill cut off is none."""
    path = directory / "out.jsonl"
    found = []
    for line in path.read_bytes().split(b"\n") if path.exists() else ():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        name, number = event["message"].split()
        found.append((name, int(number)))
    return found


def grown(directory: Path) -> Callable[[], bool]:
    """Whether there is more in the output than now."""
    path = directory / "out.jsonl"
    before = path.stat().st_size if path.exists() else 0
    return lambda: path.exists() and path.stat().st_size > before


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + LONGEST
    while not holds():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.05)


def in_order(lines: list[tuple[str, int]]) -> bool:
    first: dict[str, list[int]] = {}
    for name, number in dict.fromkeys(lines):
        first.setdefault(name, []).append(number)
    return all(numbers == sorted(numbers) for numbers in first.values())


def test_killed_while_it_follows_files_that_are_rotated(tmp_path: Path) -> None:
    chance = random.Random(6)
    written = 0
    (tmp_path / "logs").mkdir()
    path = tmp_path / "logs" / "a.log"
    for _ in range(ROUNDS):
        run = start(tmp_path, 'start_position => "beginning"')
        more = grown(tmp_path)
        for piece in range(4):
            with path.open("a") as file:
                for _ in range(3000):
                    file.write(f"a {written}\n")
                    written += 1
            if piece == 2:
                wait_until(more)
                path.rename(f"{path}.{time.monotonic_ns()}")
            time.sleep(chance.random() * 0.2)
        run.send_signal(signal.SIGKILL)
        run.communicate()
    run = start(tmp_path, 'start_position => "beginning"')
    with path.open("a") as file:
        file.write(f"a {written}\n")  # which only this run can deliver: when it is there, the run has started
    written += 1
    wait_until(lambda: len(set(delivered(tmp_path))) >= written)
    run.send_signal(signal.SIGTERM)
    _, errors = run.communicate(timeout=LONGEST)
    assert run.returncode == 0, errors
    lines = delivered(tmp_path)
    assert set(lines) == {("a", number) for number in range(written)}
    assert in_order(lines)


def test_killed_while_it_reads_and_deletes_files(tmp_path: Path) -> None:
    chance = random.Random(7)
    (tmp_path / "logs").mkdir()
    names = [f"f{number}" for number in range(8)]
    for name in names:
        (tmp_path / "logs" / f"{name}.log").write_text("".join(f"{name} {number}\n" for number in range(10_000)))
    options = 'mode => "read" exit_after_read => true file_completed_action => "delete"'
    for _ in range(ROUNDS):
        run = start(tmp_path, options)
        more = grown(tmp_path)
        wait_until(lambda: run.poll() is not None or more())  # noqa: B023  (called at once)
        time.sleep(chance.random() * 0.05)
        run.send_signal(signal.SIGKILL)
        run.communicate()
    run = start(tmp_path, options)
    _, errors = run.communicate(timeout=LONGEST)
    assert run.returncode == 0, errors
    lines = delivered(tmp_path)
    assert set(lines) == {(name, number) for name in names for number in range(10_000)}
    assert in_order(lines)
    assert list((tmp_path / "logs").iterdir()) == []


def test_a_run_that_is_stopped_and_started_gives_every_line_once(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    path = tmp_path / "logs" / "a.log"
    for number in range(3):
        with path.open("a") as file:
            file.write("".join(f"a {number * 1000 + line}\n" for line in range(1000)))
        run = start(tmp_path, 'start_position => "beginning"')
        wait_until(lambda: len(delivered(tmp_path)) >= (number + 1) * 1000)  # noqa: B023  (called at once)
        run.send_signal(signal.SIGTERM)
        _, errors = run.communicate(timeout=LONGEST)
        assert run.returncode == 0, errors
    assert delivered(tmp_path) == [("a", number) for number in range(3000)]
