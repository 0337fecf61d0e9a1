"""What the input file tells the runtime of its files, and what it does when the runtime begins again."""
from __future__ import annotations

import gzip
import logging
from pathlib import Path
from typing import Any

import pytest

from penstock.plugins.batch import Part, Position
from penstock.plugins.errors import Misconfigured

BEGINNING = 'start_position => "beginning"'
KEEP = 'mode => "read" exit_after_read => true file_completed_action => "log" file_completed_log_path => "%s/completed"'


def append(path: Path, data: str | bytes) -> None:
    with path.open("ab") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def parts(run: Any) -> list[Part]:
    """The parts of all batches that are held."""
    return [part for held in run.held for part in held.batch.parts]


def last_position(run: Any) -> Position:
    return next(part.position for part in reversed(parts(run)) if part.position is not None)


def fingerprints(tmp_path: Path) -> Path:
    (found,) = (tmp_path / "data" / "plugins" / "inputs" / "file").glob("*.fingerprints")
    return found


def test_a_part_says_how_many_events_it_has_and_where_they_end(run_file: Any, logs: Path) -> None:
    for name in "ab":
        append(logs / f"{name}.log", f"{name}1\n{name}2\nhalf")
    run = run_file(f'{BEGINNING} file_sort_by => "path"')
    run.holding = True
    run.read()
    found = logs / "a.log", logs / "b.log"
    assert [part.partition for part in parts(run)] == [f"{path.stat().st_dev}-{path.stat().st_ino}" for path in found]
    assert [(part.events, part.position.offset) for part in parts(run) if part.position] == [(2, 6), (2, 6)]


