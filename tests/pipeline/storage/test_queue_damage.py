"""A damaged queue: it starts, keeps every intact record, and names what it skipped."""
from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.pipeline.storage.checkpoint import Checkpoint, write_checkpoint
from penstock.pipeline.storage.queue import DiskQueue
from penstock.pipeline.storage.survey import queue_state, repair_queue
from penstock.plugins.records.disk import Disk
from penstock.plugins.records.layout import HEAD, HEADER
from penstock.plugins.records.reader import Skipped

from ...plugins.records.forgetful import ForgetfulDisk

PAYLOADS = [b"payload %d " % number + b"x" * number for number in range(6)]
NOTE = {"n": 1}
NOTE_SIZE = 4
STARTS = [HEADER + sum(HEAD + NOTE_SIZE + len(payload) for payload in PAYLOADS[:at]) for at in range(len(PAYLOADS) + 1)]


class Hasty(Disk):
    """Does not wait for the disk: what is looked at here is what files hold."""

    def sync(self, descriptor: int) -> None:
        pass

    def sync_directory(self, directory: Path) -> None:
        pass


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A queue with six records in one segment, the first two of them acknowledged."""
    queue = DiskQueue(tmp_path / "queue", interval=None)
    sequences = [queue.put(payload, NOTE) for payload in PAYLOADS]
    for sequence in sequences[:2]:
        queue.get(0)
        queue.ack(sequence)
    queue.close()
    return tmp_path / "queue"


def segment_of(directory: Path) -> Path:
    (path,) = directory.glob("*.log")
    return path


def handed_out(directory: Path) -> tuple[list[bytes], list[Skipped]]:
    """What a queue that is opened there gives, and what it reports."""
    reported: list[Skipped] = []
    queue = DiskQueue(directory, interval=None, report=reported.append, disk=Hasty())
    payloads = [item.payload for item in iter(lambda: queue.get(0), None)]
    queue.put(b"new", timeout=0)
    new = queue.get(0)
    assert new is not None
    assert new.payload == b"new", "it goes on"
    assert queue.skipped == reported
    for file in directory.glob("*.log"):  # leave the directory as it was found
        if file.stat().st_size == HEADER + HEAD + 3:
            file.unlink()
    queue._log.close()
    queue._directory_lock.release()
    return payloads, reported


def test_an_intact_queue_reports_nothing(directory: Path) -> None:
    assert handed_out(directory) == (PAYLOADS[2:], [])


def test_a_tail_torn_at_any_byte_of_the_last_record_costs_that_record(directory: Path) -> None:
    path = segment_of(directory)
    data = path.read_bytes()
    for size in range(STARTS[-2], STARTS[-1]):
        path.write_bytes(data[:size])
        payloads, reported = handed_out(directory)
        assert payloads == PAYLOADS[2:-1], size
        expected = [(str(path), STARTS[-2], size - STARTS[-2])] if size > STARTS[-2] else []
        assert [(one.file, one.offset, one.size) for one in reported] == expected


@pytest.fixture
def three(tmp_path: Path) -> tuple[Path, list[int]]:
    """A queue of three segments, and the numbers of their records, two each."""
    queue = DiskQueue(tmp_path / "queue", interval=None)
    numbers = []
    for number in range(6):
        numbers.append(queue.put(PAYLOADS[number]))
        if number % 2:
            queue._log.roll()
    queue.close()
    return tmp_path / "queue", numbers


def cut(path: Path, records: int, more: int = 0) -> None:
    """Cut a segment of ``three`` behind some of its records, and leave a few bytes of the next."""
    data = path.read_bytes()
    first = data.index(b"payload ")
    size = HEAD + len(PAYLOADS[int(data[first + 8 : first + 9])])
    path.write_bytes(data[: HEADER + records * size + more])


@pytest.mark.parametrize("more", [0, 5], ids=["between two records", "in the middle of a record"])
def test_a_segment_that_is_cut_off_while_others_follow_is_damaged(three: tuple[Path, list[int]], more: int) -> None:
    directory, numbers = three
    path = sorted(directory.glob("*.log"))[1]
    cut(path, 1, more)
    (damage,) = queue_state(directory).damage
    assert (damage.file, damage.size, damage.reason) == (str(path), more, f"cut off; missing records: {numbers[3]}")
    payloads, (reported,) = handed_out(directory)
    assert payloads == [*PAYLOADS[:3], *PAYLOADS[4:]]
    assert reported == damage


def test_of_a_segment_without_any_record_left_the_numbers_are_named(three: tuple[Path, list[int]]) -> None:
    directory, numbers = three
    cut(sorted(directory.glob("*.log"))[1], 0, 7)
    assert [one.reason for one in queue_state(directory).damage] == [f"cut off; missing records: {numbers[2]} to {numbers[3]}"]


def test_what_was_acknowledged_before_it_was_cut_off_is_not_missing(three: tuple[Path, list[int]]) -> None:
    directory, numbers = three
    write_checkpoint(Disk(), directory, Checkpoint(numbers[0], ((numbers[1], numbers[3]),)))
    cut(sorted(directory.glob("*.log"))[1], 1, 5)
    state = queue_state(directory)
    assert (state.damage, [one.torn for one in state.skipped]) == ([], [True])


def test_what_a_kill_leaves_torn_is_no_damage_for_who_goes_on(tmp_path: Path) -> None:
    for payload in (b"one", b"two"):
        queue = DiskQueue(tmp_path / "queue", interval=None)
        queue.put(payload)
        queue.put(b"never written whole")
        queue.close()
        *_, path = sorted((tmp_path / "queue").glob("*.log"))
        path.write_bytes(path.read_bytes()[:-1])
    state = queue_state(tmp_path / "queue")
    assert (state.damage, [one.torn for one in state.skipped]) == ([], [True, True])


def test_once_a_cut_segment_is_put_aside_nothing_is_missing(three: tuple[Path, list[int]]) -> None:
    directory, _ = three
    path = sorted(directory.glob("*.log"))[1]
    cut(path, 1, 5)
    repair_queue(directory)
    state = queue_state(directory)
    assert (state.skipped, [file.name for file in state.aside]) == ([], [path.name + ".damaged"])
    assert handed_out(directory) == ([*PAYLOADS[:3], *PAYLOADS[4:]], [])


def test_a_byte_flipped_anywhere_costs_at_most_the_record_it_is_in(directory: Path, tmp_path: Path) -> None:
    path = segment_of(directory)
    data = path.read_bytes()
    kept = tmp_path / "kept"
    shutil.copytree(directory, kept)
    for place in range(len(data)):
        shutil.rmtree(directory)
        shutil.copytree(kept, directory)
        path.write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
        hit = max((at for at, start in enumerate(STARTS) if start <= place), default=-1)
        payloads, reported = handed_out(directory)
        assert payloads == [payload for at, payload in enumerate(PAYLOADS) if at >= 2 and at != hit], place
        start, end = (0, HEADER) if hit < 0 else (STARTS[hit], STARTS[hit + 1])
        assert [(one.file, one.offset, one.size) for one in reported] == [(str(path), start, end - start)], place


def write(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda directory: (directory / name).write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "given", "reports"),
    [
        pytest.param(lambda directory: (directory / "checkpoint").unlink(), PAYLOADS, ["checkpoint: no checkpoint: all records are redelivered"], id="a lost checkpoint"),
        pytest.param(write("checkpoint", b""), PAYLOADS, ["checkpoint: the checkpoint is damaged: all records are redelivered"], id="an empty checkpoint"),
        pytest.param(write("checkpoint", b'{"version": 1, "low": 99, "acknowledged": []} 00000000\n'), PAYLOADS, ["checkpoint: 55 bytes at 0: the checkpoint is damaged: all records are redelivered"], id="a checkpoint whose sum is wrong"),
        pytest.param(write("checkpoint", bytes(5000)), PAYLOADS, ["checkpoint: 5000 bytes at 0: the checkpoint is damaged: all records are redelivered"], id="a checkpoint of zeros"),
        pytest.param(write("checkpoint.new", b"half a chec"), PAYLOADS[2:], [], id="a checkpoint that was being written"),
        pytest.param(write("00000000000000000001-0000000000000001.log", b""), PAYLOADS[2:], ["00000000000000000001-0000000000000001.log: the file is empty"], id="an empty segment before"),
        pytest.param(write("01999999999999999999-0000000000000001.log", b""), PAYLOADS[2:], ["01999999999999999999-0000000000000001.log: the file is empty"], id="an empty segment after"),
        pytest.param(write("01999999999999999999-0000000000000001.log", b"PENST"), PAYLOADS[2:], ["01999999999999999999-0000000000000001.log: 5 bytes at 0: the header was not written whole"], id="a header cut short"),
        pytest.param(write("core.1234", b"\x7fELF"), PAYLOADS[2:], ["core.1234: not a file of Penstock; left unchanged"], id="a foreign file"),
        pytest.param(lambda directory: (directory / "sub").mkdir(), PAYLOADS[2:], ["sub: not a file of Penstock; left unchanged"], id="a directory"),
    ],
)
def test_whatever_else_is_wrong_the_queue_starts(directory: Path, damage: Callable[[Path], object], given: list[bytes], reports: list[str]) -> None:
    damage(directory)
    payloads, reported = handed_out(directory)
    assert payloads == given
    assert [str(one).replace(f"{directory}/", "") for one in reported] == reports


def test_a_segment_of_rubbish_is_put_aside(directory: Path) -> None:
    rubbish = directory / "00000000000000000001-0000000000000001.log"
    rubbish.write_bytes(bytes(range(256)) * 40)
    payloads, reported = handed_out(directory)
    assert payloads == PAYLOADS[2:]
    assert [(one.file, one.offset, one.size) for one in reported] == [(str(rubbish), 0, HEADER), (str(rubbish), HEADER, 256 * 40 - HEADER)]
    assert (directory / f"{rubbish.name}.damaged").exists()
    assert not rubbish.exists()


def test_damage_that_comes_up_while_the_queue_is_open_costs_one_record_and_is_reported(directory: Path) -> None:
    reported: list[Skipped] = []
    queue = DiskQueue(directory, interval=None, report=reported.append)
    path = segment_of(directory)
    data = path.read_bytes()
    path.write_bytes(data.replace(PAYLOADS[3], PAYLOADS[3].swapcase()))
    assert [item.payload for item in iter(lambda: queue.get(0), None)] == [PAYLOADS[2], *PAYLOADS[4:]]
    assert [(one.offset, one.size) for one in reported] == [(STARTS[3], STARTS[4] - STARTS[3])]
    assert queue.events == 3
    queue.close()


def test_every_segment_may_be_damaged_and_the_rest_is_given_in_order(tmp_path: Path) -> None:
    queue = DiskQueue(tmp_path, interval=None)
    queue._log.page = 120
    for number in range(20):
        queue.put(b"%02d" % number)
    queue.close()
    files = sorted(tmp_path.glob("*.log"))
    assert len(files) == 10
    for file in files:
        file.write_bytes(file.read_bytes()[:-1])
    queue = DiskQueue(tmp_path, interval=None, report=lambda skipped: None)
    assert [item.payload for item in iter(lambda: queue.get(0), None)] == [b"%02d" % number for number in range(0, 20, 2)]
    assert len(queue.skipped) == 10
    queue.close()


@pytest.mark.parametrize("at", [0, 1])
def test_what_was_written_again_takes_the_place_of_what_is_damaged(at: int) -> None:
    """After a failed sync records stand in two segments; where one of them is damaged the other is given, and in its turn."""
    disk = ForgetfulDisk()
    queue = DiskQueue(Path("queue"), interval=None, disk=disk)
    for number in range(3):
        queue.put(b"%d" % number)
    disk.directory_fails = 1
    with pytest.raises(OSError, match="input/output error"):
        queue.commit()
    queue.close()
    data = disk.files[sorted(name for name in disk.files if name.endswith(".log"))[at]].now
    data[HEADER + (len(data) - HEADER) // 2] ^= 1  # in the second of three records of one length
    queue = DiskQueue(Path("queue"), interval=None, disk=disk)
    assert [item.payload for item in iter(lambda: queue.get(0), None)] == [b"0", b"1", b"2"]
    assert len(queue.skipped) == 1
    queue.close()
