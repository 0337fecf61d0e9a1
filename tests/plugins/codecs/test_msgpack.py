"""MessagePack as events."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.dsl.reference import FieldRef
from penstock.dsl.template import Template
from penstock.dsl.timestamp import Timestamp

pack = msgspec.msgpack.encode
NOW = Timestamp("2024-05-06T07:08:09.000Z")
ALWAYS = {"@timestamp": NOW, "@version": "1"}
FAILED = ["_msgpackparsefailure"]


@pytest.mark.parametrize(
    ("data", "event"),
    [
        ({"a": [1, -1, 1.5, None, True, "é"]}, {"a": [1, -1, 1.5, None, True, "é"]}),
        ({1: 2, b"k": b"bytes", "b": b"\xff"}, {"1": 2, "k": "bytes", "b": "\\xFF"}),
        ({"at": datetime(2020, 1, 1, tzinfo=UTC)}, {"at": Timestamp("2020-01-01T00:00:00.000Z")}),
        ({"@timestamp": "2020-01-01T00:00:00Z"}, {"@timestamp": Timestamp("2020-01-01T00:00:00.000Z")}),
        ({"tags": 5}, {"tags": ["_tagsparsefailure"], "_tags": [5]}),
    ],
)
def test_a_map_is_an_event(codec: Any, data: Any, event: dict[str, Any]) -> None:
    assert codec("msgpack").decode(pack(data)) == [ALWAYS | event]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x05", "\\u0005"),
        (b"\x80\x80", "\\x80\\x80"),
        (b"\x91" * 3000, "\\x91" * 3000),
        (b"\xdf\xff\xff\xff\xff", "\\xDF\\xFF\\xFF\\xFF\\xFF"),
        (b"\x81\xa1a\xd4\x05a", "\\x81\\xA1a\\xD4\x05a"),
        (b"\x81\x81\x01\x01\x01", "\\x81\\x81\x01\x01\x01"),
        (b'{"json": 1}', '{"json": 1}'),
    ],
)
def test_what_is_no_map_is_kept_and_tagged(codec: Any, data: bytes, message: str) -> None:
    (event,) = codec("msgpack").decode(data)
    assert event["tags"] == FAILED
    assert event["message"] in (message, data.decode("latin-1"))


def test_a_message_may_be_made_of_the_data(codec: Any) -> None:
    msgpack = codec("msgpack", format=Template("%{a} and %{b}"))
    assert msgpack.decode(pack({"a": 1}))[0]["message"] == "1 and %{b}"
    assert msgpack.decode(pack({"message": "mine"}))[0]["message"] == "mine"


def test_data_goes_under_a_target(codec: Any) -> None:
    assert codec("msgpack", target=FieldRef("[x]")).decode(pack({"@timestamp": 1})) == [{"x": {"@timestamp": 1}}]


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ({"a": 1, "@metadata": {"x": 1}}, {"a": 1}),
        ({"@timestamp": NOW}, {"@timestamp": "2024-05-06T07:08:09.000Z"}),
        ({"a": [2**70, -(2**70)]}, {"a": [str(2**70), str(-(2**70))]}),
        ({"a": "\ud83d", "b": 1j}, {"a": "\ufffd", "b": "1j"}),
    ],
)
def test_no_event_is_too_odd_to_be_written(codec: Any, event: dict[str, Any], data: dict[str, Any]) -> None:
    assert msgspec.msgpack.decode(codec("msgpack").encode([event])) == data


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text().filter(lambda key: key[:1] != "@" and key != "tags"), VALUES, max_size=5))
def test_what_is_written_is_read_again(codec: Any, event: dict[str, Any]) -> None:
    assert codec("msgpack").decode(codec("msgpack").encode([event])) == [ALWAYS | event]
