"""The input file in tail mode: files are followed as they grow, whatever happens to their names."""
from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Set
from pathlib import Path
from typing import Any

import pytest

from penstock.plugins.inputs._watcher import Notices

BEGINNING = 'start_position => "beginning"'


def append(path: Path, text: str | bytes) -> None:
    with path.open("ab") as file:
        file.write(text if isinstance(text, bytes) else text.encode())


def test_events_tell_where_they_come_from(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\n")
    run = run_file(BEGINNING)
    run.read()
    (event,) = run.events
    host = event["host"]["name"]
    assert host
    assert event["log"] == {"file": {"path": str(logs / "a.log")}}
    assert event["@metadata"] == {"path": str(logs / "a.log"), "host": host}
    assert event["event"] == {"original": "one"}


def test_without_ecs_path_and_host_are_plain_fields(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\n")
    run = run_file(f'{BEGINNING} ecs_compatibility => "disabled"')
    run.read()
    (event,) = run.events
    assert event["path"] == str(logs / "a.log")
    assert event["host"] == event["@metadata"]["host"]
    assert "log" not in event


def test_what_the_data_says_of_host_and_path_stays(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", '{"message": "m", "host": {"name": "h"}, "log": {"level": "info"}}\n')
    run = run_file(f"{BEGINNING} codec => json")
    run.read()
    (event,) = run.events
    assert event["host"] == {"name": "h"}
    assert event["log"] == {"level": "info", "file": {"path": str(logs / "a.log")}}


def test_events_do_not_share_their_maps(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\ntwo\n")
    run = run_file(BEGINNING)
    run.read()
    first, second = run.events
    first["log"]["file"]["path"] = first["host"]["name"] = first["@metadata"]["path"] = "changed"
    assert "changed" not in (second["log"]["file"]["path"], second["host"]["name"], second["@metadata"]["path"])


def test_lines_are_followed_as_they_are_written(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\n")
    run = run_file(BEGINNING)
    assert run.read() == ["one"]
    append(logs / "a.log", "two\nth")
    assert run.read() == ["two"]
    append(logs / "a.log", "ree")
    assert run.read() == []
    append(logs / "a.log", "\n\nfive\n")
    assert run.read() == ["three", "", "five"]


def test_a_file_of_the_first_start_begins_at_its_end(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "old\n")
    run = run_file()
    assert run.read() == []
    append(logs / "a.log", "new\n")
    assert run.read() == ["new"]


def test_a_file_that_appears_later_begins_at_its_start(run_file: Any, logs: Path) -> None:
    run = run_file("stat_interval => 1 discover_interval => 3")
    run.read()
    append(logs / "a.log", "one\n")
    assert run.read(seconds=10) == ["one"]


def test_a_missing_directory_is_no_trouble(run_file: Any, logs: Path) -> None:
    run = run_file("discover_interval => 1", name="sub/deep/*.log")
    run.read()
    (logs / "sub" / "deep").mkdir(parents=True)
    append(logs / "sub" / "deep" / "a.log", "one\n")
    assert run.read() == ["one"]


def test_rotation_by_renaming_loses_nothing(run_file: Any, logs: Path) -> None:
    path = logs / "a.log"
    append(path, "one\n")
    run = run_file(BEGINNING)
    run.read()
    append(path, "two\n")
    path.rename(logs / "a.log.1")
    append(logs / "a.log.1", "three\n")
    append(path, "four\n")
    assert sorted(run.read()) == ["four", "three", "two"]
    append(logs / "a.log.1", "late\n")
    assert run.read() == ["late"]


def test_a_cascade_of_renames_reads_no_line_again(run_file: Any, logs: Path) -> None:
    run = run_file(BEGINNING, name="a.log*")
    for number in range(5):
        for old in range(4, 0, -1):
            if (logs / f"a.log.{old}").exists():
                (logs / f"a.log.{old}").rename(logs / f"a.log.{old + 1}")
        if number:
            (logs / "a.log").rename(logs / "a.log.1")
        append(logs / "a.log", f"line {number}\n")
        assert run.read(seconds=20) == [f"line {number}"]


def test_a_renamed_file_that_is_matched_goes_on_under_its_new_name(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\n")
    run = run_file(f"{BEGINNING} discover_interval => 1", name="a.log*")
    run.read()
    (logs / "a.log").rename(logs / "a.log.1")
    run.read()
    append(logs / "a.log.1", "two\n")
    assert run.read() == ["two"]
    assert run.events[-1]["log"]["file"]["path"] == str(logs / "a.log.1")


def test_a_closed_file_that_was_renamed_is_found_in_its_directory(run_file: Any, logs: Path) -> None:
    path = logs / "a.log"
    append(path, "one\n")
    run = run_file(f"{BEGINNING} close_older => 5 stat_interval => 2")
    run.read(seconds=20)
    assert not run.plugin._tailer._files.descriptors.open
    append(path, "two\n")
    path.rename(logs / "a.log.1")
    append(path, "three\n")
    assert sorted(run.read(seconds=10)) == ["three", "two"]


@pytest.mark.parametrize("after", ["new\n", "a longer line than what was there before\n", "aaa\n", "aaa\nbbb\nccc\nddd\n"])
def test_a_truncated_file_begins_anew(run_file: Any, logs: Path, after: str) -> None:
    """Also when it is as long as before, or longer, by the time that it is looked at."""
    path = logs / "a.log"
    append(path, "one\nsec\n")
    run = run_file(BEGINNING)
    assert run.read() == ["one", "sec"]
    path.write_text(after)
    assert run.read() == after.splitlines()


def test_a_truncated_file_that_starts_like_the_old_one_begins_anew(run_file: Any, logs: Path) -> None:
    head = "#Fields: date time\n" * 20
    append(logs / "a.log", head + "one\n")
    run = run_file(BEGINNING)
    run.read()
    (logs / "a.log").write_text(head + "other line\ntwo\n")
    assert run.read()[-2:] == ["other line", "two"]


def test_copying_and_truncating_loses_nothing_where_the_copy_is_beside_it(run_file: Any, logs: Path) -> None:
    path = logs / "a.log"
    append(path, "one\n")
    run = run_file(BEGINNING)
    run.read()
    append(path, "two\nthr")
    shutil.copy(path, logs / "a.log.1")
    path.write_text("four\n")
    append(logs / "a.log.1", "ee\n")
    assert sorted(run.read()) == ["four", "three", "two"]


def test_a_copy_that_is_matched_is_not_read_again(run_file: Any, logs: Path) -> None:
    path = logs / "a.log"
    append(path, "one\ntwo\n")
    run = run_file(BEGINNING, name="a.log*")
    run.read()
    shutil.copy(path, logs / "a.log.1")
    path.write_text("three\n")
    assert run.read(seconds=30) == ["three"]


def test_a_copy_beside_a_file_that_stays_is_a_file_of_its_own(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\n")
    run = run_file(f"{BEGINNING} discover_interval => 1")
    run.read()
    shutil.copy(logs / "a.log", logs / "b.log")
    assert run.read() == ["one"]


def test_the_start_of_a_line_that_a_truncation_cuts_off_is_given(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\nhal")
    run = run_file(BEGINNING)
    assert run.read() == ["one"]
    (logs / "a.log").write_text("")
    assert run.read() == ["hal"]


def test_a_deleted_file_is_read_to_its_end_and_closed(run_file: Any, logs: Path) -> None:
    path = logs / "a.log"
    append(path, "one\n")
    run = run_file(BEGINNING)
    run.read()
    append(path, "two\nhalf")
    path.unlink()
    assert run.read(seconds=20) == ["two", "half"]
    assert not run.plugin._tailer._files.descriptors.open


def test_a_deleted_and_written_file_begins_anew_even_with_the_same_inode(run_file: Any, logs: Path) -> None:
    path = logs / "a.log"
    append(path, "one\ntwo\n")
    run = run_file(f"{BEGINNING} close_older => 1")
    run.read(seconds=10)
    path.unlink()
    append(path, "new\nnewer\nnewest\n")
    assert run.read() == ["new", "newer", "newest"]


def test_a_replaced_file_that_is_no_regular_one_is_left(run_file: Any, logs: Path) -> None:
    path = logs / "a.log"
    append(path, "one\n")
    run = run_file(BEGINNING)
    run.read()
    path.unlink()
    path.mkdir()
    assert run.read() == []
    path.rmdir()
    os.mkfifo(path)
    assert run.read() == []


def test_a_link_to_a_followed_file_is_the_same_file(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\n")
    (logs / "b.log").symlink_to(logs / "a.log")
    (logs / "c.log").hardlink_to(logs / "a.log")
    run = run_file(f"{BEGINNING} discover_interval => 1")
    assert run.read() == ["one"]
    append(logs / "c.log", "two\n")
    assert run.read() == ["two"]


def test_a_link_that_is_set_to_another_file_leads_there(run_file: Any, logs: Path) -> None:
    (logs / "old").write_text("one\n")
    (logs / "new").write_text("two\n")
    link = logs / "a.log"
    link.symlink_to(logs / "old")
    run = run_file(BEGINNING)
    assert run.read() == ["one"]
    link.unlink()
    link.symlink_to(logs / "new")
    assert run.read() == ["two"]


def test_a_file_that_may_not_be_read_is_tried_again(run_file: Any, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append(logs / "a.log", "one\n")
    opened = os.open
    closed_to_us = [True]

    def guarded(path: Any, *rest: Any, **named: Any) -> int:
        if closed_to_us[0] and str(path).endswith("a.log"):
            raise PermissionError(13, "Permission denied")
        return opened(path, *rest, **named)

    monkeypatch.setattr(os, "open", guarded)
    run = run_file(f"{BEGINNING} discover_interval => 1")
    assert run.read() == []
    closed_to_us[0] = False
    assert run.read() == ["one"]


def test_bytes_that_were_cut_off_unread_are_named(run_file: Any, logs: Path, caplog: pytest.LogCaptureFixture) -> None:
    append(logs / "a.log", "one\n")
    run = run_file(f"{BEGINNING} file_chunk_size => 4 file_chunk_count => 1")
    run.read()
    append(logs / "a.log", "two\nthree\n")
    run.step()
    run.plugin._tailer._rotation.poll(run.plugin._tailer._load)
    (logs / "a.log").write_text("")
    logging.getLogger("penstock").propagate = True
    run.read()
    assert "10 bytes were not read" in caplog.text


def test_a_file_whose_server_forgot_it_is_let_go(run_file: Any, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append(logs / "a.log", "one\nhalf")
    run = run_file(BEGINNING)
    run.read()
    (logs / "a.log").rename(logs / "gone")
    fstat = os.fstat

    def stale(descriptor: int) -> os.stat_result:
        raise OSError(116, "Stale file handle")

    run.step()
    monkeypatch.setattr(os, "fstat", stale)
    assert run.read() == ["half"]
    monkeypatch.setattr(os, "fstat", fstat)
    append(logs / "a.log", "two\n")
    assert run.read() == ["two"]


def test_rotations_that_are_heard_of_are_seen_between_two_looks(run_file: Any, logs: Path) -> None:
    """Files that are followed for less than `stat_interval` would else never be seen under the name that is asked for."""
    path = logs / "a.log"
    run = run_file(f"{BEGINNING} stat_interval => 3600")
    heard = Heard(run.clock)
    run.plugin._tailer._notices = heard
    append(path, "0\n")
    messages = run.read(seconds=0.1)
    for number in range(1, 4):
        append(path, f"late {number}\n")
        path.rename(logs / f"a.log.{number}")
        heard.paths = {str(path)}
        messages += run.read(seconds=0.5)
        append(path, f"{number}\n")
        heard.paths = {str(path)}
        messages += run.read(seconds=0.5)
    assert messages == ["0", "late 1", "1", "late 2", "2", "late 3", "3"]


def test_a_new_file_that_is_heard_of_is_looked_for_soon(run_file: Any, logs: Path) -> None:
    run = run_file("stat_interval => 2 discover_interval => 1000")
    run.read()
    heard = Heard(run.clock)
    run.plugin._tailer._notices = heard
    append(logs / "b.log", "one\n")
    heard.paths = {str(logs / "b.log")}
    assert run.read(seconds=3) == ["one"]


class Heard(Notices):
    """Notices that a test gives; what was heard once is forgotten."""

    paths: Set[str] = frozenset()

    def wait(self, seconds: float) -> Set[str]:
        super().wait(seconds)
        paths, self.paths = self.paths, frozenset()
        return paths
