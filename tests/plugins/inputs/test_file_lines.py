"""How the input file cuts bytes to events: character sets, delimiters, joined lines, long lines, and where it may go on."""
from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any

import pytest

from penstock.plugins.inputs._delimiter import RetoldEnds
from penstock.plugins.inputs._line_ends import LineEnds

BEGINNING = 'start_position => "beginning"'
JOINED = 'codec => multiline { pattern => "^\\s" what => "previous" }'


def append(path: Path, data: str | bytes) -> None:
    with path.open("ab") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


@pytest.mark.parametrize(
    ("delimiter", "width", "pieces", "ends"),
    [
        (b"\n", 1, [b"a\nb", b"c\n", b"d"], [2, 5]),
        (b"\r\n", 1, [b"a\r", b"\nb\r\n", b"\n"], [3, 6]),
        (b"||", 1, [b"a|", b"|", b"b|", b"c||d"], [3, 8]),
        (b"\n\n", 1, [b"a\n\n\nb"], [3]),
        (b"\n\n", 1, [b"a\n", b"\n", b"\nb\n", b"\n"], [3, 7]),
        (b"aXa", 1, [b"1aX", b"aXa2"], [4]),
        (b"\n\0", 2, [b"a\0\n\0", b"\x41\x0a\x00\x01", b"b\0\n\0"], [4, 12]),
        (b"\0\n", 2, [b"\0a\0", b"\n\0", b"b\0\n"], [4, 8]),
        (b"\n\0\0\0", 4, [b"a\0\0\0\n\0", b"\0\0b\0\0\0"], [8]),
    ],
)
def test_line_ends_are_found_however_the_bytes_come(delimiter: bytes, width: int, pieces: list[bytes], ends: list[int]) -> None:
    last, every, given = LineEnds(delimiter, width), LineEnds(delimiter, width), 0
    found, latest = [], 0
    for piece in pieces:
        found += [given + end for end in every.all(piece)]
        rest = last.rest(piece)
        given += len(piece)
        if rest is not None:
            latest = given - rest
        assert latest == max(found, default=0)
    assert found == ends


def test_line_ends_of_a_codec_that_knows_only_line_breaks() -> None:
    ends, given, found = RetoldEnds(b"\r\n"), 0, []
    for piece in (b"a\nb\r", b"\nc\r", b"d\r\n"):
        found += [given + end for end in ends.all(piece)]
        given += len(piece)
    assert found == [2, 5, 10]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "iso-8859-15", "shift_jis", "cp037"]
)
def test_every_place_between_two_stops_is_a_good_one(run_file: Any, logs: Path, encoding: str, size: int) -> None:
    """The file grows by some bytes between a stop and the next start; every line comes once."""
    lines = ["first", "", "Ω €ä ਊ", "日本 a", "last"]
    charset = {"utf-16": "UTF-16", "utf-32": "UTF-32", "cp037": "IBM037"}.get(encoding, encoding)
    if encoding in ("iso-8859-15", "cp037", "shift_jis"):
        lines = ["first", "", {"shift_jis": "表日本 a"}.get(encoding, "äé a"), "last"]
    data = ("\n".join(lines) + "\n").encode(encoding)
    messages: list[str] = []
    for start in range(0, len(data), size * 4):
        append(logs / "a.log", data[start : start + size * 4])
        run = run_file(f'{BEGINNING} codec => line {{ charset => "{charset}" }}')
        messages += run.read(seconds=0.6)
        messages += run.stop()
    assert messages == lines