def test_a_truncated_file_is_another_incarnation_of_its_partition(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\n")
    run = run_file(BEGINNING)
    run.holding = True
    run.read()
    before = parts(run)
    (logs / "a.log").write_text("new\n")
    run.read()
    (after,) = parts(run)[len(before) :]
    assert after.partition == before[-1].partition
    assert after.position.incarnation != before[-1].position.incarnation


@pytest.mark.parametrize("end", ["stop", "crash"])
def test_an_incarnation_stays_over_restarts(run_file: Any, logs: Path, end: str) -> None:
    append(logs / "a.log", "one\n")
    positions = []
    for text in ("two\n", "three\n"):
        run = run_file(BEGINNING)
        run.read(seconds=20)
        run.holding = True
        append(logs / "a.log", text)
        run.read()
        positions.append(last_position(run))
        run.answer()
        run.read(seconds=20)
        getattr(run, end)()
    assert [position.offset for position in positions] == [8, 14]
    assert len({position.incarnation for position in positions}) == 1


def test_in_read_mode_files_are_announced_and_their_end_is_told(run_file: Any, logs: Path, tmp_path: Path) -> None:
    for name in ("a", "b", "empty"):
        append(logs / f"{name}.log", "" if name == "empty" else f"{name}\n")
    run = run_file(KEEP % tmp_path)
    run.holding = True
    run.read()
    states = [part.state for part in parts(run)]
    assert states[:3] == ["begun"] * 3
    assert states.count("finished") == 3
    last_of: dict[str, str] = {part.partition: part.state for part in parts(run)}
    assert set(last_of.values()) == {"finished"}, "nothing follows of a file that is finished"


def test_what_the_runtime_knows_better_is_gone_on_with(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\ntwo\nthree\n")
    run = run_file(BEGINNING)
    run.holding = True
    run.read()
    position, partition = last_position(run), parts(run)[-1].partition
    run.answer()
    run.read()
    run.stop()
    run = run_file(BEGINNING)
    run.run.reader._restored = {partition: Position(position.incarnation, 4)}
    assert run.read() == ["two", "three"]
    run.stop()
    run = run_file(BEGINNING)
    run.run.reader._restored = {partition: Position("another", 4)}
    assert run.read() == [], "the position is of a content that is gone"


def test_after_an_outage_it_is_read_again_from_what_is_settled(run_file: Any, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append(logs / "a.log", "one\n")
    run = run_file(BEGINNING)
    run.read()
    run.holding = True
    append(logs / "a.log", "two\nthr")
    assert run.read() == ["two"]
    poll = run.plugin._tailer._rotation.poll

    def fails(load: Any) -> None:
        monkeypatch.setattr(run.plugin._tailer._rotation, "poll", poll)
        raise RuntimeError("a fault")

    monkeypatch.setattr(run.plugin._tailer._rotation, "poll", fails)
    run.run.reader._stopping.wait = lambda seconds: None
    append(logs / "a.log", "ee\n")
    assert run.read(seconds=5) == ["two", "three"]
    stale, *fresh = run.held
    stale.done(OSError("an answer of before the outage"))
    run.held = fresh
    run.answer()
    assert run.read() == []
    run.stop()
    assert run_file(BEGINNING).read() == []


@pytest.mark.parametrize("matched", [True, False], ids=["copies are matched", "only the name is matched"])
@pytest.mark.parametrize("way", ["renamed", "copied", "truncated"])
def test_a_file_that_was_rotated_and_packed_while_no_one_looked_is_read_to_its_end(
    run_file: Any, logs: Path, way: str, matched: bool
) -> None:
    name = "a.log*" if matched else "a.log"
    path, packed = logs / "a.log", logs / "a.log.1.gz"
    append(path, "one\n" * 300)
    run = run_file(BEGINNING, name=name)
    run.read()
    run.stop()
    append(path, "two\nthree\n")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    if way == "truncated":
        path.write_text("four\n")
    else:
        path.unlink()
        append(path if way == "renamed" else logs / "other", "four\n")
    expected = ["four", "three", "two"] if way != "copied" else ["three", "two"]
    run = run_file(name=name)
    assert sorted(run.read()) == expected
    run.read(seconds=20)
    run.stop()
    assert run_file(name=name).read() == [], "it is read once"


def test_a_stop_in_the_middle_of_a_packed_copy_goes_on_there(run_file: Any, logs: Path) -> None:
    path, lines = logs / "a.log", [f"{number:09d}" for number in range(60_000)]
    append(path, "head\n" * 100)
    run = run_file(BEGINNING, name="a.log")
    run.read()
    run.stop()
    append(path, "".join(f"{line}\n" for line in lines))
    (logs / "a.log.1.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    run = run_file(name="a.log")
    while len(run.events) < 2000:
        run.step()
    first = [event["message"] for event in run.events]
    first += run.stop()
    assert len(first) < len(lines)
    run = run_file(name="a.log")
    assert [*first, *run.read()] == lines


def test_a_packed_file_of_another_content_is_left(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\n")
    run = run_file(BEGINNING, name="a.log")
    run.read()
    run.stop()
    (logs / "a.log").unlink()
    (logs / "a.log.1.gz").write_bytes(gzip.compress(b"other\nlines\n"))
    (logs / "a.log.2.gz").write_bytes(gzip.compress(b"one\ntwo\n")[:12])
    assert run_file(name="a.log").read() == []


def test_fingerprints_of_the_format_before_are_read(run_file: Any, logs: Path, tmp_path: Path) -> None:
    append(logs / "a.log", "one\n")
    run = run_file(BEGINNING)
    run.read()
    run.stop()
    version, *lines = fingerprints(tmp_path).read_text().splitlines()
    assert version == "version 2"
    fingerprints(tmp_path).write_text("".join(line.rsplit(" ", 1)[0] + "\n" for line in lines))
    append(logs / "a.log", "two\n")
    run = run_file(BEGINNING)
    assert run.read() == ["two"]
    run.stop()
    assert fingerprints(tmp_path).read_text().startswith("version 2\n")


def test_fingerprints_of_a_newer_format_are_refused(run_file: Any, logs: Path, tmp_path: Path) -> None:
    append(logs / "a.log", "one\n")
    run = run_file(BEGINNING)
    run.read()
    run.stop()
    content = fingerprints(tmp_path).read_bytes().replace(b"version 2", b"version 3")
    fingerprints(tmp_path).write_bytes(content)
    with pytest.raises(Misconfigured, match="from a newer Penstock") as caught:
        run_file(BEGINNING).read()
    assert caught.value.option == "sincedb_path"
    assert fingerprints(tmp_path).read_bytes() == content


@pytest.mark.parametrize(
    ("names", "known", "said"),
    [
        ("a", "", "1 file found"),
        ("ab", "", "2 files found"),
        ("ab", "a", "2 files found, 1 goes on at 4 bytes"),
        ("ab", "ab", "2 files found, 2 go on at 8 bytes"),
        ("", "", "no file matches `{logs}/*.log` yet"),
    ],
)
def test_a_start_says_what_is_read_and_from_where_on(
    run_file: Any, logs: Path, names: str, known: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("penstock").propagate = True
    for before in ([known] if known else []) + [names]:
        for name in before:
            path = logs / f"{name}.log"
            path.write_text("one\n")
        caplog.clear()
        with caplog.at_level(logging.INFO, "penstock"):
            run = run_file(BEGINNING)
            run.read()
        run.stop()
    assert caplog.messages[0].endswith(f"file: {said.format(logs=logs)}")


def test_a_wake_ends_a_wait(run_file: Any, logs: Path) -> None:
    """With a clock that really waits: a wake that came before counts for the next wait."""
    from penstock.plugins.inputs._file_options import Clock

    run = run_file("stat_interval => 3600", name="none")
    run.plugin.clock = run.plugin._tailer._clock = run.plugin._tailer._notices._clock = Clock()
    run.run.next()
    run.plugin.wake()
    run.plugin.wake()
    assert run.plugin.read(600) is None
