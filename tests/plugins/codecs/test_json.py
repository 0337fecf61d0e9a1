"""The codecs json and json_lines: what they take for an event, and that they lose none."""
from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.dsl.reference import FieldRef
from penstock.dsl.timestamp import Timestamp

FAILED = ["_jsonparsefailure"]


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ('{"a": 1, "b": [1.50, null, true]}', [{"a": 1, "b": [1.5, None, True]}]),
        ('{"c": {"d": "é\\u00e9"}}', [{"c": {"d": "éé"}}]),
        ('[{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
        ("[]", []),
        ("", []),
        (" \t\r", []),
        ("[]{}", None),
        ('{"a": 1, "a": 2}', [{"a": 2}]),
        ('{"a": 18446744073709551616123}', [{"a": 18446744073709551616123}]),
        ('{"a": 1e400}', [{"a": float("inf")}]),
        ('{"a": 1e3, "b": -0, "c": 1.0}', [{"a": 1000.0, "b": 0, "c": 1.0}]),
        ('{"a": "\\ud83d\\ude00 \\ud83d"}', [{"a": "😀 \ufffd"}]),
        ("5", None),
        ("null", None),
        ('"text"', None),
        ("[1, 2]", None),
        ('[{"a": 1}, 2]', None),
        ('{"a": ', None),
        ('{"a": NaN}', None),
        ("{'a': 1}", None),
        ('{"a": 01}', None),
        ('{"a": "\x01"}', None),
        ("\ufeff{}", [{}]),
        ('{"@metadata": 1}', None),
        ('{"a":' * 5000, None),
        ("[" * 100_000, None),
        ('{"a": ' + "1" * 5000 + "}", None),
        ("not json", None),
    ],
)
@pytest.mark.parametrize("name", ["json", "json_lines"])
def test_a_map_or_a_list_of_maps_is_taken(codec: Any, name: str, text: str, events: list[Any] | None) -> None:
    made = codec(name, ecs=False)
    got = [*made.decode(text.encode()), *made.flush()]
    assert got == ([{"message": text, "tags": FAILED}] if events is None else events)


WITH_MORE = [
    ('{"a":1} {"b":2} ', [{"a": 1}]),
    ('{"a":1}} ', [{"a": 1}]),
    ('{"a":1},', [{"a": 1}]),
    ('{"a":1} trailing', [{"a": 1}]),
    ('[{"a":1},{"a":2}][{"b":2}]', [{"a": 1}, {"a": 2}]),
]


@pytest.mark.parametrize(("text", "first"), WITH_MORE)
@pytest.mark.parametrize("name", ["json", "json_lines"])
def test_text_behind_the_json_is_kept_and_tagged(codec: Any, name: str, text: str, first: list[Any]) -> None:
    made = codec(name, ecs=False)
    got = [*made.decode(text.encode()), *made.flush()]
    assert got[0].pop("message") == text
    assert got == [{**event, "tags": FAILED} for event in first]


@pytest.mark.parametrize("tags", ['["t"]', '"t"'])
@pytest.mark.parametrize("name", ["json", "json_lines"])
def test_text_behind_the_json_leaves_the_tags_of_the_data(codec: Any, name: str, tags: str) -> None:
    made = codec(name, ecs=False)
    (event,) = [*made.decode(f'{{"tags":{tags}}}'.encode() + b"{"), *made.flush()]
    assert event["tags"] == ["t", *FAILED]


@pytest.mark.parametrize("name", ["json", "json_lines"])
def test_text_behind_json_with_a_message_of_its_own_is_kept_alone(codec: Any, name: str) -> None:
    text = '{"message":"m","a":1}{"b":2}'
    made = codec(name, ecs=False)
    assert [*made.decode(text.encode()), *made.flush()] == [{"message": text, "tags": FAILED}]


@pytest.mark.parametrize("name", ["json", "json_lines"])
def test_text_behind_json_is_kept_beside_the_target(codec: Any, name: str) -> None:
    text = '{"a":1}}'
    beside, into = codec(name, ecs=False, target=FieldRef("t")), codec(name, ecs=False, target=FieldRef("message"))
    assert [*beside.decode(text.encode()), *beside.flush()] == [{"t": {"a": 1}, "message": text, "tags": FAILED}]
    assert [*into.decode(text.encode()), *into.flush()] == [{"message": text, "tags": FAILED}]


def test_a_broken_line_leaves_the_others_alone(codec: Any) -> None:
    lines = codec("json_lines")
    assert lines.decode(b'{"a":1}\r\nbad\n\n{"a":\xff}\n{"a"') == [
        {"a": 1},
        {"message": "bad", "tags": FAILED},
        {"message": '{"a":\\xFF}', "tags": FAILED},
    ]
    assert lines.decode(b":2}\n[{},{}]\n") == [{"a": 2}, {}, {}]


def test_a_map_does_not_go_on_over_lines(codec: Any) -> None:
    assert codec("json_lines").decode(b'{"a":\n1}\n{"b":1}{"c":1}\n') == [
        {"message": '{"a":', "tags": FAILED},
        {"message": "1}", "tags": FAILED},
        {"b": 1, "message": '{"b":1}{"c":1}', "tags": FAILED},
    ]


def test_a_line_over_the_limit_comes_in_parts(codec: Any) -> None:
    lines = codec("json_lines", decode_size_limit_bytes=8)
    assert lines.decode(b'{"a":1}\n{"a":"b"}\n{}\n') == [
        {"a": 1},
        {"message": '{"a":"b"', "tags": ["_jsonparsetoobigfailure"]},
        {"message": "}", "tags": ["_jsonparsetoobigfailure"]},
        {},
    ]


