"""The filter json: what is parsed, where it goes, and what is not valid JSON."""
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import penstock
from penstock.pipeline.runtime.stack import STACK

Filtered = Callable[..., list[dict[str, Any]]]
INTO_T = 'json { source => "m" target => "t" remove_field => ["m"] }'
INTO_EVENT = 'json { source => "m" remove_field => ["m"] }'
FAILED = {"tags": ["_jsonparsefailure"]}

PARSED = [
    ("1", 1),
    ("-0.0", -0.0),
    ("1.0", 1.0),
    ("1e3", 1000.0),
    ("1e400", float("inf")),
    ("18446744073709551616", 2**64),
    ("-123456789012345678901234567890", -123456789012345678901234567890),
    ('"a\\u00e9\\ud83d\\ude00"', "aé😀"),
    ('"half \\ud83d of one"', "half \ufffd of one"),
    ('{"a": 1, "a": 2}', {"a": 2}),
    ('[{"@timestamp": "x", "a[b": null}]', [{"@timestamp": "x", "a[b": None}]),
    ("", None),
    (" \r\n\t", None),
    ("\ufeff{}", {}),
    ("[" + "[]," * 1000 + "[]]", [[]] * 1001),
]


@pytest.mark.parametrize(("text", "value"), PARSED, ids=lambda value: str(value)[:20])
def test_a_text_becomes_the_value_that_it_says(filtered: Filtered, text: str, value: Any) -> None:
    (out,) = filtered(INTO_T, {"m": text})
    assert repr(out) == repr({"t": value})


REFUSED = [
    "{", "{bad", "{'a': 1}", '{"a": 1}x', '{"a": 1} {"b": 2}', '{"a": 1}}', '{"a": 1},', '[1]{"b": 2}', "1 2", "1x", "[1,]", "[1 2]", "nul", "NaN", "[-Infinity]", "01", "1.", ".5", "+1",
    "// c\n1", '"a\nb"', '"\\x"', '"\\u12"', "\x0b1", "\ufeff\ufeff1",
    "[" * 1001 + "]" * 1001, "[" * 10_000, "[" * 10_000 + "]" * 10_000,
    '{"a":' * 10_000 + "1" + "}" * 10_000, "9" * 5000,
]  # fmt: skip


