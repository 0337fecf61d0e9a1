"""Records that Amazon's producer library packed: unpacked where they are whole, messages of their own where they are not."""
from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.plugins.inputs._kinesis_aggregates import UserRecord, unpacked

MAGIC = b"\xf3\x89\x9a\xc2"


def varint(number: int) -> bytes:
    """A number as protocol buffers have it."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def packed(records: Sequence[tuple[str, bytes]]) -> bytes:
    """A record as the producer library writes it."""
    keys = sorted({key for key, _ in records})
    table = b"".join(field(1, key.encode()) for key in keys)
    body = table + b"".join(field(3, field(1, keys.index(key)) + field(2, 7) + field(3, data)) for key, data in records)
    return sealed(body)


def sealed(body: bytes) -> bytes:
    return MAGIC + body + hashlib.md5(body).digest()


@given(st.lists(st.tuples(st.text(min_size=1, max_size=5).filter(lambda text: text.isprintable()), st.binary(max_size=200)), min_size=1, max_size=30))
def test_what_was_packed_is_unpacked_in_its_order(records: list[tuple[str, bytes]]) -> None:
    assert unpacked(packed(records)) == [UserRecord(*record) for record in records]


def test_fields_that_are_not_known_are_skipped() -> None:
    other = varint(9 << 3 | 1) + bytes(8) + varint(10 << 3 | 5) + bytes(4) + field(11, b"more") + field(12, 1 << 40)
    body = other + field(1, b"k") + field(3, other + field(1, 0) + field(3, b"data"))
    assert unpacked(sealed(body)) == [UserRecord("k", b"data")]


GOOD = packed([("k", b"data"), ("l", b"more")])
MESSAGES = {
    "no magic": b'{"n": 1}',
    "nothing": b"",
    "the magic alone": MAGIC,
    "another checksum": GOOD[:-1] + bytes([GOOD[-1] ^ 1]),
    "cut off": GOOD[:-3],
    "a key that is not in the table": sealed(field(1, b"k") + field(3, field(1, 5) + field(3, b"data"))),
    "a field that is longer than the rest": sealed(varint(3 << 3 | 2) + varint(100) + b"x"),
    "a type that is not there": sealed(varint(3 << 3 | 6)),
    "a number without an end": sealed(b"\xff" * 12),
}


@pytest.mark.parametrize("data", MESSAGES.values(), ids=MESSAGES.keys())
def test_a_message_of_its_own_is_what_has(data: bytes) -> None:
    assert unpacked(data) is None
