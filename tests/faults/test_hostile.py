"""Input that wants to hurt: lines without end, JSON that explodes, expressions that never finish, readers that do not read. Each runs in
a process of its own, whose memory is measured; what is wrong is tagged, and the rest flows on.

The short form makes limits small by their settings; the full sizes are marked ``soak``.
"""
from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest

MIB = 1 << 20
ROOM = 60
"""What a pipeline may take over one that has nothing to do, in MiB, where the longest line has one of them."""

GROK = 'filter { grok { match => { "message" => "%{COMBINEDAPACHELOG}" } timeout_millis => 20 } }'
TO_STDOUT = "output { stdout { codec => json_lines } }"


MEASURED = """
import os, resource, subprocess, sys
with subprocess.Popen(sys.argv[2:], close_fds=False) as process:
    for descriptor in (0, 1):
        os.close(descriptor)
    status = process.wait()
with open(sys.argv[1], "w") as file:
    file.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(status)
"""
"""Runs a command and writes down the most memory that it took. It stands between because a process begins with the peak of the one
that starts it, and that is pytest."""


@contextmanager
def started(config: str, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[], int]]]:
    """A pipeline that runs, and what gives its peak in MiB when it has ended."""
    with tempfile.NamedTemporaryFile("r") as peak:
        command = [sys.executable, "-ISc", MEASURED, peak.name, sys.executable, "-m", "penstock", "run", *options, "-e", config]
        unit = 1 if sys.platform == "darwin" else 1024
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            yield process, lambda: int(peak.read()) * unit // MIB