def test_invalid_bytes_are_kept_as_the_codec_shows_them(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", b"fine\ncaf\xe9\nfine too\n")
    assert run_file(BEGINNING).read() == ["fine", r"caf\xE9", "fine too"]


@pytest.mark.parametrize("size", [1, 5, 100])
def test_a_byte_order_mark_is_taken_off_at_the_start_of_a_file_only(run_file: Any, logs: Path, size: int) -> None:
    data = "\ufeffone\n\ufefftwo\nthree\n\ufefffour\n".encode()
    messages: list[str] = []
    for start in range(0, len(data), size):
        append(logs / "a.log", data[start : start + size])
        run = run_file(BEGINNING)
        messages += run.read(seconds=0.6)
        messages += run.stop()
    assert messages == ["one", "\ufefftwo", "three", "\ufefffour"]


@pytest.mark.parametrize(
    ("options", "data", "messages"),
    [
        ('delimiter => "|"', "a|b\nc|", ["a", "b\nc"]),
        ('delimiter => "</r>"', "<r>1</r><r>2\n</r>", ["<r>1", "<r>2\n"]),
        ('delimiter => "|" codec => line { delimiter => "," }', "a|b,c,", ["a|b", "c"]),
        ('codec => line { delimiter => "," }', "a,b,", ["a", "b"]),
        ('delimiter => "|" codec => json', '{"message": "a"}|{"message": "b"}|', ["a", "b"]),
        (f'delimiter => "|" {JOINED}', "a| b|c|", ["a\n b"]),
        (f'delimiter => "||" {JOINED}', "a|1|| b\n d||c||", ["a|1\n b\n d"]),
    ],
)
def test_delimiters(run_file: Any, logs: Path, options: str, data: str, messages: list[str]) -> None:
    run = run_file(f"{BEGINNING} {options} file_chunk_size => 3 file_chunk_count => 1")
    append(logs / "a.log", data)
    assert run.read() == messages


def test_each_file_has_a_codec_of_its_own(run_file: Any, logs: Path) -> None:
    run = run_file(f"{BEGINNING} {JOINED}")
    for text in ("start\n", " more\n", " and\n", "next\n"):
        for name in "ab":
            append(logs / f"{name}.log", text.replace("start", name))
        run.read()
    assert sorted(event["message"] for event in run.events) == ["a\n more\n and", "b\n more\n and"]


def test_lines_that_are_joined_are_read_again_from_the_first_one(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\n 1\n")
    run = run_file(f"{BEGINNING} {JOINED}")
    run.read()
    append(logs / "a.log", "two\n 2\n 3")
    assert run.read(seconds=20) == ["one\n 1"]
    run.crash()
    append(logs / "a.log", "\nthree\n")
    assert run_file(JOINED).read() == ["two\n 2\n 3"]


def test_a_stop_leaves_an_event_that_is_still_being_written_to_the_next_start(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\n 1\n")
    run = run_file(f"{BEGINNING} {JOINED}")
    run.read(seconds=0.5)
    assert run.stop() == []
    append(logs / "a.log", " 2\ntwo\n")
    run = run_file(JOINED)
    assert run.read() == ["one\n 1\n 2"]
    assert run.stop() == ["two"], "two and a half seconds old: nothing will follow"
    assert run_file(JOINED).read() == []


def test_held_lines_come_out_when_a_file_is_closed(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\n 1\n")
    run = run_file(f"{BEGINNING} {JOINED} close_older => 60")
    assert run.read(seconds=30) == []
    assert run.read(seconds=60) == ["one\n 1"]
    append(logs / "a.log", "two\nthree\n")
    assert run.read() == ["two"]


def test_held_lines_of_a_rotated_file_come_out_soon(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", "one\n 1\n")
    run = run_file(f"{BEGINNING} {JOINED}")
    run.read()
    (logs / "a.log").rename(logs / "a.log.1")
    append(logs / "a.log", "two\n")
    assert run.read(seconds=10) == ["one\n 1"]


def test_held_lines_come_out_at_the_end_in_read_mode(run_file: Any, logs: Path, tmp_path: Path) -> None:
    append(logs / "a.log", "one\n 1\ntwo\n 2")
    options = f'mode => "read" exit_after_read => true file_completed_action => "delete" {JOINED}'
    run = run_file(options)
    assert run.read() == ["one\n 1", "two\n 2"]
    assert run.ended


def test_a_line_over_many_reads_costs_its_length(run_file: Any, logs: Path) -> None:
    """Its bytes are read once: a cost that grew with the square would read them again, or take minutes."""
    size = 30_000_000
    append(logs / "a.log", b"x" * size + b"\nend\n")
    run = run_file(BEGINNING, penstock__limits__line="100mb")
    long, end = run.read()
    assert (len(long), end) == (size, "end")


def test_a_long_line_that_is_given_back_is_read_again(run_file: Any, logs: Path) -> None:
    append(logs / "a.log", b"first\n" + b"x" * 1_000_000 + b"\nend\n")
    run = run_file(BEGINNING)
    run.holding = True
    run.read()
    run.answer(OSError("no"))
    run.holding = False
    assert [len(message) for message in run.read(seconds=60)] == [5, 1_000_000, 3]


def test_a_mark_of_the_byte_order_holds_after_a_restart(run_file: Any, logs: Path) -> None:
    codec = 'codec => line { charset => "UTF-16" }'
    append(logs / "a.log", codecs.BOM_UTF16_LE + "one\n".encode("utf-16-le"))
    run = run_file(f"{BEGINNING} {codec}")
    assert run.read() == ["one"]
    run.stop()
    append(logs / "a.log", "two\n".encode("utf-16-le"))
    assert run_file(codec).read() == ["two"]
