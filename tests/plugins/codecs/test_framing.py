"""Cutting streams at delimiters: the same lines, however the bytes come."""
from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.plugins.codecs._charset import Charset
from penstock.plugins.codecs._framing import Framing, LineReader


def all_lines(delimiter: bytes, limit: int, pieces: list[bytes]) -> tuple[list[bytes], set[int]]:
    """The lines of a stream that comes in pieces, and which of them are parts of one over the limit."""
    framing, lines, cut = Framing(delimiter, limit), [], set()
    for piece in [*pieces, None]:
        block = framing.rest() if piece is None else framing.feed(piece)
        cut |= {len(lines) + place for place in framing.cut}
        lines += [] if block is None else block.split(delimiter)
    return lines, cut


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


STREAMS = st.binary(max_size=60).map(lambda data: bytes(b"a|\n\rx"[byte % 5] for byte in data))
CUTS = st.lists(st.integers(0, 60), max_size=8)


@given(STREAMS, CUTS, st.sampled_from([b"|", b"\r\n", b"aa", b"a|a"]))
def test_lines_do_not_depend_on_how_the_bytes_come(data: bytes, cuts: list[int], delimiter: bytes) -> None:
    lines = data.split(delimiter)
    if not lines[-1]:
        lines.pop()
    assert all_lines(delimiter, 1 << 30, pieces_of(data, cuts)) == (lines, set())


@given(STREAMS, CUTS, st.sampled_from([b"|", b"\r\n"]), st.integers(1, 12))
def test_parts_of_long_lines_do_not_depend_on_how_the_bytes_come(
    data: bytes, cuts: list[int], delimiter: bytes, limit: int
) -> None:
    lines, cut = all_lines(delimiter, limit, pieces_of(data, cuts))
    assert (lines, cut) == all_lines(delimiter, limit, [data])
    assert all(len(line) <= limit for line in lines)


@given(STREAMS, st.integers(1, 12))
def test_parts_of_long_lines_make_up_the_line(data: bytes, limit: int) -> None:
    lines, cut = all_lines(b"|", limit, [data])
    assert b"".join(lines) == data.replace(b"|", b"")
    assert len(lines) - len(cut) == len([line for line in data.split(b"|")[:-1] if len(line) <= limit]) + (
        0 < len(data.split(b"|")[-1]) <= limit
    )


@pytest.mark.parametrize(
    ("limit", "line", "parts"),
    [
        (4, "abcd", ["abcd"]),
        (4, "abcde", ["abcd", "e"]),
        (4, "abcéf", ["abc", "éf"]),  # é has two bytes: it is not cut in two
        (3, "€€", ["€", "€"]),
        (2, "€", ["\\xE2\\x82", "\\xAC"]),  # a character larger than the limit has to be cut
    ],
)
def test_a_long_line_is_cut_between_characters(limit: int, line: str, parts: list[str]) -> None:
    reader = LineReader(Charset("UTF-8"), "\n", limit)
    assert reader.lines(line.encode() + b"\n") == parts
    assert list(reader.cut) == (list(range(len(parts))) if len(parts) > 1 else [])


def test_a_line_may_come_in_very_many_pieces() -> None:
    """Copying what is held for every piece would take minutes here."""
    framing = Framing(b"\r\n", 1 << 30)
    assert all(framing.feed(b"x") is None for _ in range(200_000))
    assert all(framing.feed(b"y" * 65_536) is None for _ in range(1_000))
    assert framing.feed(b"\r\nz") == b"x" * 200_000 + b"y" * 65_536_000
    assert framing.rest() == b"z"


def test_a_character_may_come_in_two_pieces() -> None:
    reader = LineReader(Charset("UTF-16LE"), "\n")
    data = "añ\nഊ\n".encode("utf-16-le")  # ഊ has the byte of a line feed in it
    lines = [line for at in range(len(data)) for line in reader.lines(data[at : at + 1])]
    assert lines == ["añ", "ഊ"]
    assert reader.rest() == []


def test_a_character_that_is_never_finished_is_not_lost() -> None:
    reader = LineReader(Charset("UTF-16LE"), "\n")
    assert reader.lines("a".encode("utf-16-le") + b"b") == []
    assert reader.rest() == ["a\ufffd"]
