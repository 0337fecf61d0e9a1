"""The disk queue: order, acknowledgement, bounds, durability, threads, restarts. What it does in a crash is in test_queue_model."""
from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penstock.pipeline.storage.queue import DiskQueue
from penstock.pipeline.storage.queue_errors import Closed, Full
from penstock.plugins.records.lock import InUse

from ...plugins.records.forgetful import ForgetfulDisk


def opened(directory: Path, **options: Any) -> DiskQueue:
    return DiskQueue(directory, **{"interval": None} | options)


def drained(queue: DiskQueue, ack: bool = False) -> list[bytes]:
    """The payloads of all items that wait."""
    payloads: list[bytes] = []
    while (item := queue.get(0)) is not None:
        payloads.append(item.payload)
        if ack:
            queue.ack(item.sequence)
    return payloads


def put_all(queue: DiskQueue, *payloads: bytes) -> list[int]:
    return [queue.put(payload) for payload in payloads]


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does; a test that waits in vain fails here."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_payloads_come_out_in_the_order_in_which_they_went_in_with_their_notes(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    queue.put(b"one", {"stream": "a", "nested": {"n": [1]}}, count=3, live="object")
    queue.put(b"two")
    first, second = queue.get(0), queue.get(0)
    assert first is not None
    assert second is not None
    assert (first.payload, first.note, first.count, first.live) == (b"one", {"stream": "a", "nested": {"n": [1]}}, 3, "object")
    assert (second.payload, second.note, second.count) == (b"two", {}, 1)
    assert second.sequence == first.sequence + 1
    assert queue.get(0) is None
    queue.close()


