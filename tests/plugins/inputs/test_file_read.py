"""The input file in read mode: files are read to their end, then something is done with them."""
from __future__ import annotations

import gzip
import logging
import os
from pathlib import Path
from typing import Any

import pytest

READ = 'mode => "read" exit_after_read => true'
KEEP = f'{READ} file_completed_action => "log" file_completed_log_path => "%s/completed"'
DELETE = f'{READ} file_completed_action => "delete"'


def append(path: Path, data: str | bytes) -> None:
    with path.open("ab") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


@pytest.fixture
def keep(tmp_path: Path) -> str:
    """Options that read files, log that they are read, and end."""
    return KEEP % tmp_path


def completed(tmp_path: Path) -> list[str]:
    path = tmp_path / "completed"
    return [Path(line).name for line in path.read_text().splitlines()] if path.exists() else []


def test_files_are_read_to_their_end_and_the_input_ends(run_file: Any, logs: Path, tmp_path: Path, keep: str) -> None:
    append(logs / "a.log", "one\ntwo\nlast without an end")
    run = run_file(keep)
    assert run.read() == ["one", "two", "last without an end"]
    assert run.ended
    assert completed(tmp_path) == ["a.log"]
    assert (logs / "a.log").exists()


def test_no_file_at_all_ends_the_input_at_once(run_file: Any, keep: str) -> None:
    run = run_file(keep)
    assert run.read() == []
    assert run.ended


def test_an_empty_file_is_done_with(run_file: Any, logs: Path, tmp_path: Path, keep: str) -> None:
    append(logs / "a.log", "")
    run = run_file(keep)
    assert run.read() == []
    assert (run.ended, completed(tmp_path)) == (True, ["a.log"])


@pytest.mark.parametrize(
    ("action", "gone", "logged"), [("delete", True, []), ("log", False, ["a.log"]), ("log_and_delete", True, ["a.log"])]
)
def test_the_action_comes_after_the_last_acknowledgement(
    run_file: Any, logs: Path, tmp_path: Path, action: str, gone: bool, logged: list[str]
) -> None:
    path = logs / "a.log"
    append(path, "one\ntwo")
    run = run_file(f'{READ} file_completed_action => "{action}" file_completed_log_path => "{tmp_path}/completed"')
    run.holding = True
    assert run.read(seconds=30) == ["one", "two"]
    assert (path.exists(), completed(tmp_path), run.ended) == (True, [], False)
    run.answer()
    run.read()
    assert (not path.exists(), completed(tmp_path), run.ended) == (gone, logged, True)


