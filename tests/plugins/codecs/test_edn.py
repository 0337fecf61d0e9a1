"""Clojure's data notation, as payloads and as lines."""
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.dsl.reference import FieldRef
from penstock.dsl.timestamp import Timestamp
from penstock.plugins.codecs._edn import read, written


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a" 1, :b/c -2 d 3N}', {"a": 1, "b/c": -2, "d": 3}),
        ("[nil true false 1.5 -1e3 2M +7]", [None, True, False, 1.5, -1000.0, 2.0, 7]),
        ("(1 2) ; ignored", [1, 2]),
        ("#{1 #{}}", [1, []]),
        ('"a\\n\\"\\\\\\u00e9\\ud83d"', 'a\n"\\é\ufffd'),
        ("[\\a \\newline \\space \\u00e9 \\é \\u]", ["a", "\n", " ", "é", "é", "u"]),
        ("{:k :v, :s sym}", {"k": "v", "s": "sym"}),
        ("; a remark\n,,[1 ; two\n 3]", [1, 3]),
        ("[1 #_2 3 #_#_ 4 5 6]", [1, 3, 6]),
        ("{1 2, nil 3, [1 \"a\"] 4}", {"1": 2, "nil": 3, '[1 "a"]': 4}),
        ("[[[]]]", [[[]]]),
    ],
)
def test_text_is_read(text: str, value: Any) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    "text",
    ["", " ; nothing", "{", "[1", "]", "{]", "{1}", '"', '"\\x"', '#inst "2020-01-01"', "#_", "[#_]", "1/2", "1x", "#", "[" * 100_000,
     "1 2", "{} {", '{"a" 1} x', "{}}", "[1] #_", "nil ("],
)
def test_what_is_no_edn_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each says something else
        read(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_written_is_read_again(value: Any) -> None:
    assert read(written(value)) == value


def test_a_payload_is_an_event(codec: Any) -> None:
    edn = codec("edn")
    assert edn.decode(b'{"@timestamp" "2014-05-30T02:52:17Z" :k [1]}') == [
        {"@timestamp": Timestamp("2014-05-30T02:52:17.000Z"), "@version": "1", "k": [1]}
    ]
    assert edn.decode(b"[1]\n") == [{"message": "[1]\n"}]
    assert codec("edn", target=FieldRef("x")).decode(b"{:k 1}") == [{"x": {"k": 1}}]


def test_a_line_is_an_event(codec: Any) -> None:
    lines = codec("edn_lines", target=FieldRef("x"))
    assert lines.decode(b'{:k 1}\n\nbad #inst\n{:k') == [{"x": {"k": 1}}, {"message": "bad #inst\n"}]
    assert [*lines.decode(b" 2}"), *lines.flush()] == [{"x": {"k": 2}}]


def test_an_event_is_written(codec: Any) -> None:
    event = {"a": 'x"\n', "@timestamp": Timestamp("2020-01-01T00:00:00.000Z"), "l": [1, 1e20, None, {}], "@metadata": {"x": 1}}
    text = '{"a" "x\\"\\n", "@timestamp" "2020-01-01T00:00:00.000Z", "l" [1 1.0e+20 nil {}]}'
    assert codec("edn").encode([event]).decode() == text
    assert codec("edn_lines").encode([event, {}]).decode() == text + "\n{}\n"


def test_an_infinity_is_a_string(codec: Any) -> None:
    event = {"a": float("inf"), "b": [float("-inf")], "c": None}
    assert codec("edn").encode([event]) == b'{"a" "Infinity", "b" ["-Infinity"], "c" nil}'
