"""Streams cut for workers: each piece decoded alone gives what the whole would."""
from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from penstock.plugins.codecs._charset import Charset
from penstock.plugins.codecs._framing import LineReader
from penstock.plugins.streams import PIECE, Cutter

Lines = list[tuple[str, bool]]


def read(data: bytes, limit: int) -> Lines:
    """The lines of bytes, each with whether it is a part of one over the limit."""
    reader = LineReader(Charset("UTF-8"), "\n", limit)
    lines = reader.lines(data)
    found = [(line, place in reader.cut) for place, line in enumerate(lines)]
    rest = reader.rest()
    return found + [(line, place in reader.cut) for place, line in enumerate(rest)]


PIECES = {"end": b"\n", "a": b"a", "wide": "é€😀".encode(), "some": b"xyz" * 100, "half": b"y" * (PIECE // 2), "full": "zé".encode() * (PIECE // 3)}


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(sorted(PIECES)), max_size=12), st.sampled_from([1000, 100_000]))
@example(["a", "end", "full", "full", "full", "end", "a"], 100_000)
def test_pieces_for_workers_are_read_as_the_whole_is(names: list[str], limit: int) -> None:
    """A line over the limit may be given to several workers: each sees that its part is one, and cuts where one alone would."""
    pieces = [PIECES[name] for name in names]
    whole = b"".join(pieces)
    cutter = Cutter(b"\n", limit)
    cut_up = [piece for data in pieces if (piece := cutter.piece(data))]
    cut_up += filter(None, [cutter.rest()])
    assert b"".join(cut_up) == whole
    assert ([line for piece in cut_up for line in read(piece, limit)] == read(whole, limit)) is True
    assert all(len(piece) <= 3 * limit + 2 * PIECE for piece in cut_up)


def test_a_byte_order_mark_at_the_start_is_in_no_piece() -> None:
    data = "\ufeffa\n\ufeffb\n".encode()
    for size in range(1, len(data)):
        cutter = Cutter(b"\n", 1000)
        found = [cutter.piece(data[i : i + size]) for i in range(0, len(data), size)]
        assert b"".join(found) + cutter.rest() == "a\n\ufeffb\n".encode()


def test_the_start_of_a_byte_order_mark_alone_is_kept() -> None:
    cutter = Cutter(b"\n", 1000)
    assert cutter.piece(b"\xef") + cutter.piece(b"\xbb") + cutter.rest() == b"\xef\xbb"


def test_a_byte_order_mark_stays_where_a_stream_goes_on_in_the_middle() -> None:
    data = "\ufeffa\n".encode()
    assert Cutter(b"\n", 1000, begun=True).piece(data) == data
