"""``kill -9`` at any moment of a process that uses a disk queue: nothing that was put is lost, nothing comes back whose acknowledgement
was saved, order is kept, and the queue starts."""
from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from servers.soak import Figures, Found, rounds

from penstock.pipeline.storage.queue import DiskQueue

WORKER = Path(__file__).with_name("queue_worker.py")


class Ledger:
    """What a worker said over its lives: numbers that were put, acknowledged, and whose acknowledgement was saved."""

    def __init__(self) -> None:
        self.put: set[int] = set()
        self.acked: set[int] = set()
        self.saved: set[int] = set()

    @property
    def next(self) -> int:
        """What the next life begins with: the number behind the last may have been put and not been told."""
        return max(self.put) + 2 if self.put else 0

    def note(self, said: str) -> list[int]:
        """Take down what one life said; the numbers that were handed out in it."""
        handed: list[int] = []
        for line in said.splitlines(keepends=True):
            if line.endswith("\n"):
                kind, number = line[0], int(line[2:])
                {"o": id, "p": self.put.add, "a": self.acked.add, "s": self.saved.add, "g": handed.append}[kind](number)
        return handed


def one_life(directory: Path, ledger: Ledger, chance: random.Random) -> list[int]:
    command = [sys.executable, str(WORKER), str(directory), str(ledger.next), str(chance.randrange(1 << 30))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        # After so many lines and not after so long: on a busy machine a life would end before it had saved anything.
        lines = 1 + int(chance.choice([0, 20, 200, 2000]) * chance.random())
        first = "".join(worker.stdout.readline() for _ in range(lines))
        worker.kill()
        said = first + worker.stdout.read()
    assert worker.returncode == -9, said
    return ledger.note(said)


def look(directory: Path) -> tuple[list[int], list[str]]:
    """What a queue would hand out, and damage that no torn tail explains; the queue keeps it."""
    queue = DiskQueue(directory, interval=None, max_bytes=2 << 20, report=lambda skipped: None)
    numbers = [item.note["n"] for item in iter(lambda: queue.get(0), None)]
    damage = [str(skipped) for skipped in queue.skipped if not skipped.torn]
    queue.close()
    return numbers, damage


def kill_again_and_again(directory: Path, kills: int, seed: int) -> Figures:
    ledger, chance = Ledger(), random.Random(seed)
    for _ in range(kills):
        handed = one_life(directory, ledger, chance)
        assert len(handed) == len(set(handed)), "in one life nothing is handed out twice"
        waiting, damage = look(directory)
        assert damage == []
        assert waiting == sorted(set(waiting)), "order is kept, nothing comes twice"
        assert ledger.saved.isdisjoint(waiting), "what was saved as acknowledged does not come back"
        unexplained = set(waiting) - ledger.put
        assert len(unexplained) <= 1, "at most the put that the kill cut off before it was told"
        ledger.put |= unexplained
        assert ledger.put - set(waiting) <= ledger.acked, "nothing that was put is lost"
    assert ledger.saved
    return Figures(kills, len(ledger.put))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_queue_that_is_killed_ten_times_loses_and_repeats_nothing(tmp_path: Path, seed: int) -> None:
    kill_again_and_again(tmp_path / "queue", 10, seed)


@pytest.mark.soak("The disk queue alone")
@pytest.mark.parametrize("seed", range(4))
def test_a_queue_that_is_killed_fifty_times_loses_and_repeats_nothing(tmp_path: Path, seed: int, found: Found) -> None:
    found(kill_again_and_again(tmp_path / "queue", max(1, rounds() // 4), seed))
