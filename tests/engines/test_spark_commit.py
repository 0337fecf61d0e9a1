"""What Spark's driver and tasks leave on disk: parts, the checkpoint, positions in files that grow. None of it needs Spark."""
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.settings import settled
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.compile.sources import text_source
from penstock.pipeline.engines.parts import KeyedFilter, Segment
from penstock.pipeline.engines.spark.growth import FileEnds
from penstock.pipeline.engines.spark.progress import due_shards, forget_idle, watermark_of
from penstock.pipeline.engines.spark.state import Checkpoint, Manifest, Shard, StateWriter
from penstock.pipeline.engines.spark.write import (
    Attempt,
    StagedFile,
    StagedFiles,
    check_paths,
    publish,
)
from penstock.plugins.errors import Misconfigured


def plugin_of(text: str) -> Any:
    """The only plugin of a configuration."""
    (made,) = assemble([text_source(text, "pipeline.conf")], settled({})).made.values()
    return made


def output(path: Path | str, more: str = "") -> Any:
    return plugin_of(f'output {{ file {{ path => "{path}" {more} }} }}')


def staged(path: Path, data: bytes, number: int = 1, partition: int = 0, run: str = "r") -> list[StagedFile]:
    """What one attempt leaves."""
    files = StagedFiles(Attempt(run, 0, partition, number))
    files.write(output(path), str(path), data)
    return files.close()


def parts(path: Path) -> list[bytes]:
    return [part.read_bytes() for part in sorted(path.glob("part-*"))]