@pytest.fixture
def stack_of_the_command() -> Iterator[None]:
    """The recursion limit of the `penstock` command; a program that embeds Penstock keeps its own."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(STACK)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.usefixtures("stack_of_the_command")
def test_json_may_nest_as_deep_as_the_setting_says(filtered: Filtered) -> None:
    (out,) = filtered(INTO_T, {"m": "[" * 1000 + "]" * 1000})
    value, depth = out["t"], 1
    while value:
        (value,), depth = value, depth + 1
    assert depth == 1000


def test_json_that_nests_deeper_than_the_stack_of_the_program_is_tagged(filtered: Filtered) -> None:
    text = "[" * 999 + "]" * 999
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(900)
    try:
        assert filtered(INTO_T, {"m": text}) == [{"m": text, **FAILED}]
    finally:
        sys.setrecursionlimit(before)


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:20])
def test_what_is_no_json_is_tagged_and_the_event_stays(filtered: Filtered, text: str) -> None:
    assert filtered(INTO_T, {"m": text}) == [{"m": text, **FAILED}]
    assert filtered(INTO_EVENT, {"m": text}) == [{"m": text, **FAILED}]


@pytest.mark.parametrize("text", ["5", "null", "true", '"x"', "[]", '[{"a": 1}]', "", " "])
def test_the_event_itself_takes_only_an_object(filtered: Filtered, text: str) -> None:
    assert filtered(INTO_EVENT, {"m": text}) == [{"m": text, **FAILED}]


@pytest.mark.parametrize("value", [5, True, ["{}"], {"a": 1}, 1.5])
def test_a_source_that_is_no_text_is_tagged(filtered: Filtered, value: Any) -> None:
    assert filtered(INTO_T, {"m": value}) == [{"m": value, **FAILED}]


@pytest.mark.parametrize("event", [{}, {"m": None}, {"m": False}])
def test_a_source_that_is_not_there_is_passed_over(filtered: Filtered, event: Any) -> None:
    assert filtered(INTO_T, event) == [event]


MERGED = [
    ('{"a": {"b": 1.5}, "m": null}', {"a": {"b": 1.5}}),
    ('{"[x][y]": 1, "a": 2}', {"x": {"y": 1}, "a": 2}),
    ('{"tags": "x"}', {"tags": "x"}),
    ('{"@metadata": {"k": 1}}', {"@metadata": {"k": 1}}),
    ('{"": 1}', {"": 1}),
    ('{"@timestamp": null}', {}),
    ('{"@timestamp": "2015-10-01T02:00:00+02:00"}', {"@timestamp": "2015-10-01T00:00:00.000Z"}),
]


@pytest.mark.parametrize(("text", "fields"), MERGED)
def test_an_object_goes_into_the_event(filtered: Filtered, text: str, fields: dict[str, Any]) -> None:
    given = {"m": text, "a": "old"} | ({"@timestamp": "2020-01-01T00:00:00.000Z"} if "@timestamp" in fields else {})
    assert filtered(INTO_EVENT, given) == [{"a": "old"} | fields]


@pytest.mark.parametrize("text", ['{"a[b]": 1}', '{"tags": {"a": 1}}', '{"@metadata": 5}', '{"[@metadata]": "x"}'])
def test_a_name_that_cannot_be_set_is_tagged(filtered: Filtered, text: str) -> None:
    assert filtered(INTO_EVENT, {"m": text}) == [{"m": text, **FAILED}]


@pytest.mark.parametrize(("given", "kept"), [('"soon"', "soon"), ("666", "666"), ('{"a": 1}', '{"a"=>1}')])
def test_a_timestamp_that_is_none_is_kept_aside(filtered: Filtered, given: str, kept: str) -> None:
    now = "2025-09-04T12:00:00.000Z"
    event = {"m": f'{{"@timestamp": {given}}}', "@timestamp": "2020-01-01T00:00:00.000Z"}
    (out,) = filtered(INTO_EVENT, event, penstock__now=now)
    assert out == {"@timestamp": now, "_@timestamp": kept, "tags": ["_timestampparsefailure"]}


def test_decoration_follows_success_alone(filtered: Filtered) -> None:
    config = 'json { source => "m" add_tag => ["ok"] tag_on_failure => ["a", "b"] }'
    assert filtered(config, {"m": "{}"}, {"m": "{"}) == [{"m": "{}", "tags": ["ok"]}, {"m": "{", "tags": ["a", "b"]}]


def test_invalid_json_can_be_passed_over_but_not_what_cannot_be_placed(filtered: Filtered) -> None:
    config = 'json { source => "m" skip_on_invalid_json => true add_tag => ["ok"] }'
    assert filtered(config, {"m": "{"}, {"m": "5"}) == [{"m": "{"}, {"m": "5", **FAILED}]


def test_a_source_that_is_no_reference_warns(filtered: Filtered) -> None:
    stage = penstock.compile('filter { json { source => "a[b" } }')
    assert [warning.code for warning in stage.warnings] == ["W304"]
    assert filtered('json { source => "a[b" }', {"a": 1}) == [{"a": 1, **FAILED}]


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(values)
def test_what_was_written_is_read(value: Any) -> None:
    (out,) = penstock.compile(f"filter {{ {INTO_T} }}")([{"m": json.dumps(value)}])
    assert repr(out["t"]) == repr(json.loads(json.dumps(value)))


@given(st.text() | st.text(alphabet='{}[]",:0 e\\u'))
def test_any_text_is_parsed_or_tagged(text: str) -> None:
    (out,) = penstock.compile('filter { json { source => "m" target => "t" add_tag => ["ok"] } }')([{"m": text}])
    assert out["m"] == text
    assert out["tags"] == (["ok"] if "t" in out else ["_jsonparsefailure"])
