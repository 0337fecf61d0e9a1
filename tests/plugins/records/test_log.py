"""The log of records: what is appended and committed is there, whatever the disk does meanwhile."""
from __future__ import annotations

import os
import random
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.plugins.records.disk import Disk
from penstock.plugins.records.layout import HEAD, HEADER, segment_name
from penstock.plugins.records.lock import LOCK, InUse, owner_of
from penstock.plugins.records.log import RecordLog
from penstock.plugins.records.reader import Record

from .forgetful import ForgetfulDisk

DIRECTORY = Path("log")


def opened(disk: Disk, directory: Path = DIRECTORY, page: int = 1 << 20) -> tuple[RecordLog, dict[int, bytes]]:
    """A log, and what it found."""
    found: dict[int, bytes] = {}

    def visit(segment: object, record: Record, out_of_turn: bool) -> None:
        found[record.sequence] = record.payload

    return RecordLog(directory, page, disk, visit), found


def after_power_loss(disk: ForgetfulDisk, seed: int = 1) -> list[bytes]:
    disk.crash(random.Random(seed))
    return [payload for _, payload in sorted(opened(disk)[1].items())]


def test_sequences_go_on_after_the_last_one(tmp_path: Path) -> None:
    log, _ = opened(Disk(), tmp_path)
    sequences = [log.append(b"", b"a").sequence, log.append(b"", b"b").sequence]
    log.close()
    log, found = opened(Disk(), tmp_path)
    assert found == {sequences[0]: b"a", sequences[0] + 1: b"b"}
    assert log.append(b"", b"c").sequence == sequences[0] + 2
    log.close()


def test_a_log_that_was_lost_and_begun_again_does_not_use_its_numbers_again(tmp_path: Path) -> None:
    numbers: list[int] = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        log, _ = opened(Disk(), tmp_path / name)
        numbers.append(log.append(b"", b"a").sequence)
        log.close()
    assert numbers[0] < numbers[1]


