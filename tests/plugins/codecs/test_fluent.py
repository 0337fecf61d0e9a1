"""The forward protocol: its four forms, what is none, and what is written."""
from __future__ import annotations

import gzip
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.dsl.reference import FieldRef
from penstock.dsl.timestamp import Timestamp
from penstock.plugins.codecs._foreign import text_of

msgpack = pytest.importorskip("msgpack")
pack = msgpack.packb
FAILED = ["_fluentparsefailure"]
AT = 1_500_000_000
FINE = msgpack.ExtType(0, struct.pack(">II", AT, 5_000_000))
ENTRIES = pack([AT, {"n": 1}]) + pack([FINE, {"n": 2}])
ONE = {"@timestamp": Timestamp("2017-07-14T02:40:00.000Z"), "@version": "1", "n": 1, "tags": ["app.web"]}
TWO = {"@timestamp": Timestamp("2017-07-14T02:40:00.005Z"), "@version": "1", "n": 2, "tags": ["app.web"]}


@pytest.mark.parametrize(
    ("message", "events"),
    [
        (["app.web", AT, {"n": 1}], [ONE]),
        (["app.web", FINE, {"n": 2}, {"chunk": "x"}], [TWO]),
        (["app.web", [[AT, {"n": 1}], [FINE, {"n": 2}]]], [ONE, TWO]),
        (["app.web", ENTRIES, {"size": 2}], [ONE, TWO]),
        (["app.web", gzip.compress(ENTRIES[:9]) + gzip.compress(ENTRIES[9:]), {"compressed": "gzip"}], [ONE, TWO]),
    ],
)
def test_a_record_is_an_event(codec: Any, message: list[Any], events: list[dict[str, Any]]) -> None:
    data = pack(message)
    assert codec("fluent").decode(data) == events
    fluent = codec("fluent")
    assert [event for at in range(len(data)) for event in fluent.decode(data[at : at + 1])] == events
    assert fluent.flush() == []


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ([], "[]"),
        (["tag"], '["tag"]'),
        (["tag", AT, "text"], '["tag",1500000000,"text"]'),
        (["tag", "when", {}], None),
        (["tag", [[AT]]], '["tag",[[1500000000]]]'),
        (["tag", gzip.compress(ENTRIES)[:-9], {"compressed": "gzip"}], None),
        (["tag", b"\xc1"], None),
    ],
)
def test_a_message_that_is_none_leaves_the_others_alone(codec: Any, message: list[Any], shown: str | None) -> None:
    fluent = codec("fluent")
    (failure, after) = fluent.decode(pack(message) + pack(["app.web", AT, {"n": 1}]))
    assert (failure["tags"], after) == (FAILED, ONE)
    assert shown in (None, failure["message"])


def test_a_stream_that_is_none_ends(codec: Any) -> None:
    fluent = codec("fluent")
    broken = pack(["app.web", AT, {"n": 1}]) + b"GET / HTTP/1.1\r\n"
    assert fluent.decode(broken[:9]) == []
    assert fluent.decode(broken[9:]) == [ONE, {"message": "GET / HTTP/1.1\r\n", "tags": FAILED}]
    assert fluent.decode(b"Host: x\xff") == [{"message": "Host: x\\xFF", "tags": FAILED}]
    assert fluent.flush() == []
    assert fluent.decode(pack(["app.web", AT, {"n": 1}])) == [ONE]


def test_a_stream_that_breaks_off_is_said(codec: Any) -> None:
    fluent = codec("fluent")
    data = pack(["app.web", AT, {"n": 1}])
    assert fluent.decode(data + data[:5]) == [ONE]
    assert fluent.decode(data[5:-1]) == []
    assert fluent.flush() == [{"message": text_of(data[:-1]), "tags": FAILED}]
    assert fluent.decode(data) == [ONE]


def test_a_message_that_json_does_not_have_is_kept_as_its_bytes(codec: Any) -> None:
    nested: Any = 1
    for _ in range(600):
        nested = [nested]
    data, whole = pack(["t", nested]), pack(["app.web", AT, {"n": 1}])
    assert codec("fluent").decode(whole + data + whole) == [
        ONE, {"message": text_of(data), "tags": FAILED}, ONE,
    ]  # fmt: skip


def test_records_go_under_a_target(codec: Any) -> None:
    (event,) = codec("fluent", target=FieldRef("r")).decode(pack(["t", AT, {"n": 1, b"\xff": b"\xff"}]))
    assert event["r"] == {"n": 1, "\\xFF": "\\xFF"}


@pytest.mark.parametrize("data", [b"\x91" * 5000, b"\x92\xa1t\xdd\x7f\xff\xff\xff", b"\x93\xa1t\x01\xdf\x7f\xff\xff\xff", b"\x81\x90\x01"])
def test_hostile_streams_cost_little(codec: Any, data: bytes) -> None:
    fluent = codec("fluent")
    assert [event["tags"] for event in [*fluent.decode(data), *fluent.flush()]] == [FAILED]


def test_an_event_is_a_message(codec: Any) -> None:
    event = {"@timestamp": ONE["@timestamp"], "tags": ["a", "b"], "x": 1, "@metadata": {"y": 1}}
    assert msgpack.unpackb(codec("fluent").encode([event])) == [
        "a.b",
        AT,
        {"@timestamp": "2017-07-14T02:40:00.000Z", "tags": ["a", "b"], "x": 1},
    ]
    (tag, time, _) = msgpack.unpackb(codec("fluent", nanosecond_precision=True).encode([{"@timestamp": TWO["@timestamp"]}]))
    assert (tag, time) == ("log", FINE)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(-(2**63), 2**63) | st.text(), max_size=3), max_size=4))
def test_what_is_written_is_read_again(codec: Any, records: list[dict[str, Any]]) -> None:
    events = [{"@timestamp": ONE["@timestamp"], "@version": "1", "tags": ["t"], **record} for record in records]
    assert codec("fluent").decode(codec("fluent").encode(events)) == events
