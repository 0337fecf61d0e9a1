"""Frames of Lumberjack: what becomes of them however they are cut, what pieces they make, and what is refused."""
from __future__ import annotations

import json
import random
import struct
import tracemalloc
import zlib
from typing import Any

import pytest
from servers.lumberjack import event, messages, packed, pairs, window

from penstock.plugins.inputs._beats_frames import HEAD, Frames, Piece, ProtocolError

LONGEST, SIZE = 1 << 20, 1000


def values(pieces: list[Piece]) -> list[Any]:
    found = []
    for piece in pieces:
        start = 0
        for end in piece.ends:
            found.append(json.loads(piece.data[start + HEAD : end]))
            start = end
    return found


def fed(*data: bytes) -> list[Piece]:
    frames = Frames(LONGEST, SIZE)
    return [piece for each in data for piece in frames.feed(each)]


ONE, TWO, THREE = ({"message": text} for text in ("one", "two", "three"))


@pytest.mark.parametrize(
    ("data", "events", "acknowledged"),
    [
        (messages("one", "two"), [ONE, TWO], [(2, "2", True)]),
        (window(2) + packed(event(1, ONE), event(2, TWO)), [ONE, TWO], [(2, "2", True)]),
        (window(3) + packed(event(1, ONE)) + packed(event(2, TWO), event(3, THREE)), [ONE, TWO, THREE], [(3, "2", True)]),
        (packed(window(1), event(1, ONE)), [ONE], [(1, "2", True)]),
        (window(1, "1") + pairs(7, {b"line": b"one", b"offset": b"0"}), [{"line": "one", "offset": "0"}], [(7, "1", True)]),
        (window(1, "1") + packed(pairs(1, {b"line": b"\xe9"}), version="1"), [{"line": "\\xe9"}], [(1, "1", True)]),
        (window(1, "1") + pairs(1, {}), [{}], [(1, "1", True)]),
        (event(1, ONE) + event(2, TWO), [ONE, TWO], [(1, "2", True), (2, "2", True)]),
        (messages("one") + messages("two", start=5), [ONE, TWO], [(1, "2", True), (5, "2", True)]),
        (window(9) + event(1, ONE) + messages("two"), [ONE, TWO], [(1, "2", True), (1, "2", True)]),
        (window(2) + event(1, ONE), [], []),
        (window(0), [], []),
    ],
)
def test_frames_become_pieces(data: bytes, events: list[Any], acknowledged: list[Any]) -> None:
    pieces = fed(data)
    assert values(pieces) == events
    assert [(piece.sequence, chr(piece.version), piece.ends_window) for piece in pieces] == acknowledged


@pytest.mark.parametrize("seed", range(20))
def test_it_does_not_matter_where_the_bytes_are_cut(seed: int) -> None:
    chance = random.Random(seed)
    texts = ["x" * chance.randrange(300) for _ in range(60)]
    data = messages(*texts[:20]) + window(20) + packed(*[event(i, {"message": text}) for i, text in enumerate(texts[20:40], 1)])
    data += window(20, "1") + b"".join(pairs(i, {b"message": text.encode()}) for i, text in enumerate(texts[40:], 1))
    cuts = sorted(chance.sample(range(len(data)), 40))
    parts = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    assert [value["message"] for value in values(fed(*parts))] == texts
    assert values(fed(*[data[i : i + 1] for i in range(len(data))])) == values(fed(data))


def test_a_large_window_comes_in_pieces_and_only_the_last_one_ends_it() -> None:
    pieces = fed(messages(*["x" * 200] * 50))
    assert len(pieces) > 5
    assert [piece.ends_window for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert [piece.sequence for piece in pieces] == sorted(piece.sequence for piece in pieces)
    assert pieces[-1].sequence == 50
    assert all(len(piece.data) < SIZE + 300 for piece in pieces)


def test_windows_of_tiny_events_come_in_pieces_too() -> None:
    frames = Frames(LONGEST, LONGEST)
    pieces = frames.feed(window(2500) + packed(*[event(i, {}) for i in range(1, 2501)]))
    assert [len(piece.ends) for piece in pieces] == [1000, 1000, 500]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"GET / HTTP/1.1\r\n", "do not begin a frame"),
        (b"\x16\x03\x01\x02\x00\x01", "do not begin a frame"),
        (b"3W\0\0\0\1", "do not begin a frame"),
        (b"2A\0\0\0\1", "do not begin a frame"),
        (b"2J" + struct.pack(">II", 1, LONGEST + 1), "is over"),
        (b"2C" + struct.pack(">I", 0xFFFFFFFF), "is over"),
        (b"1D" + struct.pack(">II", 1, 0xFFFFFFFF), "fields"),
        (b"1D" + struct.pack(">III", 1, 1, LONGEST), "is over"),
        (packed(packed(event(1, ONE))), "holds another one"),
        (packed(event(1, ONE)[:-1]), "ends in the middle"),
        (b"2C" + struct.pack(">I", 5) + b"xxxxx", "cannot be unpacked"),
        (b"2C" + struct.pack(">I", 8) + zlib.compress(b"y" * 100)[:8], "is cut off"),
        (packed(b"\0" * (LONGEST + 1)), "unpacks to more than"),
    ],
)
def test_what_is_not_lumberjack_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ProtocolError, match=reason):
        fed(data)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = packed(b"\0" * (50 << 20), level=9)
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError, match="unpacks to more than"):
            fed(bomb)
        assert tracemalloc.get_traced_memory()[1] < 8 * LONGEST
    finally:
        tracemalloc.stop()


def test_what_is_held_is_what_has_not_come_wholly() -> None:
    frames = Frames(LONGEST, SIZE)
    whole = event(1, ONE)
    frames.feed(window(3) + whole + whole[:15])
    assert frames.held == len(whole) + 15
    frames.feed(whole[15:] + whole)
    assert frames.held == 0
