"""Options of the input file: what is wrong with them is said when a configuration is checked; which files they mean."""
from __future__ import annotations

import os
import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import inspect
from penstock.plugins.inputs._file_options import Clock
from penstock.plugins.inputs._globs import Glob, braces, name_matcher
from penstock.plugins.inputs._watcher import SystemNotices

BEGINNING = 'start_position => "beginning"'


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ('path => "/x" mode => "read"', [("W305", '"read"')]),
        ('path => "/x" mode => "read" file_completed_action => "delete"', []),
        ('path => "/x" mode => "read" file_completed_action => "log"', [("E214", '"log"')]),
        ('path => "/x" mode => "read" file_completed_action => "log" file_completed_log_path => "/y"', []),
        ('path => "/x" exit_after_read => true', [("W305", "true")]),
        ('path => ["/x", ""]', [("E220", '""')]),
        ("path => []", [("E220", "[]")]),
        ('path => "/x" sincedb_path => "/"', [("E220", '"/"')]),
        ('path => "/x" sincedb_clean_after => "soon"', [("E204", '"soon"')]),
        ('path => "/x" delimiter => ""', [("E220", '""')]),
        ('path => "/x" mode => "follow"', [("E204", '"follow"')]),
        ('path => "/x" stat_interval => "750 ms" close_older => "2 hours" discover_interval => 3', []),
        ('path => "relative/*.log"', []),
    ],
)
def test_what_is_said_of_options(options: str, found: list[tuple[str, str]]) -> None:
    _, findings = inspect([Source("(test)", f"input {{ file {{ {options} }} }}")], settled(None))
    assert [(finding.code, finding.span.text if finding.span else "") for finding in findings] == found


def test_the_warning_of_deletion_says_how_to_keep_files() -> None:
    _, (finding,) = inspect([Source("(test)", 'input { file { path => "/x" mode => "read" } }')], settled(None))
    assert "deleted" in finding.message
    assert 'file_completed_action => "log"' in finding.help


@pytest.mark.parametrize(
    ("pattern", "ways"),
    [
        ("a", ["a"]),
        ("{a,b}", ["a", "b"]),
        ("x{a,b{c,d}}y", ["xay", "xbcy", "xbdy"]),
        ("{a,}{1,2}", ["a1", "a2", "1", "2"]),
        ("{a", ["{a"]),
        ("a}", ["a}"]),
        (r"\{a,b\}", [r"\{a,b\}"]),
        ("{}", [""]),
    ],
)
def test_braces_are_alternatives(pattern: str, ways: list[str]) -> None:
    assert braces(pattern) == ways


TREE = ["a.log", "b.log", "b.txt", ".hidden.log", "x/a.log", "x/y/z/c.log", "x/.git/d.log", "odd*.log", "[1].log", "x/e.LOG"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.log", ["[1].log", "a.log", "b.log", "odd*.log"]),
        ("?.log", ["a.log", "b.log"]),
        ("[ab].log", ["a.log", "b.log"]),
        ("[!a].log", ["b.log"]),
        ("[^a].log", ["b.log"]),
        ("[a-b].{log,txt}", ["a.log", "b.log", "b.txt"]),
        (".*.log", [".hidden.log"]),
        ("**/*.log", ["[1].log", "a.log", "b.log", "odd*.log", "x/a.log", "x/y/z/c.log"]),
        ("**/z/*.log", ["x/y/z/c.log"]),
        ("*/**/*.log", ["x/a.log", "x/y/z/c.log"]),
        ("**", ["[1].log", "a.log", "b.log", "b.txt", "odd*.log"]),
        (r"odd\*.log", ["odd*.log"]),
        (r"\[1\].log", ["[1].log"]),
        ("x/../a.log", ["a.log"]),
        ("{x,nowhere}/a.log", ["x/a.log"]),
        ("[", []),
    ],
)
def test_patterns_of_paths(tmp_path: Path, pattern: str, names: list[str]) -> None:
    for name in TREE:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = {os.path.relpath(path, tmp_path) for path in Glob(f"{tmp_path}/{pattern}").paths(set()) if Path(path).is_file()}
    assert sorted(found) == sorted(names)


