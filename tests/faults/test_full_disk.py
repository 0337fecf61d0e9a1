"""A disk that is full, for true: a file system of two megabytes. Where none can be mounted, see the same with injected errors in
tests/pipeline/storage."""
from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.dsl.timestamp import Timestamp
from penstock.pipeline.storage.dead_letters import DeadLetters
from penstock.pipeline.storage.queue import DiskQueue, Full
from penstock.plugins.records.letters import Letter, Letters


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a small file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("only root can mount a small disk")
    done = subprocess.run([mount, "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted: {done.stderr.decode()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def free(disk: Path) -> int:
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize


def fill(disk: Path) -> Path:
    """Take all the space that is left."""
    path = disk / "other"
    with path.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return path


def drained(queue: DiskQueue) -> list[bytes]:
    payloads: list[bytes] = []
    while (item := queue.get(0)) is not None:
        payloads.append(item.payload)
        queue.ack(item.sequence)
    return payloads


def put_until_full(queue: DiskQueue) -> Iterator[bytes]:
    for number in range(1000):
        payload = b"%d" % number + bytes(10_000)
        try:
            queue.put(payload, timeout=0)
        except Full:
            return
        yield payload


def test_a_queue_larger_than_its_disk_holds_back_its_inputs_and_loses_nothing(disk: Path) -> None:
    queue = DiskQueue(disk / "queue", page_capacity=256 << 10, interval=0.01)
    put = list(put_until_full(queue))
    assert 100 < len(put) < 1000
    assert drained(queue) == put
    queue.put(b"goes on", timeout=20)
    assert drained(queue) == [b"goes on"]
    assert queue.skipped == []
    queue.close()


def test_a_put_waits_until_there_is_space(disk: Path) -> None:
    queue = DiskQueue(disk / "queue", interval=0.01)
    other = fill(disk)
    waiting = threading.Thread(target=queue.put, args=(bytes(100_000),), daemon=True)
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive()
    other.unlink()
    waiting.join(20)
    assert drained(queue) == [bytes(100_000)]
    queue.close()


def test_a_queue_starts_on_a_full_disk_and_is_worked_off(disk: Path) -> None:
    queue = DiskQueue(disk / "queue", interval=None)
    for number in range(5):
        queue.put(b"%d" % number)
    queue.close()
    fill(disk)
    queue = DiskQueue(disk / "queue", interval=None)
    assert drained(queue) == [b"0", b"1", b"2", b"3", b"4"]
    queue.close()
    assert free(disk) > 0


def test_dead_letters_that_find_no_space_do_not_count_as_written_and_those_before_them_stay(disk: Path) -> None:
    store = DeadLetters(disk / "letters")
    letter = Letter({"message": "x" * 5000}, "refused", "mutate", "m", time=Timestamp("2025-09-04T12:00:00.000Z"))
    assert store.add([letter]) == 1
    other = fill(disk)
    with pytest.raises(OSError, match="No space left"):
        store.add([letter] * 10)
    assert store.counts.written == 1
    other.unlink()
    assert store.add([letter]) == 1
    store.close()
    letters = Letters(disk / "letters")
    assert len(letters.read()) >= 2
    assert letters.skipped == []
    letters.close()
