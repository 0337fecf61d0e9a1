"""The filter json_encode."""
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import penstock

Filtered = Callable[..., list[dict[str, Any]]]

WRITTEN = [
    ({"a": [1, 2.0, None, True], "é": "ü/\n"}, '{"a":[1,2.0,null,true],"é":"ü/\\n"}'),
    ("x", '"x"'),
    (2**70, str(2**70)),
    ([2**70, "a"], f'[{2**70},"a"]'),
    (None, "null"),
    ([float("nan"), None, -float("inf")], '["NaN",null,"-Infinity"]'),
]


@pytest.mark.parametrize(("value", "text"), WRITTEN)
def test_a_value_becomes_json(filtered: Filtered, value: Any, text: str) -> None:
    assert filtered('json_encode { source => "a" }', {"a": value}) == [{"a": text}]
    assert filtered('json_encode { source => "a" target => "[b][c]" }', {"a": value})[0]["b"] == {"c": text}


def test_an_instant_is_text_and_a_missing_field_null(filtered: Filtered) -> None:
    event = {"@timestamp": "2020-01-01T00:00:00.000Z"}
    config = 'json_encode { source => "@timestamp" target => "a" } json_encode { source => "no" target => "b" }'
    assert filtered(config, event) == [{**event, "a": '"2020-01-01T00:00:00.000Z"', "b": "null"}]


def test_what_cannot_be_written_or_set_is_tagged(filtered: Filtered) -> None:
    failed = {"tags": ["_jsongeneratefailure"]}
    assert filtered('json_encode { source => "a" target => "[a][b]" add_tag => ["t"] }', {"a": 1}) == [{"a": 1, **failed}]
    assert filtered('json_encode { source => "[a" }', {"a": 1}) == [{"a": 1, **failed}]


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(values)
def test_what_was_written_can_be_read(value: Any) -> None:
    (out,) = penstock.compile('filter { json_encode { source => "a" } }')([{"a": value}])
    assert repr(json.loads(out["a"])) == repr(value)
