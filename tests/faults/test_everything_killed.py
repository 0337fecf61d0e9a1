"""``kill -9`` at any moment, of the process and of single workers, while files grow and are rotated: every line arrives at least once.

Files are followed through filters that drop, clone and split, to a file and through another pipeline with a disk queue to a second
one. ``make soak`` does this for two hundred rounds in each arrangement, and prints how many lines came twice.
"""
from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from servers.soak import Figures, Found, rounds

from .rotated_logs import Line, RotatedLogs

PIPELINES = """
- pipeline.id: first
  queue.type: {queue}
  queue.page_capacity: 64kb
  queue.checkpoint.acks: 2
  config.string: |
    input {{ file {{ path => "{directory}/logs/*.log*" start_position => "beginning" sincedb_path => "{directory}/sincedb"
                     stat_interval => 0.05 sincedb_write_interval => 0.05 }} }}
    filter {{
      dissect {{ mapping => {{ "message" => "%{{name}} %{{generation}} %{{number}} %{{kind}} %{{part}} %{{?filling}}" }} }}
      if [kind] == "drop" {{ drop {{ }} }}
      else if [kind] == "clone" {{ clone {{ clones => ["again"] }} }}
      else if [kind] == "split" {{ split {{ field => "part" terminator => "|" }} }}
    }}
    output {{
      file {{ path => "{directory}/one.jsonl" }}
      pipeline {{ send_to => ["second"] }}
    }}
- pipeline.id: second
  queue.type: persisted
  queue.page_capacity: 64kb
  queue.checkpoint.acks: 2
  config.string: |
    input {{ pipeline {{ address => "second" }} }}
    output {{ file {{ path => "{directory}/two.jsonl" }} }}
"""
LONGEST = 120.0


class Arrived:
    """What arrived in an output, read on whenever it is asked for. ``cut_off``: lines that a kill cut off."""

    def __init__(self, path: Path) -> None:
        self.path, self._position = path, 0
        self.parts: dict[Line, set[str]] = {}
        self.count: Counter[tuple[Line, str]] = Counter()
        self.cut_off = 0

    def read(self) -> None:
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._position)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._position += len(line)
                self._note(line)

    def _note(self, line: bytes) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            self.cut_off += 1
            return
        key = event["name"], int(event["generation"]), int(event["number"])
        part = "again" if "again" in event.get("tags", ()) else event["part"]
        self.parts.setdefault(key, set()).add(part)
        self.count[key, part] += 1

    def missing(self, expected: dict[Line, set[str]]) -> set[Line]:
        return {line for line, parts in expected.items() if parts - self.parts.get(line, set())}

    @property
    def repeated(self) -> int:
        return self.count.total() - len(self.count)

    def out_of_order(self) -> list[Line]:
        """Lines that came for the first time after a later one of the same generation of their file had."""
        last: dict[tuple[str, int], int] = {}
        found = []
        for name, generation, number in self.parts:
            if number < last.get((name, generation), -1):
                found.append((name, generation, number))
            last[name, generation] = max(number, last.get((name, generation), -1))
        return found


