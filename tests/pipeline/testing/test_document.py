"""YAML and JSON as nodes with places."""
from typing import Any

import pytest

from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.source import Source
from penstock.pipeline.testing.document import Mapping, Scalar, load, plain


def read(text: str, name: str = "a.yml") -> Any:
    return plain(load(Source(name, text)))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"), ("NO", "NO"), ("on", "on"), ("GB", "GB"), ("true", True), ("False", False), ("null", None), ("~", None), ("", None),
        ("5", 5), ("-7", -7), ("+3", 3), ("0777", 777), ("0o17", 15), ("0xff", 255), ("1_000", "1_000"), ("12:30:45", "12:30:45"),
        ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5), ("-.inf", float("-inf")), ("1.2.3", "1.2.3"), ("81.2.69.142", "81.2.69.142"),
        ("2025-09-04", "2025-09-04"), ("2025-09-04T20:51:05.000Z", "2025-09-04T20:51:05.000Z"), ("=", "="),
        ("'5'", "5"), ('"true"', "true"), ("!!str 5", "5"), ("|\n  a\n  b", "a\nb\n"), (">\n  a\n  b", "a b\n"), ("[1, a]", [1, "a"]),
        ("{b: 1}", {"b": 1}),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(written: str, value: Any) -> None:
    assert read(f"a: {written}\n") == {"a": value}


def test_anchors_and_merge_keys() -> None:
    text = "base: &base {a: 1, b: 2}\none: {<<: *base, b: 3}\ntwo: *base\n"
    assert read(text) == {"base": {"a": 1, "b": 2}, "one": {"a": 1, "b": 3}, "two": {"a": 1, "b": 2}}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('{"a": [1, -2.5e3, true, null], "b": {}, "c": []}', {"a": [1, -2500.0, True, None], "b": {}, "c": []}),
        (r'"\ud83d\ude00 \/ \u00e9 \n"', "😀 / é \n"),
        (' [ ] ', []),
    ],
)
def test_values_of_json_are_read(written: str, value: Any) -> None:
    assert read(written, "a.json") == value


def test_places_are_those_of_characters() -> None:
    source = Source("a.yml", 'ä: "üö"\n"[b][c]": [1, dü]\n')
    node = load(source)
    assert isinstance(node, Mapping)
    spans = [(key.span.text, value.span.text) for key, value in node.entries]
    assert spans == [("ä", '"üö"'), ('"[b][c]"', "[1, dü]")]
    assert node.entries[1][0].span.place == "a.yml:2:1"


def test_places_in_json() -> None:
    node = load(Source("a.json", '{\n  "a": 1,\n  "b": "x"\n}'))
    assert isinstance(node, Mapping)
    value = node.get("b")
    assert isinstance(value, Scalar)
    assert value.span.place == "a.json:3:8"


@pytest.mark.parametrize(
    ("name", "text", "line", "words"),
    [
        ("a.yml", "", 1, "empty"),
        ("a.yml", "a: [1\nb: 2", 2, "not valid YAML"),
        ("a.yml", "a:\n\t- b", 2, "tabs"),
        ("a.yml", "a: b: c", 1, "not valid YAML"),
        ("a.yml", "a: 'x", 1, "not valid YAML"),
        ("a.yml", "a: *x", 1, "undefined alias"),
        ("a.yml", "a: !ruby x", 1, "!ruby"),
        ("a.yml", "[a, b]: 1", 1, "a key must be a string"),
        ("a.yml", "a: 1\nb: 2\na: 3", 3, "given twice"),
        ("a.yml", "a: \x01", 1, "not valid YAML"),
        ("a.yml", "a: 1\n---\nb: 1", 2, "another document"),
        ("a.json", "", 1, "expected a value"),
        ("a.json", '{"a": 1,}', 1, "no comma after the last entry"),
        ("a.json", '{"a" 1}', 1, "expected `:`"),
        ("a.json", '{"a": 1\n"b": 2}', 2, "`,` or `}`"),
        ("a.json", '["a]', 1, "unterminated string"),
        ("a.json", "[1] 2", 1, "unexpected text after the value"),
        ("a.json", "{'a': 1}", 1, "double quotes"),
        ("a.json", '{"a": 1,\n "a": 2}', 2, "given twice"),
    ],
)
def test_a_fault_is_shown_at_its_place(name: str, text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(text, name)
    (found,) = raised.value.diagnostics
    assert words in f"{found.message}; {found.help}"
    assert found.span is not None
    assert found.span.line == line
