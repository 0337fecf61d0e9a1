"""Messages of syslog on a connection: told apart however their bytes come, by newlines and by lengths, in bounded memory."""
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.plugins.batch import Chunk
from penstock.plugins.inputs._syslog_frames import FrameFeed, frames

LIMIT = 64


class Gathered:
    """Takes what a feed gives, as the decoder would see it."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.parts: list[str] = []

    def add(self, chunk: Chunk) -> None:
        self.messages += frames(chunk.data)

    def add_events(self, events: list[dict[str, Any]], size: int) -> None:
        assert all(event["tags"] == ["_linetoobig"] for event in events)
        self.parts += [event["message"] for event in events]


def fed(pieces: list[bytes], ends: bool = True) -> Gathered:
    gathered = Gathered()
    feed = FrameFeed(gathered, LIMIT, {})  # type: ignore[arg-type]
    for piece in pieces:
        feed.feed(piece)
        assert feed.held <= LIMIT + 16 + len(piece)
    if ends:
        feed.end()
    return gathered


def counted(message: bytes) -> bytes:
    return b"%d %s" % (len(message), message)


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        (b"<13>one\n<13>two\n", [b"<13>one", b"<13>two"]),
        (b"<13>one\n<13>two", [b"<13>one", b"<13>two"]),
        (b"7 <13>one7 <13>two", [b"<13>one", b"<13>two"]),
        (b"11 <13>one\ntwo\n<13>three\n", [b"<13>one\ntwo", b"<13>three"]),
        (b"<13>one\n7 <13>two<13>three\n", [b"<13>one", b"<13>two", b"<13>three"]),
        (b"7 <13>one\n\n\n7 <13>two\n", [b"<13>one", b"<13>two"]),
        (b"12 drummers drumming\n2024-01-01 x\n", [b"12 drummers drumming", b"2024-01-01 x"]),
        (b"55 \n7 <x>one\n", [b"55 ", b"7 <x>one"]),
        (b"20 <13>cut off", [b"<13>cut off"]),
        (b"0 <13>one\n", [b"0 <13>one"]),
        (b"1234567890 <13>one\n", [b"1234567890 <13>one"]),
        (b"12", [b"12"]),
        (b"", []),
    ],
)
def test_messages_are_told_apart(data: bytes, messages: list[bytes]) -> None:
    whole = fed([data])
    assert (whole.messages, whole.parts) == (messages, [])
    byte_by_byte = fed([data[at : at + 1] for at in range(len(data))])
    assert (byte_by_byte.messages, byte_by_byte.parts) == (messages, [])


TEXTS = st.binary(max_size=40).map(lambda text: b"<13>" + text.replace(b"\n", b""))


@given(st.lists(st.tuples(TEXTS, st.booleans())), st.lists(st.integers(min_value=1, max_value=50)))
def test_nothing_depends_on_how_bytes_come(messages: list[tuple[bytes, bool]], sizes: list[int]) -> None:
    data = b"".join([counted(text) if is_counted else text + b"\n" for text, is_counted in messages])
    pieces, at = [], 0
    for size in sizes:
        pieces.append(data[at : at + size])
        at += size
    got = fed([*pieces, data[at:]])
    assert (got.messages, got.parts) == ([text for text, _ in messages], [])


@given(st.lists(st.binary(max_size=300)), st.lists(st.sampled_from([b"<13>", b"\n", b"99 <13>", b"9 <1", b"999999999 <13>", b"7"])))
def test_no_byte_of_garbage_is_lost_or_held_for_long(garbage: list[bytes], salt: list[bytes]) -> None:
    data = [piece for pair in zip(garbage, salt, strict=False) for piece in pair]
    got = fed(data)
    given_on = b"".join(got.messages) + "".join(got.parts).encode()
    # What is left out are the lengths in front of messages, and newlines.
    assert len(given_on) + 12 * len(data) + b"".join(data).count(b"\n") >= len(b"".join(data))


@pytest.mark.parametrize("start", [b"", b"300 "])
def test_a_message_over_the_limit_comes_in_parts(start: bytes) -> None:
    text = b"<13>" + "ä".encode() * 148
    data = b"<13>before\n" + start + text + (b"" if start else b"\n") + b"<13>after\n"
    for pieces in ([data], [data[at : at + 7] for at in range(0, len(data), 7)]):
        got = fed(pieces)
        assert got.messages == [b"<13>before", b"<13>after"]
        assert "".join(got.parts).encode() == text
        assert max(len(part.encode()) for part in got.parts) <= LIMIT


def test_what_is_spilled_and_what_follows_is_one_message_in_parts() -> None:
    for rest in (b"yyy\n", b"yyy"):
        gathered = Gathered()
        feed = FrameFeed(gathered, LIMIT, {})  # type: ignore[arg-type]
        feed.feed(b"<13>xxx" if rest.endswith(b"\n") else b"10 <13>xxx")
        feed.spill()
        assert feed.held == 0
        feed.feed(rest + b"<13>next\n")
        assert (gathered.messages, "".join(gathered.parts)) == ([b"<13>next"], "<13>xxxyyy" if rest.endswith(b"\n") else "10 <13>xxxyyy")
