"""A disk that is full, for true: a file system of two megabytes. Where none can be mounted, see the same with injected errors in
tests/pipeline/storage."""
from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from penstock.dsl.reference import Event
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.dsl.timestamp import Timestamp
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.runtime.pipeline import Pipeline
from penstock.pipeline.storage.dead_letters import DeadLetters
from penstock.pipeline.storage.queue import DiskQueue
from penstock.pipeline.storage.queue_errors import Full
from penstock.plugins.batch import Batch, Payload
from penstock.plugins.errors import EndOfInput
from penstock.plugins.input import Input, Outcome
from penstock.plugins.records.dead_letter import DeadLetter, DeadLetterReader


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A directory on a small file system of its own."""
    directory = tmp_path / "disk"
    directory.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("only root can mount a small disk")
    done = subprocess.run([mount, "-t", "tmpfs", "-o", "size=2m", "tmpfs", directory], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted: {done.stderr.decode()}")
    yield directory
    subprocess.run(["umount", "-l", directory], check=True)


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
    queue.put(b"goes on", timeout=60)
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
    waiting.join(60)
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
    letter = DeadLetter({"message": "x" * 5000}, "refused", "mutate", "m", time=Timestamp("2025-09-04T12:00:00.000Z"))
    assert store.add([letter]) == 1
    other = fill(disk)
    with pytest.raises(OSError, match="No space left"):
        store.add([letter] * 10)
    assert store.counts.written == 1
    other.unlink()
    assert store.add([letter]) == 1
    store.close()
    letters = DeadLetterReader(disk / "letters")
    assert len(letters.read()) >= 2
    assert letters.skipped == []
    letters.close()


class Given(Input, name="given"):
    """Events, each a batch; how they were settled. ``before`` is called with each before it is given."""

    local = True

    def prepare(self) -> None:
        self.left: list[Event] = []
        self.answers: list[Exception | None] = []
        self.before: Callable[[Event], object] = lambda event: None

    def read(self, timeout: float) -> Batch | None:
        if not self.left:
            raise EndOfInput
        event = self.left.pop(0)
        self.before(event)
        return Batch([event])

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Any]) -> None:
        self.answers += [outcome.error for outcome in outcomes]


class Harness:
    """A pipeline with one batch and an output that refuses all, its dead letters on the small disk."""

    def __init__(self, disk: Path, text: str, event: Event) -> None:
        settings = settled({"dead_letter_queue.enable": True, "path.dead_letter_queue": str(disk), "pipeline.id": "letters"})
        self.pipeline = Pipeline(assemble([Source("test.conf", f"input {{ generator {{ }} }} {text}")], settings))
        self.answers, self.delivered = list[Exception | None](), list[Event]()
        self.pipeline.inputs[0] = self.source = Given({})
        self.source.prepare()
        self.source.left, self.source.answers = [event], self.answers
        self.thread = threading.Thread(target=self.pipeline.run, daemon=True)

    def collect(self, deliver: Callable[[list[Event]], object]) -> None:
        """Have the output hand its events to a function."""
        output = self.pipeline.targets[0]
        output.pack = lambda events: [Payload(list(events), events)]  # type: ignore[method-assign]
        output.deliver = lambda payload: deliver(payload.data)  # type: ignore[method-assign,assignment,return-value]


def test_an_output_whose_dead_letters_find_no_space_waits_for_it(disk: Path) -> None:
    """Nothing is acknowledged before the letters are there."""
    harness = Harness(disk, "output { null { attempts => 1 } }", {"message": "x" * 500_000})

    def refuse(events: list[Event]) -> None:
        raise ValueError("never")

    harness.collect(refuse)
    other = fill(disk)
    harness.thread.start()
    deadline = time.monotonic() + 60
    while not (harness.pipeline.stats() and harness.pipeline.stats()[0].waiting):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    harness.thread.join(0.3)
    assert harness.answers == []
    other.unlink()
    harness.thread.join(90)
    assert harness.answers == [None]
    assert harness.pipeline.stats()[0].dead_lettered == 1
    letters = DeadLetterReader(disk / "letters")
    assert {letter.event["message"] for letter in letters.read()} == {"x" * 500_000}
    letters.close()


def test_an_event_on_which_a_filter_raised_goes_on_where_its_dead_letter_finds_no_space(disk: Path) -> None:
    harness = Harness(disk, 'filter { uuid { target => "u" add_field => { "a[b" => "1" } } } output { null { } }', {"message": "x" * 500_000})
    harness.collect(harness.delivered.extend)
    fill(disk)
    harness.thread.start()
    harness.thread.join(90)
    assert [event["tags"] for event in harness.delivered] == [["_uuid_exception"]]
    assert harness.answers == [None]


def test_a_spill_on_a_full_disk_holds_back_and_goes_on_when_there_is_space(disk: Path) -> None:
    harness = Harness(disk, 'output { null { id => "out" when_full => "spill" buffer_size => 1 } }', {})
    harness.pipeline.assembly.program.settings["penstock.path.spill"] = str(disk / "spill")  # type: ignore[index]
    gate, other = threading.Event(), list[Path]()

    def fill_once(event: Event) -> None:
        if event["message"][0] == "1":
            other.append(fill(disk))

    def deliver(events: list[Event]) -> None:
        gate.wait(90)
        harness.delivered += events

    harness.source.left = [{"message": "0"}, *({"message": f"{number}" + "x" * 100_000} for number in range(1, 4))]
    harness.source.before = fill_once
    harness.collect(deliver)
    harness.thread.start()
    harness.thread.join(0.5)
    assert harness.answers == []
    other[0].unlink()
    deadline = time.monotonic() + 60
    while harness.answers != [None] * 4:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert harness.delivered == []
    gate.set()
    harness.thread.join(90)
    assert [event["message"][0] for event in harness.delivered] == ["0", "1", "2", "3"]
