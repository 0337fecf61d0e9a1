"""Compressed lines: files, several of them, broken ones, bombs."""
from __future__ import annotations

import gzip
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.plugins.codecs._foreign import text_of

WHOLE = gzip.compress(b"a\nb\n", mtime=0)
TWO_FILES = gzip.compress(b"a\nb\n") + gzip.compress(b"c\nd") + b"\0" * 20


def lines(codec: Any, pieces: list[bytes], **options: Any) -> list[str]:
    made = codec("gzip_lines", ecs=False, **options)
    events = [*(event for piece in pieces for event in made.decode(piece)), *made.flush()]
    return [event["message"] if "tags" not in event else event["tags"][0] for event in events]


@given(st.lists(st.integers(0, len(TWO_FILES)), max_size=6).map(sorted))
def test_files_are_read_through_however_their_bytes_come(codec: Any, cuts: list[int]) -> None:
    edges = [0, *cuts, len(TWO_FILES)]
    assert lines(codec, [TWO_FILES[a:b] for a, b in pairwise(edges)]) == ["a", "b", "c", "d"]


def test_the_text_is_kept_with_ecs(codec: Any) -> None:
    assert codec("gzip_lines").decode(gzip.compress(b"a\n")) == [{"message": "a", "event": {"original": "a"}}]


def test_a_charset_holds(codec: Any) -> None:
    assert lines(codec, [gzip.compress("é\n".encode("utf-16-le"))], charset="UTF-16LE") == ["é"]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", []),
        (b"plain text", ["_gzipparsefailure"]),
        (WHOLE[:-1], ["a", "b", "_gzipparsefailure"]),
        (WHOLE[:-8] + b"\0" * 8, ["a", "b", "_gzipparsefailure"]),
        (WHOLE + b"rest", ["a", "b", "_gzipparsefailure"]),
    ],
)
def test_what_is_broken_is_said_once(codec: Any, data: bytes, found: list[str]) -> None:
    assert [line for line in lines(codec, [data, b""]) if line] == found


def test_a_bomb_does_not_go_off(codec: Any) -> None:
    bomb = gzip.compress(b"\n" + b"\0" * 50_000_000)
    made = codec("gzip_lines", ecs=False, decompress_size_limit_bytes=100_000)
    events = [*made.decode(bomb), *made.decode(bomb), *made.flush()]
    assert events[-1]["tags"] == ["_gzipparsefailure"]
    assert sum(len(event["message"]) for event in events) < 110_000 + 8 * len(bomb)


def events_of(codec: Any, *pieces: bytes) -> list[tuple[str, bool]]:
    made = codec("gzip_lines", ecs=False)
    events = [*(event for piece in pieces for event in made.decode(piece)), *made.flush()]
    return [(event["message"], event.get("tags") == ["_gzipparsefailure"]) for event in events]


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"one\ntwo\nthree", [("one", True), ("two", True), ("three", True)]),
        (WHOLE + b"rest\nmore\n", [("a", False), ("b", False), ("rest", True), ("more", True)]),
        (b"\x1f", [("\x1f", True)]),
        (b"\x1fno", [("\x1fno", True)]),
        (b"caf\xe9\n", [("caf\\xE9", True)]),
        (WHOLE[:-1], [("a", False), ("b", False), ("", True)]),
        (WHOLE[:-1] + b"\xff" + WHOLE, [("a", False), ("b", False), *[(text_of(b"\xff" + line), True) for line in WHOLE.split(b"\n")]]),
    ],
)
def test_what_cannot_be_decompressed_is_kept_as_it_stands(
    codec: Any, data: bytes, found: list[tuple[str, bool]], size: int
) -> None:
    got = events_of(codec, *[data[at : at + size] for at in range(0, len(data), size)])
    assert got == found