@pytest.mark.parametrize("name", ["json", "json_lines"])
class TestBoth:
    """What holds for a payload and for a line."""

    def test_time_and_tags_are_checked(self, codec: Any, name: str) -> None:
        made = codec(name, ecs=False)
        (event,) = [*made.decode(b'{"@timestamp":"2020-01-01T01:00:00+01:00","tags":"x"}'), *made.flush()]
        assert (type(event["@timestamp"]), event["@timestamp"]) == (Timestamp, "2020-01-01T00:00:00.000Z")
        (event,) = [*made.decode(b'{"@timestamp":"bad","tags":{"a":1}}'), *made.flush()]
        assert (event["_@timestamp"], event["_tags"]) == ("bad", [{"a": 1}])
        assert event["tags"] == ["_tagsparsefailure", "_timestampparsefailure"]

    def test_data_goes_under_a_target_as_it_is(self, codec: Any, name: str) -> None:
        made = codec(name, ecs=False, target=FieldRef("[x][y]"))
        assert [*made.decode(b'{"@timestamp":"bad"}'), *made.flush()] == [{"x": {"y": {"@timestamp": "bad"}}}]
        assert [*made.decode(b"5"), *made.flush()] == [{"message": "5", "tags": FAILED}]

    def test_a_target_that_takes_no_map_is_warned_of(self, problems: Any, name: str) -> None:
        assert [problem.code for problem in problems(name, target=FieldRef("tags"))] == ["W304"]

    def test_a_charset_is_converted(self, codec: Any, name: str) -> None:
        made = codec(name, ecs=False, charset="UTF-16LE")
        assert [*made.decode('{"ä":"ö"}'.encode("utf-16-le")), *made.flush()] == [{"ä": "ö"}]

    @pytest.mark.parametrize(
        ("event", "data"),
        [
            ({"a": 1, "@metadata": {"x": 1}}, {"a": 1}),
            ({"t": Timestamp("2020-01-01T00:00:00.000Z")}, {"t": "2020-01-01T00:00:00.000Z"}),
            ({"a": 2**70, "b": -(2**70)}, {"a": 2**70, "b": -(2**70)}),
            ({"c": float("nan"), "d": float("inf"), "e": [-float("inf"), None]}, {"c": "NaN", "d": "Infinity", "e": ["-Infinity", None]}),
            ({"a": "\ud83d", "\udc00": 1, "f": float("nan")}, {"a": "\ufffd", "\ufffd": 1, "f": "NaN"}),
            ({"a": {None: 1, 2: "\ud83d"}}, {"a": {"None": 1, "2": "\ufffd"}}),
            ({"a": b"xy", "b": 1j}, {"a": "eHk=", "b": "1j"}),
        ],
    )
    def test_no_event_is_too_odd_to_be_written(self, codec: Any, name: str, event: dict[Any, Any], data: Any) -> None:
        before = repr(event)
        assert json.loads(codec(name).encode([event])) == data
        assert repr(event) == before

    def test_an_event_that_is_nested_deep_is_written(self, codec: Any, name: str) -> None:
        event: dict[str, Any] = {}
        for _ in range(5000):
            event = {"a": [event]}
        assert codec(name).encode([event, {"b": 1}]).count(b'"b":1') == 1

    def test_one_odd_event_does_not_harm_the_others(self, codec: Any, name: str) -> None:
        events = [{"n": 1}, {"n": 2, "a": "\ud83d"}, {"n": 3}]
        assert codec(name).encode(events) == b"".join([codec(name).encode([event]) for event in events])
        assert codec(name).encode(events).count(b'"n"') == 3


BESIDE_A_NULL = [
    (math.inf, '"Infinity"'),
    ([{"b": -math.inf}], '[{"b":"-Infinity"}]'),
    (math.nan, '"NaN"'),
    (-math.nan, '"NaN"'),
    (1.7e308, "1.7e308"),
    (2**70, str(2**70)),
    ("null \xcb\x7f", '"null \xcb\x7f"'),
]


@pytest.mark.parametrize(("value", "text"), BESIDE_A_NULL)
def test_numbers_beside_a_null_are_written_as_they_are(codec: Any, value: Any, text: str) -> None:
    event = {"n": None, "a": value, "@metadata": {"m": math.inf}}
    assert codec("json_lines").encode([event, {"n": None}]).decode() == f'{{"n":null,"a":{text}}}\n{{"n":null}}\n'
    assert codec("json").encode([event]).decode() == f'{{"n":null,"a":{text}}}'


@pytest.mark.parametrize(
    ("text", "original"),
    [
        ('{"a":1}', '{"a":1}'),
        ('[{"a":1}]', '[{"a":1}]'),
        ('{"event":{"kind":"x"}}', '{"event":{"kind":"x"}}'),
        ('{"event":{"original":"mine"}}', "mine"),
        ('{"event":"mine"}', None),
        ('[{"a":1},{"a":2}]', None),
        ("bad", None),
    ],
)
def test_a_payload_of_one_event_is_kept(codec: Any, text: str, original: str | None) -> None:
    event = codec("json").decode(text.encode())[0]
    assert FieldRef("[event][original]").get(event) == original


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.text().filter(lambda key: key not in ("@metadata", "tags", "@timestamp"))
EVENTS = st.dictionaries(KEYS, VALUES, max_size=5)


@given(st.lists(EVENTS, max_size=5), st.integers(0, 200))
def test_what_is_written_is_read_again(codec: Any, events: list[dict[str, Any]], at: int) -> None:
    data = codec("json_lines").encode(events)
    lines = codec("json_lines")
    assert [*lines.decode(data[:at]), *lines.decode(data[at:]), *lines.flush()] == events
    for event in events:
        assert codec("json", ecs=False).decode(codec("json").encode([event])) == [event]
