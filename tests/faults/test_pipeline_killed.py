"""``kill -9`` at any moment of a pipeline from a file to a file, through memory and through the disk queue: every line arrives at least
once, and in order where it arrives first."""
from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from servers.soak import Figures, Found, rounds

from penstock.pipeline.storage.survey import queue_state

CONFIG = """
input {{ file {{ path => "{directory}/in.log" start_position => "beginning" sincedb_path => "{directory}/sincedb"
                 stat_interval => 0.01 sincedb_write_interval => 0.02 }} }}
filter {{ mutate {{ add_field => {{ "copy" => "%{{message}}" }} }} }}
output {{ file {{ path => "{directory}/out.jsonl" }} }}
"""


class Pipe:
    """A pipeline that is started again and again, with lines that are appended to its input."""

    def __init__(self, directory: Path, queue: str, seed: int) -> None:
        self.directory, self.chance, self.lines = directory, random.Random(seed), 0
        (directory / "a.conf").write_text(CONFIG.format(directory=directory))
        self.command = [
            sys.executable, "-m", "penstock", "run", "-f", str(directory / "a.conf"), "--path.data", str(directory / "data"),
            "-S", f"queue.type={queue}", "-S", "queue.page_capacity=64kb", "-S", "queue.checkpoint.acks=2",
        ]

    def append(self) -> None:
        count = self.chance.choice([1, 10, 3000])
        with (self.directory / "in.log").open("a") as file:
            file.writelines(f"{number} {'x' * self.chance.choice([0, 50, 500])}\n" for number in range(self.lines, self.lines + count))
        self.lines += count

    def live_and_die(self) -> None:
        with subprocess.Popen(self.command, stderr=subprocess.DEVNULL) as process:
            time.sleep(0.25)
            for _ in range(self.chance.randrange(4)):
                self.append()
                time.sleep(self.chance.random() * 0.1)
            process.kill()

    def finish(self) -> None:
        """A last life in which all arrives, ended in good order."""
        self.append()
        with subprocess.Popen(self.command, stderr=subprocess.PIPE, text=True) as process:
            end = time.monotonic() + 60
            while self.missing() and time.monotonic() < end:
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said

    def arrived(self) -> list[int]:
        """The numbers of the lines that arrived whole, in order."""
        try:
            written = (self.directory / "out.jsonl").read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            return []
        return [number for line in written if line.endswith(b"\n") and (number := number_in(line)) is not None]

    def missing(self) -> set[int]:
        return set(range(self.lines)) - set(self.arrived())


def number_in(line: bytes) -> int | None:
    """The number in a line of output; None for one that a kill cut off, and another was written behind."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    assert event["message"] == event["copy"]
    return int(event["message"].split()[0])


def kill_again_and_again(directory: Path, queue: str, kills: int, seed: int) -> Figures:
    pipe = Pipe(directory, queue, seed)
    for _ in range(kills):
        pipe.live_and_die()
    pipe.finish()
    arrived = pipe.arrived()
    first = list(dict.fromkeys(arrived))
    assert sorted(first) == list(range(pipe.lines)), f"lost: {sorted(pipe.missing())[:10]}"
    assert first == sorted(first), "order is kept"
    assert len(arrived) < pipe.lines * (kills + 2), "what is repeated is what was on its way, not everything every time"
    return Figures(kills, pipe.lines, len(arrived) - pipe.lines)


@pytest.mark.parametrize("queue", ["memory", "persisted"])
def test_a_few_lives(tmp_path: Path, queue: str) -> None:
    kill_again_and_again(tmp_path, queue, 5, 1)


@pytest.mark.soak("A file and a disk queue")
@pytest.mark.parametrize("queue", ["memory", "persisted"])
@pytest.mark.parametrize("seed", range(2, 6))
def test_two_hundred_lives(tmp_path: Path, queue: str, seed: int, found: Found) -> None:
    """Of each queue: fifty of each seed."""
    found(kill_again_and_again(tmp_path, queue, max(1, rounds() // 4), seed))


def test_what_an_input_gave_that_cannot_give_it_again_is_in_the_queue(tmp_path: Path) -> None:
    """Lines of stdin wait behind a filter that hangs; after a kill they are delivered at the next start, once."""
    command = [sys.executable, "-m", "penstock", "run", "--path.data", str(tmp_path), "-S", "queue.type=persisted", "-e"]
    hangs = "input { stdin { } } filter { sleep { time => 1000 } } output { stdout { codec => json_lines } }"
    lines = [f"line {number}" for number in range(1000)]
    with subprocess.Popen([*command, hangs], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write("".join(f"{line}\n" for line in lines).encode())
        process.stdin.flush()
        end = time.monotonic() + 60
        while waiting_in(tmp_path / "queue" / "main") < len(lines):
            assert time.monotonic() < end
            time.sleep(0.05)
        process.kill()
    done = subprocess.run([*command, "input { stdin { } } output { stdout { codec => json_lines } }"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True)
    assert [json.loads(line)["message"] for line in done.stdout.splitlines()] == lines
    assert waiting_in(tmp_path / "queue" / "main") == 0


def waiting_in(directory: Path) -> int:
    """Events that wait in a queue."""
    return queue_state(directory).events.total() if directory.exists() else 0
