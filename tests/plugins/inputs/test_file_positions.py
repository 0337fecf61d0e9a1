"""Positions of the input file: what is remembered over stops, crashes and moves from Logstash, and what is read again."""
from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.commands.configuration import os_error_text
from penstock.pipeline.compile.instantiate import assemble
from penstock.plugins.errors import Misconfigured

BEGINNING = 'start_position => "beginning"'


def append(path: Path, text: str | bytes) -> None:
    with path.open("ab") as file:
        file.write(text if isinstance(text, bytes) else text.encode())


def sincedb(tmp_path: Path) -> Path:
    (found,) = [path for path in (tmp_path / "data" / "plugins" / "inputs" / "file").iterdir() if not path.suffix]
    return found


def test_a_stop_and_a_start_give_every_line_once(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\ntw")
    run = run_file(BEGINNING)
    assert [*run.read(), *run.stop()] == ["one"]
    append(logs / "a.log", "o\nthree\n")
    assert run_file(BEGINNING).read() == ["two", "three"]


def test_the_default_sincedb_is_logstash_s_name_in_the_data_directory(run_file: Any, logs: Path, tmp_path: Path) -> None:
    import hashlib

    append(logs / "a.log", "one\n")
    run = run_file(BEGINNING)
    run.read()
    run.stop()
    assert sincedb(tmp_path).name == ".sincedb_" + hashlib.md5(f"{logs}/*.log".encode()).hexdigest()


def test_without_a_data_directory_positions_go_to_the_user_s_state(
    run_file: Any, logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    append(logs / "a.log", "one\n")
    run = run_file(BEGINNING, path__data="")
    run.read()
    run.stop()
    assert [path.suffix for path in (tmp_path / "state/penstock/plugins/inputs/file").iterdir()].count("") == 1


def test_a_line_of_the_sincedb_is_as_logstash_writes_it(run_file: Any, logs: Path, tmp_path: Path) -> None:
    path = logs / "two words.log"
    append(path, "one\ntwo\n")
    run = run_file(BEGINNING)
    run.read()
    run.stop()
    found = path.stat()
    inode, major, minor, position, changed, name = sincedb(tmp_path).read_text().rstrip("\n").split(" ", 5)
    assert (int(inode), int(major), int(minor)) == (found.st_ino, found.st_dev >> 24 & 0xFF, found.st_dev & 0xFFFFFF)
    assert (int(position), name) == (8, str(path))
    assert float(changed) > 1.7e9


@pytest.mark.parametrize("place", ["data", "sincedb_path"])
def test_without_a_directory_for_positions_nothing_is_read(place: str, tmp_path: Path, logs: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    option = f'sincedb_path => "{tmp_path}/taken/positions"' if place == "sincedb_path" else ""
    config = f'input {{ file {{ path => "{logs}/*.log" {option} }} }}'
    assembly = assemble([Source("a.conf", config)], settled({"path.data": str(tmp_path / "taken")}))
    (made,) = assembly.plugins(assembly.program.inputs)
    with pytest.raises((Misconfigured, NotADirectoryError)) as caught:
        made.open()
    if isinstance(caught.value, Misconfigured):
        assert (caught.value.option, caught.value.reason) == ("sincedb_path", f"positions cannot be kept in `{tmp_path}/taken`: File exists")
    else:
        assert os_error_text(caught.value).startswith(f"`{tmp_path}/taken/plugins`: not a directory; a directory is needed")


@pytest.mark.parametrize("numbering", ["JRuby's", "the system's"])
@pytest.mark.parametrize("columns", [4, 5, 6])
def test_a_sincedb_of_logstash_is_gone_on_with(run_file: Any, logs: Path, tmp_path: Path, numbering: str, columns: int) -> None:
    path, db = logs / "a.log", tmp_path / "db"
    append(path, "one\ntwo\n")
    found = path.stat()
    major, minor = (0, found.st_dev) if numbering == "JRuby's" else (os.major(found.st_dev), os.minor(found.st_dev))
    words = [found.st_ino, major, minor, 4, "1719319662.852678", path]
    db.write_text(" ".join(map(str, words[:columns])) + "\n")
    run = run_file(f'{BEGINNING} sincedb_path => "{db}"')
    assert run.read() == ["two"]
    run.stop()
    assert db.read_text().count("\n") == 1


def test_a_record_of_logstash_for_another_path_is_not_believed(run_file: Any, logs: Path, tmp_path: Path) -> None:
    """It tells nothing but an inode, which may have been given away again."""
    path, db = logs / "a.log", tmp_path / "db"
    append(path, "one\ntwo\n")
    found = path.stat()
    db.write_text(f"{found.st_ino} 0 {found.st_dev} 4 1719319662.852678 /elsewhere/x.log\n")
    assert run_file(f'sincedb_path => "{db}" {BEGINNING}').read() == ["one", "two"]


def test_only_what_was_acknowledged_is_remembered(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\n")
    run = run_file(BEGINNING)
    run.read()
    run.holding = True
    append(logs / "a.log", "two\n")
    assert run.read(seconds=40) == ["two"]
    run.crash()
    assert run_file(BEGINNING).read() == ["two"]


def test_what_was_acknowledged_is_written_at_every_interval(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\n")
    run = run_file(f"{BEGINNING} sincedb_write_interval => 5")
    run.read(seconds=10)
    run.crash()
    assert run_file(BEGINNING).read() == []


def test_a_crash_before_the_first_write_does_not_make_new_lines_old_ones(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "old\n")
    run = run_file()
    run.read(seconds=0.3)
    run.crash()
    append(logs / "a.log", "new\n")
    assert run_file().read() == ["new"]


def test_batches_may_be_acknowledged_in_any_order(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\n")
    run = run_file(BEGINNING)
    run.holding = True
    for text in ("two\n", "three\n", "four\n"):
        run.read()
        append(logs / "a.log", text)
    run.read()
    _, *rest = run.held
    for batch in reversed(rest):
        batch.done(None)
    run.read(seconds=20)
    run.crash()
    again = run_file(BEGINNING)
    assert again.read() == ["one", "two", "three", "four"]
    again.stop()
    assert run_file(BEGINNING).read() == []


def test_an_answer_after_the_end_of_the_batches_still_counts(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\n")
    run = run_file(BEGINNING)
    run.holding = True
    run.read()
    run.end()
    assert run.ended
    run.answer()
    run.run.finish()
    assert run_file(BEGINNING).read() == []


def test_a_batch_that_is_given_back_is_read_again_with_all_after_it(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\n")
    run = run_file(BEGINNING)
    run.read()
    run.holding = True
    append(logs / "a.log", "two\n")
    run.read()
    append(logs / "a.log", "three\n")
    run.read()
    two, three = run.held
    run.held = []
    two.done(OSError("the target is gone"))
    three.done(None)
    run.holding = False
    assert run.read(seconds=60) == ["two", "three"]


def test_several_files_in_one_batch_are_all_read_again(run_file: Any, logs: Path) -> None:
    for name in "abc":
        append(logs / f"{name}.log", f"{name}1\n{name}2\n")
    run = run_file(BEGINNING)
    run.holding = True
    assert len(run.read()) == 6
    assert len(run.held) == 1
    run.answer(OSError("no"))
    run.holding = False
    assert sorted(run.read(seconds=60)) == ["a1", "a2", "b1", "b2", "c1", "c2"]


def test_a_file_that_was_renamed_while_no_one_looked_is_read_to_its_end(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\n")
    run = run_file(BEGINNING)
    run.read()
    run.stop()
    append(logs / "a.log", "two\n")
    (logs / "a.log").rename(logs / "a.log-20250101")
    append(logs / "a.log", "three\n")
    assert sorted(run_file().read()) == ["three", "two"]


def test_a_file_that_was_copied_and_truncated_while_no_one_looked_is_read_to_its_end(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\n")
    run = run_file(BEGINNING)
    run.read()
    run.stop()
    append(logs / "a.log", "two\n")
    shutil.copy(logs / "a.log", logs / "a.log.1")
    (logs / "a.log").write_text("three\n")
    assert sorted(run_file().read()) == ["three", "two"]


@pytest.mark.parametrize("way", ["rename", "copy"])
def test_a_rotated_file_that_is_matched_goes_on_where_it_was(run_file: Any, logs: Path, way: str) -> None:
    append(logs / "a.log", "one\n")
    run = run_file(BEGINNING, name="a.log*")
    run.read()
    run.stop()
    append(logs / "a.log", "two\n")
    if way == "rename":
        (logs / "a.log").rename(logs / "a.log.1")
    else:
        shutil.copy(logs / "a.log", logs / "a.log.1")
    (logs / "a.log").write_text("three\n")
    for start in ("end", "beginning"):
        run = run_file(f'start_position => "{start}"', name="a.log*")
        assert sorted(run.read()) == (["three", "two"] if start == "end" else [])
        run.stop()


def test_a_file_in_the_place_of_one_that_was_followed_begins_at_its_start(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\n")
    run = run_file()
    run.read()
    run.stop()
    (logs / "a.log").rename(logs.parent / "gone")
    append(logs / "a.log", "two\n")
    assert run_file().read() == ["two"]


def test_a_reused_inode_does_not_hide_lines(run_file: Any, logs: Path) -> None:
    path = logs / "a.log"
    append(path, "one\ntwo\n")
    run = run_file(BEGINNING)
    run.read()
    run.stop()
    path.write_text("other\nlines\nhere\n")
    assert run_file().read() == ["other", "lines", "here"]


def test_a_device_that_is_numbered_anew_is_the_same_file(run_file: Any, logs: Path, tmp_path: Path) -> None:
    append(logs / "a.log", "one\n")
    run = run_file(BEGINNING)
    run.read()
    run.stop()
    for path in sincedb(tmp_path).parent.iterdir():
        inode, _, _, rest = path.read_text().split(" ", 3)
        path.write_text(f"{inode} 0 4242 {rest}")
    append(logs / "a.log", "two\n")
    assert run_file(BEGINNING).read() == ["two"]


DAMAGED = {
    "empty": b"",
    "binary": bytes(range(256)) * 40,
    "torn": b"{inode} 0 {device} 4 17193",
    "foreign": b"<?xml version='1.0'?>\n<positions/>\n",
    "half": b"garbage\n{inode} 0 {device} 4 1719319662.852678 {path}\nmore garbage\n",
    "huge numbers": b"{inode} 0 {device} 99999999999999999999999999 1719319662.8 {path}\n",
    "negative": b"{inode} 0 {device} -4 1719319662.8 {path}\n",
    "no time": b"{inode} 0 {device} 4 yesterday {path}\n",
    "blank lines": b"\n\n{inode} 0 {device} 4 1719319662.852678 {path}\n\n",
    "windows line ends": b"{inode} 0 {device} 4 1719319662.852678 {path}\r\n",
    "one long line": b"x" * 300_000,
}
USED = ("torn", "half", "blank lines", "windows line ends")


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_sincedb_is_named_and_what_is_intact_is_used(
    run_file: Any, logs: Path, tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    path, db = logs / "a.log", tmp_path / "db"
    append(path, "one\ntwo\n")
    found = path.stat()
    text = DAMAGED[kind]
    for key, value in (("inode", found.st_ino), ("device", found.st_dev), ("path", path)):
        text = text.replace(b"{%s}" % key.encode(), str(value).encode())
    db.write_bytes(text)
    with caplog.at_level(logging.WARNING, "penstock"):
        logging.getLogger("penstock").propagate = True
        run = run_file(f'{BEGINNING} sincedb_path => "{db}"')
    assert run.read() == (["two"] if kind in USED else ["one", "two"])
    run.stop()
    named = [record.getMessage() for record in caplog.records if str(db) in record.getMessage()]
    intact = kind in ("empty", "torn", "blank lines", "windows line ends")
    assert bool(named) is not intact
    assert db.with_name("db.damaged").exists() is not intact
    assert run_file(f'{BEGINNING} sincedb_path => "{db}"').read() == []


def test_fingerprints_that_are_damaged_are_done_without(run_file: Any, logs: Path, tmp_path: Path) -> None:
    append(logs / "a.log", "one\n")
    run = run_file(BEGINNING)
    run.read()
    run.stop()
    sincedb(tmp_path).with_suffix(".fingerprints").write_bytes(b"\x00\xff 1 2 3\n9 9 9 99999999999 9 9 999999 9 9 1\n")
    append(logs / "a.log", "two\n")
    assert run_file(BEGINNING).read() == ["two"]


def test_a_sincedb_that_cannot_be_written_is_reported_and_tried_again(
    run_file: Any, logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(logs / "a.log", "one\n")
    replace = os.replace
    full = [True]

    def guarded(source: Any, target: Any) -> None:
        if full[0]:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", guarded)
    run = run_file(f"{BEGINNING} sincedb_write_interval => 1")
    assert run.read() == ["one"]
    full[0] = False
    run.read(seconds=5)
    run.crash()
    assert run_file(BEGINNING).read() == []
    assert not list(sincedb(tmp_path).parent.glob("*.tmp"))


def test_a_sincedb_that_is_mounted_by_itself_is_written_in_place(
    run_file: Any, logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(logs / "a.log", "one\n")
    db = tmp_path / "db"
    db.write_text("")

    def busy(source: Any, target: Any) -> None:
        raise OSError(16, "Device or resource busy", str(target))

    monkeypatch.setattr(os, "replace", busy)
    run = run_file(f'{BEGINNING} sincedb_path => "{db}"')
    run.read()
    run.stop()
    assert str(logs / "a.log") in db.read_text()


def test_dev_null_keeps_nothing(run_file: Any, logs: Path, tmp_path: Path) -> None:
    append(logs / "a.log", "one\nhalf")
    for _ in range(2):
        run = run_file(f'{BEGINNING} sincedb_path => "/dev/null"')
        assert [*run.read(), *run.stop()] == ["one", "half"], "what is held will not be read again, so it is given at the stop"
    assert not (tmp_path / "data").exists()


def test_records_of_files_that_are_gone_expire(run_file: Any, logs: Path, tmp_path: Path) -> None:
    for name in "ab":
        append(logs / f"{name}.log", "one\n")
    run = run_file(f'{BEGINNING} sincedb_clean_after => "2 hours"')
    run.read()
    run.stop()
    (logs / "b.log").unlink()
    run = run_file('sincedb_clean_after => "2 hours"')
    run.clock.passed = 3 * 3600
    run.read()
    run.stop()
    text = sincedb(tmp_path).read_text()
    assert ("a.log" in text, "b.log" in text) == (True, False)


@pytest.mark.parametrize(("text", "seconds"), [("14", 14 * 86400), ("0.5", 43200), ('"36 hours"', 129600), ('"2 weeks"', 1209600)])
def test_sincedb_clean_after_counts_days(run_file: Any, text: str, seconds: float) -> None:
    assert run_file(f"sincedb_clean_after => {text}").plugin._options.clean_after == seconds


def test_two_inputs_with_the_same_sincedb_do_not_overwrite_each_other(
    logs: Path, tmp_path: Path, run_file: Any, run_input: Any
) -> None:
    """Not even when they read the same file; what one of them knew, both go on from."""
    config = f"""input {{
        file {{ path => "{logs}/a.log" {BEGINNING} sincedb_path => "{tmp_path}/db" }}
        file {{ path => "{logs}/[ab].log" {BEGINNING} sincedb_path => "{tmp_path}/db" }}
    }}"""
    append(logs / "a.log", "one\n")
    append(logs / "b.log", "one\n")
    first = run_file(f'{BEGINNING} sincedb_path => "{tmp_path}/db"')
    first.read()
    first.stop()
    for expected in (["a2"], ["a2", "b2"]), ([], []):
        for path in logs.iterdir():
            append(path, f"{path.stem}2\n" if expected[0] else "")
        assembly = assemble([Source("(test)", config)], settled({}))
        plugins = assembly.plugins(assembly.program.inputs)
        found = []
        for plugin in plugins:
            plugin.clock = first.clock
            plugin.open()
        runs = [run_input(plugin) for plugin in plugins]
        for run in runs:
            taken = [batch for batch in (run.next() for _ in range(3)) if batch is not None]
            found.append(sorted(event["message"] for batch in taken for event in batch.events))
            for batch in taken:
                batch.done(None)
        for run in runs:
            run.finish()
        assert tuple(found) == expected
    assert (tmp_path / "db_2").exists()


def test_what_is_given_back_of_a_file_that_is_gone_is_named(run_file: Any, logs: Path, caplog: pytest.LogCaptureFixture) -> None:
    append(logs / "a.log", "one\n")
    run = run_file(BEGINNING)
    run.holding = True
    run.read()
    (logs / "a.log").write_text("")
    run.read()
    logging.getLogger("penstock").propagate = True
    run.answer(OSError("no"))
    run.read()
    assert "cannot be read again" in caplog.text