def test_a_link_to_a_directory_above_is_not_followed_for_ever(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.log").touch()
    (tmp_path / "x" / "up").symlink_to(tmp_path)
    assert [*Glob(f"{tmp_path}/**/*.log").paths(set())] == [f"{tmp_path}/x/a.log"]


def test_exclusions_match_names_without_directories() -> None:
    matches = name_matcher(["*.gz", "b?.{log,txt}"])
    assert [name for name in ("a.gz", "a.log", "b1.txt", "b.txt", ".x.gz") if matches(name)] == ["a.gz", "b1.txt"]


def test_excluded_files_are_left_out(run_file: Any, logs: Path) -> None:
    for name in ("a.log", "b.log"):
        (logs / name).write_text(f"{name}\n")
    assert run_file(f'{BEGINNING} exclude => "b*"').read() == ["a.log"]


def test_old_files_are_ignored_until_they_change(run_file: Any, logs: Path) -> None:
    for name in ("new", "old"):
        (logs / f"{name}.log").write_text(f"{name}\n")
    os.utime(logs / "old.log", (1e9, 1e9))
    run = run_file(f'{BEGINNING} ignore_older => "1 hour"')
    assert run.read() == ["new"]
    with (logs / "old.log").open("a") as file:
        file.write("more\n")
    assert run.read() == ["more"]
    run.stop()
    assert run_file(f'{BEGINNING} ignore_older => "1 hour"').read() == []


def test_a_file_that_was_followed_is_not_ignored_for_its_age(run_file: Any, logs: Path) -> None:
    path = logs / "a.log"
    path.write_text("one\n")
    run = run_file(BEGINNING)
    run.read()
    run.stop()
    path.write_text("one\ntwo\n")
    os.utime(path, (1e9, 1e9))
    assert run_file(f"{BEGINNING} ignore_older => 60").read() == ["two"]


def test_no_more_files_are_open_than_allowed(run_file: Any, logs: Path) -> None:
    names = [f"{number:02d}.log" for number in range(20)]
    for name in names:
        (logs / name).write_text(f"{name}\n")
    run = run_file(f"{BEGINNING} max_open_files => 3")
    assert sorted(run.read(seconds=20)) == names
    assert len(run.plugin._tailer._files.descriptors.open) <= 3
    for name in names:
        with (logs / name).open("a") as file:
            file.write(f"more {name}\n")
    assert sorted(run.read(seconds=20)) == [f"more {name}" for name in names]


def test_files_with_batches_on_their_way_stay_open_and_the_others_wait(run_file: Any, logs: Path) -> None:
    for number in range(6):
        (logs / f"{number}.log").write_text(f"{number}\n" * 60_000)
    run = run_file(f'{BEGINNING} max_open_files => 2 file_sort_by => "path"')
    run.holding = True
    run.read()
    assert {event["message"] for event in run.events} == {"0", "1"}
    run.holding = False
    run.answer()
    run.read(seconds=30)
    assert len(run.events) == 360_000


def test_thousands_of_files_are_followed_with_few_descriptors(run_file: Any, logs: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        for number in range(2000):
            (logs / f"{number}.log").write_text(f"{number}\n")
        run = run_file(BEGINNING)
        assert sorted(map(int, run.read(seconds=20))) == list(range(2000))
        run.stop()
        (logs / "7.log").write_text("7\nmore\n")
        run = run_file(BEGINNING)
        assert run.read() == ["more"]
        run.stop()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_many_small_files_share_batches(run_file: Any, logs: Path) -> None:
    for number in range(100):
        (logs / f"{number}.log").write_text(f"{number}\n")
    run = run_file(BEGINNING)
    run.holding = True
    run.read()
    assert len(run.held) == 1
    assert run.held[0].batch.bytes == sum(path.stat().st_size for path in logs.iterdir())


def test_common_options_of_inputs_are_for_the_runtime(run_file: Any, logs: Path) -> None:
    """Type, tags and added fields are given by the runtime, once: not by the input too."""
    (logs / "a.log").write_text("one\n")
    run = run_file(f'{BEGINNING} tags => ["t"] type => "x" add_field => {{ "a" => "b" }}')
    run.read()
    (event,) = run.events
    assert (event["tags"], event["type"], event["a"]) == (["t"], "x", "b")


def test_close_may_come_from_another_thread(run_file: Any, logs: Path) -> None:
    (logs / "a.log").write_text("one\n" * 200_000)
    run = run_file(BEGINNING)
    reader = threading.Thread(target=run.read)
    reader.start()
    run.plugin.close()
    reader.join(timeout=90)
    assert not reader.is_alive()
    assert run.ended


def test_changes_are_heard_from_the_system(tmp_path: Path) -> None:
    notices = SystemNotices(Clock())
    notices.watch({str(tmp_path)})
    try:
        notices.wait(0)
        (tmp_path / "a.log").write_text("one\n")
        heard = next((paths for _ in range(40) if (paths := notices.wait(0.25))), frozenset())
        assert heard == {str(tmp_path / "a.log")}
    finally:
        notices.close()


def test_without_the_library_files_are_polled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    notices = SystemNotices(Clock())
    notices.watch({str(tmp_path)})
    assert notices.wait(0.01) == frozenset()


def test_a_directory_that_cannot_be_watched_is_polled(tmp_path: Path) -> None:
    notices = SystemNotices(Clock())
    notices.watch({str(tmp_path / "missing")})
    started = time.monotonic()
    for _ in range(2):
        assert notices.wait(0.01) == frozenset()
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("/x/*.log", "/x/a.log", True),
        ("/x/*.log", "/x/y/a.log", False),
        ("/x/**/*.log", "/x/a.log", True),
        ("/x/**/*.log", "/x/y/z/a.log", True),
        ("/x/{a,b}/c", "/x/b/c", True),
        ("/x/a", "/x/a/b", False),
        ("/x/*/b", "/x/a", False),
    ],
)
def test_whether_a_pattern_means_a_path(pattern: str, path: str, matches: bool) -> None:
    assert Glob(pattern).matches(path) is matches
