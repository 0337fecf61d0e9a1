"""The output file and paths that the system refuses: such an event goes to the failure file, and holds up nothing behind it."""
from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.dsl.timestamp import Timestamp
from penstock.pipeline.compile.instantiate import assemble
from penstock.plugins.errors import Disconnected
from penstock.plugins.outputs.file import File


def output(directory: Path, path: str, options: str = "") -> File:
    text = f'output {{ file {{ path => "{directory}/o/{path}" codec => line {{ format => "%{{message}}" }} {options} }} }}'
    (made,) = assemble([Source("test.conf", text)], settled({})).made.values()
    assert isinstance(made, File)
    return made


def event(message: str, a: str) -> dict[str, Any]:
    return {"@timestamp": Timestamp("2024-02-29T12:00:00.000Z"), "message": message, "a": a}


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def is_directory(directory: Path) -> None:
    (directory / "o/in-the-way").mkdir(parents=True)


def is_file(directory: Path) -> None:
    (directory / "o").mkdir()
    (directory / "o/in-the-way").write_text("")


def is_a_circle(directory: Path) -> None:
    (directory / "o").mkdir()
    (directory / "o/in-the-way").symlink_to("in-the-way")


def leads_nowhere(directory: Path) -> None:
    (directory / "o").mkdir()
    (directory / "o/in-the-way").symlink_to("nothing")


def is_free(directory: Path) -> None:
    """Nothing is in the way."""


REFUSED = [
    ("%{a}/x.log", "n" * 300, is_free, "a directory's name is too long"),
    ("%{a}", "n" * 300, is_free, "a file's name is too long"),
    ("%{a}", "/".join(["n" * 200] * 30), is_free, "the whole path is too long"),
    ("%{a}/x.log", "in-the-way", is_file, "a file is where a directory must be"),
    ("%{a}/y/x.log", "in-the-way", is_file, "a file is where a directory above must be"),
    ("%{a}", "in-the-way", is_directory, "a directory is where the file must be"),
    ("%{a}", "in-the-way", is_a_circle, "links that lead in a circle"),
    ("%{a}/x.log", "in-the-way", is_a_circle, "links that lead in a circle, where a directory must be"),
    ("%{a}/x.log", "in-the-way", leads_nowhere, "a link that leads nowhere, where a directory must be"),
    ("%{a}", "\ud800", is_free, "half of a surrogate pair"),
    ("%{a}/x.log", "é\udbff", is_free, "half of a surrogate pair, in a directory's name"),
]


@pytest.mark.parametrize(("path", "field", "obstacle"), [row[:3] for row in REFUSED], ids=[row[3] for row in REFUSED])
@pytest.mark.parametrize("options", ["", 'filename_failure => "elsewhere"'], ids=["default name", "another name"])
def test_events_whose_path_is_refused_are_in_the_failure_file_and_those_behind_in_theirs(tmp_path: Path, path: str, field: str, obstacle: Any, options: str) -> None:
    obstacle(tmp_path)
    file = output(tmp_path, path, options)
    for message, where in [("first", "good"), ("bad", field), ("last", "good")]:
        file.write([event(message, where)])
    file.write([event("one", "good"), event("two", field), event("three", "fine")])
    file.close()
    assert lines(tmp_path / "o" / ("elsewhere" if options else "_filepath_failures")) == ["bad", "two"]
    assert lines(tmp_path / "o" / path.replace("%{a}", "good")) == ["first", "last", "one"]
    assert lines(tmp_path / "o" / path.replace("%{a}", "fine")) == ["three"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EMFILE, errno.EIO], ids=errno.errorcode.get)
def test_what_may_pass_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    file, opened, failing = output(tmp_path, "%{a}"), os.open, [True]

    def fails_at_first(path: Any, *rest: Any, **more: Any) -> int:
        if failing and str(path).startswith(str(tmp_path)):
            raise OSError(number, os.strerror(number))
        return opened(path, *rest, **more)

    monkeypatch.setattr(os, "open", fails_at_first)
    (payload,) = file.pack([event("one", "good")])
    with pytest.raises(Disconnected, match="good: "):
        file.deliver(payload)
    failing.clear()
    file.deliver(payload)
    file.close()
    assert lines(tmp_path / "o/good") == ["one"]
    assert not (tmp_path / "o/_filepath_failures").exists()


