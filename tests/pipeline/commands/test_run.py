"""``penstock run`` as a process: what comes out where, exit codes, signals, closed pipes."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PENSTOCK = [sys.executable, "-m", "penstock"]
JSON_OUT = "output { stdout { codec => json_lines } }"


def run(*arguments: str, stdin: bytes = b"", timeout: float = 60) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*PENSTOCK, "run", *arguments], input=stdin, capture_output=True, timeout=timeout, check=False)


def start(*arguments: str) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen([*PENSTOCK, "run", *arguments], stdin=pipe, stdout=pipe, stderr=pipe)


def events(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_an_empty_text_reads_stdin_and_prints_rubydebug() -> None:
    done = run("-e", "", stdin=b"hello\n")
    assert done.returncode == 0
    assert done.stderr == b""
    assert b'"message" => "hello"' in done.stdout
    assert b'"type" => "stdin"' in done.stdout


@pytest.mark.parametrize(
    ("stdin", "count"),
    [
        pytest.param(b"", 0, id="an empty input"),
        pytest.param(b"one\ntwo", 2, id="no newline at the end"),
        pytest.param(b"\n\n", 2, id="empty lines"),
        pytest.param(bytes(range(256)) * 40 + b"\n", 41, id="binary noise"),
        pytest.param(b"x" * 3_000_000 + b"\nshort\n", 2, id="a huge line"),
        pytest.param(b"\xff\xfe\x00\n", 1, id="no UTF-8"),
    ],
)
def test_whatever_comes_in_becomes_events(stdin: bytes, count: int) -> None:
    done = run("-e", JSON_OUT, stdin=stdin)
    assert done.returncode == 0
    assert done.stderr == b""
    assert len(events(done)) == count


def test_metadata_never_leaves() -> None:
    done = run("-e", 'filter { mutate { add_field => { "[@metadata][secret]" => "s" } } } ' + JSON_OUT, stdin=b"x\n")
    assert b"secret" not in done.stdout
    assert b"@metadata" not in done.stdout


def test_a_configuration_with_errors_exits_with_1_and_shows_them_on_stderr(tmp_path: Path) -> None:
    path = tmp_path / "bad.conf"
    path.write_text("filter {\n  mutaet { }\n}\n")
    done = run("-f", str(path))
    assert done.returncode == 1
    assert done.stdout == b""
    assert b"bad.conf:2:3" in done.stderr
    assert b"did you mean `mutate`?" in done.stderr
    assert b"Traceback" not in done.stderr


def test_t_only_checks() -> None:
    done = run("-t", "-e", "filter { drop { } }", stdin=b"x\n")
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"Configuration OK" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("-e", "", "-f", "x"), b"cannot both be given"),
        ((), b"no configuration"),
        (("-e", "", "-S", "nonsense"), b"KEY=VALUE"),
    ],
)
def test_a_wrong_call_exits_with_2_and_says_why(arguments: tuple[str, ...], says: bytes) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert says in done.stderr


def test_a_configuration_that_is_not_there_says_so() -> None:
    done = run("-f", "nowhere.conf")
    assert done.returncode == 1
    assert b"nowhere.conf" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_delivers_what_was_read_and_ends_well(number: signal.Signals) -> None:
    process = start("-e", JSON_OUT)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"one\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["message"] == "one"
    process.stdin.write(b"a part of a line")
    process.stdin.flush()
    process.send_signal(number)
    out, err = process.communicate(timeout=90)
    assert process.returncode == 0
    assert err == b""
    assert b"Traceback" not in err
    assert [json.loads(line)["message"] for line in out.splitlines()] in ([], ["a part of a line"])


def test_a_reader_that_goes_away_ends_the_run_without_a_word() -> None:
    done = subprocess.run(
        f"yes line | head -200000 | {sys.executable} -m penstock run -e '{JSON_OUT}' | head -1",
        shell=True, capture_output=True, timeout=60, check=False, env={**os.environ},
    )
    assert json.loads(done.stdout)["message"] == "line"
    assert done.stderr == b""


def test_files_of_a_directory_make_one_pipeline(tmp_path: Path) -> None:
    (tmp_path / "1.conf").write_text('input { generator { count => 1 message => "m" } }')
    (tmp_path / "2.conf").write_text('filter { mutate { add_tag => ["two"] } }')
    (tmp_path / "3.conf").write_text(JSON_OUT)
    (tmp_path / "4.conf~").write_text("a backup that is {{{ no configuration")
    done = run("-f", str(tmp_path))
    assert done.returncode == 0, done.stderr
    (event,) = events(done)
    assert event["tags"] == ["two"]