def test_an_acknowledgement_after_the_end_still_deletes(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\n")
    run = run_file(DELETE)
    run.holding = True
    run.read()
    run.end()
    run.answer()
    run.run.finish()
    assert not (logs / "a.log").exists()


def test_what_is_given_back_is_read_again_and_not_deleted_before(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\ntwo")
    run = run_file(DELETE)
    run.holding = True
    run.read()
    run.answer(OSError("no"))
    run.read(seconds=0.5)
    assert (logs / "a.log").exists()
    run.holding = False
    assert run.read(seconds=60) == ["one", "two"]
    assert not (logs / "a.log").exists()


def test_without_exit_after_read_new_files_are_waited_for(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\n")
    run = run_file('mode => "read" file_completed_action => "delete" discover_interval => 2')
    assert run.read(seconds=5) == ["one"]
    assert not run.ended
    append(logs / "b.log", "two\n")
    assert run.read(seconds=5) == ["two"]
    assert list(logs.iterdir()) == []


def test_a_file_that_is_still_being_written_is_not_at_its_end(run_file: Any, logs: Path) -> None:
    path = logs / "a.log"
    append(path, "one\nha")
    run = run_file('mode => "read" file_completed_action => "delete" stat_interval => 5')
    os.utime(path, (run.clock.time(), run.clock.time()))
    assert run.read(seconds=2) == ["one"]
    append(path, "lf\nthree")
    os.utime(path, (run.clock.time() + 3, run.clock.time() + 3))
    assert run.read(seconds=4) == ["half"]
    assert path.exists()
    assert run.read(seconds=10) == ["three"]
    assert not path.exists()


def test_a_kept_file_that_grows_is_read_on(run_file: Any, logs: Path, tmp_path: Path, keep: str) -> None:
    append(logs / "a.log", "one\n")
    run = run_file(keep)
    run.read()
    run.stop()
    append(logs / "a.log", "two\n")
    run = run_file(keep)
    assert run.read() == ["two"]
    run.stop()
    run = run_file(keep)
    assert (run.read(), run.ended) == ([], True)
    assert completed(tmp_path) == ["a.log", "a.log"]


def test_a_crash_between_the_last_acknowledgement_and_the_deletion_leaves_no_file(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\n")
    run = run_file('mode => "read" file_completed_action => "delete" sincedb_write_interval => 0 stat_interval => 60')
    os.utime(logs / "a.log", (run.clock.time() + 30, run.clock.time() + 30))
    assert run.read(seconds=5) == ["one"]
    run.crash()
    assert (logs / "a.log").exists()
    run = run_file(DELETE)
    assert run.read() == []
    assert run.ended
    assert not (logs / "a.log").exists()


def test_a_crash_in_the_middle_reads_again_what_was_not_acknowledged(run_file: Any, logs: Path, keep: str) -> None:
    lines = [f"line {number} {'x' * 1000}" for number in range(1000)]
    append(logs / "a.log", "\n".join(lines))
    run = run_file(f"{keep} sincedb_write_interval => 0")
    seen = [event["message"] for _ in range(2) if run.step() for event in run.events]
    run.holding = True
    run.step()
    run.crash()
    again = run_file(keep).read()
    assert 0 < len(again) < len(lines)
    assert again == lines[-len(again) :]
    assert len(set(seen) | set(again)) == len(lines)


@pytest.mark.parametrize("name", ["a.log.gz", "a.log"])
def test_gzip_is_known_by_its_content(run_file: Any, logs: Path, tmp_path: Path, keep: str, name: str) -> None:
    append(logs / name, gzip.compress(b"one\ntwo\n") + gzip.compress(b"three\nfour") + bytes(512))
    run = run_file(keep, name="*")
    assert run.read() == ["one", "two", "three", "four"]
    assert (run.ended, completed(tmp_path)) == (True, [name])
    run.stop()
    run = run_file(keep, name="*")
    assert (run.read(), run.ended) == ([], True), "a file that was read is remembered"


def test_a_name_alone_makes_no_gzip(run_file: Any, logs: Path, keep: str) -> None:
    append(logs / "a.gz", "one\n")
    assert run_file(keep, name="*").read() == ["one"]


def test_logstash_knows_a_packed_file_as_read_by_its_size(run_file: Any, logs: Path, tmp_path: Path, keep: str) -> None:
    path = logs / "a.gz"
    append(path, gzip.compress(b"one\n" * 1000))
    run = run_file(f'{keep} sincedb_path => "{tmp_path}/db"', name="*")
    run.read()
    run.stop()
    assert int((tmp_path / "db").read_text().split()[3]) == path.stat().st_size


def test_a_large_archive_is_unpacked_piece_by_piece_and_gone_on_with(run_file: Any, logs: Path, keep: str) -> None:
    lines = [f"{number:09d}" for number in range(200_000)]
    append(logs / "a.gz", gzip.compress("\n".join(lines).encode()))
    run = run_file(f"{keep} sincedb_write_interval => 0", name="*")
    assert run.step()
    assert len(run.events) < 40_000
    while len(run.events) < 100_000:
        run.step()
    delivered = len(run.events)
    run.step()  # takes note of the last answer
    run.crash()
    again = run_file(keep, name="*").read()
    assert again == lines[-len(again) :]
    assert len(lines) - delivered <= len(again) < len(lines)


DAMAGED = {
    "cut off": gzip.compress(b"one\n" + os.urandom(5000))[:-500],
    "flipped": gzip.compress(b"one\n" * 1000)[:-8] + b"\0\0\0\0" + gzip.compress(b"one\n" * 1000)[-4:],
    "trailing garbage": gzip.compress(b"one\n") + b"garbage",
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_archive_is_read_as_far_as_it_goes_named_and_kept(
    run_file: Any, logs: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    append(logs / "a.gz", DAMAGED[kind])
    append(logs / "b.gz", gzip.compress(b"fine\n"))
    logging.getLogger("penstock").propagate = True
    run = run_file(DELETE, name="*")
    messages = run.read()
    assert messages[0] == "one"
    assert "fine" in messages
    assert messages.count("one") == (1000 if kind == "flipped" else 1)
    assert run.ended
    assert [path.name for path in logs.iterdir()] == ["a.gz"]
    assert str(logs / "a.gz") in caplog.text


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_archive_is_left_out_where_archives_are_tested_first(
    run_file: Any, logs: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    append(logs / "a.gz", DAMAGED[kind])
    append(logs / "b.gz", gzip.compress(b"fine\n"))
    logging.getLogger("penstock").propagate = True
    run = run_file(f"{DELETE} check_archive_validity => true", name="*")
    assert run.read() == ["fine"]
    assert (run.ended, [path.name for path in logs.iterdir()]) == (True, ["a.gz"])
    assert str(logs / "a.gz") in caplog.text


def test_an_archive_that_is_still_being_written_is_read_on(run_file: Any, logs: Path) -> None:
    packed = gzip.compress(b"".join(b"%d %s\n" % (number, os.urandom(9).hex().encode()) for number in range(2000)))
    path = logs / "a.gz"
    append(path, packed[:3000])
    run = run_file('mode => "read" file_completed_action => "delete"', name="*")
    first = run.read(seconds=10)
    assert 0 < len(first) < 2000
    assert path.exists()
    append(path, packed[3000:])
    messages = first + run.read(seconds=10)
    assert [int(message.split()[0]) for message in messages] == list(range(2000))
    assert not path.exists()


def test_one_file_is_read_whole_before_the_next(run_file: Any, logs: Path, keep: str) -> None:
    append(logs / "a.log", "one\ntwo")
    append(logs / "b.log", "three\nfour")
    assert run_file(f'{keep} file_sort_by => "path"').read() == ["one", "two", "three", "four"]


@pytest.mark.parametrize(
    ("options", "order"),
    [
        ("", "cab"),
        ('file_sort_direction => "desc"', "bac"),
        ('file_sort_by => "path"', "abc"),
        ('file_sort_by => "path" file_sort_direction => "desc"', "cba"),
    ],
)
def test_files_are_read_in_the_order_that_is_asked_for(run_file: Any, logs: Path, keep: str, options: str, order: str) -> None:
    for age, name in enumerate("bac"):
        append(logs / f"{name}.log", f"{name}\n")
        os.utime(logs / f"{name}.log", (1e9 - age * 1000, 1e9 - age * 1000))
    assert "".join(run_file(f"{keep} {options}").read()) == order


def test_files_take_turns_after_so_many_chunks(run_file: Any, logs: Path, keep: str) -> None:
    for name in "ab":
        append(logs / f"{name}.log", f"{name}\n" * 6)
    options = 'file_sort_by => "path" file_chunk_size => 4 file_chunk_count => 1'
    assert "".join(run_file(f"{keep} {options}").read()) == "aabb" * 3


def test_the_size_of_what_is_to_be_read_is_known(run_file: Any, logs: Path, keep: str) -> None:
    append(logs / "a.log", "one\n")
    append(logs / "b.log", "three\n")
    assert run_file(keep).plugin.total_bytes() == 10
    assert run_file().plugin.total_bytes() is None
