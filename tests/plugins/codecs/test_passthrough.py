"""The short way of bytes through a pipeline with nothing in it: what comes out is what the long way, over events, would write."""
from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from penstock.dsl.reference import FieldRef
from penstock.dsl.template import Template
from penstock.plugins.codecs._passthrough import decoded_and_encoded
from penstock.plugins.contract import Codec

ORIGIN = {"host": {"hostname": "h"}, "log": {"file": {"path": "/p"}}, "type": "t", "@metadata": {"path": "/p"}}
STAMPS = ("2015-01-01T00:00:00.000Z", "2015-01-01T02:00:00+02:00", "yesterday", 5, None)
PLAIN = st.none() | st.booleans() | st.integers(-9, 9) | st.text("aé\"\\\n", max_size=4)
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3))
MAPS = st.fixed_dictionaries(
    {},
    optional={
        "@timestamp": st.sampled_from(STAMPS),
        "@version": PLAIN,
        "tags": st.sampled_from(["x", ["x"], [], None, [1], {}]),
        "host": VALUES,
        "log": VALUES,
        "@metadata": st.just({"a": 1}) | PLAIN,
        "a": VALUES,
    },
)
LINES = st.lists(MAPS.map(json.dumps) | st.sampled_from(["", " ", "[]", '[{"a":1},{"b":2}]', "1", "{", '{"a":1} {"b":2}']), max_size=5)


def through(stream: Codec, encoder: Codec, data: bytes) -> tuple[bytes, bytes]:
    """What the short way and the long way make of a chunk."""
    pass_on = stream.passthrough(encoder)
    assert pass_on is not None
    short, count = pass_on(data)
    long, expected = decoded_and_encoded(stream, data, encoder)
    assert count == expected
    return short, long


def stream(codec: Any, name: str, **options: Any) -> Codec:
    made: Codec = codec(name, **options).stream(ORIGIN)
    return made


@given(lines=LINES, ends=st.booleans())
@example(lines=["{}"], ends=False)
@example(lines=['{"@timestamp":"2015-01-01T00:00:00.000Z","host":{"hostname":"other"}}'], ends=True)
def test_json_lines_mean_the_same(codec: Any, lines: list[str], ends: bool) -> None:
    data = "\n".join(lines).encode() + (b"\n" if lines and ends else b"")
    short, long = through(stream(codec, "json_lines"), codec("json_lines"), data)
    assert list(map(json.loads, short.splitlines())) == list(map(json.loads, long.splitlines()))


@pytest.mark.parametrize(
    "line",
    [b'{"a": {"b" : 1.50}}', b'{"a":1e400}', b'{"a":[12345678901234567890123]}', '{"a":["\\u00e9é"]}'.encode()],
)
def test_values_are_passed_on_as_they_were_written(codec: Any, line: bytes) -> None:
    pass_on = stream(codec, "json_lines").passthrough(codec("json_lines"))
    assert pass_on is not None
    assert pass_on(line + b"\n")[0].startswith(line.replace(b'"a": ', b'"a":')[:-1])


@pytest.mark.parametrize(
    "line",
    [b"\xff", b'{"a":"\xff"}', b"[" * 3000, b'{"a":' + b"[" * 3000, b'{"\\ud800":1}', b'{"a":"\\ud800"}', b"{} {}", b'{"a":1}x', b"nul", b"\x00"],
)
def test_what_is_odd_goes_the_long_way(codec: Any, line: bytes) -> None:
    short, long = through(stream(codec, "json_lines"), codec("json_lines"), b'{"n":1}\n' + line + b'\n{"n":2}\n')
    assert short == long


@pytest.mark.parametrize("options", [{"target": FieldRef("x")}, {"charset": "UTF-16"}, {"delimiter": "|"}], ids=str)
def test_json_lines_that_are_read_in_another_way_have_no_short_way(codec: Any, options: dict[str, Any]) -> None:
    assert stream(codec, "json_lines", **options).passthrough(codec("json_lines")) is None


@pytest.mark.parametrize(("name", "options"), [("json_lines", {"delimiter": "|"}), ("line", {})])
def test_json_lines_that_are_written_in_another_way_have_no_short_way(codec: Any, name: str, options: dict[str, Any]) -> None:
    assert stream(codec, "json_lines").passthrough(codec(name, **options)) is None


FORMATS = ["%{message}", "<%{message}>", "%{@timestamp} %{host} %{type} %{message}\t", "%{+yyyy} %{message}", None]


@pytest.mark.parametrize("format_", FORMATS)
@given(data=st.lists(st.sampled_from([b"", b"a", "é".encode(), b"\r", b"\xff", b"\xc3", b"\x00", b"%{a}"]), max_size=6), ends=st.booleans())
def test_lines_are_the_same_to_the_byte(codec: Any, format_: str | None, data: list[bytes], ends: bool) -> None:
    encoder = codec("line", format=None if format_ is None else Template(format_))
    short, long = through(stream(codec, "line"), encoder, b"\n".join(data) + (b"\n" if data and ends else b""))
    assert short == long


def test_a_line_over_the_limit_goes_the_long_way(codec: Any) -> None:
    short, long = through(stream(codec, "line", decode_size_limit_bytes=3), codec("line", format=Template("%{message}%{tags}")), b"abcdef\nab\n")
    assert short == long


@pytest.mark.parametrize("format_", ["%{tags}", "%{[message]}%{[message]}", "constant"])
def test_formats_that_are_not_a_line_with_something_around_it_have_no_short_way(codec: Any, format_: str) -> None:
    assert stream(codec, "line").passthrough(codec("line", format=Template(format_))) is None


def test_lines_that_become_json_have_no_short_way(codec: Any) -> None:
    assert stream(codec, "line").passthrough(codec("json_lines")) is None
