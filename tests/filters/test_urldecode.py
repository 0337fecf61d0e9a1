"""The filter urldecode."""
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

import penstock
from penstock.dsl.diagnostics import ConfigError

Filtered = Callable[..., list[dict[str, Any]]]

DECODED = [
    ("a%20b+c", "a b+c"),
    ("%C3%A9é", "éé"),
    ("%c3%a9", "é"),
    ("100%", "100%"),
    ("%zz%4%41", "%zz%4A"),
    ("%2520", "%20"),
    ("a%00b", "a\0b"),
    ("caf%E9 \"x\"", "caf\\xE9 \"x\""),
    (["%41", ["%42"], {"%43": "%43"}, 5, None], ["A", ["B"], {"%43": "C"}, 5, None]),
    (5, 5),
    (True, True),
]


@pytest.mark.parametrize(("value", "decoded"), DECODED)
def test_texts_are_decoded_and_other_values_left(filtered: Filtered, value: Any, decoded: Any) -> None:
    event = {"message": value, "other": "%41"}
    assert filtered("urldecode { }", event) == [{"message": decoded, "other": "%41"}]
    assert filtered("urldecode { all_fields => true }", event) == [{"message": decoded, "other": "A"}]


def test_bytes_are_read_in_the_charset(filtered: Filtered) -> None:
    assert filtered('urldecode { charset => "ISO-8859-1" }', {"message": "caf%E9"}) == [{"message": "café"}]
    with pytest.raises(ConfigError, match="unknown character set"):
        penstock.compile('filter { urldecode { charset => "klingon" } }')


def test_a_field_that_is_not_there_becomes_null(filtered: Filtered) -> None:
    assert filtered('urldecode { field => "a" }', {"b": "%41"}) == [{"a": None, "b": "%41"}]


def test_a_failure_is_tagged_and_decorated_all_the_same(filtered: Filtered) -> None:
    config = 'urldecode { field => "[a][b]" tag_on_failure => ["bad"] add_tag => ["t"] }'
    assert filtered(config, {"a": "x"}) == [{"a": "x", "tags": ["bad", "t"]}]


@given(st.text())
def test_what_was_encoded_is_decoded(text: str) -> None:
    (out,) = penstock.compile("filter { urldecode { } }")([{"message": quote(text)}])
    assert out["message"] == text