def test_what_is_not_acknowledged_is_handed_out_again_after_a_restart(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    sequences = put_all(queue, b"1", b"2", b"3", b"4")
    for _ in range(3):
        queue.get(0)
    queue.ack(sequences[1])
    queue.close()
    queue = opened(tmp_path)
    assert queue.skipped == []
    item = queue.get(0)
    assert item is not None
    assert (item.payload, item.note, item.live) == (b"1", {}, None)
    assert drained(queue) == [b"3", b"4"]
    queue.close()


def test_what_is_given_back_comes_next_in_order(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    sequences = put_all(queue, b"1", b"2", b"3")
    queue.get(0)
    queue.get(0)
    queue.give_back(sequences[1])
    queue.give_back(sequences[0])
    assert drained(queue) == [b"1", b"2", b"3"]
    queue.close()


def test_an_acknowledgement_that_comes_twice_or_for_nothing_changes_nothing(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    (sequence,) = put_all(queue, b"1")
    queue.ack(sequence)
    assert queue.events == 1, "it was not handed out"
    assert drained(queue, ack=True) == [b"1"]
    queue.ack(sequence)
    queue.give_back(sequence)
    assert queue.is_empty
    assert queue.get(0) is None
    queue.close()


def test_an_acknowledgement_after_the_end_comes_too_late(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    (sequence,) = put_all(queue, b"1")
    queue.get(0)
    queue.close()
    queue.ack(sequence)
    assert drained(opened(tmp_path)) == [b"1"]


def test_segments_go_when_they_are_acknowledged_as_a_whole(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    queue._log.page = 300
    sequences = put_all(queue, *[bytes(100) for _ in range(6)])
    assert len(queue._log.segments) == 3
    drained(queue)
    for sequence in sequences[1:]:
        queue.ack(sequence)
    assert len(queue._log.segments) == 3, "the first record is still wanted"
    queue.ack(sequences[0])
    assert len(list(tmp_path.glob("*.log"))) == 1, "the one that is written stays"
    queue.close()
    assert list(tmp_path.glob("*.log")) == [], "until the end"


def test_more_than_memory_holds_is_read_from_the_segments_in_order(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    queue._backlog.in_memory = 1000
    expected: list[bytes] = []
    seen: list[bytes] = []
    chance = random.Random(5)
    for number in range(300):
        payload = b"%d " % number + bytes(chance.randrange(200))
        queue.put(payload, live=payload)
        expected.append(payload)
        for _ in range(chance.choice([0, 0, 1, 3])):
            if (item := queue.get(0)) is not None:
                assert item.live in (None, item.payload)
                seen.append(item.payload)
    assert seen + drained(queue) == expected
    queue.close()


@pytest.mark.parametrize(
    ("bounds", "count"),
    [
        pytest.param({"max_events": 10}, 3, id="ten events: three payloads of three"),
        pytest.param({"max_bytes": 3500}, 3, id="so many bytes: three payloads of a thousand"),
    ],
)
def test_a_full_queue_takes_nothing_until_something_is_acknowledged(tmp_path: Path, bounds: dict[str, int], count: int) -> None:
    queue = opened(tmp_path, **bounds)
    queue._log.page = 1100
    for _ in range(count):
        queue.put(bytes(1000), count=3, timeout=0)
    with pytest.raises(Full):
        queue.put(bytes(1000), count=3, timeout=0)
    with pytest.raises(Full):
        queue.put(bytes(1000), count=3, timeout=0.01)
    item = queue.get(0)
    assert item is not None
    queue.ack(item.sequence)
    queue.put(bytes(1000), count=3, timeout=0)
    assert queue.events == count * 3
    queue.close()


def test_a_put_that_waits_goes_on_when_there_is_room(tmp_path: Path) -> None:
    queue = opened(tmp_path, max_events=1)
    queue.put(b"1")
    waiting = threading.Thread(target=queue.put, args=(b"2",))
    waiting.start()
    item = queue.get(1)
    assert item is not None
    queue.ack(item.sequence)
    waiting.join(60)
    assert not waiting.is_alive()
    assert drained(queue) == [b"2"]
    queue.close()


def test_a_payload_larger_than_the_queue_is_taken_when_the_queue_is_empty(tmp_path: Path) -> None:
    queue = opened(tmp_path, max_bytes=1000)
    queue.put(bytes(10), timeout=0)
    with pytest.raises(Full):
        queue.put(bytes(5000), timeout=0)
    drained(queue, ack=True)
    queue.put(bytes(5000), timeout=0)
    drained(queue, ack=True)
    assert queue.is_empty
    queue.close()


def test_the_files_stay_within_the_bound_however_long_the_queue_is_used(tmp_path: Path) -> None:
    queue = opened(tmp_path, max_bytes=1 << 20)
    largest = 0
    for _ in range(100):
        for _ in range(3):
            queue.put(bytes(50_000), timeout=0)
        drained(queue, ack=True)
        largest = max(largest, sum(file.stat().st_size for file in tmp_path.glob("*.log")))
    assert largest <= 1 << 20
    queue.close()


def test_a_get_waits_for_a_put(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    got: list[Any] = []
    waiting = threading.Thread(target=lambda: got.append(queue.get(20)))
    waiting.start()
    queue.put(b"1")
    waiting.join(60)
    assert got[0].payload == b"1"
    queue.close()


def test_closing_wakes_who_waits(tmp_path: Path) -> None:
    queue = opened(tmp_path, max_events=1)
    queue.put(b"1")
    queue.get(0)
    outcome: list[object] = []

    def put() -> None:
        try:
            queue.put(b"2")
        except Closed as closed:
            outcome.append(closed)

    threads = [threading.Thread(target=put), threading.Thread(target=lambda: outcome.append(queue.get()))]
    for thread in threads:
        thread.start()
    queue.close()
    for thread in threads:
        thread.join(60)
    assert [type(one) for one in sorted(outcome, key=str)] == [type(None), Closed]
    queue.close()


def test_many_producers_and_consumers_lose_and_repeat_nothing(tmp_path: Path) -> None:
    queue = opened(tmp_path, max_events=50, interval=0.01, commit_events=5, checkpoint_acks=5)
    queue._log.page = 2000
    got: list[bytes] = []

    def produce(name: int) -> None:
        for number in range(200):
            queue.put(b"%d %d" % (name, number), durable=number % 50 == 0)

    def consume() -> None:
        while (item := queue.get()) is not None:
            got.append(item.payload)
            queue.ack(item.sequence)

    producers = [threading.Thread(target=produce, args=(name,)) for name in range(3)]
    consumers = [threading.Thread(target=consume) for _ in range(3)]
    for thread in producers + consumers:
        thread.start()
    for thread in producers:
        thread.join(60)
    until(lambda: queue.is_empty)
    queue.close()
    for thread in consumers:
        thread.join(60)
    assert sorted(got) == sorted(b"%d %d" % (name, number) for name in range(3) for number in range(200))


def test_one_producers_payloads_keep_their_order(tmp_path: Path) -> None:
    queue = opened(tmp_path, max_events=3)
    producer = threading.Thread(target=put_all, args=(queue, *[b"%d" % number for number in range(100)]))
    producer.start()
    got: list[bytes] = []
    while len(got) < 100:
        item = queue.get(20)
        assert item is not None
        got.append(item.payload)
        queue.ack(item.sequence)
    producer.join()
    assert got == [b"%d" % number for number in range(100)]
    queue.close()


DIRECTORY = Path("queue")


def after_power_loss(disk: ForgetfulDisk) -> list[bytes]:
    """What is handed out when all that was not synced is lost."""
    disk.crash(_NoLuck())
    return drained(opened(DIRECTORY, disk=disk))


class _NoLuck(random.Random):
    """Nothing that was not synced was written."""

    def choice(self, items: Any) -> Any:
        return items[0]


def test_a_durable_put_is_on_the_disk_when_it_returns_and_so_is_all_before_it() -> None:
    disk = ForgetfulDisk()
    queue = opened(DIRECTORY, disk=disk)
    queue.put(b"1")
    queue.put(b"2", durable=True)
    queue.put(b"3")
    assert after_power_loss(disk) == [b"1", b"2"]


def test_a_commit_is_due_after_a_number_of_events() -> None:
    disk = ForgetfulDisk()
    queue = opened(DIRECTORY, disk=disk, commit_events=10)
    for payload in (b"1", b"2", b"3"):
        queue.put(payload, count=5)
    assert after_power_loss(disk) == [b"1", b"2"]


def test_with_a_commit_after_each_event_every_put_is_durable() -> None:
    disk = ForgetfulDisk()
    queue = opened(DIRECTORY, disk=disk, commit_events=1)
    queue.put(b"1")
    assert after_power_loss(disk) == [b"1"]


def test_who_waits_for_the_disk_is_called_when_the_payload_is_there() -> None:
    queue = opened(DIRECTORY, disk=(disk := ForgetfulDisk()))
    called: list[str] = []
    queue.put(b"1", on_durable=lambda: called.append("1"))
    queue.put(b"2", on_durable=lambda: called.append("2"))
    assert called == []
    disk.sync_fails = 1
    with pytest.raises(OSError, match="input/output"):
        queue.commit()
    assert called == []
    queue.commit()
    assert called == ["1", "2"]


def test_a_commit_happens_in_the_background(tmp_path: Path) -> None:
    queue = DiskQueue(tmp_path, interval=0.01)
    called = threading.Event()
    queue.put(b"1", on_durable=called.set)
    assert called.wait(60)
    queue.close()


def test_a_checkpoint_is_due_after_a_number_of_acknowledgements() -> None:
    queue = opened(DIRECTORY, disk=(disk := ForgetfulDisk()), checkpoint_acks=2, commit_events=1)
    sequences = put_all(queue, b"1", b"2", b"3", b"4")
    drained(queue)
    for sequence in (sequences[0], sequences[2], sequences[1]):
        queue.ack(sequence)
    assert after_power_loss(disk) == [b"2", b"4"], "two were noted, out of order as they were"


def test_sequences_that_were_acknowledged_are_not_given_again_after_their_records_were_lost() -> None:
    """Else what is put then would count as acknowledged."""
    queue = opened(DIRECTORY, disk=(disk := ForgetfulDisk()), commit_events=1 << 30)
    queue.put(b"0", durable=True)
    sequences = put_all(queue, b"1", b"2", b"3")
    drained(queue)
    queue.ack(sequences[2])
    queue.checkpoint()
    disk.crash(_NoLuck())
    queue = opened(DIRECTORY, disk=disk)
    assert drained(queue) == [b"0"]
    put_all(queue, b"new 1", b"new 2", b"new 3")
    queue.close()
    assert drained(opened(DIRECTORY, disk=disk)) == [b"0", b"new 1", b"new 2", b"new 3"]


def test_a_checkpoint_is_synced_before_it_takes_the_old_ones_place() -> None:
    queue = opened(DIRECTORY, disk=(disk := ForgetfulDisk()), commit_events=1)
    sequences = put_all(queue, b"1", b"2")
    drained(queue)
    queue.ack(sequences[0])
    queue.checkpoint()
    disk.crash(_NoLuck())
    queue = opened(DIRECTORY, disk=disk)
    assert queue.skipped == []
    assert drained(queue) == [b"2"]


def test_what_is_in_doubt_is_not_read_from_where_it_may_be_lost() -> None:
    """A failed sync drops what was written; memory holds it until it is written again, to another file."""
    queue = opened(DIRECTORY, disk=(disk := ForgetfulDisk()))
    queue._backlog.in_memory = 0
    put_all(queue, b"1", b"2", b"3")
    disk.sync_fails, disk.capacity = 1, 0
    with pytest.raises(OSError, match="input/output"):
        queue.commit()
    assert drained(queue) == []
    disk.capacity = None
    queue.commit()
    assert drained(queue, ack=True) == [b"1", b"2", b"3"]
    assert queue.skipped == []
    assert queue.is_empty


def test_a_full_disk_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    queue = opened(DIRECTORY, disk=(disk := ForgetfulDisk()))
    put_all(queue, b"1", b"2")
    disk.capacity = 0
    with pytest.raises(Full):
        queue.put(b"3", timeout=0)
    with pytest.raises(Full):
        queue.put(b"3", timeout=0.3)
    drained(queue, ack=True)
    disk.capacity = None
    queue.put(b"3", timeout=0)
    assert drained(queue) == [b"3"]


def test_a_queue_on_a_full_disk_opens_and_gives_what_it_has() -> None:
    queue = opened(DIRECTORY, disk=(disk := ForgetfulDisk()))
    put_all(queue, b"1", b"2")
    queue.close()
    disk.capacity = 0
    queue = opened(DIRECTORY, disk=disk)
    assert drained(queue, ack=True) == [b"1", b"2"]
    queue.close()


def test_a_second_queue_on_a_directory_is_refused(tmp_path: Path) -> None:
    queue = opened(tmp_path / "queue")
    with pytest.raises(InUse, match="is in use by this process: stop that process first"):
        opened(tmp_path / "queue")
    queue.close()
    opened(tmp_path / "queue").close()


def test_directory_and_files_are_their_owners_alone(tmp_path: Path) -> None:
    queue = opened(tmp_path / "data" / "queue")
    queue.put(b"1")
    queue.close()
    modes = {path.name.partition("-")[0][:4]: path.stat().st_mode & 0o777 for path in (tmp_path / "data" / "queue").iterdir()}
    assert set(modes.values()) == {0o600}
    assert (tmp_path / "data" / "queue").stat().st_mode & 0o777 == 0o700