class Rounds:
    """One arrangement, round after round."""

    def __init__(self, directory: Path, queue: str, workers: int, seed: int) -> None:
        self.directory, self.chance = directory, random.Random(seed)
        self.logs = RotatedLogs(directory / "logs", self.chance)
        self.outputs = [Arrived(directory / "one.jsonl"), Arrived(directory / "two.jsonl")]
        self.killed = self.killed_workers = 0
        (directory / "pipelines.yml").write_text(PIPELINES.format(directory=directory, queue=queue))
        self.command = [
            sys.executable, "-m", "penstock", "run", "--path.settings", str(directory), "--path.data", str(directory / "data"),
            "-w", str(workers),
        ]  # fmt: skip

    def start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def do(self, action: Callable[[], None] | None = None) -> None:
        (action or self.chance.choice([self.logs.append, self.logs.append, self.logs.append, self.logs.rotate]))()

    def live_and_die(self) -> None:
        process = self.start()
        if self.chance.random() < 0.9:  # else it is killed while it starts, perhaps
            self.logs.append()
            self.wait_for_a_sign(process)
        self.be_busy(process, self.chance.choice([0.0, 0.1, 0.5]) * self.chance.random())
        workers = children(process.pid)
        process.kill()
        _, said = process.communicate(timeout=LONGEST)
        assert process.returncode == -signal.SIGKILL, said.decode()
        self.killed += 1
        for worker in workers:
            wait_until(lambda: not runs(worker), f"the worker {worker} ends when its pipeline was killed")  # noqa: B023  (called at once)
        for _ in range(self.chance.randrange(3)):
            self.do()
        self.look()

    def wait_for_a_sign(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until an output grows; lines are written meanwhile, for it may be that none of the first arrives."""
        before = self.sizes()
        end = time.monotonic() + LONGEST
        while self.sizes() == before and process.poll() is None:
            assert time.monotonic() < end, "it does not start"
            time.sleep(0.02)
            if self.chance.random() < 0.1:
                self.logs.append()

    def sizes(self) -> list[int]:
        return [output.path.stat().st_size if output.path.exists() else 0 for output in self.outputs]

    def be_busy(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        """Write and rotate for a while, and kill workers: two at most, for of three that die of one batch the third is too many."""
        end, mortal = time.monotonic() + seconds, 2
        while time.monotonic() < end:
            self.do()
            if mortal and self.chance.random() < 0.3:
                mortal -= self.kill_a_worker(process.pid)
            time.sleep(self.chance.random() * 0.05)

    def kill_a_worker(self, parent: int) -> bool:
        workers = children(parent)
        if not workers:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.chance.choice(workers), signal.SIGKILL)
        self.killed_workers += 1
        return True

    def look(self) -> set[Line]:
        """What is missing; what has arrived whole is let go."""
        for output in self.outputs:
            output.read()
        missing = set().union(*(output.missing(self.logs.expected) for output in self.outputs))
        self.logs.forget(missing)
        return missing

    def finish(self) -> None:
        """A last round in which all arrives, and that is ended in good order."""
        process = self.start()
        self.do(self.logs.append)
        try:
            wait_until(lambda: not self.look() or process.poll() is not None, "all arrives", lambda: sorted(self.look())[:10])
        finally:
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=LONGEST)
        assert process.returncode == 0, said.decode()
        assert not self.look()

    def report(self) -> str:
        told = [f"{output.path.name}: {output.repeated} repeated, {output.cut_off} cut off by a kill" for output in self.outputs]
        killed = f"{self.killed} processes and {self.killed_workers} workers killed"
        return f"{killed}; {len(self.logs.expected)} lines, none lost; " + "; ".join(told)


def children(process: int) -> list[int]:
    """The processes that a process has forked."""
    found: list[int] = []
    for task in Path(f"/proc/{process}/task").glob("*"):
        with contextlib.suppress(OSError):
            found += map(int, (task / "children").read_text().split())
    return found


def runs(process: int) -> bool:
    """Whether a process still does something: one that waits to be taken note of does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_until(holds: Callable[[], bool], what: str, why: Callable[[], object] = lambda: "") -> None:
    end = time.monotonic() + LONGEST
    while not holds():
        assert time.monotonic() < end, f"{what}: {why()}"
        time.sleep(0.05)


def kill_again_and_again(directory: Path, queue: str, workers: int, kills: int, seed: int) -> Figures:
    arrangement = Rounds(directory, queue, workers, seed)
    for _ in range(kills):
        arrangement.live_and_die()
    arrangement.finish()
    print(f"\n{queue} queue, {workers} workers, seed {seed}: {arrangement.report()}")
    for output in arrangement.outputs:
        dropped = [line for line in output.parts if not arrangement.logs.expected[line]]
        assert not dropped, "what is dropped does not arrive"
        assert not output.out_of_order(), "of one file, lines come in order where they come for the first time"
        assert output.repeated < len(output.count) * 10, "what is repeated is what was on its way, not everything every time"
    ends = arrangement.killed + arrangement.killed_workers
    return Figures(ends, len(arrangement.logs.expected), sum(output.repeated for output in arrangement.outputs))


ARRANGEMENTS = pytest.mark.parametrize(("queue", "workers"), [("memory", 1), ("memory", 2), ("persisted", 1), ("persisted", 2)])
needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="workers are found in /proc")


@needs_proc
@ARRANGEMENTS
def test_a_few_rounds(tmp_path: Path, queue: str, workers: int) -> None:
    kill_again_and_again(tmp_path, queue, workers, 2, seed=1)


@pytest.mark.soak("Files and a disk queue, workers too")
@needs_proc
@ARRANGEMENTS
def test_two_hundred_rounds(tmp_path: Path, queue: str, workers: int, found: Found) -> None:
    seed = random.randrange(1 << 30)
    print(f"\nseed {seed}")
    found(kill_again_and_again(tmp_path, queue, workers, rounds(), seed))