def test_a_failure_file_that_takes_a_part_gets_the_rest_at_the_next_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, write = output(tmp_path, "%{a}"), os.write
    takes: list[int | OSError] = [3, OSError(errno.ENOSPC, "No space left on device"), 2, OSError(errno.ENOSPC, "No space left on device")]

    def takes_a_part(descriptor: int, data: Any) -> int:
        what = takes.pop(0) if takes else len(data)
        if isinstance(what, OSError):
            raise what
        return write(descriptor, data[:what])

    monkeypatch.setattr(os, "write", takes_a_part)
    (payload,) = file.pack([event("one line", "n" * 300)])
    for _ in range(2):
        with pytest.raises(Disconnected, match="No space left"):
            file.deliver(payload)
    file.deliver(payload)
    file.close()
    assert lines(tmp_path / "o/_filepath_failures") == ["one line"]


def test_a_failure_file_that_cannot_be_written_either_is_waited_for(tmp_path: Path) -> None:
    file = output(tmp_path, "%{a}")
    (tmp_path / "o/_filepath_failures").mkdir(parents=True)
    (payload,) = file.pack([event("one", "n" * 300)])
    with pytest.raises(Disconnected, match="_filepath_failures"):
        file.deliver(payload)
    (tmp_path / "o/_filepath_failures").rmdir()
    file.deliver(payload)
    file.close()
    assert lines(tmp_path / "o/_filepath_failures") == ["one"]


def run(config: str, *, stdin: bytes = b"", closed: tuple[int, ...] = ()) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "penstock", "run", "-e", config]
    if closed:
        shut = " ".join(f"{number}>&-" for number in closed)
        command = ["sh", "-c", f'exec "$@" {shut}', "sh", *command]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)


def test_a_run_goes_on_behind_a_path_that_is_refused_and_says_so(tmp_path: Path) -> None:
    events = [{"a": "first"}, {"a": "n" * 300}, {"a": "../../out"}, {"a": "last"}]
    config = f'input {{ stdin {{ codec => json_lines }} }} output {{ file {{ path => "{tmp_path}/o/%{{a}}/x.log" codec => json_lines }} }}'
    done = run(config, stdin="".join(f"{json.dumps(one)}\n" for one in events).encode())
    assert done.returncode == 0
    assert [(tmp_path / "o" / name / "x.log").exists() for name in ("first", "last")] == [True, True]
    refused = [json.loads(line)["a"] for line in lines(tmp_path / "o/_filepath_failures")]
    assert sorted(refused) == ["../../out", "n" * 300]
    assert b"cannot be a path (File name too long)" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("other", ["", "null { }"], ids=["alone", "beside another"])
def test_a_fixed_path_that_is_a_directory_is_said_at_its_place_and_ends_the_run(tmp_path: Path, other: str) -> None:
    config = f'input {{ generator {{ count => 3 }} }}\noutput {{ {other} file {{ path => "{tmp_path}" }} }}'
    done = run(config)
    assert done.returncode == 1
    said = done.stderr.decode()
    assert "E250" in said
    assert f"`{tmp_path}` is a directory" in said
    assert "name a file in it" in said
    source, caret = said.splitlines()[said.splitlines().index(next(line for line in said.splitlines() if "file {" in line)) :][:2]
    assert source[caret.index("^") :].startswith('"' + str(tmp_path)[:5]), "the caret is under the value of `path`"
    assert "Traceback" not in said


@pytest.mark.parametrize("other", ["", "null { }"], ids=["alone", "beside another"])
def test_a_closed_standard_output_is_said_and_ends_the_run(other: str) -> None:
    done = run(f"input {{ generator {{ count => 3 }} }} output {{ {other} stdout {{ }} }}", closed=(1,))
    assert done.returncode == 1
    assert b"standard output is closed" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"NoneType" not in done.stderr
