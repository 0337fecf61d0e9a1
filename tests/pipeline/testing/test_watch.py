"""Watching: which files a change touches, and that a save runs the tests again."""
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from penstock.pipeline.testing.session import Plan, run
from penstock.pipeline.testing.watch import directories, touched

KNOWN = {
    Path("/t/a/a.test.yml"): {Path("/t/a/a.test.yml"), Path("/t/a/a.conf")},
    Path("/t/b/b.test.yml"): {Path("/t/b/b.test.yml"), Path("/t/shared.conf")},
    Path("/t/b/c.test.yml"): {Path("/t/b/c.test.yml"), Path("/t/shared.conf")},
}


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        ("/t/a/a.conf", ["a"]),
        ("/t/b/b.test.yml", ["b"]),
        ("/t/shared.conf", ["b", "c"]),
        ("/t/a/some/dictionary.csv", ["a"]),
        ("/t/b/new.conf", ["b", "c"]),
        ("/t/new.conf", ["a", "b", "c"]),
        ("/elsewhere/patterns", ["a", "b", "c"]),
    ],
)
def test_a_change_concerns_those_that_need_the_file(changed: str, again: list[str]) -> None:
    assert [path.name[0] for path in touched([Path(changed)], KNOWN)] == again


def test_directories_are_watched_once(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "c").mkdir()
    paths = [tmp_path / "a", tmp_path / "a" / "b" / "file", tmp_path / "c" / "file"]
    assert directories(paths) == [(tmp_path / "a").resolve(), (tmp_path / "c").resolve()]


def test_what_a_file_depends_on(directory: Any) -> None:
    directory.write("p/pipeline.conf", 'filter { translate { source => "a" dictionary_path => "words.yml" } }')
    directory.write("words.yml", "a: b")
    directory.write("t/lines.log", "x")
    tests = directory.write("t/p.test.yml", "pipeline: ../p/pipeline.conf\ntests: [{name: a, file: lines.log, expect: 1}]")
    (done,) = run(Plan((tests,)))
    assert {os.path.normpath(path) for path in done.watched} == {
        "t/p.test.yml", "t/p.test.snap.json", "t/lines.log", "p/pipeline.conf", "words.yml",
    }  # fmt: skip


def test_a_saved_file_runs_what_it_touches_again(directory: Any) -> None:
    directory.write("pipeline.conf", "filter { }")
    directory.write("a.test.yml", "pipeline: pipeline.conf\ntests: [{name: a, input: x, expect: {message: x}}]")
    directory.write("b.test.yml", "pipeline: 'filter { }'\ntests: [{name: b, input: x, expect: {message: x}}]")
    process = subprocess.Popen([sys.executable, "-m", "penstock", "test", "--watch"], stdout=subprocess.PIPE, text=True, bufsize=1)
    lines: queue.Queue[str] = queue.Queue()
    assert process.stdout is not None
    stdout = process.stdout
    threading.Thread(target=lambda: [lines.put(line) for line in stdout], daemon=True).start()

    def until(words: str) -> list[str]:
        seen = []
        while not seen or words not in seen[-1]:
            seen.append(lines.get(timeout=60))
        return seen

    try:
        until("2 passed of 2 tests")
        again: list[str] = []
        for attempt in range(100):  # the watch begins some time after the first run
            directory.write("pipeline.conf", f"filter {{ drop {{ }} }} # {attempt}")
            try:
                again = [lines.get(timeout=0.5)]
                break
            except queue.Empty:
                continue
        assert "a.test.yml" in "".join([*again, *until("1 failed of 1 test")])
    finally:
        process.terminate()
        process.wait(60)