def test_of_two_attempts_the_one_that_is_committed_counts(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    staged(path, b"killed\n", number=1)
    through = staged(path, b"through\n", number=2)
    assert parts(path) == []
    publish(through, "r")
    assert parts(path) == [b"through\n"]
    assert [entry.name for entry in path.iterdir()] == ["part-r-0-00000.jsonl"]


def test_a_commit_that_was_cut_off_is_ended_by_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    first, second = staged(path, b"1\n", partition=0), staged(path, b"2\n", partition=1)
    Path(first[0].temporary).replace(first[0].target)  # here the driver was killed
    publish([*first, *second], "r", is_again=True)
    publish([*first, *second], "r", is_again=True)
    assert parts(path) == [b"1\n", b"2\n"]


def test_what_is_missing_at_a_first_commit_is_an_error(tmp_path: Path) -> None:
    found = staged(tmp_path / "out", b"1\n")
    Path(found[0].temporary).unlink()
    with pytest.raises(FileNotFoundError):
        publish(found, "r")


def test_attempts_of_another_batch_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "out"
    later = staged(path, b"later\n", run="s")
    publish(staged(path, b"now\n"), "r")
    publish(later, "s")
    assert parts(path) == [b"now\n", b"later\n"]


def test_more_paths_than_may_be_open_are_written_whole(tmp_path: Path) -> None:
    files = StagedFiles(Attempt("r", 0, 0, 1))
    made = output(f"{tmp_path}/%{{name}}.log")
    for turn in (b"a", b"b"):
        for number in range(300):
            files.write(made, f"{tmp_path}/{number}.log", turn)
    publish(files.close(), "r")
    assert [parts(tmp_path / f"{number}.log") for number in range(300)] == [[b"ab"]] * 300


def test_a_file_in_the_place_of_the_directory_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("of a plain run\n")
    with pytest.raises(Misconfigured, match="is a file; an engine writes a directory"):
        check_paths([output(path)])
    with pytest.raises(Misconfigured, match="is a file; an engine writes a directory"):
        staged(path, b"1\n")


def test_what_overwrites_removes_the_parts_of_the_run_before(tmp_path: Path) -> None:
    path = tmp_path / "out"
    publish(staged(path, b"old\n"), "r")
    check_paths([output(path)])
    assert parts(path) == [b"old\n"]
    check_paths([output(path, 'write_behavior => "overwrite"')])
    assert parts(path) == []


def test_a_checkpoint_knows_what_is_done_and_the_states_behind_it(tmp_path: Path) -> None:
    kept = Checkpoint(str(tmp_path))
    for batch, state in enumerate([b"first", b"second"]):
        writer = StateWriter(str(kept.states), Attempt("r", 1, 0, batch))
        shard = writer.add(state, 1000)
        writer.close()
        kept.commit(Manifest(batch, shards={1: {7: shard}}, tops={1: {"0:file:a": 5}}))
    again = Checkpoint(str(tmp_path))
    assert again.id == kept.id
    assert [again.is_done(batch) for batch in (0, 1, 2)] == [True, True, False]
    assert again.last.shards[1][7].state.read() == b"second"
    assert len(list(again.states.iterdir())) == 1, "states that were replaced are removed"


def test_a_checkpoint_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    Checkpoint(str(tmp_path))
    (tmp_path / "penstock.json").write_text(json.dumps({"version": 99, "id": "x"}))
    with pytest.raises(ConfigError, match="checkpoint of version 99"):
        Checkpoint(str(tmp_path))


SEGMENT = Segment(1, 0, 0, (KeyedFilter("window", "w", (), 500, {}, False, ""),))


def test_the_watermark_is_what_the_slowest_partition_has_reached() -> None:
    assert watermark_of(Manifest(), SEGMENT) is None
    manifest = Manifest(tops={1: {"0:topic:t-0": 9000, "0:topic:t-1": 4000}})
    assert watermark_of(manifest, SEGMENT) == 3500


def test_shards_are_due_when_the_watermark_has_passed_their_timers(tmp_path: Path) -> None:
    writer = StateWriter(str(tmp_path), Attempt("r", 1, 0, 0))
    shards: dict[int, Shard] = {n: writer.add(b"x", timer) for n, timer in enumerate([3499, 3500, 3501, None])}
    manifest = Manifest(shards={1: shards}, tops={1: {"0:topic:t-0": 4000}})
    assert due_shards(manifest, SEGMENT) == [0, 1]


@pytest.mark.parametrize(
    ("given", "now", "left"),
    [
        (["0:file:a", "0:file:b"], 10.0, ["0:file:a", "0:file:b", "1:topic:t-0"]),
        (["0:file:a"], 10.0, ["0:file:a", "1:topic:t-0"]),  # a file that gives nothing is at its end
        (["0:file:a"], 61.0, ["0:file:a"]),  # and a partition is waited for no longer than that
        ([], 100.0, ["0:file:a", "0:file:b", "1:topic:t-0"]),  # none is left to go by: time stands still
    ],
)
def test_partitions_that_give_nothing_hold_nothing_back(given: Sequence[str], now: float, left: list[str]) -> None:
    manifest = Manifest(tops={1: {"0:file:a": 1, "0:file:b": 2, "1:topic:t-0": 3}}, seen={"1:topic:t-0": 0.0})
    forget_idle(manifest, given, now, idle=60.0)
    assert sorted(manifest.tops[1]) == left


def ends(directory: Path, options: str) -> FileEnds:
    return FileEnds(0, plugin_of(f'input {{ file {{ path => "{directory}/*.log" sincedb_path => "/dev/null" {options} }} }}'))


def ranges(of: FileEnds, start: Any, end: Any) -> list[tuple[str, int, int]]:
    return [(Path(piece.path).name, piece.start, piece.end) for piece in of.pieces(start, end)]


def test_a_file_that_grows_goes_on_behind_its_last_whole_line(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("one\ntw")
    found = ends(tmp_path, "")
    start = found.starts()
    log.write_text("one\ntwo\nthr")
    end = found.ends(start)
    assert ranges(found, start, end) == [("a.log", 4, 8)]
    assert ranges(found, end, found.ends(end)) == []


def test_a_file_that_is_rotated_is_read_to_its_end_under_its_new_name(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("one\n")
    found = ends(tmp_path, 'start_position => "beginning"')
    assert found.starts() == {}
    end = found.ends({})
    with log.open("a") as more:
        more.write("two\n")
    log.rename(tmp_path / "a.log.1")
    log.write_text("three\n")
    assert sorted(ranges(found, end, found.ends(end))) == [("a.log", 0, 6), ("a.log.1", 4, 8)]


def test_a_file_that_is_shorter_than_before_is_read_anew(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("a longer line\n")
    found = ends(tmp_path, "")
    start = found.starts()
    os.truncate(log, 0)
    log.write_text("new\n")
    assert ranges(found, start, found.ends(start)) == [("a.log", 0, 4)]


def test_in_read_mode_the_last_line_needs_no_end(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("one\ntwo")
    found = ends(tmp_path, 'mode => "read" file_completed_action => "log" file_completed_log_path => "/dev/null"')
    assert ranges(found, found.starts(), found.ends({})) == [("a.log", 0, 7)]
