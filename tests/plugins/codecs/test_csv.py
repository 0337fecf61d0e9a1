"""Rows of CSV as events, and back."""
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.dsl.reference import FieldRef
from penstock.dsl.timestamp import Timestamp
from penstock.plugins.codecs._by_line import ByLine

ALWAYS = {"@timestamp": Timestamp("2024-05-06T07:08:09.000Z"), "@version": "1"}
KINDS = {"i": "integer", "f": "float", "b": "boolean", "d": "date", "t": "date_time"}


def columns(codec: Any, text: str, **options: Any) -> dict[str, Any]:
    (event,) = codec("csv", ecs=False, **options).decode(text.encode())
    return {key: value for key, value in event.items() if key not in ALWAYS}


@pytest.mark.parametrize(
    ("text", "options", "fields"),
    [
        ("a,b", {}, {"column1": "a", "column2": "b"}),
        ('a,,""\r\n', {}, {"column1": "a", "column2": None, "column3": ""}),
        ('"a,""b""\nc",d\n', {}, {"column1": 'a,"b"\nc', "column2": "d"}),
        ("a,b\nc,d", {}, {"column1": "a", "column2": "b"}),
        ("\n", {}, {}),
        ("a;'b;c'", {"separator": ";", "quote_char": "'"}, {"column1": "a", "column2": "b;c"}),
        ("1||2", {"separator": "||"}, {"column1": "1", "column2": "2"}),
        ("a,b,c", {"columns": ["x", "y"]}, {"x": "a", "y": "b", "column3": "c"}),
        ("a,b,c", {"columns": ["x", "y"], "autogenerate_column_names": False}, {"x": "a", "y": "b"}),
        ('a,,""', {"skip_empty_columns": True}, {"column1": "a"}),
        ("a", {"target": FieldRef("[x][y]")}, {"x": {"y": {"column1": "a"}}}),
        ("a", {"columns": ["[x][y]"]}, {"[x][y]": "a"}),  # a name is a name here, not a reference
        (
            "1,1.5,TRUE,2001-01-02,2001-01-02T03:04:05",
            {"columns": list(KINDS), "convert": KINDS},
            {"i": 1, "f": 1.5, "b": True, "d": "2001-01-02T00:00:00.000Z", "t": "2001-01-02T03:04:05.000Z"},
        ),
        ("x,x,x,x,", {"columns": list(KINDS), "convert": KINDS}, {"i": "x", "f": "x", "b": "x", "d": "x", "t": None}),
    ],
)
def test_a_row_is_an_event(codec: Any, text: str, options: dict[str, Any], fields: dict[str, Any]) -> None:
    assert columns(codec, text, **options) == fields


@pytest.mark.parametrize("text", ['a,"b', 'a"b', '"a"b', '"' + "x" * 100_000])
def test_a_row_that_is_badly_quoted_is_kept_and_tagged(codec: Any, text: str) -> None:
    assert codec("csv").decode(text.encode()) == [{"message": text, "tags": ["_csvparsefailure"]}]


def test_a_row_may_be_huge(codec: Any) -> None:
    assert len(columns(codec, "," * 99_999)) == 100_000
    assert len(columns(codec, '"' + '""' * 1_000_000 + '"')["column1"]) == 1_000_000


def test_the_whole_text_is_kept_with_ecs(codec: Any) -> None:
    assert codec("csv").decode(b"a\nb") == [ALWAYS | {"column1": "a", "event": {"original": "a\nb"}}]


def test_time_is_checked(codec: Any) -> None:
    (event,) = codec("csv", ecs=False, columns=["@timestamp", "tags"]).decode(b"2020-01-01,x")
    assert (event["@timestamp"], event["tags"]) == (Timestamp("2020-01-01T00:00:00.000Z"), "x")
    assert codec("csv", columns=["@metadata"]).decode(b"x")[0]["tags"] == ["_csvparsefailure"]


def test_the_first_row_may_name_the_columns_of_each_stream(codec: Any) -> None:
    csv = ByLine(codec("csv", ecs=False, autodetect_column_names=True))
    assert [event["x"] for event in csv.decode(b"x,y\n1,2\n3,4\n")] == ["1", "3"]
    assert [event["z"] for event in csv.stream().decode(b"z\n5\n")] == ["5"]


def test_nothing_is_no_event(codec: Any) -> None:
    assert codec("csv").decode(b"") == []


EVENT = ALWAYS | {"a": 'x,"y"', "n": 5, "f": 1.5, "none": None, "e": "", "m": {"k": [1, None]}, "@metadata": {"x": 1}}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"columns": ["n", "f", "none", "nope", "e"]}, '5,1.5,,,""\n'),
        ({"columns": ["a", "[m][k]"]}, '"x,""y""","[1, nil]"\n'),
        ({"columns": ["a", "n"], "separator": ";", "quote_char": "'"}, "x,\"y\";5\n"),
        ({}, '2024-05-06T07:08:09.000Z,1,"x,""y""",5,1.5,,"","{""k""=>[1, nil]}"\n'),
    ],
)
def test_an_event_is_a_row(codec: Any, options: dict[str, Any], text: str) -> None:
    assert codec("csv", **options).encode([EVENT]).decode() == text


def test_the_names_are_written_once(codec: Any) -> None:
    csv = codec("csv", columns=["a", "n"], include_headers=True)
    assert csv.encode([]) == b""
    assert csv.encode([{"n": 1}]) + csv.encode([{"n": 2}]) == b"a,n\n,1\n,2\n"
    assert codec("csv", include_headers=True).encode([{"a": 1, "@metadata": {}}]) == b"a\n1\n"


def test_bad_options_are_refused(problems: Any) -> None:
    assert [p.option for p in problems("csv", quote_char="''")] == ["quote_char"]
    assert [p.option for p in problems("csv", separator="")] == ["separator"]
    (found,) = problems("csv", convert={"a": "int", "b": "float"})
    assert (found.path, found.help) == (("a",), "did you mean `integer`?")


@given(st.lists(st.text(st.characters(codec="utf-8")).filter(lambda text: "\0" not in text), min_size=1, max_size=5))
def test_what_is_written_is_read_again(codec: Any, values: list[str]) -> None:
    """Where the text has no line break of another kind than the one at the end of the row."""
    values = [value.replace("\r", "\n") for value in values]
    names = [f"c{place}" for place in range(len(values))]
    csv = codec("csv", ecs=False, columns=names)
    (event,) = csv.decode(csv.encode([dict(zip(names, values, strict=True))]))
    assert [event[name] for name in names] == values