def test_a_new_segment_is_begun_when_a_page_is_full_and_files_are_private(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "log"
    disk = Disk()
    disk.make_directory(directory)
    log, _ = opened(disk, directory, page=HEADER + 2 * (HEAD + 10))
    for _ in range(5):
        log.append(b"", bytes(10))
    log.commit()
    assert [(segment.records, segment.size) for segment in log.segments] == [(2, 116), (2, 116), (1, 74)]
    assert {stat.S_IMODE(segment.path.stat().st_mode) for segment in log.segments} == {0o600}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    log.close()


def test_a_record_larger_than_a_page_gets_a_segment_of_its_own(tmp_path: Path) -> None:
    log, _ = opened(Disk(), tmp_path, page=100)
    for size in (10, 1000, 10):
        log.append(b"", bytes(size))
    assert [segment.records for segment in log.segments] == [1, 1, 1]
    log.close()


def test_what_is_committed_survives_a_loss_of_power_and_what_is_not_may_be_lost() -> None:
    for seed in range(50):
        disk = ForgetfulDisk()
        log, _ = opened(disk, page=200)
        for number in range(8):
            log.append(b"", b"committed %d" % number)
        log.commit()
        log.append(b"", b"not committed")
        found = after_power_loss(disk, seed)
        assert found[:8] == [b"committed %d" % number for number in range(8)]
        assert found[8:] in ([], [b"not committed"])


def test_after_a_failed_sync_a_commit_that_succeeds_means_what_it_says() -> None:
    """The kernel may have dropped what it could not write, and say of the next sync that all is well."""
    for seed in range(50):
        disk = ForgetfulDisk()
        log, _ = opened(disk)
        log.append(b"", b"one")
        log.commit()
        log.append(b"", b"two")
        disk.sync_fails = 1
        with pytest.raises(OSError, match="input/output"):
            log.commit()
        log.append(b"", b"three")
        log.commit()
        assert after_power_loss(disk, seed) == [b"one", b"two", b"three"]


def test_nothing_is_appended_before_what_is_in_doubt_was_written_again() -> None:
    disk = ForgetfulDisk()
    log, _ = opened(disk)
    log.append(b"", b"one")
    disk.sync_fails = 1
    with pytest.raises(OSError, match="input/output"):
        log.commit()
    disk.capacity = sum(len(file.now) for file in disk.files.values()) + HEADER + 5
    for _ in range(3):
        with pytest.raises(OSError, match="no space"):
            log.append(b"", b"two")
    disk.capacity = None
    log.append(b"", b"two")
    log.commit()
    assert after_power_loss(disk) == [b"one", b"two"]


def test_a_record_for_which_there_was_no_space_leaves_no_trace() -> None:
    disk = ForgetfulDisk()
    log, _ = opened(disk)
    log.append(b"", b"one")
    disk.capacity = sum(len(file.now) for file in disk.files.values()) + 20
    with pytest.raises(OSError, match="no space"):
        log.append(b"", b"two")
    disk.capacity = None
    log.append(b"", b"three")
    log.commit()
    assert after_power_loss(disk) == [b"one", b"three"]
    assert opened(disk)[0].skipped == []


def test_a_part_of_a_record_that_cannot_be_cut_off_is_not_written_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = ForgetfulDisk()
    log, _ = opened(disk)
    log.append(b"", b"one")

    def fail(descriptor: int, size: int) -> None:
        raise OSError(5, "input/output error")

    monkeypatch.setattr(disk, "truncate", fail)
    disk.capacity = sum(len(file.now) for file in disk.files.values()) + 20
    with pytest.raises(OSError, match="no space"):
        log.append(b"", b"two")
    disk.capacity = None
    log.append(b"", b"three")
    log.commit()
    assert len(log.segments) == 2
    assert after_power_loss(disk) == [b"one", b"three"]


def test_a_removed_segment_is_gone_while_a_sync_may_be_at_work_on_it(tmp_path: Path) -> None:
    log, _ = opened(Disk(), tmp_path)
    log.append(b"", b"one")
    log.remove(log.segments[0])
    assert list(tmp_path.iterdir()) == []
    log.commit()
    log.append(b"", b"two")
    log.close()
    assert list(opened(Disk(), tmp_path)[1].values()) == [b"two"]


def test_a_damaged_segment_is_put_aside_not_deleted(tmp_path: Path) -> None:
    log, _ = opened(Disk(), tmp_path)
    log.append(b"", b"one")
    log.append(b"", b"two")
    log.close()
    path = log.segments[0].path
    data = path.read_bytes()
    path.write_bytes(data.replace(b"one", b"oNe"))
    log, found = opened(Disk(), tmp_path)
    assert list(found.values()) == [b"two"]
    log.remove(log.segments[0])
    assert [file.name for file in tmp_path.iterdir()] == [path.name + ".damaged"]
    log.close()


def test_rewriting_a_segment_keeps_sequences_and_a_crash_on_the_way_repeats_nothing() -> None:
    for seed in range(50):
        disk = ForgetfulDisk()
        log, _ = opened(disk)
        sequences = [log.append(b"", b"%d" % number).sequence for number in range(6)]
        log.commit()
        assert log.rewrite(log.segments[0], lambda record: record.payload != b"3") == 1
        disk.crash(random.Random(seed))
        found = opened(disk)[1]
        kept = {sequence: b"%d" % number for number, sequence in enumerate(sequences) if number != 3}
        assert found in (kept, kept | {sequences[3]: b"3"})


def test_one_process_at_a_time_has_a_directory(tmp_path: Path) -> None:
    lock = Disk().lock(tmp_path)
    with pytest.raises(InUse, match="this process"):
        Disk().lock(tmp_path)
    program = "import sys, pathlib\nfrom penstock.plugins.records.lock import Lock, InUse\ntry:\n    Lock(pathlib.Path(sys.argv[1]))\nexcept InUse as e:\n    print(e)\n"
    other = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert other.stdout == f"`{tmp_path}` is in use by process {os.getpid()}: stop that process first, or use another directory\n"
    assert owner_of(tmp_path) == os.getpid()
    lock.release()
    assert owner_of(tmp_path) is None
    Disk().lock(tmp_path).release()


def test_who_looks_whether_a_directory_is_in_use_does_not_keep_another_from_it(tmp_path: Path) -> None:
    """A look holds the lock for a moment: here, for a tenth of a second."""
    Disk().lock(tmp_path).release()
    program = (
        "import fcntl, os, sys, time\ndescriptor = os.open(sys.argv[1], os.O_RDWR)\nfcntl.lockf(descriptor, fcntl.LOCK_EX)\n"
        "print('looks', flush=True)\ntime.sleep(0.1)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path / LOCK)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"looks\n"
        Disk().lock(tmp_path).release()


def test_the_name_of_a_segment_tells_its_first_sequence(tmp_path: Path) -> None:
    log, _ = opened(Disk(), tmp_path)
    placed = log.append(b"", b"one")
    log.close()
    assert placed.segment.path.name == segment_name(placed.sequence, placed.segment.seal)