@dataclass
class Ended:
    """What a run left: its output by line, what it said, its exit code and the most memory that it took, in MiB."""

    lines: list[bytes]
    said: str
    status: int
    peak: int
    events: list[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.events = [json.loads(line) for line in self.lines]


def run(config: str, given: Iterator[bytes] | None = None, *options: str) -> Ended:
    """Run a configuration with that on its stdin."""
    said: list[bytes] = []
    with started(config, *options) as (process, peak):
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        feeder = threading.Thread(target=_feed, args=(process.stdin, given))
        listener = threading.Thread(target=lambda pipe: said.append(pipe.read()), args=(process.stderr,))
        feeder.start()
        listener.start()
        lines = process.stdout.read().splitlines()
        feeder.join()
        listener.join()
        ended = Ended(lines, said[0].decode(), process.wait(), peak())
    assert "Traceback" not in ended.said, ended.said
    return ended


def _feed(pipe: IO[bytes], given: Iterator[bytes] | None) -> None:
    with pipe:
        for piece in given or ():
            pipe.write(piece)


@pytest.fixture(scope="module")
def idle() -> int:
    """The memory of a pipeline with nothing to do, in MiB."""
    return run("input { stdin { } } " + GROK + TO_STDOUT).peak


def stdin(codec: str) -> str:
    return f"input {{ stdin {{ codec => {codec} }} }} "


def from_file(path: Path, codec: str) -> str:
    done = 'mode => "read" exit_after_read => true file_completed_action => "log" file_completed_log_path => "/dev/null"'
    return f'input {{ file {{ path => "{path}" codec => {codec} {done} sincedb_path => "/dev/null" }} }} '


def pieces(whole: int, unit: bytes = b"x" * 65_536) -> Iterator[bytes]:
    """So many MiB without a line's end."""
    for _ in range(whole * MIB // len(unit)):
        yield unit


def with_a_long_line(codec: str, mebibytes: int) -> Iterator[bytes]:
    """A short line, a long one, a short one."""
    short = b'{"a": 1}\n' if codec.startswith(("json", "es_bulk")) else b"a\n"
    yield short
    yield b'{"a": "' if codec.startswith("json") else b"y"
    yield from pieces(mebibytes)
    yield b'"}\n' if codec.startswith("json") else b"\n"
    yield short


CODECS = ["line", "json_lines", "json", "plain", "csv", "edn_lines", "graphite", 'multiline { pattern => "^ " what => "previous" }']


def check_long_line(ended: Ended, size: int, limit: int) -> None:
    """Every byte of the long line has come, in tagged parts, and the lines around it as ever."""
    assert ended.status == 0
    assert not any("toobig" in str(ended.events[place].get("tags")) for place in (0, -1))
    parts = ended.events[1:-1]
    assert all({"_linetoobig", "_jsonparsetoobigfailure"} & {*part["tags"]} for part in parts)
    assert sum(len(part["message"]) for part in parts) in (size + 1, size + 9)
    assert all(len(part["message"]) <= limit for part in parts)


@pytest.mark.parametrize("codec", CODECS)
def test_a_line_over_the_limit_comes_in_tagged_parts(codec: str, idle: int) -> None:
    """Whichever codec cuts the stream; and memory follows the limit, not the line."""
    ended = run(stdin(codec) + TO_STDOUT, with_a_long_line(codec, 24), "-S", "penstock.limits.line=1MiB")
    check_long_line(ended, 24 * MIB, MIB)
    assert ended.peak < idle + ROOM


@pytest.mark.parametrize("codec", ["line", "json_lines"])
def test_a_long_line_of_a_file_comes_in_tagged_parts(codec: str, idle: int, tmp_path: Path) -> None:
    path = tmp_path / "in.log"
    path.write_bytes(b"".join(with_a_long_line(codec, 24)))
    ended = run(from_file(path, codec) + GROK + TO_STDOUT, None, "-S", "penstock.limits.line=1MiB", "--path.data", str(tmp_path))
    check_long_line(ended, 24 * MIB, MIB)
    assert ended.peak < idle + ROOM


@pytest.mark.parametrize("codec", ["line", "json_lines"])
def test_workers_cut_a_long_line_as_one_process_does(codec: str, idle: int) -> None:
    """Its pieces go to several workers, none of which sees the whole of it."""
    limits = ("-S", "penstock.limits.line=1MiB")
    config = stdin(codec) + "filter { mutate { remove_field => ['@timestamp', 'host'] } } " + TO_STDOUT
    alone = run(config, with_a_long_line(codec, 5), *limits)
    ended = run(config, with_a_long_line(codec, 5), *limits, "-S", "pipeline.workers=2")
    assert ended.lines == alone.lines
    check_long_line(ended, 5 * MIB, MIB)
    assert ended.peak < idle + ROOM


def test_a_stream_without_any_line_end_does_not_grow(idle: int) -> None:
    ended = run(stdin("line") + TO_STDOUT, pieces(20), "-S", "penstock.limits.line=256KiB")
    assert (len(ended.events), ended.status) == (80, 0)
    assert ended.peak < idle + ROOM


@pytest.mark.soak("Hostile input in full size")
@pytest.mark.parametrize("codec", ["line", "json_lines"])
@pytest.mark.parametrize("source", ["stdin", "file"])
def test_a_line_of_100_mib(codec: str, source: str, tmp_path: Path) -> None:
    """With the limit that holds unless it is set, and the grok of access logs."""
    path = tmp_path / "in.log"
    with path.open("wb") as file:
        file.writelines(with_a_long_line(codec, 100))
    if source == "stdin":
        ended = run(stdin(codec) + GROK + TO_STDOUT, with_a_long_line(codec, 100))
    else:
        ended = run(from_file(path, codec) + GROK + TO_STDOUT, None, "--path.data", str(tmp_path))
    check_long_line(ended, 100 * MIB, 16 * MIB)
    assert ended.peak < 300


@pytest.mark.soak("Hostile input in full size")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_gibibyte_without_a_line_end(workers: str) -> None:
    config = stdin("line") + "filter { mutate { remove_field => ['message', 'event'] } } " + TO_STDOUT
    ended = run(config, pieces(1024), "-S", f"pipeline.workers={workers}")
    assert (len(ended.events), ended.status) == (64, 0)
    assert ended.peak < 300


def many_fields(count: int) -> bytes:
    return b"{" + b",".join(b'"%x":1' % number for number in range(count)) + b"}\n"


def many_maps(count: int) -> bytes:
    return b"[" + b",".join([b"{}"] * count) + b"]\n"


def deep(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth + b"\n"


@pytest.mark.parametrize("text", [many_fields(1_000_000), many_maps(2_000_000), deep(10_000), b"[" * 1_000_000 + b"\n"], ids=["a million fields", "two million events", "10,000 deep", "never closed"])
@pytest.mark.parametrize("read_by", ["the codec", "the filter"])
def test_json_that_would_explode_is_tagged_and_kept_as_text(text: bytes, read_by: str, idle: int) -> None:
    given = iter([b'{"n": 1}\n', text, b'{"n": 2}\n'])
    by_filter = 'filter { json { source => "message" } }'
    ended = run(stdin("json_lines" if read_by == "the codec" else "line") + (by_filter if read_by == "the filter" else "") + TO_STDOUT, given)
    first, odd, last = ended.events
    assert (first["n"], last["n"]) == (1, 2)
    assert odd["tags"] == ["_jsonparsefailure"]
    assert odd["message"] == text.decode().rstrip("\n")
    assert ended.peak < idle + 100


@pytest.mark.parametrize(
    ("options", "fine", "over"),
    [
        (("penstock.limits.depth=20",), deep(20), deep(21)),
        (("penstock.limits.fields=20",), many_fields(20), many_fields(21)),
    ],
)
def test_settings_say_how_deep_and_how_large_json_may_be(options: tuple[str], fine: bytes, over: bytes) -> None:
    """Maps and values are counted; what stands in strings is not."""
    text = b'{"t": "' + b"{[,\\\"" * 500 + b'"}\n'
    ended = run(stdin("json_lines") + TO_STDOUT, iter([fine, text, over]), *(word for option in options for word in ("-S", option)))
    assert [event.get("tags") for event in ended.events] == [None, None, ["_jsonparsefailure"]]


@pytest.mark.parametrize(
    ("config", "text", "tag"),
    [
        ("csv { }", b"," * 5_000_000, "_csvparsefailure"),
        ("csv { }", b'"",' * 300_000, "_csvparsefailure"),
        ("kv { }", b"".join(b"%x=1 " % number for number in range(400_000)), "_kv_filter_error"),
        ('xml { source => "message" target => "x" }', b"<a>" + b"<b>1</b>" * 400_000 + b"</a>", "_xmlparsefailure"),
        ('split { terminator => "," }', b"1," * 1_000_000, "_split_exception"),
    ],
)
def test_filters_that_make_many_fields_of_a_text_have_a_limit(config: str, text: bytes, tag: str, idle: int) -> None:
    ended = run(f"input {{ stdin {{ }} }} filter {{ {config} }} {TO_STDOUT}", iter([text, b"\nlast\n"]))
    assert [len(ended.events), ended.events[0]["message"]] == [2, text.decode()]
    assert tag in ended.events[0]["tags"]
    assert ended.peak < idle + 120


BOMB = "^(?:a|aa)+$"
TRAP = b"a" * 50 + b"!"


BOMBS = [
    (f'if [message] =~ /{BOMB}/ {{ mutate {{ add_field => {{ "all" => "a" }} }} }}', "_matchtimeout"),
    (f'if [message] !~ /{BOMB}/ {{ clone {{ clones => [] }} }} else if [message] == "aa" {{ mutate {{ add_field => {{ "all" => "a" }} }} }}', "_matchtimeout"),
    (f'mutate {{ gsub => ["message", "{BOMB}", ""] }}', "_mutate_error"),
    (f'mutate {{ gsub => ["message", "%{{none}}{BOMB}", ""] }}', None),
    (f'prune {{ blacklist_values => {{ "message" => "{BOMB}" }} }}', "_prune_exception"),
    (f'translate {{ source => "message" target => "all" regex => true dictionary => {{ "{BOMB}" => "a" }} }}', "_translate_exception"),
    (f'grok {{ match => {{ "message" => "{BOMB}" }} timeout_millis => 50 }}', "_groktimeout"),
    (f'kv {{ field_split_pattern => "{BOMB}" timeout_millis => 50 }}', "_kv_filter_timeout"),
    (f'''python {{ code => "import re; re.search('{BOMB}', event.get('message'))" }}''', "_pythonexception"),
]


def check_ended(events: list[dict[str, Any]], tag: str | None) -> None:
    late = [event for event in events if tag in event.get("tags", [])]
    assert len(events) == 3
    assert len(late) == (1 if tag else 0)
    assert all(event.get("message", TRAP.decode()) == TRAP.decode() for event in late)


@pytest.mark.parametrize(("config", "tag"), BOMBS)
def test_a_match_that_never_ends_is_ended(config: str, tag: str | None) -> None:
    """Its event is tagged and goes on, those beside it do not notice."""
    given = iter([b"aa\n" + TRAP + b"\nab\n"])
    check_ended(run(f"input {{ stdin {{ }} }} filter {{ {config} }} {TO_STDOUT}", given, "-S", "penstock.limits.match=50").events, tag)


def test_matches_are_ended_in_pipelines_side_by_side(tmp_path: Path) -> None:
    """Each runs in a thread, where signals do not reach; scripts have no limit there."""
    (tmp_path / "in.log").write_bytes(b"aa\n" + TRAP + b"\nab\n")
    bombs = [(config, tag) for config, tag in BOMBS if "python" not in config]
    pipelines = []
    for number, (config, _) in enumerate(bombs):
        out = f'output {{ file {{ path => "{tmp_path}/{number}.jsonl" }} }}'
        text = from_file(tmp_path / "in.log", "line") + f"filter {{ {config} }} {out}"
        pipelines.append({"pipeline.id": f"p{number}", "config.string": text, "penstock.limits.match": 50})
    (tmp_path / "pipelines.yml").write_text(json.dumps(pipelines))
    command = [sys.executable, "-m", "penstock", "run", "--path.data", str(tmp_path), "--path.settings", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, timeout=120, text=True, check=True)
    assert "Traceback" not in done.stderr
    for number, (_, tag) in enumerate(bombs):
        written = (tmp_path / f"{number}.jsonl").read_text().splitlines()
        check_ended([json.loads(line) for line in written], tag)


def test_an_output_behind_a_match_that_never_ends_gets_the_event() -> None:
    """The match counts as none: the event takes the other arm."""
    outputs = f'output {{ if [message] =~ /{BOMB}/ {{ null {{ }} }} else {{ stdout {{ codec => json_lines }} }} }}'
    ended = run("input { stdin { } } " + outputs, iter([b"aa\n", TRAP, b"\nab\n"]), "-S", "penstock.limits.match=50")
    assert [event["message"] for event in ended.events] == [TRAP.decode(), "ab"]
    assert ended.events[0]["tags"] == ["_matchtimeout"]


@pytest.mark.parametrize("negate", ["true", "false"])
def test_a_multiline_pattern_that_never_ends_does_not_hold_up_the_stream(negate: str) -> None:
    codec = f'multiline {{ pattern => "{BOMB}" what => "previous" negate => {negate} }}'
    ended = run(stdin(codec) + TO_STDOUT, iter([b"x\n", TRAP, b"\nab\n"]), "-S", "penstock.limits.match=50")
    assert "\n".join(event["message"] for event in ended.events) == f"x\n{TRAP.decode()}\nab"
    assert sum("_matchtimeout" in event.get("tags", []) for event in ended.events) == 1


ODD = [
    b"\xef\xbb\xbfwith a mark", b"\0", b"nul\0in\0it", b"only\rcarriage\rreturns", b"\xed\xa0\x80 half", b"\xff\xfe", b"\xc3(",
    b'{"a": "\\ud800"}', b'{"\\udc00": 1}', b"\0" * 5000, b"%41%ff%zz %C3%28", b'a=b\0 c="\xff', b"<a>\0</a>", b"<a>\xff</a>",
    b'<a b="&#xD800;"/>', b'"\xff","', b"1e999", b'{"n": 1e999}', b"[" * 3000, b"\\" * 3000, b'"' * 3000, b"<" * 3000,
]  # fmt: skip
EVERYTHING = r"""
filter {
  grok { match => { "message" => ["%{COMBINEDAPACHELOG}", "%{SYSLOGLINE}", "%{GREEDYDATA:rest}"] } tag_on_failure => [] }
  date { match => ["message", "ISO8601", "UNIX", "MMM d HH:mm:ss"] target => "at" }
  mutate { gsub => ["rest", "\s+", " "] split => { "rest" => "," } copy => { "message" => "copy" } convert => { "at" => "string" } }
  mutate { uppercase => ["copy"] strip => ["copy"] }
  json { source => "message" target => "json" }
  kv { source => "message" target => "kv" }
  dissect { mapping => { "message" => "%{first} %{second}" } }
  csv { source => "message" target => "csv" }
  xml { source => "message" target => "xml" }
  useragent { source => "message" target => "agent" }
  translate { source => "message" target => "t" exact => false dictionary => { "a" => "b" } }
  fingerprint { source => "message" target => "print" method => "SHA256" }
  urldecode { field => "copy" }
  truncate { fields => ["copy"] length_bytes => 7 }
  python { code => "event.set('turned', str(event.get('message'))[::-1])" }
  if [message] =~ /\x00/ { mutate { add_tag => ["nul"] } }
}
"""


def noise(size: int) -> bytes:
    """Random bytes, the same every time."""
    return random.Random(7).randbytes(size)


@pytest.mark.parametrize(("name", "given"), [("nothing", b""), ("odd lines", b"\n".join(ODD)), ("noise", noise(60_000))])
@pytest.mark.parametrize("source", ["stdin", "file"])
def test_bytes_that_are_no_text_pass_all_filters(name: str, given: bytes, source: str, tmp_path: Path) -> None:
    """Each line is an event, in valid JSON, whatever is in it."""
    path = tmp_path / "in.log"
    path.write_bytes(given)
    if source == "stdin":
        ended = run(stdin("line") + EVERYTHING + TO_STDOUT, iter([given]))
    else:
        ended = run(from_file(path, "line") + EVERYTHING + TO_STDOUT, None, "--path.data", str(tmp_path))
    assert ended.status == 0
    assert len(ended.events) == given.count(b"\n") + (bool(given) and not given.endswith(b"\n"))


@pytest.mark.soak("Hostile input in full size")
@pytest.mark.parametrize("codec", [*CODECS, "gzip_lines", "cef", "es_bulk", "msgpack", "fluent", "netflow", "collectd"])
def test_megabytes_of_noise(codec: str) -> None:
    ended = run(stdin(codec) + EVERYTHING + TO_STDOUT, iter([noise(5 * MIB)]))
    assert ended.status == 0


def slow_reader(mebibytes: int) -> tuple[int, int, int]:
    """Let a pipe stand full until the pipeline stands still, then read all; gives the lines given and read, and the peak."""
    line = b"z" * 1023 + b"\n"
    fed = 0

    def feed(pipe: IO[bytes]) -> None:
        nonlocal fed
        with pipe:
            for _ in pieces(mebibytes):
                pipe.write(line * 64)
                fed += 64

    with started('input { stdin { } } output { stdout { codec => line { format => "%{message}" } } }') as (process, peak):
        assert process.stdin is not None
        assert process.stdout is not None
        feeder = threading.Thread(target=feed, args=(process.stdin,))
        feeder.start()
        before = -1
        while fed != before or not fed:
            before = fed
            time.sleep(0.5)
        assert fed < mebibytes * 1024, "who is not read does not read"
        read = sum(piece.count(b"\n") for piece in iter(process.stdout.read1, b""))
        feeder.join()
        process.wait()
        return fed, read, peak()


def test_a_reader_that_is_slow_gets_everything_and_memory_stays(idle: int) -> None:
    given, read, peak = slow_reader(30)
    assert given == read
    assert peak < idle + ROOM


@pytest.mark.soak("Hostile input in full size")
def test_a_reader_that_is_slow_for_gigabytes(idle: int) -> None:
    given, read, peak = slow_reader(2048)
    assert given == read
    assert peak < idle + ROOM


def test_a_reader_that_goes_away_ends_the_run_quietly() -> None:
    command = [sys.executable, "-m", "penstock", "run", "-e", "input { generator { } } output { stdout { codec => json_lines } }"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 0
        assert process.stderr.read() == b""
